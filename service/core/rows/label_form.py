"""The form of a column's labels: fixed by the reference, applied to every row that is compared with it.

A file gives each label its canonical text (`label_text.py`). Whether `1.0` in a text is the number 1 or a
name cannot be told from one file: the reference decides, for its own rows, the windows' and late labels.

- numbers: the reference's labels are typed numbers. Every text that spells a number as programs do is that
  number: `1.0` and `1.50` are `1` and `1.5`; `007` and `1e5` stay as they are written.
- decimals: they are texts, each the shortest decimal of its number but for zeros behind a whole one. `1.0`
  and `1.00` are `1`; everything else stays as it is written, such as a later version `1.10`.
- truth values: they are typed so, or all are `true` or `false` in some case. `true` and `1` are `True`.
- text: anything else, `1.10` beside `1.2` among it. A text stays as it is written; a typed number that the
  reference spells otherwise (1.5 for its `1.50`) takes that spelling, if it is the only one.

Target and prediction of a classifier are compared with each other, so typed numbers in one make the other's
decimals numbers too. Words for missing values (`missing_words.py`) are taken out before, and have no form.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

from service.core.rows.batch import Labels, LabelType
from service.core.rows.concatenation import concatenated
from service.core.rows.label_text import coded, is_plain, number_text, storable, without_zeros
from service.core.rows.missing_words import words_of
from service.core.rows.schema import Kind, Role

if TYPE_CHECKING:
    from collections.abc import Mapping

    from service.core.rows.batch import Batch, ColumnRows
    from service.core.rows.label_mask import LabelMask
    from service.core.rows.schema import Column, Schema
    from service.core.rows.take import Take

_TRUTHS = {"true": "True", "false": "False"}
_AS_TRUTH = {"1": "True", "0": "False"}
_AS_NUMBER = {"True": "1", "False": "0"}


class Spelling(StrEnum):
    """How texts of a column are read."""

    TEXT = "text"
    DECIMALS = "decimals"
    NUMBERS = "numbers"
    TRUTHS = "truth values"


@dataclass(frozen=True, slots=True)
class LabelForm:
    """How the labels of one column are written.

    `spelling` says how texts are read. With `is_zero_one` the reference has no numbers but 0 and 1, so that a
    truth value is one of them. `spellings` are the reference's own texts of numbers, by number, where they
    are text. Of a sensitive column a label's text is its hash, by the `mask`.
    """

    spelling: Spelling = Spelling.TEXT
    is_zero_one: bool = False
    spellings: tuple[tuple[str, str], ...] = ()
    mask: LabelMask | None = None

    @property
    def mark(self) -> str:
        """A text that changes with everything that a label's text depends on; empty for plain text."""
        if self == PLAIN:
            return ""
        mark = f"{self.spelling}:{self.is_zero_one}:{self.spellings!r}"
        return mark if self.mask is None else self.mask.mark_of(mark)

    def text(self, written: str, typed: LabelType = LabelType.TEXT) -> str:
        """Return the column's text of a label, which was typed so where it came from."""
        if typed is LabelType.MASKED:
            return written
        text = self._canonical(written, typed)
        return text if self.mask is None else self.mask.hashed(text)

    def _canonical(self, written: str, typed: LabelType) -> str:
        if self.spelling is Spelling.TRUTHS:
            return _truth(written)
        if self.spelling is Spelling.TEXT:
            return dict(self.spellings).get(written, written) if typed is LabelType.NUMBER else written
        number = written if typed is LabelType.NUMBER else self._number(written)
        if self.is_zero_one and number not in _AS_TRUTH:
            return _AS_NUMBER.get(_truth(number), number)
        return number

    def _number(self, written: str) -> str:
        if self.spelling is Spelling.DECIMALS:
            return without_zeros(written)
        number = number_text(written)
        return written if number is None else storable(number)


PLAIN = LabelForm()


def forms_of(reference: Batch, schema: Schema) -> dict[str, LabelForm]:
    """Return the form of each categorical column, fixed by the reference's rows."""
    columns = [column for column in schema.columns if column.kind is Kind.CATEGORICAL]
    found = {column.name: _evidence(reference.columns.get(column.name), column) for column in columns}
    answers = [column.name for column in columns if column.role.is_answer]
    if any(found[name].typed is LabelType.NUMBER for name in answers):
        for name in answers:
            if found[name].is_plain:
                found[name] = replace(found[name], typed=LabelType.NUMBER)
    forms = {name: _form(evidence) for name, evidence in found.items()}
    known = next((forms[name] for name in answers if found[name].labels), LabelForm(Spelling.DECIMALS))
    return forms | {name: known for name in answers if not found[name].labels}


def in_form(batch: Batch, schema: Schema, forms: Mapping[str, LabelForm]) -> Batch:
    """Return the batch with every label in its column's form, and words for missing values taken out."""
    columns = dict(batch.columns)
    for column in schema.columns:
        held = columns.get(column.name)
        if isinstance(held, Labels):
            columns[column.name] = rewritten(held, forms.get(column.name, PLAIN), words_of(column))
    return replace(batch, columns=columns)


def take_in_form(take: Take, schema: Schema, forms: Mapping[str, LabelForm]) -> Take:
    """Return a take with its rows in their columns' forms, and its late labels in that of the target."""
    target = schema.with_role(Role.TARGET)
    late = take.labels
    if late is not None and isinstance(late.labels, Labels) and target is not None:
        form = forms.get(target.name, PLAIN)
        late = replace(late, labels=rewritten(late.labels, form, words_of(target)))
    batch = in_form(take.batch, schema, forms)
    if take.parts:  # a label is read as it was typed, whatever came with it
        joined = concatenated([in_form(part, schema, forms) for part in take.parts], schema)
        batch = replace(batch, columns=joined.columns)
    return replace(take, batch=batch, labels=late)


@dataclass(frozen=True, slots=True)
class _Evidence:
    # The distinct labels that a reference's rows have in one column, without words for missing values.
    labels: tuple[str, ...] = ()
    typed: LabelType = LabelType.TEXT

    @property
    def is_plain(self) -> bool:
        return bool(self.labels) and all(is_plain(label) for label in self.labels)


def _evidence(column: ColumnRows | None, watched: Column) -> _Evidence:
    if not isinstance(column, Labels):
        return _Evidence()
    seen = column.labels[np.unique(column.codes[column.codes >= 0])].tolist()
    words = words_of(watched)
    return _Evidence(tuple(label for label in seen if label not in words), column.typed)


def _form(evidence: _Evidence) -> LabelForm:
    labels = evidence.labels
    if not labels:
        return PLAIN
    if evidence.typed is LabelType.TRUTH or {label.lower() for label in labels} <= _TRUTHS.keys():
        return LabelForm(Spelling.TRUTHS)
    if evidence.typed is LabelType.NUMBER:
        spelling = Spelling.NUMBERS
    elif all(number_text(label) == without_zeros(label) for label in labels):
        spelling = Spelling.DECIMALS
    else:
        return LabelForm(spellings=_spellings(labels))
    texts = {LabelForm(spelling).text(label, evidence.typed) for label in labels}
    return LabelForm(spelling, is_zero_one=texts <= _AS_TRUTH.keys())


def _spellings(labels: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    by_number: dict[str, list[str]] = {}
    for label in labels:
        by_number.setdefault(number_text(label) or label, []).append(label)
    return tuple(
        sorted((number, same[0]) for number, same in by_number.items() if same != [number] and len(same) == 1)
    )


def _truth(text: str) -> str:
    number = without_zeros(text)
    return _TRUTHS.get(text.lower()) or _AS_TRUTH.get(number, text)


def rewritten(column: Labels, form: LabelForm, words: frozenset[str]) -> Labels:
    """Return a column with its labels in a form, and missing where they are one of the `words`."""
    if not len(column.labels) or (form == PLAIN and not words):
        return column
    used = np.unique(column.codes[column.codes >= 0])  # of a long table's labels a take has few
    before = column.labels[used].tolist()
    after = [None if label in words else form.text(label, column.typed) for label in before]
    if after == before:
        return column
    places = np.full(len(column.labels) + 1, -1, dtype=np.intp)  # code -1, missing, is the last
    places[used] = np.arange(len(used))
    return coded(places[column.codes], after, column.typed if form.mask is None else LabelType.MASKED)
