from __future__ import annotations

import math

import numpy as np
import pytest

from service.core.measurement import Aspect, Measurement
from service.core.profile import profile
from service.core.profile.profile import Profile
from service.core.rows.batch import Batch, Numbers
from service.core.rows.schema import Column, Kind, Role, Schema
from service.methods.health import TrafficPlan, measure_traffic
from service.methods.measure_window import MeasurePlan, measure

SCHEMA = Schema(
    (
        Column("size", Kind.NUMERICAL),
        Column("ms", Kind.NUMERICAL, Role.SERVICE),
        Column("failed", Kind.NUMERICAL, Role.SERVICE),
    )
)
PLAN = TrafficPlan("ms", "failed")
SECOND = 1_000_000


def rows(ms: list[float], failed: list[float], seconds: list[int]) -> Profile:
    """Profile rows of SCHEMA."""
    columns = {"ms": Numbers(np.array(ms)), "failed": Numbers(np.array(failed))}
    times = np.array(seconds, dtype=np.int64) * SECOND
    return profile.of(Batch(len(ms), times, {"size": Numbers(np.ones(len(ms))), **columns}), SCHEMA)


REFERENCE = rows([10.0, 20.0, 30.0, 40.0], [0, 0, 0, 1], [0, 1, 2, 8])


def measured(current: Profile, plan: TrafficPlan = PLAN) -> dict[str, Measurement]:
    return {m.series.metric: m for m in measure_traffic(REFERENCE, current, plan)}


def test_traffic_is_rows_over_the_window():
    """Rows a second of the window's length where it is one of time, else of the rows' own span."""
    current = rows([1.0] * 6, [0] * 6, [0, 1, 1, 2, 2, 3])
    assert measured(current)["traffic"].value == 2.0
    timed = measured(current, TrafficPlan(window_seconds=60.0))["traffic"]
    assert (timed.value, timed.reference, timed.series.aspect) == (0.1, 0.5, Aspect.HEALTH)
    assert measured(profile.empty(SCHEMA), TrafficPlan(window_seconds=60.0))["traffic"].value == 0.0
    assert "span no seconds" in str(measured(rows([1.0], [0], [5]))["traffic"].reason)


def test_latency_quantiles_are_latencies_that_were_seen():
    """The quantiles equal numpy's inverted distribution function on the raw rows, beside the reference's."""
    latency = np.random.default_rng(4).lognormal(3, 1, 1_000)
    got = measured(rows(list(latency), [0] * 1_000, [0] * 1_000))
    for metric, share in (("latency_p50", 0.5), ("latency_p95", 0.95), ("latency_p99", 0.99)):
        assert got[metric].value == np.quantile(latency, share, method="inverted_cdf")
        assert (got[metric].series.unit, got[metric].error_bound) == ("ms", None)
    assert got["latency_p50"].reference == 20.0


def test_compressed_latencies_stay_within_their_bound():
    """Of more distinct latencies than are kept the quantile is off by no more than it says."""
    latency = np.random.default_rng(4).lognormal(3, 1, 1_000)
    whole = rows(list(latency), [0] * 1_000, [0] * 1_000)
    got = measured(profile.merge([whole, profile.empty(SCHEMA)], limit=40))["latency_p95"]
    assert got.value is not None
    assert got.error_bound is not None
    assert abs(got.value - np.quantile(latency, 0.95, method="inverted_cdf")) <= got.error_bound


def test_errors_are_numbers_other_than_zero():
    """A row that says nothing of an error is left out of the share."""
    got = measured(rows([1.0] * 5, [0, 1, 2, math.nan, 0], [0] * 5))["error_share"]
    assert (got.value, got.rows, got.reference) == (0.5, 4, 0.25)


def test_an_empty_window_has_reasons():
    """Without rows each number has its reason."""
    got = measured(profile.empty(SCHEMA))
    assert {m.value for m in got.values()} == {None}
    assert got["latency_p99"].reason == "no latency in the window"


@pytest.mark.parametrize("plan", [None, TrafficPlan()])
def test_only_what_is_asked_for_is_measured(plan: TrafficPlan | None):
    """Without a plan nothing is measured, without columns the traffic alone."""
    found = measure_traffic(REFERENCE, REFERENCE, plan)
    assert [m.series.metric for m in found] == ([] if plan is None else ["traffic"])


def test_served_columns_have_quality_and_no_drift():
    """What the server says of itself is no input of the model: its drift is not measured."""
    got = measure(REFERENCE, REFERENCE, SCHEMA, MeasurePlan(traffic=PLAN))
    drifting = {m.series.column for m in got if m.series.aspect is Aspect.DRIFT}
    assert drifting == {"", "size"}
    assert {m.series.column for m in got if m.series.metric == "missing_share"} == {"size", "ms", "failed"}
