"""The form of a column's labels: decided by the reference, the same for every file that follows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.core.rows.batch import Batch, Labels, LabelType
from service.core.rows.label_form import PLAIN, LabelForm, Spelling, forms_of, in_form, take_in_form
from service.core.rows.label_text import coded
from service.core.rows.late_labels import LateLabels
from service.core.rows.missing_words import NULL_WORDS
from service.core.rows.schema import Column, Kind, Role, Schema
from service.core.rows.take import Take

PLACE = Schema((Column("place", Kind.CATEGORICAL),))
ANSWERS = Schema(
    (
        Column("guess", Kind.CATEGORICAL, Role.PREDICTION),
        Column("truth", Kind.CATEGORICAL, Role.TARGET),
    )
)
NUMBER, TRUTH, TEXT = LabelType.NUMBER, LabelType.TRUTH, LabelType.TEXT


def batch(typed: LabelType = TEXT, **columns: list[str | None]) -> Batch:
    rows = len(next(iter(columns.values())))
    held: dict[str, Any] = {name: coded(np.arange(rows), texts, typed) for name, texts in columns.items()}
    return Batch(rows, np.zeros(rows, np.int64), held)


def texts(column: Any) -> list[str | None]:
    assert isinstance(column, Labels)
    return [*np.append(column.labels, "")[column.codes].tolist()]


def read(reference: Batch, rows: Batch, schema: Schema = PLACE, name: str = "place") -> list[str | None]:
    """Return the labels of `rows` in the form that `reference` fixes."""
    return texts(in_form(rows, schema, forms_of(reference, schema)).columns[name])


@pytest.mark.parametrize(
    ("reference", "typed", "window", "expected"),
    [
        (["1", "2"], TEXT, ["1.0", "2.00", "3.0", "007", "1e5"], ["1", "2", "3", "007", "1e5"]),
        (["1.0", "2.0"], TEXT, ["1", "2.0"], ["1", "2"]),
        (["0.5", "1.0", "1.5"], TEXT, ["1", "0.5", "1.0"], ["1", "0.5", "1"]),
        (["1", "2.5"], NUMBER, ["1.00", "2.50", "007", "1e5", "x"], ["1", "2.5", "007", "1e5", "x"]),
        (["1.10", "1.2"], TEXT, ["1.1", "1.10", "1.0"], ["1.1", "1.10", "1.0"]),
        (["1", "2", "X"], TEXT, ["1.0", "1"], ["1.0", "1"]),
        (["007", "8"], TEXT, ["7", "7.0", "8.0"], ["7", "7.0", "8.0"]),
        (["1e5", "2"], TEXT, ["100000", "2.0"], ["100000", "2.0"]),
        (["true", "FALSE"], TEXT, ["True", "TRUE", "f", "0", "1.0"], ["True", "True", "f", "False", "True"]),
        (["True"], TRUTH, ["true", "1"], ["True", "True"]),
        (["0", "1"], NUMBER, ["True", "false", "1.0"], ["1", "0", "1"]),
        (["0.0", "1.0"], TEXT, ["true"], ["1"]),
        (["0", "1", "2"], NUMBER, ["True"], ["True"]),
    ],
)
def test_the_reference_decides_how_texts_are_read(
    reference: list[str | None], typed: LabelType, window: list[str | None], expected: list[str]
) -> None:
    """Texts are numbers where the reference's labels are numbers or whole but for a `.0`, else names."""
    assert read(batch(typed, place=reference), batch(place=window)) == expected


def test_typed_numbers_take_the_reference_s_spelling() -> None:
    """A number meets the only text that the reference has for it; where there are two it meets its own."""
    fixed = batch(place=["1.50", "2.00", "x"])
    assert read(fixed, batch(NUMBER, place=["1.5", "2", "3"])) == ["1.50", "2.00", "3"]
    assert read(fixed, batch(place=["1.5"])) == ["1.5"]
    assert read(batch(place=["1.1", "1.10"]), batch(NUMBER, place=["1.1"])) == ["1.1"]


def test_target_and_prediction_share_their_numbers() -> None:
    """Typed numbers in one make the other's decimals numbers; one without labels takes the other's form."""
    truth, guess = (
        batch(kind, x=values).columns["x"] for kind, values in ((NUMBER, ["1.5"]), (TEXT, ["1.50"]))
    )
    both = Batch(1, np.zeros(1, np.int64), {"truth": truth, "guess": guess})
    assert read(both, both, ANSWERS, "guess") == ["1.5"]
    alone = batch(guess=["1", "0"], truth=[None, None])
    assert read(alone, batch(truth=["1.0"]), ANSWERS, "truth") == ["1"]
    nothing = batch(guess=[None], truth=[None])
    assert read(nothing, batch(truth=["1.0", "NA"]), ANSWERS, "truth") == ["1", ""]


@pytest.mark.parametrize("word", NULL_WORDS)
def test_a_null_word_is_no_answer_and_may_be_a_place(word: str) -> None:
    """In target and prediction it is missing, elsewhere it is a label, unless the monitor says otherwise."""
    assert read(batch(truth=["1", word]), batch(truth=[word, "1.0"]), ANSWERS, "truth") == ["", "1"]
    assert read(batch(place=["a"]), batch(place=[word])) == [word]
    said = Schema((Column("place", Kind.CATEGORICAL, missing_words=(word,)),))
    assert read(batch(place=["a"]), batch(place=[word]), said) == [""]
    kept = Schema((Column("truth", Kind.CATEGORICAL, Role.TARGET, missing_words=()),))
    assert read(batch(truth=["a"]), batch(truth=[word]), kept, "truth") == [word]
    assert {PLACE.fingerprint, said.fingerprint} != {PLACE.fingerprint}


def test_late_labels_are_in_the_target_s_form() -> None:
    """A label of another file is read as the reference's are, and a null word is none."""
    nothing = np.zeros(2, np.uint64)
    labels = batch(truth=["1.0", "NULL"]).columns["truth"]
    assert isinstance(labels, Labels)
    late = LateLabels(nothing, labels, np.zeros(2, np.int64), labels)
    take = Take(batch(truth=[None], guess=["1"]), {}, labels=late)
    forms = forms_of(batch(truth=["0", "1"], guess=["0", "1"]), ANSWERS)
    found = take_in_form(take, ANSWERS, forms).labels
    assert found is not None
    assert texts(found.labels) == ["1", ""]


LABEL = (
    st.sampled_from(["0", "1", "1.0", "1.50", "007", "True", "false", "NA", "x", "1e+22", "1e-05"])
    | st.none()
)


@given(st.lists(LABEL, min_size=1), st.sampled_from(LabelType), st.lists(LABEL, min_size=1))
def test_a_form_is_kept_by_what_is_in_it(
    reference: list[str | None], typed: LabelType, window: list[str | None]
) -> None:
    """Rows that are in form stay as they are, and fix the same form again."""
    rows = batch(typed, truth=reference, guess=reference)
    forms = forms_of(rows, ANSWERS)
    once = in_form(rows, ANSWERS, forms)
    assert forms_of(once, ANSWERS) == forms
    for part in (once, in_form(batch(truth=window), ANSWERS, forms)):
        again = in_form(part, ANSWERS, forms)
        assert texts(again.columns["truth"]) == texts(part.columns["truth"])


def test_only_forms_that_rewrite_are_marked() -> None:
    """A column of plain text leaves fingerprints as they were; any other form changes them."""
    assert PLAIN.mark == ""
    marks = {LabelForm(spelling, is_zero_one=flag).mark for spelling in Spelling for flag in (False, True)}
    assert len(marks) == 2 * len(Spelling)
