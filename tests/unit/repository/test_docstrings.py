"""A module's docstring states what the module does."""

from __future__ import annotations

import ast
from pathlib import Path

ROOMS = ("client", "service", "simulator", "tools", "tests")


def test_the_first_line_of_a_module_asks_no_question() -> None:
    """The first line of every module's docstring is a statement."""
    asking = [
        str(path)
        for room in ROOMS
        for path in sorted(Path(room).rglob("*.py"))
        if "?" in (ast.get_docstring(ast.parse(path.read_text())) or "").partition("\n")[0]
    ]
    assert asking == []
