"""What was seen and found, as lines for people and as one JSON object for programs."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from service.checks.database import described
from service.core.time_units import to_datetime

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from service.checks.database import StoreLook
    from service.checks.look import Finding, MonitorLook, RowsLook

NAMES_SHOWN = 12


def as_lines(looks: Sequence[MonitorLook], store: StoreLook) -> Iterator[str]:
    """Yield what was seen of each monitor, and of the database."""
    for look in looks:
        yield look.monitor.name
        yield from (f"  {part}: {line}" for part, line in _parts(look))
    lines = described(store)
    if lines:
        yield "database"
        yield from (f"  {line}" for line in lines)


def _parts(look: MonitorLook) -> Iterator[tuple[str, str]]:
    if look.source is not None:
        yield "source", _rows(look.source, times=look.monitor.source.has_times)
    elif not look.monitor.source.can_be_peeked:
        yield "source", f"{look.monitor.source.type}: its rows are not there before it runs"
    if look.reference is not None:
        yield "reference", _rows(look.reference, times=False)
    if look.labels is not None:
        labels = look.labels
        text = f"{labels.with_label:,} of {labels.rows:,} rows have a value of {look.monitor.target}"
        if labels.late is not None:
            text += f"; {labels.matched:,} of {labels.late:,} late labels belong to one of them"
        yield "labels", text
    yield from (("performance", line) for line in look.limits)
    unwatched = _unwatched(look)
    if unwatched:
        more = f" and {len(unwatched) - NAMES_SHOWN} more" if len(unwatched) > NAMES_SHOWN else ""
        yield "not watched", f"{', '.join(unwatched[:NAMES_SHOWN])}{more}"
    if look.window is not None:
        cost = look.window
        panes = "1 pane" if cost.panes == 1 else f"{cost.panes:,} panes"
        text = f"{panes} of about {cost.pane_rows:,} rows and {_size(cost.pane_bytes)}"
        yield "window", f"{text}: {_size(cost.window_bytes)} per window"


def _rows(rows: RowsLook, *, times: bool) -> str:
    first = "" if rows.complete else "the first "
    text = f"{first}{rows.batch.rows + rows.rejected:,} rows"
    if rows.span is not None:
        begin, end = (to_datetime(instant).strftime("%Y-%m-%d %H:%M") for instant in rows.span)
        text += f", from {begin} to {end} UTC"
    if times:
        text += f", {rows.readable_times:.1%} with a usable time"
    return text


def _unwatched(look: MonitorLook) -> tuple[str, ...]:
    if look.source is None:
        return ()
    served = set(look.monitor.schema_.names)
    return tuple(name for name in look.source.batch.arrival.unwatched or () if name not in served)


def _size(count: int) -> str:
    for unit, size in (("MB", 1_000_000), ("kB", 1_000)):
        if count >= size:
            return f"{count / size:,.1f} {unit}"
    return f"{count} bytes"


def as_json(looks: Sequence[MonitorLook], store: StoreLook, found: Sequence[Finding]) -> dict[str, Any]:
    """Return everything as a dictionary of plain values."""
    database = None if store.database is None else asdict(store.database)
    embedded = store.embedded
    return {
        "ok": not any(finding.level == "fault" for finding in found),
        "monitors": [_monitor(look) for look in looks],
        "database": database,
        "embedded": None if embedded is None else {"folder": str(embedded.folder), "exists": embedded.exists},
        "faults": [_finding(finding) for finding in found if finding.level == "fault"],
        "notes": [_finding(finding) for finding in found if finding.level == "note"],
    }


def _finding(finding: Finding) -> dict[str, str]:
    return {"where": finding.where, "message": finding.message}


def _monitor(look: MonitorLook) -> dict[str, Any]:
    window = look.window
    return {
        "name": look.monitor.name,
        "source": None if look.source is None else _table(look.source, look.monitor.source.has_times),
        "reference": None if look.reference is None else _table(look.reference, has_times=False),
        "labels": None if look.labels is None else asdict(look.labels),
        "performance": list(look.limits),
        "watched": list(look.monitor.schema_.names),
        "unwatched": list(_unwatched(look)),
        "window": None if window is None else {**asdict(window), "window_bytes": window.window_bytes},
    }


def _table(rows: RowsLook, has_times: bool) -> dict[str, Any]:
    span = None if rows.span is None else [to_datetime(instant).isoformat() for instant in rows.span]
    return {
        "rows": rows.batch.rows + rows.rejected,
        "complete": rows.complete,
        "span": span,
        "usable_times": rows.readable_times if has_times else None,
    }
