"""CONTRIBUTING's recipes are short, and its table has every target of the Makefile."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

TEXT = Path("CONTRIBUTING.md").read_text()
RECIPES = {
    recipe.split(".**")[0].removeprefix("**"): recipe
    for recipe in TEXT.split("## Recipes")[1].split("\n## ")[0].strip().split("\n\n")
}
NEEDED = {"a drift method", "a performance metric", "a source", "a migration", "a panel"}


def test_the_recipes_are_there() -> None:
    """What people add most often has a recipe."""
    missing = {each for each in NEEDED if not any(title.startswith(f"Add {each}") for title in RECIPES)}
    assert missing == set()


@pytest.mark.parametrize("title", RECIPES)
def test_a_recipe_has_at_most_ten_lines(title: str) -> None:
    """Ten lines of at most 127 characters."""
    lines = RECIPES[title].splitlines()
    assert len(lines) <= 10
    assert max(map(len, lines)) <= 127


def test_the_table_has_the_makefiles_targets() -> None:
    """Each phony target has a row, and each row a target."""
    phony = re.search(r"^\.PHONY: (.*)$", Path("Makefile").read_text(), re.MULTILINE)
    assert phony is not None
    assert set(re.findall(r"^\| `make ([\w-]+)` \|", TEXT, re.MULTILINE)) == set(phony[1].split())
