"""A task's labels against the reference's: what is settled, what is said, what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from service.core.reference.answers import settle
from service.core.reference.notes import note_on_copies, notes_on
from service.core.rows.batch import Batch, Numbers
from service.core.rows.label_form import forms_of, in_form
from service.core.rows.label_text import coded
from service.core.rows.schema import Column, Kind, Role, Schema
from service.core.rows.task import TRUE_LIKE, Binary, Multiclass, Task
from service.errors import LabelError

GUESSED = Binary("truth", "guess", is_guessed=True)


def batch(truth: list[Any], guess: list[Any] | None = None) -> Batch:
    columns: dict[str, Any] = {}
    for name, cells in (("truth", truth), ("guess", truth if guess is None else guess)):
        is_number = any(isinstance(cell, float) for cell in cells)
        columns[name] = Numbers(np.array(cells)) if is_number else coded(np.arange(len(cells)), cells)
    return Batch(len(truth), np.zeros(len(truth), np.int64), columns)


def settled(task: Task, rows: Batch) -> tuple[Any, tuple[str, ...]]:
    columns = [
        Column(name, Kind.NUMERICAL if isinstance(rows.columns[name], Numbers) else Kind.CATEGORICAL, role)
        for name, role in (("guess", Role.PREDICTION), ("truth", Role.TARGET))
    ]
    schema = Schema(tuple(columns), task)
    forms = forms_of(rows, schema)
    found = settle(in_form(rows, schema, forms), schema, forms)
    return found.schema.task, found.notes


@pytest.mark.parametrize(
    ("labels", "positive"),
    [
        (["yes", "no"], "yes"),
        (["YES", "NO"], "YES"),
        (["T", "F"], "T"),
        (["y", "n"], "y"),
        (["Positive", "negative"], "Positive"),
        (["no", "no"], "yes"),
        (["NO", "NO"], "YES"),
    ],
)
def test_an_obvious_pair_is_taken_and_said(labels: list[str], positive: str) -> None:
    """Where nobody named the positive label, a pair that says it is taken in any case, with a note."""
    task, notes = settled(GUESSED, batch(labels))
    assert task.positive == (positive,)
    assert f"{positive} is taken as positive" in notes[0]


@pytest.mark.parametrize(
    "labels",
    [["1", "0"], ["1.0", "0.0"], ["true", "false"], ["TRUE", "FALSE"], [1.0, 0.0], ["0", "0"], [None, None]],
)
def test_ones_and_truths_are_positive_as_ever(labels: list[Any]) -> None:
    """1, True and true are positive however they are written; without labels nothing can be said of them."""
    task, notes = settled(GUESSED, batch(labels))
    assert set(task.positive) & {"1", "True"}
    assert len(notes) == (
        0 if any(str(label).lower() in {"1", "1.0", "true"} for label in labels) else len(notes)
    )


@pytest.mark.parametrize(
    ("task", "truth", "guess", "message"),
    [
        (
            GUESSED,
            ["yes", "no", "maybe"],
            None,
            r'is 1, True or true; they are "maybe" \(1\), "no" \(1\), "yes" \(1\)',
        ),
        (
            Binary("truth", "guess", positive=("yes",)),
            ["Yes", "No"],
            None,
            r'is yes; .*: write positive: "Yes"',
        ),
        (Binary("truth", "guess", positive=("t",)), ["1", "0"], None, r'is t; .*: write positive: "1"'),
        (Binary("truth", "guess", positive=("1",)), ["yes", "no"], None, r'is 1; .*: write positive: "yes"'),
        (
            Binary("truth", "guess", positive=("churn",)),
            ["churned", "kept"],
            None,
            r'write positive: "churned"',
        ),
        (
            Binary("truth", "guess", positive=("yes",)),
            ["yes", "no"],
            ["ja", "nein"],
            r"^prediction: none of 2 ",
        ),
        (Multiclass("truth", "guess"), ["a", "b"], ["A", "B"], r"^prediction: no reference row is predicted"),
        (
            Multiclass("truth", "guess", (("a", "p"), ("B", "q"))),
            ["a", "b"],
            None,
            r'^scores\.B: none of 2 .*, and "b" has no column of scores',
        ),
    ],
)
def test_labels_that_never_occur_are_refused(
    task: Task, truth: list[str], guess: list[str] | None, message: str
) -> None:
    """The message says what was looked for, what there is, and what to write."""
    with pytest.raises(LabelError, match=message):
        settled(task, batch(truth, guess))


def test_each_column_s_own_pair_is_positive() -> None:
    """Predictions of 1 and 0 for labels of yes and no are what they say, with a note."""
    task, notes = settled(GUESSED, batch(["yes", "no"], ["1", "0"]))
    assert set(task.positive) == {"yes", "1"}
    assert len(notes) == 2


def test_what_is_declared_is_read_in_the_column_s_form() -> None:
    """`positive: 1` is True among truth values, and a score's label `1.0` is the class 1."""
    task, _ = settled(Binary("truth", "guess", positive=("1",)), batch(["true", "false"]))
    assert task.positive == ("True",)
    scores, notes = settled(
        Multiclass("truth", "guess", (("1.0", "p"), ("2", "q"), ("3", "r"))), batch(["1", "2"])
    )
    assert scores.scores == (("1", "p"), ("2", "q"), ("3", "r"))
    assert notes == ('scores.3: no labelled reference row is "3"; they are "1" (1), "2" (1)',)
    otherwise, _ = settled(
        Binary("truth", "guess", positive=("Yes",), otherwise=TRUE_LIKE), batch(["1", "0"])
    )
    assert otherwise.positive == TRUE_LIKE


def test_cells_that_may_mislead_are_noted() -> None:
    """Null words and numbers that a double cannot hold have a line each."""
    rows = Batch(
        3,
        np.zeros(3, np.int64),
        {
            "truth": coded(np.arange(3), ["1", "NA", "NA"]),
            "place": coded(np.arange(3), ["NA", "SE", None]),
            "code": Numbers(np.array([2.0**60, 1.0, np.inf])),
        },
    )
    schema = Schema(
        (
            Column("truth", Kind.CATEGORICAL, Role.TARGET),
            Column("place", Kind.CATEGORICAL),
            Column("code", Kind.NUMERICAL),
        )
    )
    first, second, third = notes_on(rows, schema, "reference")
    assert first.startswith(
        "truth: 2 of 3 reference rows hold 'NA', which is taken as missing; where it is a"
    )
    assert second.startswith("place: 1 of 3 reference rows hold 'NA', which is taken as a category; where it")
    assert third.startswith(
        "code: 1 of 3 reference rows hold a number beyond 2**53, which a numerical column"
    )


def test_a_third_label_of_a_binary_target_is_noted() -> None:
    """What is neither positive nor the one negative label counts as negative, which is said once."""
    task, notes = settled(Binary("truth", "guess", positive=("yes",)), batch(["yes", "no", "no", "unknown"]))
    assert task.positive == ("yes",)
    assert notes[0] == (
        'truth: besides yes its labels are "no" (2), "unknown" (1), which count as negative; where one of '
        'them is no label, say missing_words: ["unknown"] of the column'
    )
    assert settled(Binary("truth", "guess", positive=("yes",)), batch(["yes", "no"]))[1] == ()


def test_a_prediction_that_is_always_right_is_noted() -> None:
    """A copy of the target would measure a perfect model for ever; a few rows may be right by luck."""
    schema = Schema(
        (Column("truth", Kind.CATEGORICAL, Role.TARGET), Column("guess", Kind.CATEGORICAL, Role.PREDICTION)),
        Multiclass("truth", "guess"),
    )
    labels = ["a", "b"] * 60
    (note,) = note_on_copies(batch(labels, labels), schema)
    assert note.startswith("prediction: 'guess' equals 'truth' in all 120 labelled reference rows")
    assert note_on_copies(batch(labels, [*labels[1:], "b"]), schema) == ()
    assert note_on_copies(batch(labels[:10], labels[:10]), schema) == ()
