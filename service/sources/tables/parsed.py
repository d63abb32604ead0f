"""What a table gives: typed rows, those that could not be used, and what is wrong with its columns' names."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from service.core.rows.label_text import composed_name, storable
from service.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from service.core.rows.batch import Batch
    from service.core.rows.schema import Schema
    from service.core.rows.take import Reject

NAMES_SHOWN = 30


@dataclass(frozen=True, slots=True)
class Framed:
    """The usable rows in the table's order; of the `rejected` others the first are in `rejects`."""

    batch: Batch
    rejects: tuple[Reject, ...] = ()
    rejected: int = 0


def composed_names(names: Iterable[Any]) -> list[Any]:
    """Return a table's column names in Unicode's composed form, in which the watched ones are written."""
    return [composed_name(name) if isinstance(name, str) else name for name in names]


def unwatched_names(names: Iterable[object], schema: Schema, timestamp: str | None) -> tuple[str, ...]:
    """Return the columns among `names` that are neither watched nor time nor id, sorted, each once."""
    known = {*schema.names, timestamp, schema.identity}
    return tuple(sorted({storable(str(name)) for name in names if name not in known}))


def check_names(names: Sequence[object], schema: Schema, timestamp: str | None) -> None:
    """Raise SourceError where the timestamp column is not among `names`, or a watched one is twice."""
    if timestamp is not None and timestamp not in names:
        raise missing_timestamp(timestamp, names)
    for name in (*schema.names, timestamp, schema.identity):
        if name is None:
            continue
        places = [str(place) for place, held in enumerate(names, start=1) if held == name]
        if len(places) > 1:
            raise SourceError(
                f"the column {name!r} is in the data more than once (columns {' and '.join(places)}); "
                "expected one column of each name: rename or remove the others"
            )


def refuse_strange(names: Iterable[object], schema: Schema, timestamp: str | None) -> None:
    """Raise SourceError where a table has none of the columns that are looked for: it is another table."""
    held = list(names)
    known = [name for name in (timestamp, schema.identity, *schema.names) if name is not None]
    if not known or not held or set(known) & set(held):
        return
    if len(known) == 1:
        raise SourceError(f"it has no column {known[0]!r}{nearest(known[0], held)}; it has {listed(held)}")
    hint = next((found for name in known if (found := nearest(name, held))), "")
    raise SourceError(
        f"it has none of the expected columns ({listed(known)}); it has {listed(held)}{hint}; "
        + ("is csv: {separator: ...} another sign?" if len(held) == 1 else "is it another table?")
    )


def nearest(name: str, names: Iterable[object]) -> str:
    """Return a hint at the column that was perhaps meant, to end a message with; empty if none is near."""
    shown = [str(held) for held in names]
    alike = [held for held in shown if held.strip().casefold() == name.strip().casefold()]
    near = alike or difflib.get_close_matches(name, shown, n=1, cutoff=0.3)
    if not near:
        return ""
    padded = ", with a space in its name" if near[0] != near[0].strip() else ""
    return f"; the nearest is {near[0]!r}{padded}"


def listed(names: Iterable[object]) -> str:
    """Return the first NAMES_SHOWN of some names, and how many more there are."""
    shown = [str(name) for name in names]
    more = f" and {len(shown) - NAMES_SHOWN} more" if len(shown) > NAMES_SHOWN else ""
    return f"{', '.join(shown[:NAMES_SHOWN]) or 'no columns'}{more}"


def missing_timestamp(timestamp: str, names: Iterable[object]) -> SourceError:
    """Return the error for data whose columns `names` do not hold the timestamp column."""
    shown = [str(name) for name in names]
    hint = nearest(timestamp, shown)
    if any(name[:1].isdigit() for name in shown):
        hint += "; its first line looks like data, and a header line of names is expected"
    return SourceError(
        f"the timestamp column {timestamp!r} is not in the data, which has "
        f"{listed(shown)}{hint}; "
        "name the column that holds each row's time as the source's timestamp"
    )
