"""Labelled rows and their losses by day: what limits of the reference's own and tolerances are judged by.

Rows of one day share its weather, its campaign, its outage, so how far a window may lie from the reference
depends on how many days it has, not only on its rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from service.core.exact.grouped_sums import limbs_of, sums_by_group
from service.core.profile.outcome.row_losses import row_losses
from service.core.profile.part import Part
from service.core.profile.stored_arrays import sums_form, sums_of
from service.core.time_units import SECOND

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from service.core.profile.spec.spec import ProfileSpec
    from service.core.profile.stored_arrays import ArrayReader, ArrayWriter, Json
    from service.core.rows.batch import Batch
    from service.core.rows.schema import Schema
    from service.core.season.season import Season

    # By day since 1970: for each loss of the task its rows, and its exact sum in units of 2**-1074.
    Days = Mapping[int, tuple[int, ...]]

DAY = 86_400 * SECOND  # microseconds


def day_of(event_time: NDArray[np.int64], season: Season | None = None) -> NDArray[np.int64]:
    """Return the day of each instant (UTC microseconds, shape (n,)), counted from 1970-01-01.

    A local day of the season's time zone, of UTC without one.
    """
    return np.floor_divide(event_time, DAY) if season is None else season.days(event_time)


def last_over(instant: int, season: Season | None = None) -> int:
    """Return the last day that is over at an instant (UTC microseconds)."""
    return int(day_of(np.array([instant], dtype=np.int64), season)[0]) - 1


def of_rows(batch: Batch, schema: Schema, season: Season | None = None) -> Days:
    """Return the losses of a batch's rows by day; days without a labelled row are absent."""
    losses = row_losses(batch, schema)
    known = ~np.isnan(losses)
    held = known.any(axis=0)
    if not held.any():
        return {}
    days, groups = np.unique(day_of(batch.event_time[held], season), return_inverse=True)
    size = len(days)
    columns: list[Sequence[int]] = []
    for loss, mark in zip(losses[:, held], known[:, held], strict=True):
        columns += [
            np.bincount(groups[mark], minlength=size).tolist(),
            sums_by_group(limbs_of(loss[mark]), groups[mark], size),
        ]
    return dict(zip(days.tolist(), zip(*columns, strict=True), strict=True))


def merged(sides: Iterable[Days]) -> Days:
    """Return the losses of the rows of all `sides`, in the days' order."""
    total: dict[int, tuple[int, ...]] = {}
    for side in sides:
        for day, counts in side.items():
            known = total.get(day)
            total[day] = counts if known is None else tuple(map(sum, zip(known, counts, strict=True)))
    return dict(sorted(total.items()))


def _of(batch: Batch, schema: Schema, spec: ProfileSpec, _: int) -> Days:
    return of_rows(batch, schema, spec.season)


def _late(labelled: Batch, _: Batch, schema: Schema, spec: ProfileSpec, __: int) -> Days:
    return of_rows(labelled, schema, spec.season)  # the same rows without their labels have no losses


def _encode(days: Days, _: ArrayWriter) -> Json:
    return [[day, *sums_form(counts)] for day, counts in days.items()]


def _decode(form: Json, _: ArrayReader) -> Days:
    return {day: sums_of(counts) for day, *counts in form}


PART: Part[Days] = Part(
    "outcome_days", lambda _, __: {}, _of, lambda sides, _: merged(sides), _encode, _decode, late=_late
)
