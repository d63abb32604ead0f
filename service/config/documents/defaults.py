"""Merges what monitors share, `defaults.yaml` in their folder, under each monitor's own keys.

Sections are merged key by key, and the monitor's own value wins. A list is one value. Where the monitor
chooses another way (another `type`, windows of rows for windows of time), the keys of the shared one do not
apply. A key that the monitor leaves empty (`labels:`) takes the shared one away.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from service.config.documents.document import Document, read_document
from service.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    KeyPath = tuple[str | int, ...]

FILE_NAMES = ("defaults.yaml", "defaults.yml")

# Ways that exclude each other, by section: naming a key of one takes away the shared keys of the others.
_ALTERNATIVES: dict[KeyPath, tuple[tuple[str, ...], ...]] = {
    ("window",): (("size", "hop", "offset", "lateness"), ("size_rows", "hop_rows")),
    ("source",): (("step",), ("rows",)),
}
_IMPLIED_TYPES: dict[KeyPath, str] = {("reference",): "file"}


class Place(NamedTuple):
    """Where a key is written."""

    path: Path
    line: int


def read_defaults(folder: Path) -> Document | None:
    """Return what the folder's monitors share, None where they share nothing.

    Raises ConfigurationError where the file cannot be read, or names what belongs to one monitor.
    """
    found = [folder / name for name in FILE_NAMES if (folder / name).exists() or (folder / name).is_symlink()]
    if not found:
        return None
    if len(found) > 1:
        raise ConfigurationError(f"{found[1]}: {found[0].name} is there as well; expected one of the two")
    shared = read_document(found[0])
    if "name" in shared.content:
        line = shared.lines["name",]
        raise ConfigurationError(f"{shared.path}:{line}: name: belongs to a monitor's own file")
    return shared


def merged(own: Document, shared: Document | None) -> tuple[dict[str, Any], dict[KeyPath, Place]]:
    """Return a monitor's whole content, and where each of its keys is written."""
    places = {keys: Place(own.path, line) for keys, line in own.lines.items()}
    if shared is None:
        return _plain(own.content), places
    taken: list[KeyPath] = []
    content = _under(_plain(own.content), _plain(shared.content), (), taken)
    for keys, line in shared.lines.items():
        if any(keys[: len(start)] == start for start in taken):
            places.setdefault(keys, Place(shared.path, line))
    return content, places


def _plain(content: dict[str, Any]) -> dict[str, Any]:
    # `plan: categorical` is short for `plan: {kind: categorical}`: in full, so that both can be merged.
    columns = content.get("columns")
    if not isinstance(columns, dict):
        return content
    full = {name: {"kind": value} if isinstance(value, str) else value for name, value in columns.items()}
    return {**content, "columns": full}


def _under(
    own: dict[str, Any], shared: dict[str, Any], path: KeyPath, taken: list[KeyPath]
) -> dict[str, Any]:
    """Return `own` with what it lacks from `shared`; note in `taken` which paths came from there."""
    result = dict(own)
    if _chooses_another_type(own, shared, path):
        return result
    excluded = set(_excluded(own, path))
    for key, value in shared.items():
        below = (*path, key)
        mine = own.get(key)
        if key not in own:
            if key not in excluded:
                result[key] = value
                taken.append(below)
        elif mine is None:
            del result[key]
        elif isinstance(mine, dict) and isinstance(value, dict):
            result[key] = _under(mine, value, below, taken)
    return result


def _chooses_another_type(own: Mapping[str, Any], shared: Mapping[str, Any], path: KeyPath) -> bool:
    theirs = shared.get("type", _IMPLIED_TYPES.get(path))
    return "type" in own and theirs is not None and own["type"] != theirs


def _excluded(own: Mapping[str, Any], path: KeyPath) -> Iterator[str]:
    ways = _ALTERNATIVES.get(path, ())
    for way in ways:
        if any(key in own for key in way):
            yield from (key for other in ways if other is not way for key in other)
