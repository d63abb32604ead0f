"""The command measure: formats, exit statuses and messages."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from service.library.measured import COLUMNS
from tests.service_process import Place

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def place(tmp_path: Path) -> Place:
    random = np.random.default_rng(4)
    (tmp_path / "data").mkdir()
    for name, rows, shift in (("before", 1_000, 0.0), ("now", 300, 0.0), ("moved", 300, 1.0)):
        truth = random.normal(10, 3, rows)
        frame = pd.DataFrame(
            {
                "size": random.normal(shift, 1, rows),
                "truth": truth,
                "guess": truth + random.normal(0, 1, rows),
            }
        )
        frame.to_csv(tmp_path / f"{name}.csv", index=False)
    return Place(tmp_path)


def measure(place: Place, name: str, *options: str) -> tuple[int, str, str]:
    files = (str(place.root / f"{name}.csv"), "--reference", str(place.root / "before.csv"))
    done = place.command("measure", *files, *options)
    return done.returncode, done.stdout, done.stderr


def test_the_status_says_whether_something_is_wrong(place: Place) -> None:
    """0 where nothing is beyond its threshold, 1 where a column moved, by name."""
    status, _, summary = measure(place, "now")
    assert (status, "300 rows against 1,000: 0 of " in summary) == (0, True), summary
    status, out, summary = measure(place, "moved", "--breached")
    assert status == 1
    assert "size block_test" in summary
    assert "size" in {line.split()[1] for line in out.splitlines()[1:] if line.startswith("drift")}


def test_a_threshold_of_the_performance(place: Place) -> None:
    """A metric beyond its threshold is a breach; one that cannot be measured is said to be not judged."""
    options = ("--target", "truth", "--prediction", "guess", "--threshold", "mae=0.1")
    assert measure(place, "now", *options)[0] == 1
    pd.read_csv(place.root / "now.csv").assign(truth=None).to_csv(place.root / "now.csv", index=False)
    _, _, summary = measure(place, "now", *options)
    assert "not judged: mae: no labels yet" in summary


def test_every_format_holds_the_same(place: Place) -> None:
    """CSV and JSON lines have every column, and the table the ones to read."""
    _, table, _ = measure(place, "now")
    _, lines, _ = measure(place, "now", "--format", "csv")
    _, objects, _ = measure(place, "now", "--format", "json")
    rows = list(csv.DictReader(lines.splitlines()))
    assert tuple(rows[0]) == COLUMNS == tuple(json.loads(objects.splitlines()[0]))
    assert len(rows) == len(objects.splitlines()) == len(table.splitlines()) - 1


def test_nothing_that_could_be_judged_is_no_success(place: Place) -> None:
    """Too few rows for drift: status 2 with the reason, so that a job does not pass unseen."""
    pd.DataFrame({"size": [1.0]}).to_csv(place.root / "now.csv", index=False)
    options = ("--column", "size=numerical")
    status, _, summary = measure(place, "now", *options)
    assert status != 0, summary


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--target", "truht"), "the nearest is 'truth'"),
        (("--column", "size=numbers"), "columns.size.kind"),
        (("--monitor", "nowhere.yaml"), "nowhere.yaml"),
        (("--threshold", "mae"), "expected NAME=VALUE"),
        (("--target", "truth", "--prediction", "guess", "--threshold", "maee=1"), "mae"),
    ],
)
def test_bad_configuration_exits_with_2(place: Place, options: tuple[str, ...], message: str) -> None:
    """An option that is wrong is named."""
    status, _, said = measure(place, "now", *options)
    assert (status, message in said, "Traceback" in said) == (2, True, False), said


def test_a_file_that_is_not_there_exits_with_2(place: Place) -> None:
    """It is no breach, and the nearest is named."""
    status, _, said = measure(place, "nwo")
    assert (status, "the nearest is 'now.csv'" in said) == (2, True), said
