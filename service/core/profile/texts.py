"""What is counted of texts, beside their lengths: the rows that say nothing, and words that are new.

A word is a run of letters, digits and underscores, in lower case: simple, and too simple for a script without
spaces, where a word is as long as the text between two stops. The reference fixes the vocabulary: its words
by their hashes, the most frequent ones where there are more than VOCABULARY_WORDS. `TextCounts` is a
commutative monoid over rows, all of it integers.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from service.core.rows import row_hash
from service.errors import ProfileError

if TYPE_CHECKING:
    from collections.abc import Sequence

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
        """Take the fingerprint once: every batch asks for it."""
        self.hashes.flags.writeable = False
        digest = hashlib.sha256(self.hashes.astype("<u8").tobytes()).hexdigest()
        object.__setattr__(self, "fingerprint", digest[:16])


@dataclass(frozen=True, slots=True)
class TextCounts:
    """A column's texts: `empty` ones hold white space at the most; of all `words`, `unknown` are new.

    `vocabulary` is the fingerprint of the words that are known; without one every word is unknown. `first`
    and `last` are the smallest and the largest hash of a text: equal where all texts are one and the same.
    """

    vocabulary: str = ""
    empty: int = 0
    words: int = 0
    unknown: int = 0
    first: int | None = None
    last: int | None = None

    @property
    def is_constant(self) -> bool:
        """Whether all rows with a text have the same one."""
        return self.first is not None and self.first == self.last


def vocabulary_of(column: Texts, *, most: int = VOCABULARY_WORDS) -> Vocabulary:
    """Fix the vocabulary by the reference's texts: equal texts, in any order, give an equal one."""
    counts = _words(column)
    hashes = row_hash.of_words(list(counts))
    if len(hashes) > most:
        often = np.fromiter(counts.values(), dtype=np.int64, count=len(counts))
        hashes = hashes[np.lexsort((hashes, -often))[:most]]
    return Vocabulary(np.unique(hashes))


def empty(known: Vocabulary | None) -> TextCounts:
    """Return the counts of no rows: the identity of `merge`."""
    return TextCounts("" if known is None else known.fingerprint)


def of(column: Texts, known: Vocabulary | None) -> TextCounts:
    """Count a column's texts and words."""
    present = [text for text in column.texts.tolist() if text is not None]
    hashes = row_hash.of_words(present)
    counts = _words(column)
    often = np.fromiter(counts.values(), dtype=np.int64, count=len(counts))
    new = often
    if known is not None:
        new = often[~np.isin(row_hash.of_words(list(counts)), known.hashes)]
    return TextCounts(
        "" if known is None else known.fingerprint,
        empty=sum(not text or text.isspace() for text in present),
        words=int(often.sum()),
        unknown=int(new.sum()),
        first=int(hashes.min()) if present else None,
        last=int(hashes.max()) if present else None,
    )


def merge(parts: Sequence[TextCounts]) -> TextCounts:
    """Return the counts of all rows of `parts`, which stay as they are.

    Raises ProfileError where there is no part or where parts know other words.
    """
    if not parts:
        raise ProfileError("merge: no part given; expected at least one part, it may be empty")
    for part in parts:
        if part.vocabulary != parts[0].vocabulary:
            raise ProfileError(
                f"texts counted with the vocabularies {parts[0].vocabulary!r} and {part.vocabulary!r} cannot "
                "be merged; expected parts made with the same reference"
            )
    return TextCounts(
        parts[0].vocabulary,
        empty=sum(part.empty for part in parts),
        words=sum(part.words for part in parts),
        unknown=sum(part.unknown for part in parts),
        first=min((part.first for part in parts if part.first is not None), default=None),
        last=max((part.last for part in parts if part.last is not None), default=None),
    )


def _words(column: Texts) -> Counter[str]:
    counts: Counter[str] = Counter()
    for text in column.texts.tolist():
        if text:
            counts.update(_WORD.findall(text.lower()))
    return counts
