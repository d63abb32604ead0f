"""Rows sent as JSON: an array of objects, a single one, or an object per line (NDJSON)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from service.errors import SourceError, UnreadableRowsError
from service.sources.http.table_limits import MAX_DEPTH, check_json, check_shape
from service.sources.tables.formats import json_lines

if TYPE_CHECKING:
    from collections.abc import Iterable


def parsed_array(content: bytes) -> tuple[dict[str, list[Any]], int]:
    """Return the columns of an array of objects, or of a single object, and how many rows there are.

    Raises UnreadableRowsError with the place of what is wrong.
    """
    check_json(content)
    try:
        found = json.loads(content, object_pairs_hook=json_lines.each_once)
    except (ValueError, RecursionError) as error:
        raise UnreadableRowsError(
            f"the content is no JSON: {_said(error)}; expected an array of objects, one per row, or "
            "application/x-ndjson for one object per line"
        ) from error
    records = [found] if isinstance(found, dict) else found
    if not isinstance(records, list):
        raise UnreadableRowsError(
            f"the JSON is {_kind(found)}; expected an array of objects, one per row, or a single object"
        )
    for place, record in enumerate(records, start=1):
        if not isinstance(record, dict):
            raise UnreadableRowsError(
                f'row {place} is {_kind(record)}; expected an object, such as {{"a": 1}}'
            )
    return _checked(json_lines.columns_of(records, check=check_shape))


def parsed_lines(content: bytes) -> tuple[dict[str, list[Any]], int]:
    """Return the columns of an object per line, and how many rows there are.

    Raises UnreadableRowsError with the line that is none.
    """
    check_json(content)
    try:
        return _checked(json_lines.parse(content.splitlines(keepends=False), check=check_shape))
    except SourceError as error:
        raise UnreadableRowsError(str(error)) from error


def _checked(parsed: tuple[dict[str, list[Any]], int]) -> tuple[dict[str, list[Any]], int]:
    for name, cells in parsed[0].items():
        for place, cell in enumerate(cells, start=1):
            if isinstance(cell, list | dict) and _depth(cell) > MAX_DEPTH:
                raise UnreadableRowsError(
                    f"row {place}: {name} holds lists or objects more than {MAX_DEPTH} deep; expected a "
                    "number, a text, true, false or null"
                )
    return parsed


def _depth(cell: Any) -> int:
    level, depth = [cell], 0
    while level and depth <= MAX_DEPTH:
        depth += 1
        level = [each for outer in level for each in _inside(outer) if isinstance(each, list | dict)]
    return depth


def _inside(cell: list[Any] | dict[str, Any]) -> Iterable[Any]:
    return cell.values() if isinstance(cell, dict) else cell


def _said(error: ValueError | RecursionError) -> str:
    return "it is nested too deeply" if isinstance(error, RecursionError) else str(error)


def _kind(value: Any) -> str:
    names = {str: "a text", bool: "a truth value", int: "a number", float: "a number", list: "an array"}
    return names.get(type(value), "null")
