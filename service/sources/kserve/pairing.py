"""Pair requests and responses by their ids, in any order, and make rows of each pair."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from service.core.rows.take import Reject
from service.sources.kserve.columns import Side

if TYPE_CHECKING:
    from collections.abc import Iterable

    from service.core.rows.batch import Arrival, Batch
    from service.core.rows.schema import Schema
    from service.sources.kserve.half import Half


@dataclass(slots=True)
class Matching:
    """What became of some halves.

    - `pairs`: request and response, in the order in which they became complete
    - `waiting`: those that wait for their other halves, by id
    - `dropped`: those that wait no longer and make no row; each says why, None where it was said before
    """

    pairs: list[tuple[Half, Half]] = field(default_factory=list)
    waiting: dict[str, Half] = field(default_factory=dict)
    dropped: list[tuple[Half, str | None]] = field(default_factory=list)

    def give_up(self, before: int) -> int:
        """Drop those that came before an instant (UTC microseconds) and wait still; return how many."""
        late = [half for half in self.waiting.values() if half.received < before]
        for half in late:
            del self.waiting[half.id]
            reason = None if half.fault is not None else f"{half.side} without {half.side.other}"
            self.dropped.append((half, reason))
        return len(late)


def matched(halves: Iterable[Half]) -> Matching:
    """Return the pairs among halves, those that waited before first, and the halves that are left."""
    found = Matching()
    for half in halves:
        other = found.waiting.get(half.id)
        if other is None:
            found.waiting[half.id] = half
        elif other.side is half.side:
            found.dropped.append((half, f"another {half.side} of the same id still waits"))
        else:
            del found.waiting[half.id]
            _complete(found, *((half, other) if half.side is Side.REQUEST else (other, half)))
    return found


def _complete(found: Matching, request: Half, response: Half) -> None:
    if request.fault is None and response.fault is None:
        found.pairs.append((request, response))
        return
    for half, other in ((request, response), (response, request)):
        reason = None if half.fault is not None else f"its {other.side} cannot be used: {other.fault}"
        found.dropped.append((half, reason))


def rows_of(request: Batch, response: Batch, schema: Schema) -> Batch | str:
    """Return the rows of an inference, else why there are none; their times are the request's."""
    if request.rows != response.rows:
        return f"the request has {request.rows} rows, and its response {response.rows}"
    both = request.columns.keys() & response.columns.keys()
    if both:
        return (
            f"both the request and its response have {min(both)!r}; expected one of them, or other names by "
            "`features` or `outputs` of the source"
        )
    columns = {**request.columns, **response.columns}
    if not columns:
        names = sorted({*(request.arrival.unwatched or ()), *(response.arrival.unwatched or ())})
        return (
            f"none of its columns is watched: it has {', '.join(names[:5])}; expected {schema.names[0]} or "
            "another column of the monitor"
        )
    return replace(request, columns=columns, arrival=_arrival(request.arrival, response.arrival))


def _arrival(request: Arrival, response: Arrival) -> Arrival:
    identity = request.identity if response.identity is None else response.identity
    return replace(
        request,
        unwatched=tuple(sorted({*(request.unwatched or ()), *(response.unwatched or ())})),
        identity=identity,
        check=request.check if response.identity is None else response.check,
        misfits=(*request.misfits, *response.misfits),
        example_id=request.example_id if response.identity is None else response.example_id,
        remarks=(*request.remarks, *response.remarks),
    )


def reject_of(half: Half, reason: str) -> Reject:
    """Return how a half that makes no row is kept."""
    return Reject({"id": half.id, "event": half.side.value}, reason)
