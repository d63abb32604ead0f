"""Concept drift: the target becomes another function of columns that stay as they were."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from pydantic import Field, model_validator

from simulator.changes.cells import deviation, is_number, numbers, with_numbers
from simulator.changes.span import Growing
from simulator.changes.stream import MisfitError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from simulator.changes.stream import Stream

AMOUNTS = ("shift", "deviations", "scale", "errors", "flip")
CONDITIONS = ("above", "below", "labels")
MAX_CLASSES = 100


class Concept(Growing):
    """How the target changes, by one amount, and for which rows.

    - `shift`: added to the target.
    - `deviations`: added to the target, in its own standard deviations.
    - `scale`: multiplies the target.
    - `errors`: multiplies target minus prediction.
    - `flip`: the share of rows whose target becomes another of its values.
    - `by`: the column that decides which rows change; without it every row does. With neither of the
      conditions below, the change is in proportion to how many standard deviations a row lies from the
      column's mean (`shift` and `deviations` only).
    - `above`, `below`: rows whose `by` is above or below a number; with both, between the two, or outside
      them where `above` is the greater.
    - `labels`: rows whose `by` is one of these.
    """

    by: str | None = None
    above: float | None = None
    below: float | None = None
    labels: tuple[str | int | float, ...] | None = Field(default=None, min_length=1)
    shift: float | None = None
    deviations: float | None = None
    scale: float | None = None
    errors: float | None = Field(default=None, ge=0)
    flip: float | None = Field(default=None, gt=0, le=1)

    @model_validator(mode="after")
    def _agrees(self) -> Concept:
        amounts = [key for key in AMOUNTS if getattr(self, key) is not None]
        if len(amounts) != 1:
            raise ValueError(
                f"expected exactly one of {', '.join(AMOUNTS)}, got {' and '.join(amounts) or 'none'}"
            )
        conditions = [key for key in CONDITIONS if getattr(self, key) is not None]
        if conditions and self.by is None:
            raise ValueError(f"{conditions[0]}: expected the key by, the column that it applies to")
        if "labels" in conditions and len(conditions) > 1:
            raise ValueError("labels: expected either labels or above and below, not both")
        if self.by is not None and not conditions and amounts[0] not in {"shift", "deviations"}:
            raise ValueError(
                f"{amounts[0]}: expected above, below or labels with by; a slope needs shift or deviations"
            )
        return self


def concept(stream: Stream, options: Concept, random: np.random.Generator) -> Stream:
    """Change the target of the span's rows: gradually over `over` where that is given, else at once."""
    target = stream.columns.target
    if target is None:
        raise MisfitError("", "needs the target; name its column under the key target")
    first, stop = options.bounds(stream)
    inside = (stream.times >= first) & (stream.times < stop)
    weights = _weights(stream, options) * inside
    places = np.flatnonzero(weights)
    strength = np.ones(len(places)) if options.over is None else options.strength(stream, places)
    weights = weights[places] * strength
    if options.flip is not None:
        return _flipped(stream, target, places[random.random(len(places)) < options.flip * weights], random)
    values = numbers(stream, target, key="")
    changed = values[places] + weights * _amount(stream, options, values)[places]
    return with_numbers(stream, target, places, changed)


def _weights(stream: Stream, options: Concept) -> NDArray[np.float64]:
    # The part of the change that each row gets: 0 or 1 by a condition, any number by a slope.
    if options.by is None:
        return np.ones(len(stream.times))
    if options.labels is not None:
        column = stream.rows[options.by]
        if not is_number(column.dtype):
            column = column.astype(object)
        wanted = options.labels if is_number(column.dtype) else [str(label) for label in options.labels]
        among = column.isin(wanted).to_numpy(dtype=np.bool_)
        if not among.any():
            raise MisfitError("labels", f"{options.by!r} holds none of {', '.join(map(str, options.labels))}")
        return np.where(among, 1.0, 0.0)
    values = numbers(stream, options.by, key="by")
    if options.above is None and options.below is None:
        scale = deviation(values)
        finite = np.isfinite(values)
        if not scale:
            raise MisfitError("by", f"{options.by!r} is constant; expected a column that varies")
        return np.where(finite, (values - values[finite].mean()) / scale, 0.0)
    over = values > (-np.inf if options.above is None else options.above)
    under = values < (np.inf if options.below is None else options.below)
    outer = options.above is not None and options.below is not None and options.above >= options.below
    return np.where((over | under) if outer else (over & under), 1.0, 0.0)


def _amount(stream: Stream, options: Concept, target: NDArray[np.float64]) -> NDArray[np.float64]:
    # What the whole change adds to each row's target.
    if options.scale is not None:
        return target * (options.scale - 1.0)
    if options.errors is not None:
        prediction = stream.columns.prediction
        if prediction is None:
            raise MisfitError("errors", "needs the prediction; name its column under the key prediction")
        return (target - numbers(stream, prediction, key="errors")) * (options.errors - 1.0)
    by = (options.deviations or 0.0) * deviation(target) if options.shift is None else options.shift
    return np.full(len(target), by)


def _flipped(stream: Stream, target: str, places: NDArray[np.intp], random: np.random.Generator) -> Stream:
    column = stream.rows[target]
    codes, classes = pd.factorize(column, sort=True)
    if len(classes) < 2:  # noqa: PLR2004 - with one class there is no other
        raise MisfitError("flip", f"{target!r} has fewer than two values; expected classes")
    if is_number(column.dtype) and len(classes) > MAX_CLASSES:
        raise MisfitError(
            "flip", f"{target!r} has {len(classes)} values; expected classes, use shift or scale"
        )
    places = places[codes[places] >= 0]
    further = random.integers(1, len(classes), size=len(places))
    changed = column.copy()
    changed.iloc[places] = classes[(codes[places] + further) % len(classes)]
    return stream.with_column(target, changed)
