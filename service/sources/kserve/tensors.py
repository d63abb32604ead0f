"""Tensors of the Open Inference Protocol v2 as columns.

A tensor of shape [n] or [n, 1] is one column; one of shape [n, k] is the columns `name-0` to `name-(k-1)`.
One of more dimensions, such as images, or of very many columns is none: an error where one is wanted.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple

from service.core.rows.label_text import composed_name
from service.errors import UnreadableRowsError
from service.sources.http.table_limits import MAX_COLUMNS
from service.sources.kserve.columns import Columns

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

MATRIX = 2  # dimensions
AS_JSON = (
    "expected data as JSON: the client has to send and ask for it without binary_data, such as by "
    "binary_data=False in Triton's client"
)


class _Tensor(NamedTuple):
    """A tensor: the names of its columns, None where it is none, and its data, row by row."""

    name: str
    shape: list[int]
    names: tuple[str, ...] | None
    data: list[Any]


def tensor_columns(
    tensors: Sequence[dict[str, Any]], key: str, given: Sequence[str], wanted: Collection[str] | None
) -> Columns:
    """Return the columns of all tensors under a `key`; `given` names those of a single one.

    Raises UnreadableRowsError where they are not what their shapes and types say, or differ in length.
    """
    read = [_tensor(each, key, given if len(tensors) == 1 else ()) for each in tensors]
    rows = read[0].shape[0]
    for each in read:
        if each.shape[0] != rows:
            raise UnreadableRowsError(
                f"{key} are of unequal lengths: {read[0].name!r} has {rows} rows and {each.name!r} has "
                f"{each.shape[0]}"
            )
    _check_given(read, key, given)
    cells: dict[str, list[Any]] = {}
    names: list[str] = []
    for each in read:
        if each.names is None:
            _check_unwanted(each, wanted)
            names.append(each.name)
            continue
        names += each.names
        width = len(each.names)
        for place, name in enumerate(each.names):
            if wanted is None or name in wanted:
                cells[name] = each.data[place::width]
    if len(set(names)) < len(names):
        doubled = next(name for name in names if names.count(name) > 1)
        raise UnreadableRowsError(f"{key} have {doubled!r} more than once")
    return Columns(rows, cells, tuple(names))


def _check_given(tensors: Sequence[_Tensor], key: str, given: Sequence[str]) -> None:
    own = {name for each in tensors for name in each.names or ()}
    if given and len(tensors) > 1 and not own.issuperset(given):
        raise UnreadableRowsError(
            f"{key} are {len(tensors)} tensors with names of their own; the monitor file names "
            f"{', '.join(given[:5])}, which is for a single one"
        )


def _tensor(content: dict[str, Any], key: str, given: Sequence[str]) -> _Tensor:
    name, shape = content.get("name"), content["shape"]
    if not isinstance(name, str) or not name:
        raise UnreadableRowsError(f"a tensor of {key} has no name")
    name = composed_name(name)
    if not isinstance(shape, list) or not shape or not all(type(n) is int and n >= 0 for n in shape):
        raise UnreadableRowsError(f"{name!r} has no shape of whole numbers, such as [3] or [3, 4]")
    if not shape[0]:
        raise UnreadableRowsError(f"{name!r} has no rows")
    data = content.get("data")
    parameters = content.get("parameters")
    if data is None and isinstance(parameters, dict) and "binary_data_size" in parameters:
        raise UnreadableRowsError(f"{name!r} comes in binary (the binary data extension); {AS_JSON}")
    if not isinstance(data, list):
        raise UnreadableRowsError(f"{name!r} has no data")
    if len(shape) > MATRIX:
        return _Tensor(name, shape, None, [])
    width = shape[1] if len(shape) == MATRIX else 1
    names = _names(name, width, key, given)
    if names is None:
        return _Tensor(name, shape, None, [])
    return _Tensor(name, shape, names, _values(name, content["datatype"], shape, data))


def _names(name: str, width: int, key: str, given: Sequence[str]) -> tuple[str, ...] | None:
    if given and len(given) != width:
        raise UnreadableRowsError(
            f"{name!r} of {key} has {width} columns; expected {len(given)}, as the monitor file names"
        )
    if given:
        return tuple(given)
    if width > MAX_COLUMNS:
        return None
    return (name,) if width == 1 else tuple(f"{name}-{place}" for place in range(width))


def _values(name: str, datatype: Any, shape: Sequence[int], data: list[Any]) -> list[Any]:
    """Return a tensor's values row by row: `data` is flat, or nested as its shape says."""
    flat = _flat(name, shape, data) if data and isinstance(data[0], list) else data
    if len(flat) != prod(shape):
        raise UnreadableRowsError(f"{name!r} has {len(flat)} values; expected {prod(shape)} by its shape")
    convert = _CONVERSIONS.get(datatype if isinstance(datatype, str) else "")
    if convert is None:
        raise UnreadableRowsError(
            f"{name!r} is of the datatype {str(datatype)[:40]!r}; expected {', '.join(_CONVERSIONS)}"
        )
    try:
        return [None if value is None else convert(value) for value in flat]
    except (TypeError, ValueError, OverflowError) as error:
        raise UnreadableRowsError(f"{name!r} has a value that is no {datatype}") from error


def _flat(name: str, shape: Sequence[int], data: list[Any]) -> list[Any]:
    width = shape[1] if len(shape) == MATRIX else 1
    if len(data) != shape[0] or not all(isinstance(row, list) and len(row) == width for row in data):
        raise UnreadableRowsError(f"{name!r} is not nested as its shape {list(shape)} says")
    return [value for row in data for value in row]


def _truth(value: Any) -> bool:
    if value is True or value is False:
        return value
    if type(value) is int and value in {0, 1}:
        return bool(value)
    raise TypeError


def _whole(value: Any) -> int:
    if type(value) is int:
        return value
    if type(value) is float and value.is_integer():
        return int(value)
    raise TypeError


def _number(value: Any) -> float:
    if type(value) in {int, float}:
        return float(value)
    raise TypeError


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    raise TypeError


_CONVERSIONS: dict[str, Callable[[Any], Any]] = {
    "BOOL": _truth,
    **{f"{sign}INT{bits}": _whole for sign in ("", "U") for bits in (8, 16, 32, 64)},
    "FP16": _number,
    "FP32": _number,
    "FP64": _number,
    "BF16": _number,
    "BYTES": _text,
}


def _check_unwanted(tensor: _Tensor, wanted: Collection[str] | None) -> None:
    of_it = (name for name in wanted or () if name == tensor.name or name.startswith(f"{tensor.name}-"))
    found = next(of_it, None)
    if found is not None:
        raise UnreadableRowsError(
            f"{tensor.name!r} has the shape {tensor.shape}, and {found!r} is watched; expected [rows] or "
            f"[rows, columns] of at most {MAX_COLUMNS:,} columns"
        )
