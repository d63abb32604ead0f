from __future__ import annotations

import math

import numpy as np
import pytest

from service.core.measurement import Aspect, Measurement
from service.core.profile import profile
from service.core.rows.schema import Column, Kind, Role, Schema
from service.core.rows.task import Multiclass, Regression
from service.methods.quality.columns import measure_quality
from tests.unit.methods.build import SCHEMA, rows

REFERENCE = rows(size=[0.0, 5.0, 10.0, math.nan], colour=["red", "red", "blue", None])


def by_name(measurements: tuple[Measurement, ...]) -> dict[tuple[str, str], Measurement]:
    """Index measurements by column and metric."""
    return {(m.series.column, m.series.metric): m for m in measurements}


def test_shares_stand_beside_the_reference_s():
    """Missing, infinite and unparsable are shares of all rows, each beside the reference's."""
    current = rows(
        size=[1.0, math.nan, math.inf, -math.inf, math.nan],
        colour=["red", None, None, "blue", "red"],
        unparsable=[False, False, False, False, True],
    )
    got = by_name(measure_quality(REFERENCE, current, SCHEMA))
    assert all(m.series.aspect is Aspect.QUALITY for m in got.values())
    assert (got["", "rows"].value, got["", "rows"].reference) == (5.0, 4.0)
    assert (got["size", "missing_share"].value, got["size", "missing_share"].reference) == (0.2, 0.25)
    assert (got["size", "infinite_share"].value, got["size", "infinite_share"].reference) == (0.4, 0.0)
    assert (got["size", "unparsable_share"].value, got["size", "unparsable_share"].rows) == (0.2, 5)
    assert got["colour", "missing_share"].value == 0.4


def test_out_of_range_goes_by_the_reference():
    """Values beyond the reference's ends, and infinities, are out of range; the ends are in."""
    current = rows(size=[0.0, 10.0, -0.1, 10.1, math.inf, math.nan, 5.0, 6.0])
    got = by_name(measure_quality(REFERENCE, current, SCHEMA))["size", "out_of_range_share"]
    assert (got.value, got.rows, got.reference, got.error_bound) == (pytest.approx(3 / 7), 7, 0.0, None)


def test_a_declared_range_wins():
    """Declared ends hold in place of the reference's, each by itself, and for the reference as well."""
    schema = Schema((Column("size", Kind.NUMERICAL, low=1.0),))
    reference, current = rows(size=[0.0, 5.0], schema=schema), rows(size=[0.5, 1.0, 5.0, 6.0], schema=schema)
    got = by_name(measure_quality(reference, current, schema))["size", "out_of_range_share"]
    assert (got.value, got.reference) == (0.5, 0.5)


def test_new_categories_are_a_share_of_rows_with_a_label():
    """A label that the reference never had counts by its rows."""
    current = rows(colour=["red", "green", "green", None])
    got = by_name(measure_quality(REFERENCE, current, SCHEMA))["colour", "new_category_share"]
    assert (got.value, got.rows, got.reference) == (pytest.approx(2 / 3), 3, 0.0)


CLASSES = Schema(
    (
        Column("truth", Kind.NUMERICAL, Role.TARGET),
        Column("colour", Kind.CATEGORICAL, Role.PREDICTION),
        Column("size", Kind.NUMERICAL),
    ),
    Multiclass("truth", "colour", (("1", "size"),)),
)


def test_a_class_that_is_first_seen_is_named_whatever_its_kind():
    """A target of numbers holds classes as one of texts does; the reason names the new ones."""
    known = rows(truth=[1.0, 2.0, 2.0], colour="122", size=[0.1, 0.2, 0.3], schema=CLASSES)
    now = rows(truth=[1.0, 3.0, 3.0, 2.5], colour="1291", size=[0.4, 0.5, 0.6, 0.7], schema=CLASSES)
    got = by_name(measure_quality(known, now, CLASSES))
    truth, guess = got["truth", "new_category_share"], got["colour", "new_category_share"]
    assert (truth.value, truth.reason) == (0.75, 'not in the reference: "3" (2), "2.5" (1)')
    assert (guess.value, guess.reason) == (0.25, 'not in the reference: "9" (1)')
    assert ("size", "new_category_share") not in got
    none = by_name(measure_quality(known, known, CLASSES))["truth", "new_category_share"]
    assert (none.value, none.reason) == (0.0, None)


def test_the_prediction_of_a_regression_has_no_classes():
    """Numbers that are no classes are new in nearly every row, which says nothing."""
    schema = Schema(
        (Column("truth", Kind.NUMERICAL, Role.TARGET), Column("guess", Kind.NUMERICAL, Role.PREDICTION)),
        Regression("guess", "truth"),
    )
    sides = [rows(truth=[value], guess=[value], schema=schema) for value in (1.0, 2.0)]
    assert "new_category_share" not in {m.series.metric for m in measure_quality(*sides, schema)}


def test_a_common_category_that_is_gone_has_vanished():
    """Categories with 1 % or more of the reference and none in the window are counted, rare ones not."""
    reference = rows(colour="r" * 970 + "b" * 10 + "g" * 11 + "y" * 9)
    got = by_name(measure_quality(reference, rows(colour="rrx"), SCHEMA))["colour", "vanished_categories"]
    assert (got.value, got.rows, got.reference) == (2.0, 3, 0.0)
    whole = by_name(measure_quality(reference, reference, SCHEMA))["colour", "vanished_categories"]
    assert whole.value == 0.0


def test_vanished_categories_need_values_on_both_sides():
    """A window without a label, or a reference without one, gives the reason."""
    got = by_name(measure_quality(REFERENCE, rows(colour=[None]), SCHEMA))["colour", "vanished_categories"]
    assert (got.value, got.reason) == (None, "no value in the window")
    bare = by_name(measure_quality(rows(colour=[None]), rows(colour="r"), SCHEMA))
    assert bare["colour", "vanished_categories"].reason == "no value in the reference"


def test_an_empty_window_has_reasons():
    """Without rows every share has a reason, and the count of rows is a true zero."""
    got = by_name(measure_quality(REFERENCE, profile.empty(SCHEMA), SCHEMA))
    assert got["", "rows"].value == 0.0
    assert got["size", "missing_share"].reason == "no rows in the window"
    assert got["size", "missing_share"].reference == 0.25
    assert got["size", "out_of_range_share"].reason == "no value in the window"
    assert got["colour", "new_category_share"].reason == "no value in the window"
    assert {m.value for (_, metric), m in got.items() if metric != "rows"} == {None}


def test_an_absent_column_is_missing_in_every_row():
    """A column that never came is all missing, not an error and not a zero."""
    got = by_name(measure_quality(REFERENCE, rows(size=[1.0, 2.0]), SCHEMA))
    assert got["colour", "missing_share"].value == 1.0
    assert got["colour", "new_category_share"].value is None


def test_a_reference_without_values_is_a_reason():
    """Without a value in the reference there is no range and no known category to compare with."""
    reference = rows(size=[math.nan], colour=[None])
    got = by_name(measure_quality(reference, rows(size=[1.0], colour=["red"]), SCHEMA))
    assert "no range declared" in str(got["size", "out_of_range_share"].reason)
    assert got["colour", "new_category_share"].reason == "no value in the reference"


@pytest.mark.parametrize("compressed", ["reference", "current", "both"])
def test_compression_makes_nothing_out_of_range(compressed: str):
    """Rows of the reference itself stay in its range whichever side was compressed, and doubt is said."""
    schema = Schema((Column("size", Kind.NUMERICAL),))
    whole = rows(size=list(np.random.default_rng(3).normal(size=900)), schema=schema)
    rough = profile.merge([whole, profile.empty(schema)], limit=50)
    sides = {"reference": (rough, whole), "current": (whole, rough), "both": (rough, rough)}[compressed]
    got = by_name(measure_quality(*sides, schema))["size", "out_of_range_share"]
    assert got.value == 0.0
    assert got.error_bound is not None
    assert 0.0 < got.error_bound < 0.1
