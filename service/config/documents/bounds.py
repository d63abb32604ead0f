"""Bounds a YAML text by the parser's events, before anything is built from it.

A few lines of aliases can stand for gigabytes, and a few thousand brackets for more levels than a program can
follow: values and depth are counted with every alias expanded.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import yaml

MAX_DEPTH = 30
MAX_VALUES = 30_000


class BoundsError(ValueError):
    """A YAML text is larger than a monitor's file can sensibly be; `line` counts from 1."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


@dataclass(slots=True)
class _Collection:
    """A mapping or list: how many values it holds, itself included, and how deep they lie."""

    anchor: str | None = None
    values: int = 1
    depth: int = 1

    def add(self, values: int, depth: int) -> None:
        self.values += values
        self.depth = max(self.depth, depth + 1)


@dataclass(slots=True)
class _Counter:
    documents: int = 0
    opened: list[_Collection] = field(default_factory=lambda: [_Collection()])
    named: dict[str, _Collection] = field(default_factory=dict)

    def follow(self, event: yaml.Event, line: int) -> None:
        if isinstance(event, yaml.DocumentStartEvent):
            self.documents += 1
            if self.documents > 1:
                raise BoundsError(line, "a second document begins; expected one monitor per file")
        elif isinstance(event, yaml.CollectionStartEvent):
            self.opened.append(_Collection(event.anchor))
        elif isinstance(event, yaml.CollectionEndEvent):
            self._add(self.opened.pop())
        elif isinstance(event, yaml.AliasEvent):
            self._expand(str(event.anchor), line)
        elif isinstance(event, yaml.ScalarEvent):
            self._add(_Collection(event.anchor, depth=0))
        self._check(line)

    def _add(self, done: _Collection) -> None:
        self.opened[-1].add(done.values, done.depth)
        if done.anchor is not None:
            self.named[done.anchor] = done

    def _expand(self, anchor: str, line: int) -> None:
        if any(collection.anchor == anchor for collection in self.opened):
            raise BoundsError(line, f"the alias *{anchor} is inside of what it names")
        named = self.named.get(anchor)
        if named is not None:  # an unknown one is refused where the aliases are resolved
            self.opened[-1].add(named.values, named.depth)

    def _check(self, line: int) -> None:
        if len(self.opened) - 1 + self.opened[-1].depth > MAX_DEPTH + 1:
            raise BoundsError(line, f"is nested deeper than {MAX_DEPTH} levels; expected a few")
        if sum(collection.values for collection in self.opened) > MAX_VALUES:
            raise BoundsError(
                line,
                f"holds more than {MAX_VALUES} values, aliases counted as what they stand for; expected a "
                "model's columns and thresholds",
            )


def check_bounds(text: str) -> None:
    """Raise BoundsError where `text` holds too much or a second document, yaml.YAMLError as the parser."""
    counter = _Counter()
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        mark = event.start_mark
        counter.follow(event, 1 if mark is None else mark.line + 1)
