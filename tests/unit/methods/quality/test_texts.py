"""What is measured of a text column: lengths like numbers, empty texts, new words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from service.core.profile import profile
from service.core.reference import reference
from service.core.rows.batch import Batch, Texts
from service.core.rows.schema import Column, Kind, Schema
from service.methods.drift.columns import DriftPlan
from service.methods.drift.registry import compute, default_method, find
from service.methods.measure_window import MeasurePlan, measure
from service.methods.quality.expectations import Expectation
from tests.unit.methods.build import numbers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from service.core.measurement import Measurement

SCHEMA = Schema((Column("comment", Kind.TEXT),))
BEFORE = ["the wind was late", "the plane was early", "no wind", None] * 20


def batch(texts: Sequence[str | None]) -> Batch:
    rows = np.array([*texts, None], dtype=object)[:-1]
    return Batch(len(rows), np.arange(len(rows), dtype=np.int64), {"comment": Texts(rows)})


def measured(
    texts: Sequence[str | None], before: Sequence[str | None] = tuple(BEFORE), plan: MeasurePlan | None = None
) -> dict[str, Measurement]:
    made = reference.of(batch(before), SCHEMA)
    current = profile.of(batch(texts), SCHEMA, made.spec)
    found = measure(made.profile, current, SCHEMA, plan or MeasurePlan())
    return {m.series.metric: m for m in found if m.series.column == "comment"}


def test_empty_texts_and_new_words_are_shares():
    """White space is an empty text, None is missing; a word that the reference never had is new."""
    got = measured(["the storm was LATE", "", " \n", None])
    assert (got["missing_share"].value, got["missing_share"].reference) == (0.25, 0.25)
    assert (got["empty_text_share"].value, got["empty_text_share"].rows) == (2 / 3, 3)
    new = got["out_of_vocabulary_share"]
    assert (new.value, new.reference, new.rows) == (0.25, 0.0, 3)
    assert got["mean_text_length"].value == (18 + 0 + 2) / 3
    assert not {"out_of_range_share", "infinite_share", "new_category_share"} & got.keys()


def test_where_there_is_no_text_or_no_word_there_is_a_reason():
    """Missing texts have no length, and texts without a word no share of new ones."""
    none = measured([None, None])
    for metric in ("empty_text_share", "out_of_vocabulary_share", "mean_text_length"):
        assert none[metric].reason == "no value in the window"
    assert measured(["...", ""])["out_of_vocabulary_share"].reason == "no word in the window"
    assert measured(["a"], [None])["mean_text_length"].reference is None


def test_lengths_drift_like_numbers():
    """A text column's methods are those for numbers, on its lengths, Evidently's default choice included."""
    plan = MeasurePlan(DriftPlan(("wasserstein:robust", "ks", "psi")))
    got = measured(["tiny"] * 40, plan=plan)
    lengths = [len(text) for text in BEFORE if text is not None]
    for name in ("wasserstein:robust", "ks", "psi"):
        method = find(name, Kind.TEXT)
        expected = compute(method, Kind.NUMERICAL, numbers(*lengths), numbers(*[4.0] * 40))
        assert (got[method.name].value, got[method.name].breached) == (expected, True)
    many = numbers(*np.arange(2_000.0))
    assert default_method(many, many, Kind.TEXT).name == "wasserstein"


def test_constant_texts_are_told_from_texts_of_one_length():
    """Different texts of equal length are no constant; one text in every row is."""
    assert measured(["abc", "abd", "xyz"])["constant"].value == 0.0
    assert measured(["abc", "abc", None])["constant"].value == 1.0


def test_a_text_that_has_to_be_there_is_a_null_when_it_is_not():
    """`not_null` holds for texts as for every column; an empty text is there."""
    plan = MeasurePlan(expectations={"comment": Expectation(not_null=True)})
    assert measured(["a", "", None, None], plan=plan)["null_share"].value == 0.5
