"""The rows of a request and its response, as records, columns or lists of values."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from service.errors import SourceError

MAX_ROWS = 100_000  # of a record
PREDICTION = "prediction"
_HELD = ("dataframe_records", "dataframe_split", "instances", "inputs")
_GIVEN = ("predictions", "outputs")


@dataclass(frozen=True, slots=True)
class Names:
    """What values are called that come without names.

    - `inputs`: those of requests
    - `outputs`: those of responses
    - `has_outputs`: whether responses are read at all
    - `lists`: the names of lists whose values are watched, as `NAME-0`, `NAME-1` and so on
    """

    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    has_outputs: bool = True
    lists: frozenset[str] = frozenset()


UNNAMED = Names()
Exploding = Callable[[dict[str, Any], Names], list[dict[str, Any]]]


def lists_of(columns: Iterable[str]) -> frozenset[str]:
    """Return the names of lists of which watched columns may be values."""
    parts = (name.rpartition("-") for name in columns)
    return frozenset(stem for stem, _, place in parts if stem and place.isdecimal())


def joined(
    inputs: list[dict[str, Any]],
    outputs: list[dict[str, Any]],
    shared: Mapping[str, Any],
    *,
    numbered: Collection[str],
) -> list[dict[str, Any]]:
    """Return a record's rows with what it says of them all.

    Where there are several rows, each has its number behind the record's ids, which `numbered` names.

    Raises SourceError where there are not as many inputs as outputs, or a name is in both.
    """
    if len(inputs) != len(outputs):
        raise SourceError(f"the request has {len(inputs)} rows, and the response {len(outputs)}")
    if len(inputs) > MAX_ROWS:
        raise SourceError(f"the request has {len(inputs):,} rows; expected {MAX_ROWS:,} at most")
    rows = []
    for place, (given, found) in enumerate(zip(inputs, outputs, strict=True)):
        doubled = sorted((given.keys() & found.keys()) | ((given.keys() | found.keys()) & shared.keys()))
        if doubled:
            raise SourceError(
                f"{doubled[0]!r} is the name of two of its values; name what the model returns by outputs"
            )
        said = {
            name: f"{value}-{place}" if len(inputs) > 1 and name in numbered and value is not None else value
            for name, value in shared.items()
        }
        rows.append({**given, **found, **said})
    return rows


def parsed(payload: Any, what: str) -> Any:
    """Return a payload that is JSON, or a text of JSON. Raises SourceError where it is none."""
    if not isinstance(payload, str | bytes):
        return payload
    try:
        return json.loads(payload)
    except (ValueError, RecursionError) as error:
        raise SourceError(f"the {what} is no JSON: {error}") from error


def rows_in(payload: Any, names: Names) -> list[dict[str, Any]]:
    """Return the rows of a request's content. Raises SourceError where it holds none that is known."""
    if isinstance(payload, dict):
        held = next((key for key in _HELD if key in payload), None)
        if held is None:
            return [payload]
        content = payload[held]
        if held == "dataframe_split":
            return _split(content)
        if isinstance(content, dict):
            return _of_columns(content)
    else:
        content = payload
    return named(content, names.inputs, "request", "inputs")


def predictions_in(payload: Any, names: Names) -> list[dict[str, Any]]:
    """Return what a response gives for each row. Raises SourceError where it holds no predictions."""
    content = payload
    if isinstance(payload, dict):
        if "error" in payload or "error_code" in payload:
            raise SourceError("the model answered with an error")
        held = next((key for key in _GIVEN if key in payload), None)
        if held is None:
            return [payload]
        content = payload[held]
        if isinstance(content, dict):
            return _of_columns(content)
    return named(content, names.outputs or (PREDICTION,), "response", "outputs")


def named(content: Any, names: tuple[str, ...], what: str, key: str) -> list[dict[str, Any]]:
    """Return rows of a list whose values have no names of their own, or have them.

    A list of as many plain values as there are names, of which there are several, is one row.
    """
    if not isinstance(content, list) or (
        len(content) == len(names) > 1 and not any(isinstance(each, list | dict) for each in content)
    ):
        content = [content]
    rows = []
    for values in content:
        if isinstance(values, dict):
            rows.append(values)
            continue
        cells = values if isinstance(values, list) else [values]
        if len(cells) != len(names):
            raise SourceError(
                f"a row of the {what} has {len(cells)} values without names, and {key} names {len(names)}; "
                f"name them by {key}"
            )
        rows.append(dict(zip(names, cells, strict=True)))
    return rows


def _split(content: Any) -> list[dict[str, Any]]:
    columns, data = (
        (content.get("columns"), content.get("data")) if isinstance(content, dict) else (None, None)
    )
    if not isinstance(columns, list) or not isinstance(data, list):
        raise SourceError("dataframe_split has no columns and data")
    return named(data, tuple(map(str, columns)), "request", "dataframe_split.columns")


def _of_columns(content: dict[str, Any]) -> list[dict[str, Any]]:
    columns = {name: cells if isinstance(cells, list) else [cells] for name, cells in content.items()}
    sizes = {len(cells) for cells in columns.values()}
    if len(sizes) != 1:
        raise SourceError("its columns are not of one length")
    return [{name: cells[row] for name, cells in columns.items()} for row in range(sizes.pop())]
