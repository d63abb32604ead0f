"""Finds the line of each key in a YAML file, for messages about the file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    KeyPath = tuple[str | int, ...]


def walk(node: yaml.Node, keys: KeyPath = ()) -> Iterator[tuple[KeyPath, int]]:
    """Yield every key and list item below `node` with its line, counted from 1; a duplicate key twice."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            below = (*keys, str(key.value))
            yield below, key.start_mark.line + 1
            yield from walk(value, below)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            yield (*keys, index), value.start_mark.line + 1
            yield from walk(value, (*keys, index))


def located(name: str, lines: Mapping[KeyPath, int], keys: KeyPath, message: str) -> str:
    """Return `message` prefixed by file, line and key; a key that is absent has its parent's line.

    `lines` holds the whole file's line under the empty path.
    """
    line = next(lines[keys[:end]] for end in range(len(keys), -1, -1) if keys[:end] in lines)
    return f"{name}:{line}: {dotted(keys) + ': ' if keys else ''}{message}"


def dotted(keys: KeyPath) -> str:
    """Return a key's path as it is written in messages."""
    return ".".join(str(key) for key in keys)
