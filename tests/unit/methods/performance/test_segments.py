from __future__ import annotations

import numpy as np
import pytest

from service.core.measurement import Aspect, Measurement
from service.core.profile import profile
from service.core.profile.profile import Profile
from service.core.reference import reference
from service.core.reference.reference import Reference
from service.core.rows.batch import Batch, Labels, Numbers
from service.core.rows.schema import Column, Kind, Role, Schema
from service.core.rows.task import Multiclass
from service.methods.performance.performance import measure_performance
from service.methods.performance.segments import measure_segments, segment_name

SCHEMA = Schema(
    (
        Column("place", Kind.CATEGORICAL),
        Column("guess", Kind.NUMERICAL, Role.PREDICTION),
        Column("truth", Kind.NUMERICAL, Role.TARGET),
    )
)


def batch(places: list[str | None], errors: list[float]) -> Batch:
    """Return rows whose predictions are off by `errors`."""
    names = sorted({place for place in places if place is not None})
    codes = np.array([-1 if place is None else names.index(place) for place in places], dtype=np.int64)
    truth = np.arange(len(errors), dtype=np.float64)
    columns = {
        "place": Labels(codes, np.array(names, dtype=np.str_)),
        "guess": Numbers(truth + np.array(errors)),
        "truth": Numbers(truth),
    }
    return Batch(len(errors), np.zeros(len(errors), dtype=np.int64), columns)


def made(places: list[str | None], errors: list[float]) -> Reference:
    """Make a reference that is segmented by place."""
    return reference.of(batch(places, errors), SCHEMA, by=("place",))


def window(spec: Reference, places: list[str | None], errors: list[float]) -> Profile:
    """Profile a window's rows by the reference's segments."""
    return profile.of(batch(places, errors), SCHEMA, spec.spec)


def by_name(measured: tuple[Measurement, ...]) -> dict[tuple[str, str], Measurement]:
    """Return measurements by metric and segment, each of which must stand once."""
    found = {(m.series.metric, m.series.segment): m for m in measured}
    assert len(found) == len(measured)
    return found


JFK = made(["JFK"] * 20 + ["LGA"] * 20, [1.0] * 20 + [4.0] * 20)


def test_every_figure_of_the_whole_is_measured_of_each_value() -> None:
    """A value's figures equal those of its rows alone, beside the reference's own for that value."""
    now = window(JFK, ["JFK"] * 3 + ["LGA"] * 2, [1.0, 2.0, 3.0, -5.0, 7.0])
    got = by_name(measure_segments(JFK.profile, now, SCHEMA.task))
    alone = window(JFK, ["JFK"] * 3, [1.0, 2.0, 3.0])
    for m in measure_performance(alone, alone, SCHEMA.task):
        assert got[m.series.metric, "place=JFK"].value == m.value, m.series.metric
    assert (got["mae", "place=LGA"].value, got["mae", "place=LGA"].reference) == (6.0, 4.0)
    assert (got["mae", "place=JFK"].rows, got["mae", "place=JFK"].low is not None) == (3, True)
    assert (got["rows", "place=LGA"].value, got["rows", "place=LGA"].reference) == (2.0, 20.0)
    assert (got["row_share", "place=LGA"].value, got["row_share", "place=LGA"].reference) == (0.4, 0.5)
    assert {m.series.aspect for key, m in got.items() if "row" in key[0] and "_rows" not in key[0]} == {
        Aspect.QUALITY
    }


def test_new_and_missing_values_have_segments_of_their_own() -> None:
    """What the reference does not name is told as other; without such rows only their number is, 0."""
    got = by_name(measure_segments(JFK.profile, window(JFK, ["EWR", None], [2.0, 3.0]), SCHEMA.task))
    assert got["mae", "place=(other)"].value == 2.0
    assert got["mae", "place=(other)"].reference is None
    assert got["mae", "place=(missing)"].value == 3.0
    assert got["mae", "place=JFK"].reason == "no labels yet"
    none = by_name(measure_segments(JFK.profile, window(JFK, ["JFK"], [2.0]), SCHEMA.task))
    assert none["rows", "place=(other)"].value == 0.0
    assert ("mae", "place=(other)") not in none


def test_what_is_withheld_of_the_whole_is_withheld_of_its_segments() -> None:
    """A window of too few rows has its rows by segment, and the reason in place of every figure."""
    now = window(JFK, ["JFK"], [2.0])
    got = by_name(measure_segments(JFK.profile, now, SCHEMA.task, withheld="too few"))
    assert got["mae", "place=JFK"].reason == "too few"
    assert (got["rows", "place=JFK"].value, got["pending_rows", "place=JFK"].value) == (1.0, 0.0)


def test_nothing_is_measured_that_was_not_asked_for() -> None:
    """Without segments there is nothing to measure."""
    plain = reference.of(batch(["JFK"], [1.0]), SCHEMA)
    assert measure_segments(plain.profile, plain.profile, SCHEMA.task) == ()


def test_a_threshold_is_breached_by_more_than_chance() -> None:
    """A segment over the threshold is breached where it is a discovery; one row never is."""
    rows: list[str | None] = ["JFK"] * 40 + ["LGA"] * 3 + ["JFK"]
    errors = [11.0, 13.0] * 20 + [2.0, 11.0, 25.0] + [12.0]
    now = window(JFK, rows, errors)
    got = by_name(measure_segments(JFK.profile, now, SCHEMA.task, {"mae": 10.0, "max_error": 20.0}))
    assert (got["mae", "place=JFK"].value, got["mae", "place=JFK"].breached) == (12.0, True)
    lga = got["mae", "place=LGA"]
    assert lga.value is not None
    assert (lga.value > 10.0, lga.threshold, lga.breached) == (True, 10.0, False)
    assert lga.reason is not None
    assert lga.reason.startswith("no breach: chance may explain a value beyond the threshold of 10 (q = 0.")
    assert lga.reason.endswith(" among 2 verdicts, above the 1 % asked for)")
    found = str(got["mae", "place=JFK"].reason)
    assert found.startswith("q = ")
    assert found.endswith(" among 2 verdicts")
    assert got["max_error", "place=LGA"].breached is True
    assert got["rmse", "place=JFK"].threshold is None
    one = by_name(measure_segments(JFK.profile, window(JFK, ["LGA"], [90.0]), SCHEMA.task, {"mae": 10.0}))
    assert one["mae", "place=LGA"].breached is False


@pytest.mark.slow
@pytest.mark.parametrize("size", [5, 20])
def test_fifty_segments_at_the_threshold_rarely_alarm(size: int) -> None:
    """With every segment's true error at the threshold at most 1 window in 20 has a breached segment."""
    places = [f"p{i:02d}" for i in range(50)]
    spec = made([*places, *places], [1.0] * 100)
    draw, alarms = np.random.default_rng(3), 0
    for _ in range(60):
        errors = draw.normal(0.0, 10.0 / np.sqrt(2.0 / np.pi), 50 * size)
        now = window(spec, places * size, errors.tolist())
        measured = measure_segments(spec.profile, now, SCHEMA.task, {"mae": 10.0})
        alarms += any(m.breached for m in measured)
    assert alarms <= 3


def test_more_discoveries_are_made_where_more_segments_are_worse() -> None:
    """Segments that are all a little worse are mostly found, where one alone would have to be far beyond."""
    places = [f"p{i:02d}" for i in range(20)]
    spec = made([*places, *places], [1.0] * 40)
    draw = np.random.default_rng(5)
    level = 10.0 / np.sqrt(2.0 / np.pi)

    def breaches(worse: int) -> int:
        factors = np.where(np.arange(20) < worse, 1.45, 0.9)
        errors = draw.normal(0.0, level, (40, 20)) * factors
        measured = measure_segments(
            spec.profile, window(spec, places * 40, errors.ravel().tolist()), SCHEMA.task, {"mae": 10.0}
        )
        return sum(bool(m.breached) for m in measured)

    assert breaches(0) == 0
    assert breaches(20) >= 8


def test_classes_within_a_segment_have_a_joined_name() -> None:
    """A class's figures within a segment name both; a comma in a value cannot feign a class."""
    schema = Schema(
        (
            Column("place", Kind.CATEGORICAL),
            Column("answer", Kind.CATEGORICAL, Role.PREDICTION),
            Column("kind", Kind.CATEGORICAL, Role.TARGET),
        ),
        Multiclass("kind", "answer"),
    )
    labels = {"place": ["x", "x", "y"], "answer": ["a", "b", "b"], "kind": ["a", "a", "b"]}
    columns = {}
    for name, texts in labels.items():
        names, codes = np.unique(np.array(texts), return_inverse=True)
        columns[name] = Labels(codes, names)
    spec = reference.of(Batch(3, np.zeros(3, dtype=np.int64), columns), schema, by=("place",))
    got = by_name(measure_segments(spec.profile, spec.profile, schema.task))
    assert got["recall", "place=x, class=a"].value == 0.5
    assert got["accuracy", "place=y"].value == 1.0
    assert segment_name("a=b", "c, d") == r"a\=b=c, d"
    assert segment_name("a", r"b=c\, d", "class=e, f") == r"a=b=c\\\, d, class=e, f"
