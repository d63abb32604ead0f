"""Replace the values of sensitive columns by keyed hashes, before anything is counted, kept or shown.

Equal values have equal hashes, so that drift, new categories and repeated values are measured as they would
be without. Without the key a value cannot be found by hashing all candidates. A category becomes one hash;
of a text each word becomes as many letters, so that its length, its emptiness and its new words are measured,
and punctuation stays where it was.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from service.core.rows.batch import Labels, Texts
from service.core.rows.label_text import number_text
from service.core.rows.missing_words import NULL_WORDS
from service.core.rows.take import Reject

if TYPE_CHECKING:
    from collections.abc import Mapping

    from service.core.rows.batch import Batch, ColumnRows
    from service.core.rows.schema import Schema
    from service.core.rows.take import Take

PREFIX = "hash:"
HASH_BYTES = 8
# Words for a missing value say nothing of anybody, and have to stay what they are.
NO_VALUE = {"", *(word.casefold() for word in NULL_WORDS)}
_WORD = re.compile(r"\w+")
_LETTERS = "abcdefghijklmnopqrstuvwxyz234567"


@dataclass(frozen=True, slots=True)
class Masking:
    """The sensitive columns of a monitor, and how their values are hashed.

    - `columns`: their names.
    - `key`: the secret.
    - `missing_words`: by column, the words that stand for no value; they stay as they are.
    """

    columns: frozenset[str]
    key: bytes = field(repr=False)
    missing_words: Mapping[str, frozenset[str]] = field(default_factory=dict)

    @property
    def mark(self) -> str:
        """Eight hex digits that change with the key: rows masked by another are never counted with these."""
        return hashlib.blake2b(b"mark", key=self._own_key, digest_size=4).hexdigest()

    def schema(self, schema: Schema) -> Schema:
        """Return the schema whose fingerprint says by which key its rows are masked."""
        if not self.columns:
            return schema
        marked = tuple(
            replace(column, mask=self.mark) if column.name in self.columns else column
            for column in schema.columns
        )
        return replace(schema, columns=marked)

    def take(self, take: Take) -> Take:
        """Return what a source gave with the sensitive columns masked, in refused rows as well."""
        rejects = tuple(self._reject(reject) for reject in take.rejects)
        return replace(take, batch=self.batch(take.batch), rejects=rejects)

    def batch(self, batch: Batch) -> Batch:
        """Return the rows with the sensitive columns masked."""
        columns = {
            name: self._column(name, column) if name in self.columns else column
            for name, column in batch.columns.items()
        }
        misfits = tuple(
            replace(misfit, example="") if misfit.column in self.columns else misfit
            for misfit in batch.arrival.misfits
        )
        return replace(batch, columns=columns, arrival=replace(batch.arrival, misfits=misfits))

    def category(self, column: str, text: str) -> str:
        """Return the hash of a category; a number and a truth value have one, however they are written."""
        if text.casefold() in NO_VALUE or text in self.missing_words.get(column, ()):
            return text
        lower = text.lower()
        plain = lower if lower in {"true", "false"} else number_text(text) or text
        content = f"{column}\0{plain}".encode(errors="surrogatepass")
        return PREFIX + hashlib.blake2b(content, key=self._own_key, digest_size=HASH_BYTES).hexdigest()

    def text(self, column: str, text: str) -> str:
        """Return a text with every word hashed to as many letters; upper and lower case are one word."""

        def hashed(word: re.Match[str]) -> str:
            content = f"{column}\0{word[0].casefold()}".encode(errors="surrogatepass")
            letters = hashlib.shake_256(self._own_key + content).digest(len(word[0]))
            return "".join(_LETTERS[byte & 31] for byte in letters)

        return _WORD.sub(hashed, text)

    @property
    def _own_key(self) -> bytes:
        return hashlib.sha256(self.key).digest()

    def _column(self, name: str, column: ColumnRows) -> ColumnRows:
        if isinstance(column, Texts):
            masked = [None if text is None else self.text(name, text) for text in column.texts.tolist()]
            texts = np.empty(len(masked), dtype=object)
            texts[:] = masked
            return Texts(texts)
        if isinstance(column, Labels):
            hashes = [self.category(name, text) for text in column.labels.tolist()]
            labels, places = np.unique(np.array(hashes, dtype=np.str_), return_inverse=True)
            codes = np.append(places, -1)[column.codes]
            return Labels(codes.astype(column.codes.dtype), labels)
        return column  # a monitor file refuses a sensitive column of numbers

    def _reject(self, reject: Reject) -> Reject:
        row = {name: self._cell(name, cell) for name, cell in reject.row.items()}
        return Reject(row, reject.reason)

    def _cell(self, name: str, cell: Any) -> Any:
        if name not in self.columns or cell is None:
            return cell
        return self.category(name, str(cell))
