"""The rules that are compared: each says of windows of a reference which ones alarm."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from service.core.blocks import sums
from service.core.blocks.plan import DAYS
from service.core.blocks.reference import ReferenceBlocks, fit
from service.core.profile import columns as profiles
from service.core.profile.distribution import Distribution
from service.core.rows.batch import Batch, Numbers
from service.core.rows.schema import Column, Kind, Schema
from service.methods.block_test import model as block_model
from service.methods.block_test.model import BlockModel
from service.methods.block_test.verdict import judge
from service.methods.drift.columns import DriftPlan
from service.methods.drift.registry import METHODS, compute, default_method, drifted
from service.methods.stats.unmeasurable import Unmeasurable
from tests.benchmarks.resampled_thresholds.calibration import calibrate

RATE = 0.01
CHUNKS = 10  # of a reference, by which NannyML-like thresholds are found
DEVIATIONS = 3.0
THREE = DriftPlan(("wasserstein:robust", "ks", "psi:robust"))
BY_NAME = {method.full_name: method for method in METHODS.values()}

Alarms = Callable[[Batch], bool]


def block_test(reference: Batch) -> Alarms:
    """Return the service's own rule: the block test."""
    made, model = fitted(reference)
    return lambda window: bool(alarming(made, model, window))


def fitted(reference: Batch) -> tuple[ReferenceBlocks, BlockModel]:
    """Fit the block test to a reference."""
    made = fit(reference, list(reference.columns), DAYS)
    return made, block_model.fit(made)


def alarming(made: ReferenceBlocks, model: BlockModel, window: Batch) -> list[str]:
    """Return the columns that the block test alarms on."""
    found = judge(model, sums.of(window, made.spec))
    return [name for name, verdict in found.items() if verdict.p <= RATE]


def evidently(reference: Batch) -> Alarms:
    """Return Evidently's default methods at its default thresholds: any column."""
    known = distributions(reference)

    def alarms(window: Batch) -> bool:
        for name, now in distributions(window).items():
            kind = kind_of(reference, name)
            method = default_method(known[name], now, kind)
            if _beyond(method.full_name, kind, known[name], now, method.threshold):
                return True
        return False

    return alarms


def chunk_thresholds(reference: Batch, rows: int) -> Alarms:
    """Return NannyML's rule: Jensen-Shannon beyond mean + 3 deviations of the reference's own chunks."""
    known = distributions(reference)
    method = BY_NAME["jensenshannon:robust"]
    size = min(rows, reference.rows // 2)
    count = min(max(reference.rows // size, 2), CHUNKS * 10)
    own: dict[str, list[float]] = {name: [] for name in known}
    for i in range(count):
        for name, now in distributions(reference.take(slice(i * size, (i + 1) * size))).items():
            own[name].append(_value(method.full_name, kind_of(reference, name), known[name], now))
    limits = {name: np.nanmean(each) + DEVIATIONS * np.nanstd(each) for name, each in own.items()}

    def alarms(window: Batch) -> bool:
        return any(
            _value(method.full_name, kind_of(reference, name), known[name], now) > limits[name]
            for name, now in distributions(window).items()
        )

    return alarms


def resampled(reference: Batch, rows: int) -> Alarms:
    """Return the earlier calibration: thresholds of windows drawn from the reference, three methods."""
    columns = resampled_columns(reference, rows)
    return lambda window: bool(columns(window))


def resampled_columns(reference: Batch, rows: int) -> Callable[[Batch], list[str]]:
    """Return what names the columns that the earlier calibration alarms on, of windows of `rows` rows."""
    schema = Schema(tuple(Column(name, kind_of(reference, name)) for name in reference.columns))
    made = calibrate(reference, schema, THREE, rows=rows, rate=RATE, seed=1)
    known = distributions(reference)

    def columns(window: Batch) -> list[str]:
        now = distributions(window)
        beyond = {
            name
            for (name, method), threshold in made.thresholds.items()
            if _beyond(method, kind_of(reference, name), known[name], now[name], threshold)
        }
        return sorted(beyond)

    return columns


def distributions(batch: Batch) -> dict[str, Distribution]:
    """Count every column."""
    return {
        name: profiles.of_column(batch, Column(name, kind_of(batch, name))).distribution
        for name in batch.columns
    }


def kind_of(batch: Batch, name: str) -> Kind:
    """Return the kind of a column by what it holds."""
    return Kind.NUMERICAL if isinstance(batch.columns[name], Numbers) else Kind.CATEGORICAL


def _value(method: str, kind: Kind, before: Distribution, now: Distribution) -> float:
    try:
        return compute(BY_NAME[method], kind, before, now)
    except (Unmeasurable, ValueError, ArithmeticError):
        return float("nan")


def _beyond(method: str, kind: Kind, before: Distribution, now: Distribution, threshold: float) -> bool:
    value = _value(method, kind, before, now)
    return bool(np.isfinite(value)) and drifted(BY_NAME[method], value, threshold)


def parts(batch: Batch, shares: Sequence[float]) -> list[Batch]:
    """Return the first rows of a stretch, in these shares."""
    return [batch.take(slice(0, max(round(share * batch.rows), 1))) for share in shares]
