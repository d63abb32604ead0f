"""The names by which measurements are asked for: which exist, and what to say of one that does not."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING

from service.core.measurement import Aspect

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from service.core.read_models import SeriesFilter, StoredSeries

MAX_LISTED = 30
# What every monitor's cycles measure of themselves: the metrics of the view `cycle_metrics`.
CYCLE_METRICS = (
    "cycle_ms",
    "cycle_rows",
    "rows_per_second",
    "database_round_trip_ms",
    "skipped_cycles",
    "failed_cycles",
    "rejected_rows",
    "lag_seconds",
    "progress_share",
    "backlog_rows",
    "repeated_rows",
    "waiting_events",
    "unpaired_events",
)
EVENT_KINDS = (
    "breach",
    "recovery",
    "schema_change",
    "change_point",
    "detector_waiting",
    "labels_unmatched",
    "rows_lost",
    "file_refused",
    "file_replaced",
    "ended",
    "reset",
    "removed",
    "renamed",
)


@dataclass(frozen=True, slots=True)
class DeclaredNames:
    """The names of what a monitor's file makes it measure, whether or not a window was measured yet."""

    columns: frozenset[str] = frozenset()
    metrics: frozenset[str] = frozenset()
    definitions: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class KnownNames:
    """The names by which measurements can be asked for.

    - `columns`: those that are watched or were measured
    - `metrics`: of windows and of cycles
    - `definitions`: whose definition a metric follows
    - `segments`: those measured so far; None where nothing was, so that any may follow
    """

    columns: frozenset[str]
    metrics: frozenset[str]
    definitions: frozenset[str]
    segments: frozenset[str] | None


def known_names(stored: Iterable[StoredSeries], declared: Iterable[DeclaredNames]) -> KnownNames:
    """Return the names of the series that were stored and of those that monitor files declare."""
    series, files = list(stored), list(declared)
    return KnownNames(
        frozenset({each.column_name for each in series}.union(*(each.columns for each in files)) - {""}),
        frozenset({each.metric for each in series}.union(CYCLE_METRICS, *(each.metrics for each in files))),
        frozenset({each.definition for each in series}.union(*(each.definitions for each in files)) - {""}),
        frozenset({each.segment for each in series} - {""}) if series else None,
    )


def unknown_name(wanted: SeriesFilter, known: KnownNames) -> str | None:
    """Return what to say of the first name in a filter that does not exist; None where all do.

    The empty column, segment and definition are those of whole windows.
    """
    asked: Sequence[tuple[str, str | None, Collection[str] | None]] = (
        ("aspect", wanted.aspect, [aspect.value for aspect in Aspect]),
        ("column", wanted.column, known.columns),
        ("segment", wanted.segment, known.segments),
        ("metric", wanted.metric, known.metrics),
        ("definition", wanted.definition, known.definitions),
    )
    for what, name, names in asked:
        if name and names is not None and name not in names:
            who = f"{wanted.monitor} has no" if wanted.monitor else "no monitor has the"
            return f"{who} {what} {name!r}{advice(name, names)}"
    return None


def advice(name: str, names: Collection[str]) -> str:
    """Return the end of a message on an unknown name: the nearest one, and those that there are."""
    if not names:
        return "; there is none"
    near = get_close_matches(name, names, n=1)
    nearest = f"; the nearest is {near[0]!r}" if near else ""
    listed = sorted(names)[:MAX_LISTED]
    more = f" and {len(names) - MAX_LISTED} more" if len(names) > MAX_LISTED else ""
    return f"{nearest}; there are: {', '.join(listed)}{more}"
