"""A monitor with prepared answers for two months: windows, values, distributions."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from service.core.paging import PageRequest
from service.core.profile import profile
from service.core.read_models import (
    ColumnDistribution,
    DistributionBin,
    MeasuredWindow,
    NewestWindow,
    SeriesFilter,
    StoredMeasurement,
    StoredValue,
)
from service.core.reference import bins
from service.core.rows.batch import Batch, Numbers
from service.core.rows.schema import Column, Kind, Schema
from service.status.monitor_state import MonitorState
from service.status.window_page import MeasurementFilter, WindowPage, window_page
from tests.browser.test_states import Door
from tests.unit.status.values import window_value

DAYS = 60
START = datetime(2013, 3, 1, tzinfo=UTC)
TEMP = window_value(
    "drift", "wasserstein", 1 / 3, column_name="temp", definition="evidently", threshold=0.2, breached=True,
    severity=1.7, reference=0.05,
)  # fmt: skip
MAE = window_value("performance", "mae", 12.25, unit="minutes", threshold=12.0, breached=True, severity=1.02)
SERIES = "s=drift~temp~~wasserstein~evidently"


class Year(Door):
    """A monitor with a window per day, whose values wander out of the reference."""

    def __init__(self, name: str = "shop", *values: Any, **more: Any) -> None:
        super().__init__(name, *(values or (TEMP, MAE)), **more)
        self.asked: list[tuple[str, Any]] = []
        self.again: dict[int, float] = {}  # by day, values measured again

    @asynccontextmanager
    async def open(self) -> AsyncIterator[str]:
        async def read(_: str) -> tuple[MonitorState, NewestWindow]:
            return await self.state(""), await self.latest_window("")

        broadcasting = asyncio.create_task(self.broadcaster.broadcast(read))
        async with super().open() as url:
            yield url
        broadcasting.cancel()

    def window(self, day: int) -> MeasuredWindow:
        end = START + timedelta(days=day)
        # The newest was computed first, but for those that were measured again.
        late = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(
            minutes=(DAYS if day in self.again else 0) + DAYS - day
        )
        return MeasuredWindow(
            window_start=end - timedelta(days=7), window_end=end, revision=1, rows=900 + day, computed_at=late
        )

    async def window_page(self, _: str, wanted: MeasurementFilter, request: PageRequest) -> WindowPage:
        return window_page(await self.latest_window(""), wanted, request)

    async def measurements(
        self,
        wanted: SeriesFilter,
        *,
        axis: str = "window_end",
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 1_000,
    ) -> list[StoredMeasurement]:
        self.asked.append((axis, (since, until)))
        found = []
        for day in range(DAYS):
            window = self.window(day)
            names = [field.name for field in fields(StoredValue)]
            for value in self.values:
                if (value.metric, value.column_name) == (wanted.metric, wanted.column):
                    wandered = None if value.value is None else value.value * (1 + math.sin(day / 9) / 2)
                    wandered = self.again.get(day, wandered)
                    held = replace(value, value=wandered, rows=window.rows, breached=day > 40)
                    found.append(
                        StoredMeasurement(
                            monitor=self.name, window_start=window.window_start, window_end=window.window_end,
                            computed_at=window.computed_at, revision=1,
                            **{name: getattr(held, name) for name in names},
                        )
                    )  # fmt: skip
        at = "window_end" if axis == "window_end" else "computed_at"
        ranged = [
            row for row in found
            if (since is None or getattr(row, at) >= since) and (until is None or getattr(row, at) <= until)
        ]  # fmt: skip
        return sorted(ranged, key=lambda row: row.window_end)[-limit:]

    async def unknown_name(self, _: SeriesFilter) -> str | None:
        """Know every name: what was not measured in a range is an empty list."""
        return None

    async def distribution(
        self, _: str, column: str, window_end: datetime | None = None, against: datetime | None = None
    ) -> ColumnDistribution:
        day = DAYS - 1 if window_end is None else (window_end - START).days
        other = None if against is None else (against - START).days
        reason = None
        if other is not None and not 0 <= other < DAYS:
            other, reason = None, "no window with values of this column ends then"
        return ColumnDistribution(
            column_name=column,
            window=self.window(day),
            bins=drawn(day, other),
            against=None if other is None else self.window(other),
            against_reason=reason,
        )


TEMPERATURE = Schema((Column("temp", Kind.NUMERICAL),))


def temperatures(mean: float) -> profile.Profile:
    values = np.random.default_rng(7).normal(mean, 8.0, 2_000).round(1)
    return profile.of(
        Batch(len(values), np.zeros(len(values), np.int64), {"temp": Numbers(values)}), TEMPERATURE
    )


WINTER = bins.of_reference(temperatures(35.0), TEMPERATURE)


def drawn(day: int, other: int | None) -> list[DistributionBin]:
    """Give the bins as the store does, in Python: the reference's, and those above that a window needs."""
    days = [day] if other is None else [day, other]
    counted = [bins.counted(WINTER, temperatures(35.0 + day))[0] for day in days]
    reach = max(one.reach.above for one in counted)
    fixed, edges = WINTER[0], WINTER[0].further.above

    def cut(counts: tuple[int, ...], tail: Any) -> list[float]:
        further = dict(zip(tail.places, tail.counts, strict=True))
        shown = [further.get(place, 0) for place in range(1, reach + 1)]
        return [count / 2_000 for count in (*counts[:-2], *shown, counts[-2] - sum(shown), counts[-1])]

    further = [(f"{edges[k]:g} to {edges[k + 1]:g}", edges[k], edges[k + 1]) for k in range(reach)]
    last = (f"{edges[reach]:g} and above" if reach else fixed.labels[-2], edges[reach], None)
    ends = [
        *zip(fixed.labels[:-2], fixed.low, fixed.high, strict=False),
        *further,
        last,
        (bins.MISSING, None, None),
    ]
    shares = [cut(one.counts, one.tail) for one in counted]
    return [
        DistributionBin(
            label=label, low=low, high=high, share=shares[0][place],
            reference_share=cut(fixed.counts, fixed.tail)[place],
            against_share=None if other is None else shares[1][place],
            further=(label, low, high) in further,
        )
        for place, (label, low, high) in enumerate(ends)
    ]  # fmt: skip
