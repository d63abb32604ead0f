"""The keyed hash that stands for a sensitive label."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from service.core.rows.missing_words import NULL_WORDS

PREFIX = "hash:"
HASH_BYTES = 8
# Words for a missing value say nothing of anybody, and have to stay what they are.
NO_VALUE = frozenset({"", *(word.casefold() for word in NULL_WORDS)})


@dataclass(frozen=True, slots=True)
class LabelMask:
    """How the labels of one sensitive column are hashed.

    - `column`: its name; equal values of two columns have different hashes
    - `key`: the secret
    - `missing_words`: the words of the column that stand for no value; they stay as they are
    """

    column: str
    key: bytes = field(repr=False)
    missing_words: frozenset[str] = frozenset()

    def hashed(self, text: str) -> str:
        """Return the hash of a label's text."""
        if text.casefold() in NO_VALUE or text in self.missing_words:
            return text
        content = f"{self.column}\0{text}".encode(errors="surrogatepass")
        return PREFIX + hashlib.blake2b(content, key=self.key, digest_size=HASH_BYTES).hexdigest()

    def mark_of(self, text: str) -> str:
        """Return sixteen hex digits that change with the key and a text, which cannot be found from them."""
        return hashlib.blake2b(f"mark\0{text}".encode(), key=self.key, digest_size=8).hexdigest()
