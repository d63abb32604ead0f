"""Measures over all columns together: what they see that no column shows, and what they leave alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest

from service.core.blocks.plan import BlockRules
from service.core.measurement import Measurement
from service.core.profile import profile
from service.core.reference import reference
from service.core.reference.reference import Reference
from service.core.rows.batch import Batch, Labels, Numbers
from service.core.rows.schema import Column, Kind, Role, Schema
from service.methods import alarm
from service.methods.block_test import model as block_model
from service.methods.block_test.measure import JOINT_METRIC
from service.methods.drift import pca
from service.methods.drift.columns import DriftPlan
from service.methods.drift.pca import PCA_DROP, PCA_ERROR, PCA_IMPUTED
from service.methods.measure_window import MeasurePlan, measure

METHODS = ("wasserstein:robust", "ks", "psi:robust")
PLAN = DriftPlan(methods=METHODS, multivariate=("pca",))
COLOURS = np.array(["blue", "red"])
SCHEMA = Schema(
    (
        Column("height", Kind.NUMERICAL),
        Column("weight", Kind.NUMERICAL),
        Column("age", Kind.NUMERICAL),
        Column("colour", Kind.CATEGORICAL),
        Column("truth", Kind.NUMERICAL, Role.TARGET),
    )
)
ROWS = 4_000


def people(rows: int, seed: int, *, correlation: float = 0.8, **changed: Numbers | Labels) -> Batch:
    """Draw people whose height and weight correlate; every column alone is the same for any correlation."""
    random = np.random.default_rng(seed)
    height, noise = random.normal(0.0, 1.0, (2, rows))
    weight = correlation * height + np.sqrt(1.0 - correlation**2) * noise
    columns: dict[str, Numbers | Labels] = {
        "height": Numbers(np.round(170.0 + 10.0 * height)),
        "weight": Numbers(np.round(70.0 + 12.0 * weight)),
        "age": Numbers(np.floor(random.uniform(20.0, 80.0, rows))),
        "colour": Labels(random.choice([0, 0, 1], rows), COLOURS),
        "truth": Numbers(np.round(random.normal(0.0, 10.0, rows))),
    }
    return Batch(rows, np.arange(rows, dtype=np.int64) * 60_000_000, columns | changed)


@pytest.fixture(scope="module")
def made() -> Reference:
    return reference.of(people(ROWS, 1), SCHEMA, components=True, blocks=BlockRules())


@pytest.fixture(scope="module")
def rated() -> DriftPlan:
    return replace(PLAN, false_alarm_rate=0.01)


def measured(made: Reference, batch: Batch, plan: DriftPlan = PLAN, min_rows: int = 0) -> list[Measurement]:
    current = profile.of(batch, SCHEMA, made.spec)
    asked = MeasurePlan(plan, min_rows=min_rows)
    blocks = None if made.blocks is None else block_model.fit(made.blocks)
    return [*measure(made.profile, current, SCHEMA, asked, made.spec, blocks=blocks)]


def joint(found: list[Measurement]) -> Mapping[str, Measurement]:
    return {m.series.metric: m for m in found if m.series.metric.startswith("pca")}


def _alarming(found: list[Measurement]) -> set[str]:
    drift = (m for m in alarm.verdicts(found) if m.series.aspect == "drift" and m.breached)
    return {m.series.column or m.series.metric for m in drift}


def test_a_flipped_correlation_is_seen_by_no_column_and_by_the_error(
    made: Reference, rated: DriftPlan
) -> None:
    """Marginals are equal: no method of any column is beyond its threshold, the reconstruction error is."""
    flipped = measured(made, people(500, 11, correlation=-0.8), rated)
    assert [m for m in flipped if m.series.column and m.breached] == []
    assert _alarming(flipped) == {JOINT_METRIC}
    error = joint(flipped)[PCA_ERROR]
    assert error.value is not None
    assert error.threshold is not None
    assert error.reference is not None
    assert error.low is not None
    assert error.high is not None
    assert error.reference < error.threshold < error.low < error.value < error.high
    assert _alarming(measured(made, people(500, 11), rated)) == set()


def test_a_column_copied_into_another_is_seen_by_the_error(made: Reference, rated: DriftPlan) -> None:
    """Rows that became too regular lower the error, and that alarms too."""
    copied = measured(made, people(500, 12, correlation=1.0), rated)
    assert [m for m in copied if m.series.column and m.breached] == []
    assert _alarming(copied) == {JOINT_METRIC}
    assert joint(copied)[PCA_DROP].value > 0.0


def test_without_calibration_the_reference_s_own_windows_set_the_limit(made: Reference) -> None:
    """By default three deviations of the reference's own windows of that size; a named threshold wins."""
    quiet = [joint(measured(made, people(rows, 20 + rows))) for rows in (30, 100, 250, 2_000)]
    assert not any(found[metric].breached for found in quiet for metric in pca.TESTS)
    limits = [found[PCA_ERROR].threshold or 0.0 for found in quiet]
    assert limits[0] > limits[1] > limits[2] > limits[3] > (quiet[0][PCA_ERROR].reference or 0.0)
    assert PCA_ERROR in _alarming(measured(made, people(300, 5, correlation=-0.8)))
    named = DriftPlan(methods=METHODS, multivariate=("pca",), thresholds={PCA_ERROR: 0.1})
    found = joint(measured(made, people(300, 5), named))
    assert (found[PCA_ERROR].threshold, found[PCA_ERROR].breached) == (0.1, True)
    assert found[PCA_DROP].breached is False


def test_windows_of_a_wandering_stream_get_wider_limits() -> None:
    """Where neighbouring rows are alike, windows differ more: the default limit counts that."""
    rows, random = 4_096, np.random.default_rng(4)
    level = np.repeat(random.normal(0.0, 1.0, rows // 64), 64)
    columns = {
        name: Numbers(level * sign + random.normal(0.0, 0.1, rows))
        for name, sign in (("height", 1.0), ("weight", -1.0))
    }
    columns["age"] = Numbers(np.repeat(random.normal(0.0, 1.0, rows // 64), 64))
    schema = Schema(SCHEMA.columns[:3])
    batch = Batch(rows, np.arange(rows, dtype=np.int64), columns)
    order = random.permutation(rows)
    limits = []
    for each in (batch, batch.take(order)):
        spec = reference.of(each, schema, components=True)
        current = profile.of(each.take(slice(0, 64)), schema, spec.spec)
        found = joint([*measure(spec.profile, current, schema, MeasurePlan(PLAN), spec.spec)])
        limits.append(found[PCA_DROP].threshold or 0.0)
    assert limits[0] > 3.0 * limits[1]


def test_one_absurd_row_is_no_drift(made: Reference, rated: DriftPlan) -> None:
    """A value of 1e6 or infinity counts as the end of the reference's range; a shift beyond is still seen."""
    for value in (1e6, np.inf):
        heights = people(500, 11).columns["height"]
        assert isinstance(heights, Numbers)
        heights.values[7] = value
        assert _alarming(measured(made, people(500, 11, height=heights), rated)) == set()
    far = Numbers(np.full(500, 1e9))
    assert JOINT_METRIC in _alarming(measured(made, people(500, 11, height=far), rated))


def test_rows_that_lack_values_are_told(made: Reference) -> None:
    """A missing value counts as the reference's mean and its row is counted; the target plays no part."""
    heights = people(100, 11).columns["height"]
    assert isinstance(heights, Numbers)
    heights.values[:25] = np.nan
    nothing = Numbers(np.full(100, np.nan))
    found = joint(measured(made, people(100, 11, height=heights, truth=nothing)))
    share = found[PCA_IMPUTED]
    assert (share.value, share.rows, share.reference) == (0.25, 100, 0.0)
    bare = Batch(100, np.arange(100, dtype=np.int64), {"weight": people(100, 11).columns["weight"]})
    assert joint(measured(made, bare))[PCA_IMPUTED].value == 1.0


def test_a_gap_has_its_reason(made: Reference) -> None:
    """Too few rows, no value at all, a reference without relations: each series says why it has no number."""
    few = joint(measured(made, people(9, 11), min_rows=10))
    assert {m.reason for m in few.values()} == {"9 rows, fewer than the 10 that the monitor asks for"}
    bare = joint(measured(made, Batch(100, np.arange(100, dtype=np.int64), {})))
    assert {m.reason for m in bare.values()} == {pca.NO_VALUES}
    assert {m.reason for m in joint(measured(made, people(0, 11))).values()} == {pca.NO_VALUES}
    still = Numbers(np.full(100, 3.0))
    constant = people(100, 1, height=still, weight=still, age=still)
    lone = joint(measured(reference.of(constant, SCHEMA, components=True), people(50, 2)))
    assert {m.reason for m in lone.values()} == {pca.NOT_FITTED}
    assert [*few] == [*bare] == [*lone] == [PCA_ERROR, PCA_DROP, PCA_IMPUTED]
    assert joint(measured(made, people(50, 2), DriftPlan(methods=METHODS))) == {}
