"""The parser of the command line: what it refuses names the nearest option or choice that there is."""

from __future__ import annotations

import argparse
import re
from typing import TYPE_CHECKING, Any, NoReturn

from service.config.nearest import nearest

if TYPE_CHECKING:
    from collections.abc import Sequence

_CHOICE = re.compile(r"invalid choice: '([^']*)' \(choose from (.*)\)$")
PSQL = "psql"
_OWN_OF_PSQL = frozenset({"--print", "--help"})


class CommandParser(argparse.ArgumentParser):
    """A parser that refuses an unknown option where it stands, with that command's usage."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self._names: list[str] = []
        super().__init__(*arguments, **options)

    def add_argument(self, *names: str, **options: Any) -> argparse.Action:
        """Add an argument, as argparse does, and remember its name."""
        self._names += [name for name in names if name.startswith("--")]
        return super().add_argument(*names, **options)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> tuple[Any, list[str]]:
        """Parse what is known, and refuse the rest here: argparse would leave it to the outermost parser."""
        found, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self.error(f"unrecognized arguments: {' '.join(unknown)}{self._near(unknown)}")
        return found, unknown

    def error(self, message: str) -> NoReturn:
        """Print the usage and the message, with the nearest choice; end with status 2."""
        found = _CHOICE.search(message)
        if found is not None:
            choices = [each.strip().strip("'") for each in found[2].split(",")]
            near = nearest(found[1], choices)
            message += "" if near is None else f"; the nearest is {near}"
        super().error(message)

    def _near(self, unknown: Sequence[str]) -> str:
        for each in unknown:
            near = nearest(each.partition("=")[0], self._names) if each.startswith("--") else None
            if near is not None:
                return f"; the nearest is {near}"
        return ""


def with_separator(arguments: Sequence[str]) -> list[str]:
    """Return a command line in which psql's own arguments stand behind `--`, which need not be written."""
    given = list(arguments)
    if given[:1] != [PSQL] or "--" in given:
        return given
    first = next((at for at, each in enumerate(given[1:], 1) if each not in _OWN_OF_PSQL), len(given))
    return [*given[:first], "--", *given[first:]]
