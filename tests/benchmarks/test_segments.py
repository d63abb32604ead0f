"""What segments cost a cycle: profiling 1,000 rows, merging seven panes of them, measuring the window.

Printed beside the same without segments, for few values and for as many as may have a segment of their own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from service.core.profile import profile
from service.core.reference import reference
from service.core.rows.batch import Batch, Labels, Numbers
from service.core.rows.schema import Column, Kind, Role, Schema
from service.methods.measure_window import MeasurePlan, measure
from tests.benchmarks.test_cycle_speed import median_seconds

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

    from service.core.measurement import Measurement
    from service.core.reference.reference import Reference

SCHEMA = Schema(
    (
        Column("size", Kind.NUMERICAL),
        Column("place", Kind.CATEGORICAL),
        Column("guess", Kind.NUMERICAL, Role.PREDICTION),
        Column("truth", Kind.NUMERICAL, Role.TARGET),
    )
)
ROWS, PANES = 1_000, 7
PLAN = MeasurePlan()


def drawn(rows: int, places: int, seed: int) -> Batch:
    """Draw rows of so many places."""
    draw = np.random.default_rng(seed)
    truth = np.round(draw.normal(100.0, 30.0, rows))
    columns = {
        "size": Numbers(np.round(draw.normal(size=rows), 2)),
        "place": Labels(draw.integers(0, places, rows), np.array([f"p{i:02d}" for i in range(places)])),
        "guess": Numbers(truth + np.round(draw.normal(0.0, 5.0, rows), 1)),
        "truth": Numbers(truth),
    }
    return Batch(rows, np.zeros(rows, dtype=np.int64), columns)


def cycle(spec: Reference, batch: Batch) -> tuple[Measurement, ...]:
    """Profile a batch, merge it with six panes like it, measure the window."""
    pane = profile.of(batch, SCHEMA, spec.spec)
    return measure(spec.profile, profile.merge([pane] * PANES), SCHEMA, PLAN)


@pytest.mark.parametrize("places", [3, 50])
def test_the_cost_of_segments(
    benchmark: BenchmarkFixture, places: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each value is measured; what that adds to a cycle is printed."""
    rows, batch = drawn(20_000, places, 1), drawn(ROWS, places, 2)
    spec, plain = reference.of(rows, SCHEMA, by=("place",)), reference.of(rows, SCHEMA)
    measured = benchmark.pedantic(cycle, (spec, batch), rounds=50, warmup_rounds=5)
    assert len({m.series.segment for m in measured}) == 1 + places + 2
    if benchmark.stats is None:
        return  # only the numbers were asked for
    with_them, without = benchmark.stats.stats.median, median_seconds(lambda: cycle(plain, batch), 50)
    benchmark.extra_info |= {"without_ms": without * 1e3}
    with capsys.disabled():
        print(  # noqa: T201 - what the benchmark is run for
            f"\n{places:>4} segments: a cycle of {ROWS:,} rows {with_them * 1e3:.1f} ms, "
            f"without them {without * 1e3:.1f} ms"
        )
