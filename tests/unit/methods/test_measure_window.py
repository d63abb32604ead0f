from __future__ import annotations

import numpy as np
import pytest

from service.core.measurement import Aspect
from service.methods.drift.columns import DriftPlan
from service.methods.measure_window import MeasurePlan, measure
from tests.unit.methods.build import SCHEMA, rows


def sample(count: int, seed: int):
    """Profile `count` drawn rows."""
    draw = np.random.default_rng(seed)
    return rows(
        size=list(draw.normal(size=count)),
        colour="".join(draw.choice(list("rgb"), count)),
        guess=list(draw.normal(size=count)),
        truth=list(draw.normal(size=count)),
    )


REFERENCE = sample(400, 1)
PLAN = MeasurePlan(DriftPlan(("default", "psi:robust")), {"mae": 2.0}, min_rows=100)


# These rows come from nowhere: no source says in which order, when and with which other columns.
OF_THE_ARRIVAL = {"backwards_share", "future_share", "freshness_seconds", "columns_appeared"}


def test_all_aspects_are_measured_once():
    """Drift, quality and performance come together, each series once."""
    got = measure(REFERENCE, sample(100, 2), SCHEMA, PLAN)
    series = [m.series for m in got]
    assert len(series) == len(set(series))
    assert {s.aspect for s in series} == {Aspect.DRIFT, Aspect.QUALITY, Aspect.PERFORMANCE}
    assert all(m.value is not None for m in got if m.series.metric not in OF_THE_ARRIVAL)


def test_a_small_window_has_quality_alone():
    """Below the least rows drift and errors have that reason; quality and counts are measured."""
    got = measure(REFERENCE, sample(99, 2), SCHEMA, PLAN)
    reason = "99 rows, fewer than the 100 that the monitor asks for"
    for m in got:
        if m.series.metric in OF_THE_ARRIVAL:
            continue
        counted = m.series.aspect is Aspect.QUALITY or m.series.metric == "pending_rows"
        said = f"{reason}; its threshold of 2 is not judged" if m.series.metric == "mae" else reason
        assert (m.value is None, m.reason) == ((False, None) if counted else (True, said)), m.series
        assert m.breached is None or counted
    assert [m.series for m in got] == [m.series for m in measure(REFERENCE, sample(100, 2), SCHEMA, PLAN)]


@pytest.mark.parametrize("count", [0, 1])
def test_the_smallest_windows_never_fail(count: int):
    """No row, or one, gives numbers or reasons, never an error."""
    got = measure(REFERENCE, sample(count, 2), SCHEMA, MeasurePlan())
    assert all(m.value is not None or m.reason for m in got)
    assert len(got) == len(measure(REFERENCE, sample(50, 2), SCHEMA, MeasurePlan()))
