"""The words that a text column's reference has: what makes a word new.

A word is a run of letters, digits and underscores, in lower case: simple, and too simple for a script without
spaces, where a word is as long as the text between two stops. Words are kept by their hashes, the most
frequent ones where there are more than VOCABULARY_WORDS.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from service.core.rows import row_hash

if TYPE_CHECKING:
    from service.core.rows.batch import Texts
    from service.core.rows.row_hash import Hashes

VOCABULARY_WORDS = 50_000
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True, eq=False)
class Vocabulary:
    """The words that a reference has, by their hashes (uint64, ascending, distinct, shape (k,))."""

    hashes: Hashes
    fingerprint: str = field(init=False)  # sixteen hex digits that change with any word

    def __post_init__(self) -> None:
        """Compute the fingerprint once: every batch needs it."""
        self.hashes.flags.writeable = False
        digest = hashlib.sha256(self.hashes.astype("<u8").tobytes()).hexdigest()
        object.__setattr__(self, "fingerprint", digest[:16])


def vocabulary_of(column: Texts, *, most: int = VOCABULARY_WORDS) -> Vocabulary:
    """Fix the vocabulary by the reference's texts: equal texts, in any order, give an equal one."""
    counts = words_of(column)
    hashes = row_hash.of_words(list(counts))
    if len(hashes) > most:
        often = np.fromiter(counts.values(), dtype=np.int64, count=len(counts))
        hashes = hashes[np.lexsort((hashes, -often))[:most]]
    return Vocabulary(np.unique(hashes))


def words_of(column: Texts) -> Counter[str]:
    """Count the words of a column's texts."""
    counts: Counter[str] = Counter()
    for text in column.texts.tolist():
        if text:
            counts.update(_WORD.findall(text.lower()))
    return counts
