"""Replace the values of sensitive columns by keyed hashes, before anything is counted, kept or shown.

Equal values have equal hashes, so that drift, new categories and repeated values are measured as they would
be without: what is hashed is the label in the form that the reference fixed for its column (`label_form.py`).
Without the key a value cannot be found by hashing all candidates. A category becomes one hash; of a text each
word becomes as many letters, so that its length, its emptiness and its new words are measured, and
punctuation stays where it was.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from service.core.rows.batch import Labels, LabelType, Texts
from service.core.rows.label_form import PLAIN, rewritten
from service.core.rows.label_mask import LabelMask
from service.core.rows.label_text import text_of, type_of
from service.core.rows.take import Reject

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from service.core.rows.batch import Batch, ColumnRows
    from service.core.rows.label_form import LabelForm
    from service.core.rows.schema import Schema
    from service.core.rows.take import Take

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

    def forms(self, forms: Mapping[str, LabelForm]) -> dict[str, LabelForm]:
        """Return the forms of labels by which those of sensitive columns become hashes."""
        return {
            name: replace(form, mask=self._mask(name)) if name in self.columns else form
            for name, form in forms.items()
        }

    def take(self, take: Take, forms: Mapping[str, LabelForm]) -> Take:
        """Return what a source gave with the sensitive columns masked, in refused rows as well."""
        rejects = tuple(self._reject(reject, forms) for reject in take.rejects)
        return replace(take, batch=self.batch(take.batch, forms), rejects=rejects)

    def batch(self, batch: Batch, forms: Mapping[str, LabelForm]) -> Batch:
        """Return the rows with the sensitive columns masked, their labels in `forms` before."""
        columns = {
            name: self._column(name, column, forms) if name in self.columns else column
            for name, column in batch.columns.items()
        }
        misfits = tuple(
            replace(misfit, example="") if misfit.column in self.columns else misfit
            for misfit in batch.arrival.misfits
        )
        return replace(batch, columns=columns, arrival=replace(batch.arrival, misfits=misfits))

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

    def _mask(self, name: str) -> LabelMask:
        return LabelMask(name, self._own_key, self.missing_words.get(name, frozenset()))

    def _form(self, name: str, forms: Mapping[str, LabelForm]) -> LabelForm:
        return replace(forms.get(name, PLAIN), mask=self._mask(name))

    def _column(self, name: str, column: ColumnRows, forms: Mapping[str, LabelForm]) -> ColumnRows:
        if isinstance(column, Texts):
            masked = [None if text is None else self.text(name, text) for text in column.texts.tolist()]
            texts = np.empty(len(masked), dtype=object)
            texts[:] = masked
            return Texts(texts)
        # A monitor file refuses a sensitive column of numbers.
        return self._labels(name, column, forms) if isinstance(column, Labels) else column

    def _labels(self, name: str, column: Labels, forms: Mapping[str, LabelForm]) -> Labels:
        if column.typed is LabelType.MASKED:
            return column
        return rewritten(column, self._form(name, forms), self.missing_words.get(name, frozenset()))

    def _reject(self, reject: Reject, forms: Mapping[str, LabelForm]) -> Reject:
        row = {
            name: self._form(name, forms).text(text_of(cell) or "", type_of(cell))
            if name in self.columns and cell is not None
            else cell
            for name, cell in reject.row.items()
        }
        return Reject(row, reject.reason)


@dataclass(frozen=True, slots=True)
class RowMask:
    """A masking with what gives the forms that a reference fixes, for rows that come one request at a time.

    - `masking`: of the sensitive columns.
    - `forms`: of the columns' labels; may read the reference, and is asked where there are such.
    """

    masking: Masking
    forms: Callable[[], Mapping[str, LabelForm]]

    def take(self, take: Take) -> Take:
        """Return what was sent with the sensitive columns masked. Raises ReferenceDataError."""
        return self.masking.take(take, self.forms()) if self.masking.columns else take
