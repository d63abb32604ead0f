"""`docs/architecture.md` says what the code and the import contracts say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.unit.repository.contracts import allowed_imports, layers_of

PAGE = Path("docs/architecture.md")
TEXT = PAGE.read_text()
LINKS = re.findall(r"\[([^\]]+)\]\(([^)#:]+)\)", TEXT)
STEPS = re.findall(r"^\d+\. .*", TEXT, re.MULTILINE)
ROWS = re.findall(r"^\| (`[^|]+`) \| [^|]+ \| ([^|]+) \|$", TEXT, re.MULTILINE)


def _cell(room: str) -> str:
    # The cell that the contracts ask for, in the page's own form.
    layers = layers_of("service")
    place = next(i for i, layer in enumerate(layers) if room in layer)
    below = {name for layer in layers[place + 1 :] for name in layer}
    allowed = allowed_imports()[room]
    if set(allowed) == below and len(below) > 5:
        return "every room below"
    return ", ".join(re.sub(r"([\w.]+)", r"`\1`", each) for each in allowed) or "nothing"


def _defines(path: Path, name: str) -> bool:
    text, last = path.read_text(), re.escape(name.rpartition(".")[2])
    defined = rf"(?:def|class|function)\s+{last}\b|FUNCTION tidegauge\.{last}\b"
    owner = name.rpartition(".")[0]
    return bool(re.search(defined, text)) and (
        not owner or f"class {owner}" in text or f"FUNCTION {owner}." in text
    )


@pytest.mark.parametrize(("name", "target"), LINKS)
def test_every_link_leads_to_what_it_names(name: str, target: str) -> None:
    """A linked path exists; a function or class in the link's text is defined in that file."""
    path = PAGE.parent / target
    assert path.exists(), f"{PAGE}: {target} does not exist"
    if re.fullmatch(r"`[\w.]+`", name) and path.is_file() and name.strip("`") != path.name:
        assert _defines(path, name.strip("`")), f"{PAGE}: {target} does not define {name}"


def test_the_line_from_row_to_panel_has_fifteen_steps_with_a_link_each() -> None:
    """Fifteen steps of one line, each with a link to the function that does it."""
    assert len(STEPS) == 15
    assert all("](../" in step for step in STEPS)


@pytest.mark.parametrize("room", [room for layer in layers_of("service") for room in layer])
def test_the_table_says_what_a_room_may_import(room: str) -> None:
    """Each room has one row, and its cell is what the contracts allow."""
    (cell,) = [cell for rooms, cell in ROWS if f"`{room}`" in rooms.split(", ")]
    assert cell == _cell(room)


def test_the_picture_has_the_layers_in_their_order() -> None:
    """From top to bottom and from left to right, the boxes are the rooms of the contract's layers."""
    boxes = [line.rpartition("|")[0] for line in TEXT.split("```")[1].splitlines()]
    drawn = [name for box in boxes for name in re.findall(r"\w+", box)]
    assert drawn == [room for layer in layers_of("service") for room in layer]


@pytest.mark.parametrize("container", ["core", "methods"])
def test_the_order_inside_a_room_is_the_contracts(container: str) -> None:
    """The layers inside `core` and `methods`, top to bottom."""
    said = re.search(rf"^- `{container}`: ((?:.|\n  )+)", TEXT, re.MULTILINE)
    assert said is not None
    order = " > ".join(", ".join(layer) for layer in layers_of(f"service.{container}"))
    assert " ".join(said[1].split()) == order
