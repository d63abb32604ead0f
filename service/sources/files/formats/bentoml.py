"""BentoML's monitoring log (1.4): a line per prediction, with its time without a zone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from service.sources.files.formats.exploded import Names

_OUTSIDE = "None"  # as it writes a request's id outside a service
_IDS = ("request_id", "trace_id")


def rows_of(record: dict[str, Any], names: Names) -> list[dict[str, Any]]:
    """Return a line's row; none where it is a line of the schema, which stands in files of its own."""
    if isinstance(record.get("meta_data"), dict) and isinstance(record.get("columns"), list):
        return []
    row: dict[str, Any] = {}
    for name, cell in record.items():
        if name in names.lists and isinstance(cell, list):
            row |= {f"{name}-{place}": each for place, each in enumerate(cell)}
        else:
            row[name] = None if name in _IDS and cell == _OUTSIDE else cell
    return [row]
