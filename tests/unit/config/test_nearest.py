from __future__ import annotations

import pytest

from service.config.nearest import nearest, suggestion

KEYS = ("columns", "source", "window", "min_rows", "timestamp", "path", "mae", "end", "step")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("colums", "columns"),
        ("min_row", "min_rows"),
        ("minRows", "min_rows"),
        ("min-rows", "min_rows"),
        ("mea", "mae"),
        ("pth", "path"),
        ("time", "timestamp"),
        ("windows", "window"),
        ("colour", None),
        ("seed", None),
        ("x", None),
        ("", None),
    ],
)
def test_only_a_near_name_is_suggested(name: str, expected: str | None) -> None:
    """A slip of the finger has its name; another word has none."""
    assert nearest(name, KEYS) == expected


def test_without_a_near_name_all_are_listed() -> None:
    """A message ends with the nearest name, or with the list."""
    assert suggestion("stp", ["step", "path"]) == "the nearest is step"
    assert suggestion("colour", ["step", "path"]) == "expected one of: path, step"
