"""Which columns of a table are read, and as what: a message says what is wrong with one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.errors import SourceError
from service.sources.postgres_table.select import literal, quoted
from service.sources.tables.parsed import listed, nearest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from service.sources.http.content import RowShape
    from service.sources.postgres_table.relation import ColumnType, Relation

_WITH_NAN = frozenset({"float4", "float8", "numeric"})


def chosen(
    found: Relation, shape: RowShape, paths: Mapping[str, tuple[str, ...]], optional: str | None
) -> list[tuple[str, str]]:
    """Return the columns of rows and the expressions that give them. Raises SourceError."""
    wanted = dict.fromkeys([*shape.schema.names, shape.schema.identity, shape.timestamp])
    columns = []
    for name in wanted:
        if name is None or (name == optional and name not in found.columns and name not in paths):
            continue
        columns.append((name, _expression(found, name, paths.get(name))))
    return columns


def unwatched(found: Relation, shape: RowShape, paths: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """Return the columns that nothing is read of."""
    read = {
        *shape.schema.names,
        shape.schema.identity,
        shape.timestamp,
        *(path[0] for path in paths.values()),
    }
    return tuple(name for name in found.columns if name not in read)


def named(found: Relation, name: str, what: str) -> ColumnType:
    """Return the type of a column. Raises SourceError, with the nearest names, where there is none."""
    kind = found.columns.get(name)
    if kind is None:
        raise SourceError(
            f"{what}: {found.shown} has no column {name!r}{nearest(name, list(found.columns))}; it has "
            f"{listed(list(found.columns))}"
        )
    return kind


def _expression(found: Relation, name: str, path: tuple[str, ...] | None) -> str:
    column, *inside = path or (name,)
    kind = named(found, column, f"json.{name}" if path else "columns")
    cell = f"tidegauge_table.{quoted(column)}"
    if kind.plain in {"json", "jsonb"}:
        if path is None:
            raise SourceError(
                f"columns: {name!r} is {kind.sql} in {found.shown}, which holds many values; expected "
                f"the path of one in the source, such as json: {{{name}: {name}.KEY}}"
            )
        steps = ", ".join(literal(each) for each in inside)
        value = f"{cell} #> ARRAY[{steps}]::text[]"
        # A line holds one row: json, other than jsonb, keeps its line breaks, which lie between its values.
        return value if kind.plain == "jsonb" else f"(translate(({value})::text, E'\\n\\r', '  '))::json"
    if inside:
        raise SourceError(
            f"json.{name}: {column!r} is {kind.sql} in {found.shown}; expected a column of type jsonb or json"
        )
    if kind.is_nested:
        raise SourceError(
            f"columns: {name!r} is {kind.sql} in {found.shown}, which holds several values; "
            "expected a column of one value"
        )
    # Missing, as in every other table; JSON has no such number.
    return f"nullif({cell}, 'NaN')" if kind.plain in _WITH_NAN else cell
