"""One page of the newest window's measurements, filtered and searched."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from service.core.paging import page_of

if TYPE_CHECKING:
    from service.core.measurement import Aspect
    from service.core.paging import PageRequest
    from service.core.read_models import MeasuredWindow, NewestMeasurement, NewestWindow

SecondOpinions = Literal["with", "without", "only"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasurementFilter:
    """Which of the newest window's measurements are wanted.

    - `aspect`: of this aspect; None: of all
    - `beyond`: only those beyond their threshold or in alarm
    - `second_opinions`: with those that are beyond their threshold and raise no alarm of their own, without
      them, or only them
    """

    aspect: Aspect | None = None
    beyond: bool = False
    second_opinions: SecondOpinions = "with"


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowPage:
    """A page of the newest window's measurements.

    - `total`: all measurements of the window
    - `matched`: those that the filter and the search leave, over all pages
    - `second_opinions`: of those that match apart from `MeasurementFilter.second_opinions`, how many are one
    """

    window: MeasuredWindow | None
    measurements: list[NewestMeasurement]
    total: int
    matched: int
    second_opinions: int


def window_page(newest: NewestWindow, wanted: MeasurementFilter, request: PageRequest) -> WindowPage:
    """Return one page of a window's measurements, in their order."""
    rows = newest.measurements
    if wanted.aspect is not None:
        rows = [row for row in rows if row.aspect is wanted.aspect]
    if wanted.beyond:
        rows = [row for row in rows if row.breached or row.alarm]
    found = page_of(rows, replace(request, number=1, limit=None), _searched).entries
    seconds = [row for row in found if _is_second_opinion(row)]
    if wanted.second_opinions == "only":
        found = seconds
    elif wanted.second_opinions == "without":
        found = [row for row in found if not _is_second_opinion(row)]
    page = page_of(found, replace(request, search=""), _searched)
    return WindowPage(
        window=newest.window,
        measurements=list(page.entries),
        total=len(newest.measurements),
        matched=page.matched,
        second_opinions=len(seconds),
    )


def _is_second_opinion(row: NewestMeasurement) -> bool:
    return bool(row.breached) and not row.alarm and not row.decides


def _searched(row: NewestMeasurement) -> str:
    # With the metric as it is written in files, and as the page shows it.
    names = (
        row.aspect,
        row.column_name,
        row.segment,
        row.metric,
        row.metric.replace("_", " "),
        row.definition,
    )
    return " ".join(names)
