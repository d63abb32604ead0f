"""The SQL by which a table's rows are read page by page, each row as a JSON object.

The server writes the objects, so that its types become JSON's as `row_to_json` has it, and numbers keep all
their digits. Values go into the text as literals: a cursor's declaration takes no parameters.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from service.sources.postgres_table.position import Key

CURSOR = "tidegauge_rows"


@dataclass(frozen=True, slots=True)
class Ordering:
    """An expression that rows are ordered by, and the type of its values, both as SQL."""

    expression: str
    type: str


@dataclass(frozen=True, slots=True)
class Selection:
    """What is read.

    - `relation`: the table, or the query in brackets
    - `columns`: the rows' columns: their names and expressions
    - `order`: what rows are ordered by; only values of the first one may be NULL
    - `conditions`: all of which hold
    """

    relation: str
    columns: Sequence[tuple[str, str]]
    order: Sequence[Ordering]
    conditions: Sequence[str]

    @property
    def ordering(self) -> tuple[str, ...]:
        """What rows are ordered by, to be compared with what they were ordered by before."""
        return tuple(each.expression for each in self.order)

    def page(self, after: Key | None, limit: int) -> str:
        """Return the statement that opens a cursor on the rows behind `after`."""
        columns = ", ".join(f"{expression} AS {quoted(name)}" for name, expression in self.columns)
        row = f"(SELECT row_to_json(tidegauge_row) FROM (SELECT {columns}) tidegauge_row)"  # noqa: S608 - of names
        keys = ", ".join(f"({each.expression})::text" for each in self.order)
        order = ", ".join(f"{each.expression} NULLS LAST" for each in self.order)
        return "\n".join(
            [
                f"DECLARE {CURSOR} NO SCROLL CURSOR FOR",
                # Always of one form: a pooled connection keeps the form of what was fetched before.
                f"SELECT {row}::text AS line, ARRAY[{keys}] AS keys",
                f"FROM {self.relation} AS tidegauge_table{self._where(after)}",
                f"ORDER BY {order} LIMIT {limit}",
            ]
        )

    def count(self, after: Key | None) -> str:
        """Return the statement that counts the rows behind `after`."""
        return "\n".join(["SELECT count(*)", f"FROM {self.relation} AS tidegauge_table{self._where(after)}"])

    def _where(self, after: Key | None) -> str:
        conditions = [*self.conditions, *([] if after is None else [self._behind(after)])]
        return f" WHERE {' AND '.join(f'({each})' for each in conditions)}" if conditions else ""

    def _behind(self, after: Key) -> str:
        first, *rest = self.order
        value, *others = after
        ties = _row_above(rest, others)
        if value is None:
            return f"{first.expression} IS NULL AND {ties}"
        at = f"{literal(value)}::{first.type}"
        if not rest:
            return f"{first.expression} > {at} OR {first.expression} IS NULL"
        # The first condition alone can use an index.
        behind = f"{first.expression} > {at} OR ({first.expression} = {at} AND {ties})"
        return f"({first.expression} >= {at} AND ({behind})) OR {first.expression} IS NULL"


def _row_above(order: Sequence[Ordering], values: Sequence[str | None]) -> str:
    if not order:
        return "false"
    left = ", ".join(each.expression for each in order)
    right = ", ".join(
        f"{literal(value or '')}::{each.type}" for each, value in zip(order, values, strict=True)
    )
    return f"({left}) > ({right})"


def quoted(name: str) -> str:
    """Return a name as SQL reads it."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Return a text as SQL reads it, with `standard_conforming_strings` on."""
    return "'" + text.replace("'", "''") + "'"
