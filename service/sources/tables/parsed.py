"""The result of turning a table into typed arrays: the rows that could be used, and the others."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from service.core.rows.label_text import storable
from service.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from service.core.rows.batch import Batch
    from service.core.rows.schema import Schema
    from service.core.rows.take import Reject

NAMES_SHOWN = 30


@dataclass(frozen=True, slots=True)
class Framed:
    """The usable rows in the frame's order; of the `rejected` others the first are in `rejects`."""

    batch: Batch
    rejects: tuple[Reject, ...] = ()
    rejected: int = 0


def unwatched_names(names: Iterable[object], schema: Schema, timestamp: str | None) -> tuple[str, ...]:
    """Return the columns among `names` that are neither watched nor time nor id, sorted, each once."""
    known = {*schema.names, timestamp, schema.identity}
    return tuple(sorted({storable(str(name)) for name in names if name not in known}))


def missing_timestamp(timestamp: str, names: Iterable[object]) -> SourceError:
    """Return the error for data whose columns `names` do not hold the timestamp column."""
    shown = [str(name) for name in names]
    near = difflib.get_close_matches(timestamp, shown, n=1, cutoff=0.0)
    more = f" and {len(shown) - NAMES_SHOWN} more" if len(shown) > NAMES_SHOWN else ""
    hint = f"; the nearest is {near[0]!r}" if near else ""
    return SourceError(
        f"the timestamp column {timestamp!r} is not in the data, which has "
        f"{', '.join(shown[:NAMES_SHOWN]) or 'no columns'}{more}{hint}; "
        "name the column that holds each row's time as the source's timestamp"
    )
