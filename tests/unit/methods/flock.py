"""Rows whose error depends on their inputs, and what is estimated of them."""

from __future__ import annotations

import numpy as np

from service.core.measurement import Measurement
from service.core.profile import profile
from service.core.reference.reference import Reference
from service.core.rows.batch import Batch, Labels, Numbers
from service.core.rows.schema import Column, Kind, Role, Schema
from service.methods.performance.estimated.estimate import measure_estimates

SCHEMA = Schema(
    (
        Column("size", Kind.NUMERICAL),
        Column("colour", Kind.CATEGORICAL),
        Column("noise", Kind.NUMERICAL),
        Column("guess", Kind.NUMERICAL, Role.PREDICTION),
        Column("truth", Kind.NUMERICAL, Role.TARGET),
    )
)
NAMES = np.array(["blue", "green", "red"])


def flock(
    draw: np.random.Generator, rows: int, *, shift: float = 0.0, red: float = 0.25, worse: float = 1.0
) -> Batch:
    """Draw rows whose error grows with the size and is larger for red, a tenth of them without a label.

    The size is one of -1, 0, 1 and, `shift` apart, in between; `worse` multiplies every error.
    """
    size = np.clip(np.round(draw.normal(shift, 0.8, rows)), -1.0, 1.0)
    shares = [(1.0 - red) / 3.0, (1.0 - red) / 3.0, (1.0 - red) / 3.0, red]
    colour = draw.choice([-1, 0, 1, 2], rows, p=shares)
    guess = draw.normal(10.0, 1.0, rows)
    spread = worse * (2.0 + size + 3.0 * (colour == 2))
    truth = guess + draw.normal(size=rows) * spread
    columns = {"size": size, "noise": draw.normal(size=rows), "guess": guess}
    columns["truth"] = np.where(draw.uniform(size=rows) < 0.1, np.nan, truth)
    numbers = {name: Numbers(values) for name, values in columns.items()}
    return Batch(rows, np.arange(rows, dtype=np.int64), {**numbers, "colour": Labels(colour, NAMES)})


def estimates(reference: Reference, window: Batch, **thresholds: float) -> dict[str, Measurement]:
    """Measure the estimates of a window by metric."""
    current = profile.of(window, SCHEMA, reference.spec)
    found = measure_estimates(reference.profile, current, SCHEMA.task, reference.estimator, thresholds)
    return {m.series.metric: m for m in found}
