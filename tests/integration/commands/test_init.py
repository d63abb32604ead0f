"""The command init: on data sets of installed packages, `check` passes and the first window is measured."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

import pytest

from service.commands.init import Wanted, made
from tests.service_process import Place
from tests.unit.guess import tables

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SETS = {
    "breast_cancer": (tables.breast_cancer, "mean radius"),
    "wine": (tables.wine, "alcohol"),
    "diabetes": (tables.diabetes, "bmi"),
    "flights": (tables.flights, "distance"),
    "phishing": (tables.phishing, "long_url"),
}


@pytest.fixture
def place(tmp_path: Path) -> Place:
    (tmp_path / "data").mkdir()
    return Place(tmp_path)


@pytest.mark.parametrize("name", SETS)
def test_a_first_monitor_works_as_it_is(
    name: str, place: Place, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without an edit the file is valid, `check` passes, and the first window has values."""
    monkeypatch.setenv("TIDEGAUGE_DATABASE_URL", database_url)
    write: Callable[[Path], Path] = SETS[name][0]
    done = place.command("init", str(write(place.root / "data")))
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    assert "needs an edit" not in done.stdout
    checked = place.command("check")
    assert (checked.returncode, "all is well" in checked.stdout) == (0, True), checked.stderr
    path = place.root / f"monitors/{name}.yaml"
    path.write_text(path.read_text() + "drift: {thresholds: evidently}\n")  # calibrating takes seconds
    assert place.command("run", "--max-cycles", "2").returncode == 0
    printed = place.command(
        "metrics", "--aspect", "drift", "--column", SETS[name][1], "--format", "csv"
    ).stdout
    lines = list(csv.DictReader(printed.splitlines()))
    assert lines
    assert all(line["value"] for line in lines)


def test_a_file_that_is_there_stays(place: Place) -> None:
    """A second call changes nothing, and says how to overwrite."""
    data = tables.diabetes(place.root / "data")
    assert place.command("init", str(data)).returncode == 0
    path = place.root / "monitors/diabetes.yaml"
    path.write_text("mine")
    done = place.command("init", str(data))
    assert (done.returncode, path.read_text()) == (2, "mine")
    assert "is there already; --force overwrites it, --name writes another" in done.stderr
    assert place.command("init", str(data), "--name", "other").returncode == 0
    assert place.command("init", str(data), "--force").returncode == 0
    assert path.read_text() != "mine"


def test_a_reference_of_its_own(place: Place) -> None:
    """With --reference every row is watched, in the columns that both have."""
    frame = tables.diabetes(place.root / "data")
    done = place.command("init", str(frame), "--reference", str(tables.diabetes(place.root)))
    assert done.returncode == 0, done.stderr
    assert "442 rows" in place.command("check").stdout


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "there is no such file"),
        (b"", "the file is empty"),
        (b"a,b\n", "the file holds no rows"),
        (b"a,a\n1,2\n", "more than once"),
        (b"PK\x03\x04 no archive", "cannot be read"),
    ],
)
def test_data_that_cannot_be_read(place: Place, content: bytes | None, message: str) -> None:
    """One line, status 2, and no file is written."""
    path = place.root / "data/rows.csv"
    if content is not None:
        path.write_bytes(content)
    done = place.command("init", str(path))
    assert (done.returncode, message in done.stderr, "Traceback" in done.stderr) == (2, True, False), (
        done.stderr
    )
    assert not (place.root / "monitors").exists()


def test_on_a_terminal_the_guesses_are_asked(tmp_path: Path) -> None:
    """Enter takes a guess, a name replaces it, a slip is asked again, and a minus takes it away."""
    answers = iter(["", "-", "bimi", "bmi", ""])
    asked: list[str] = []

    def ask(question: str) -> str:
        asked.append(question)
        return next(answers)

    text = made(Wanted(tables.diabetes(tmp_path)), ask=ask)
    assert "target: bmi  # as you said" in text
    assert asked[2:4] == ["target (the true value) [target]: "] * 2


def test_an_end_of_input_takes_the_guesses(tmp_path: Path) -> None:
    """Control-D is no traceback."""

    def ask(_: str) -> str:
        raise EOFError

    assert "target: target  # by its name" in made(Wanted(tables.diabetes(tmp_path)), ask=ask)
