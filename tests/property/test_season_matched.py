"""Season-matched values equal those of rows that are repeated, each by its weight."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.core.profile import distribution, profile, season_rows
from service.core.profile.distribution import Distribution
from service.core.profile.outcome import outcome as outcomes
from service.core.profile.spec.spec import ProfileSpec
from service.core.reference.seasonal import seasonal
from service.core.reference.seasonal.seasonal import SeasonalReference
from service.core.reference.seasonal.weighted import Weighted
from service.core.rows.batch import Batch, Labels, Numbers
from service.core.rows.schema import Column, Kind, Role, Schema
from service.core.season.season import HOUR, Season, SeasonKind
from service.methods.drift.method import Definition, Method
from service.methods.drift.registry import ALL, METHODS, compute, compute_matched
from service.methods.performance.performance import values_by_metric
from service.methods.stats.unmeasurable import Unmeasurable

SCHEMA = Schema(
    (
        Column("size", Kind.NUMERICAL),
        Column("colour", Kind.CATEGORICAL),
        Column("guess", Kind.NUMERICAL, Role.PREDICTION),
        Column("truth", Kind.NUMERICAL, Role.TARGET),
    )
)
SEASON = Season(SeasonKind.HOUR)
SPEC = ProfileSpec(season=SEASON)
COLUMNS = {Kind.NUMERICAL: "size", Kind.CATEGORICAL: "colour"}
MATCHED = [(method, kind) for method in ALL if method.matched for kind in sorted(method.kinds)]
# Weighted rows are drawn where whole ones are permuted.
ALIKE = [pair for pair in MATCHED if pair[0].name != "TVD"]
SHARES = {"wasserstein", "ed"}  # follow from shares alone, and not from how many rows there are
# What a method without a robust definition of its own follows, apart from those with Evidently's alone.
PLAIN = {
    "ks": Definition.EVIDENTLY,
    "kuiper": Definition.OWN,
    "anderson": Definition.EVIDENTLY,
    "ed": Definition.EVIDENTLY,
}

values = st.one_of(st.integers(-3, 3).map(float), st.sampled_from([math.nan, math.inf, -math.inf]))
cells = st.integers(0, 3)


@st.composite
def rows(draw: st.DrawFn, least: int = 1, *, complete: bool = False) -> Batch:
    """Draw rows of a few hours, some without a value unless they are `complete`."""
    count = draw(st.integers(least, 40))
    hours = np.array(draw(st.lists(cells, min_size=count, max_size=count)), dtype=np.int64)

    def numbers() -> Numbers:
        drawn = st.integers(-3, 3).map(float) if complete else values
        return Numbers(np.array(draw(st.lists(drawn, min_size=count, max_size=count))))

    codes = np.array(
        draw(st.lists(st.integers(0 if complete else -1, 2), min_size=count, max_size=count)), dtype=np.int64
    )
    labels = Labels(codes, np.array(["blue", "green", "red"]))
    return Batch(
        count, hours * HOUR, {"size": numbers(), "colour": labels, "guess": numbers(), "truth": numbers()}
    )


def by_cell(batch: Batch, column: str) -> list[int]:
    """Count the rows with a finite value, hour by hour."""
    marks = season_rows.finite_rows(batch.columns[column], batch.rows)
    return [int((marks & (batch.event_time == hour * HOUR)).sum()) for hour in range(SEASON.size)]


def repeated(reference: Batch, window: Batch, column: str) -> tuple[Distribution, Fraction, float]:
    """Return the reference's rows, each repeated by its weight, their number, and the effective size."""
    asked, held = by_cell(window, column), by_cell(reference, column)
    weights = [Fraction(n, m) if m else Fraction(0) for n, m in zip(asked, held, strict=True)]
    scale = math.lcm(*(weight.denominator for weight in weights))
    times = np.array([int(weight * scale) for weight in weights])
    chosen = np.repeat(np.arange(reference.rows), times[reference.event_time // HOUR])
    whole = profile.of(reference.take(chosen), SCHEMA).columns[column].distribution
    squares = sum(weight**2 * m for weight, m in zip(weights, held, strict=True))
    total = sum(weight * m for weight, m in zip(weights, held, strict=True))
    return whole, total, float(total**2 / squares) if squares else 0.0


def matched(reference: Batch, window: Batch, column: str) -> Weighted:
    """Return the season-matched reference as the service makes it."""
    counts = profile.of(window, SCHEMA, SPEC)[season_rows.PART]
    assert counts is not None
    return seasonal.of(reference, SCHEMA, SEASON).column(column, counts)


def value(function: object) -> float | None:
    """Return the value, None where there is none."""
    try:
        return function()  # type: ignore[operator, no-any-return]
    except Unmeasurable:
        return None


@given(reference=rows(), window=rows(), column=st.sampled_from(["size", "colour"]))
def test_shares_are_those_of_repeated_rows(reference: Batch, window: Batch, column: str) -> None:
    """Each value's share, and the effective size, are what repeating the rows gives."""
    found = matched(reference, window, column)
    oracle, total, effective = repeated(reference, window, column)
    assert found.finite == pytest.approx(effective)
    assert found.counts.sum() == pytest.approx(effective)
    assert found.values.tolist() == oracle.values.tolist()
    if total:
        np.testing.assert_allclose(found.counts / found.finite, oracle.counts / oracle.finite, rtol=1e-12)
        for end in ("positive_infinite", "negative_infinite"):
            assert getattr(found, end) / found.finite == pytest.approx(getattr(oracle, end) / oracle.finite)
    lacking = [n for n, m in zip(by_cell(window, column), by_cell(reference, column), strict=True) if not m]
    assert (found.rows, found.unmatched) == (sum(by_cell(window, column)), sum(lacking))


def counterpart(method: Method) -> Method:
    """Return the definition that a season-matched method is of."""
    return METHODS[method.name, PLAIN.get(method.name, Definition.ROBUST)]


@pytest.mark.parametrize(("method", "kind"), ALIKE)
@settings(max_examples=25)
@given(reference=rows(20, complete=True), data=st.data())
def test_the_reference_s_own_mix_gives_the_plain_value(
    method: Method, kind: Kind, reference: Batch, data: st.DataObject
) -> None:
    """A window with the reference's shares of hours is compared with the whole reference."""
    column = COLUMNS[kind]
    times = data.draw(st.integers(1, 2))
    sizes = by_cell(reference, column)
    # The same hours, as often, with other values.
    chosen = np.concatenate(
        [
            np.random.default_rng(data.draw(st.integers(0, 99))).choice(
                np.flatnonzero(reference.event_time == hour * HOUR), times * size
            )
            for hour, size in enumerate(sizes)
            if size
        ]
    )
    window = reference.take(chosen)
    now = profile.of(window, SCHEMA).columns[column].distribution
    weighted = matched(reference, window, column)
    whole = profile.of(reference, SCHEMA).columns[column].distribution
    assert weighted.finite == pytest.approx(whole.finite)
    expected = value(lambda: compute(counterpart(method), kind, whole, now))
    found = value(lambda: compute_matched(method, kind, weighted, now))
    if expected is None or found is None:
        assert expected == found
    else:
        assert found == pytest.approx(expected, abs=1e-8)


@pytest.mark.parametrize("name", sorted(SHARES))
@given(reference=rows(), window=rows())
def test_what_follows_from_shares_is_that_of_repeated_rows(
    name: str, reference: Batch, window: Batch
) -> None:
    """Distances that only know shares are those of the rows repeated by their weights."""
    oracle, _, _ = repeated(reference, window, "size")
    weighted = matched(reference, window, "size")
    now = profile.of(window, SCHEMA).columns["size"].distribution
    method = next(each for each, _ in MATCHED if each.name == name)
    expected = value(lambda: compute(counterpart(method), Kind.NUMERICAL, oracle, now))
    found = value(lambda: compute_matched(method, Kind.NUMERICAL, weighted, now))
    assert (found is None) == (expected is None)
    if expected is not None:
        assert found == pytest.approx(expected, abs=1e-7)


@given(reference=rows(), window=rows())
def test_performance_is_that_of_repeated_rows(reference: Batch, window: Batch) -> None:
    """The reference's matched figures are those of its rows repeated by their weights."""
    task = SCHEMA.task
    assert task is not None
    counts = profile.of(window, SCHEMA, SPEC)[season_rows.PART]
    assert counts is not None
    made: SeasonalReference = seasonal.of(reference, SCHEMA, SEASON)
    found = made.outcome("truth", counts)
    asked = by_cell(window, "truth")
    held = [each.labelled for each in made.outcomes]
    weights = [Fraction(n, m) if m else Fraction(0) for n, m in zip(asked, held, strict=True)]
    if not any(weights):
        assert found is None
        return
    scale = math.lcm(*(weight.denominator for weight in weights))
    chosen = np.repeat(
        np.arange(reference.rows),
        np.array([int(weight * scale) for weight in weights])[reference.event_time // HOUR],
    )
    assert found is not None
    oracle = values_by_metric(task, outcomes.of(reference.take(chosen), task, limit=1_000), None)
    for name, seen in values_by_metric(task, found.whole, None).items():
        if "_error_p" in name:  # how a quantile interpolates depends on how often rows are repeated
            continue
        expected = oracle[name]
        assert (seen is None) == (expected is None), name
        if expected is not None:
            assert seen == pytest.approx(expected, rel=1e-5, abs=1e-5), name


def test_a_distribution_by_cell_is_exact_where_the_whole_is_compressed() -> None:
    """More distinct values than a profile keeps are all kept by cell."""
    count = 70_000
    batch = Batch(
        count, np.zeros(count, dtype=np.int64), {"size": Numbers(np.random.default_rng(1).normal(size=count))}
    )
    schema = Schema((Column("size", Kind.NUMERICAL),))
    assert profile.of(batch, schema).columns["size"].distribution.dropped_bits
    found = seasonal.of(batch, schema, SEASON).columns["size"].matched([10] + [0] * 23)
    assert len(found.values) == count
    assert distribution.of_numbers(batch.columns["size"].values).distinct == count  # type: ignore[union-attr]
