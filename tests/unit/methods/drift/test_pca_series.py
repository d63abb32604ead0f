"""The series of the reconstruction error: units, limits, bands, and scores of drawn windows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from service.core.measurement import Measurement, Worse
from service.core.profile import pca_reconstruction, profile
from service.core.profile.part import NOT_KEPT
from service.core.profile.profile import Profile
from service.core.reference import reference
from service.core.rows.batch import Batch, Numbers
from service.core.rows.schema import Column, Kind, Schema
from service.methods.drift import pca
from service.methods.drift.columns import DriftPlan
from service.methods.drift.pca import PCA_DROP, PCA_ERROR, PCA_IMPUTED, measure_multivariate

SCHEMA = Schema(tuple(Column(name, Kind.NUMERICAL) for name in ("height", "weight", "age")))
PLAN = DriftPlan(multivariate=("pca",))


def people(rows: int, seed: int, *, gone: int = 0, lacking: int = 0) -> Batch:
    """Draw rows, the first `gone` without any value and the last `lacking` without a height."""
    random = np.random.default_rng(seed)
    height = random.normal(170.0, 10.0, rows)
    columns = {"height": height, "weight": height * 0.5 + random.normal(0.0, 4.0, rows)}
    columns["age"] = random.uniform(20.0, 80.0, rows)
    for values in columns.values():
        values[:gone] = np.nan
    columns["height"][rows - lacking :] = np.nan
    cells = {name: Numbers(values) for name, values in columns.items()}
    return Batch(rows, np.arange(rows, dtype=np.int64), cells)


MADE = reference.of(people(400, 1, lacking=40), SCHEMA, components=True)


def measured(
    current: Profile | Batch, plan: DriftPlan = PLAN, before: Profile = MADE.profile
) -> dict[str, Measurement]:
    now = current if isinstance(current, Profile) else profile.of(current, SCHEMA, MADE.spec)
    return {m.series.metric: m for m in measure_multivariate(before, now, plan, MADE.spec.components)}


def test_each_series_has_its_unit_and_its_reference():
    """Distances in standard deviations that get worse upwards, and a share of rows."""
    found = measured(people(100, 2, lacking=25))
    assert {name: (m.series.unit, m.series.worse) for name, m in found.items()} == {
        PCA_ERROR: ("standard deviations", Worse.HIGHER),
        PCA_DROP: ("standard deviations", Worse.HIGHER),
        PCA_IMPUTED: ("share", Worse.HIGHER),
    }
    assert (found[PCA_IMPUTED].value, found[PCA_IMPUTED].reference) == (0.25, 0.1)
    assert (found[PCA_IMPUTED].threshold, found[PCA_DROP].reference) == (None, 0.0)
    assert found[PCA_ERROR].reference is not None
    assert found[PCA_DROP].value == pytest.approx(found[PCA_ERROR].reference - (found[PCA_ERROR].value or 0))


def test_the_bands_of_error_and_drop_mirror_each_other():
    """What the error may be above its value the drop may be below; a single row has no band."""
    found = measured(people(100, 2))
    error, drop = found[PCA_ERROR], found[PCA_DROP]
    assert error.reference is not None
    assert error.low is not None
    assert error.high is not None
    assert error.low < (error.value or 0.0) < error.high
    assert (drop.low, drop.high) == (error.reference - error.high, error.reference - error.low)
    one = measured(people(1, 3))
    assert {(m.low, m.high) for name, m in one.items() if name != PCA_IMPUTED} == {(None, None)}
    assert one[PCA_ERROR].value is not None


def test_a_value_at_a_named_limit_is_a_breach():
    """Where alarms have a rate, it is a second opinion: no rate is promised of it."""
    value = measured(people(100, 2))[PCA_ERROR].value
    assert value is not None
    named = replace(PLAN, thresholds={PCA_ERROR: value, PCA_DROP: 5.0})
    found = measured(people(100, 2), named)
    assert (found[PCA_ERROR].threshold, found[PCA_ERROR].breached) == (value, True)
    assert found[PCA_ERROR].decides
    rated = measured(people(100, 2), replace(named, false_alarm_rate=0.01))
    assert [rated[metric].decides for metric in pca.TESTS] == [False, False]


def test_a_size_whose_windows_do_not_differ_sets_no_limit():
    """The spread is interpolated between the sizes that have one; without any there is no default limit."""
    components = MADE.spec.components
    assert components is not None
    known = replace(components, spread=((10, 0.0), (100, 4.0), (10_000, 1.0)))
    assert pca._deviation(known, 10) == pytest.approx(4.0)
    assert pca._deviation(known, 1_000) == pytest.approx(2.0)
    assert pca._deviation(known, 0) is None
    assert pca._deviation(replace(components, spread=((10, 0.0),)), 10) is None


def test_what_one_side_does_not_keep_is_not_measured():
    """Panes of an earlier version, on either side; and a reference without rows was never fitted."""
    now = profile.of(people(50, 2), SCHEMA, MADE.spec)
    bare = replace(now, parts={k: v for k, v in now.parts.items() if k != pca_reconstruction.PART.name})
    for found in (measured(bare), measured(now, before=bare)):
        assert [(m.value, m.reason, m.rows) for m in found.values()] == [(None, NOT_KEPT, 50)] * 3
    nothing = profile.empty(SCHEMA, MADE.spec)
    found = measured(now, before=nothing)
    assert [(m.value, m.reason, m.rows) for m in found.values()] == [(None, pca.NOT_FITTED, 50)] * 3
