"""Season-matched tests keep their level where rows differ by hour and nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from service.core.profile import distribution
from service.core.reference.seasonal import seasonal
from service.core.rows.batch import Batch, Labels, Numbers
from service.core.rows.schema import Column, Kind, Schema
from service.core.season.season import HOUR, Season, SeasonKind
from service.methods.drift.method import Method
from service.methods.drift.registry import ALL, compute_matched

SCHEMA = Schema((Column("size", Kind.NUMERICAL), Column("colour", Kind.CATEGORICAL)))
TRIALS = 300
TESTS = [
    (method, kind)
    for method in ALL
    if method.matched and method.unit == "p-value" and method.name != "anderson"  # whose p-values end at 0.25
    for kind in sorted(method.kinds - method.by_choice)
]


def drawn(random: np.random.Generator, hours: np.ndarray, strength: float) -> Batch:
    """Draw rows of these hours; both columns follow the hour by `strength`."""
    count = len(hours)
    codes = (random.random(count) < 0.5 + strength * (hours - 12) / 30).astype(np.int64)
    size = strength * hours + random.normal(size=count)
    return Batch(
        count, hours * HOUR, {"size": Numbers(size), "colour": Labels(codes, np.array(["blue", "red"]))}
    )


@pytest.mark.slow
@pytest.mark.parametrize("strength", [0.0, 0.3])
@pytest.mark.parametrize(("method", "kind"), TESTS, ids=lambda value: getattr(value, "full_name", str(value)))
def test_p_values_are_not_too_small(method: Method, kind: Kind, strength: float) -> None:
    """Of windows with other hours than the reference and no drift at most a twentieth is below 0.05."""
    random = np.random.default_rng(7)
    season = Season(SeasonKind.HOUR)
    low = 0
    for _ in range(TRIALS):
        made = seasonal.of(drawn(random, random.integers(0, 24, 1_500), strength), SCHEMA, season)
        window = drawn(random, random.integers(6, 20, 300) // 2, strength)
        mix = np.bincount(season.cells(window.event_time), minlength=24).tolist()
        column = window.columns["size" if kind is Kind.NUMERICAL else "colour"]
        if isinstance(column, Labels):
            reference, now = (
                made.columns["colour"].matched(mix),
                distribution.of_codes(column.codes, column.labels),
            )
        else:
            assert isinstance(column, Numbers)
            reference, now = made.columns["size"].matched(mix), distribution.of_numbers(column.values)
        low += compute_matched(method, kind, reference, now) < 0.05
    # Three standard errors above what was asked for.
    assert low / TRIALS <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / TRIALS)
