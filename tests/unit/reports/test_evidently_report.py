"""Evidently's report of sampled rows: what it is made of, what it leaves out, and how many are kept."""

from __future__ import annotations

import html
import json
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from service.core.rows.batch import Batch, Labels, Numbers, Texts
from service.core.rows.schema import Column, Kind, Role, Schema
from service.core.rows.task import Binary, Task
from service.reports.request import ReportRequest

pytestmark = pytest.mark.slow  # Evidently alone takes eight seconds to import
DAY = 86_400_000_000
COLUMNS = (
    Column("size", Kind.NUMERICAL),
    Column("empty", Kind.NUMERICAL),
    Column("colour", Kind.CATEGORICAL),
    Column("guess", Kind.NUMERICAL, Role.PREDICTION),
    Column("truth", Kind.NUMERICAL, Role.TARGET),
)
BINARY = Binary("truth", score="guess")


@pytest.fixture(scope="module")
def reports() -> Iterator[Any]:
    """Give the module that the worker process imports: eight seconds, once."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # of Evidently's own use of pandas and NumPy
        from service.reports import evidently_report  # noqa: PLC0415

        yield evidently_report


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        yield


def rows(count: int, seed: int, *, shift: float = 0.0, unlabelled: int = 0, binary: bool = False) -> Batch:
    """Draw rows of a regression, or of a score and its truth; one column never has a value."""
    random = np.random.default_rng(seed)
    guess = random.random(count)
    truth = (random.random(count) < guess).astype(float) if binary else guess + random.normal(size=count)
    truth[:unlabelled] = np.nan
    columns = {
        "size": Numbers(random.normal(shift, 1.0, count)),
        "empty": Numbers(np.full(count, np.nan)),
        "colour": Labels(random.integers(-1, 2, count), np.array(["blue", "red"])),
        "guess": Numbers(guess),
        "truth": Numbers(truth),
    }
    return Batch(count, np.arange(count, dtype=np.int64), columns)


def order(
    folder: Path, window: int, current: Batch, *, task: Task | None = None, kept: int = 9
) -> ReportRequest:
    before = rows(400, 1, binary=task is not None)
    schema = Schema(COLUMNS, task)
    return ReportRequest(str(folder), kept, "toy", "", schema, window, 0, DAY, 1_234, current, 5_678, before)


def scores(folder: Path) -> dict[str, Any]:
    """Read the names and values of the metrics in the one snapshot that is kept."""
    (path,) = folder.glob("*/snapshots/*.json")
    metrics = json.loads(path.read_text())["metric_results"].values()
    return {metric["display_name"]: metric.get("value") for metric in metrics}


def test_the_report_says_what_it_was_drawn_from(reports: Any, tmp_path: Path) -> None:
    """The page names the sample's size, the rows it stands for, and the column that was left out."""
    page = html.unescape(reports.made(order(tmp_path, 7, rows(300, 2))))
    assert "300 of the window's 1,234 rows and 400 of the reference's 5,678" in page
    assert "Left out: empty: no value on one side." in page
    assert "http" not in page[: page.index("<script>")]


def test_a_shift_is_in_evidentlys_own_verdict(reports: Any, tmp_path: Path) -> None:
    """The column that moved is the one that Evidently counts; performance is that of the labelled rows."""
    current = rows(300, 2, shift=3.0, unlabelled=100)
    reports.made(order(tmp_path, 7, current))
    found = scores(tmp_path)
    drifted = next(key for key in found if key.startswith("Count of Drifted Columns"))
    assert drifted
    truth, guess = current.columns["truth"], current.columns["guess"]
    assert isinstance(truth, Numbers)
    assert isinstance(guess, Numbers)
    text = next(tmp_path.glob("*/snapshots/*.json")).read_text()
    error = float(np.nanmean(np.abs(truth.values - guess.values)))
    assert f"{error:.6f}"[:6] in text


@pytest.mark.parametrize("unlabelled", [0, 5])
def test_a_classifiers_rows_need_their_labels(reports: Any, tmp_path: Path, unlabelled: int) -> None:
    """Evidently would take a missing label for a class: performance is left out, and the page says why."""
    current = rows(300, 2, unlabelled=unlabelled, binary=True)
    page = html.unescape(reports.made(order(tmp_path, 7, current, task=BINARY)))
    said = f"performance: {unlabelled} of the window's 300 sampled rows have no label"
    assert (said in page) is bool(unlabelled)
    assert any("Accuracy" in name for name in scores(tmp_path)) is not bool(unlabelled)


def test_the_oldest_reports_give_way(reports: Any, tmp_path: Path) -> None:
    """Of each monitor the last ones are kept; a report that is made again replaces the one before."""
    for window in (1, 2, 2, 3):
        reports.made(order(tmp_path, window, rows(50, window), kept=2))
    assert reports.kept(str(tmp_path), "toy", 1) is None
    assert reports.kept(str(tmp_path), "another", 2) is None
    page = reports.kept(str(tmp_path), "toy", 2)
    assert "50 of the window" in page
    assert len(list(tmp_path.glob("*/snapshots/*.json"))) == 2
    assert len(list(tmp_path.glob("*/metadata.json"))) == 1


def test_rows_without_any_value_are_refused(reports: Any, tmp_path: Path) -> None:
    """Where no column can be compared there is no report, and the message says so."""
    nothing = replace(rows(5, 1), columns={})
    with pytest.raises(ValueError, match="no column has a value"):
        reports.made(order(tmp_path, 1, nothing))


def test_texts_are_part_of_a_report(reports: Any, tmp_path: Path) -> None:
    """A text column is in Evidently's own drift of texts, and nothing is left out for it."""
    draw = np.random.default_rng(4)

    def with_texts(batch: Batch, words: list[str]) -> Batch:
        texts = np.array(
            [" ".join(draw.choice(words, 4)) for _ in range(batch.rows - 1)] + [None], dtype=object
        )
        return replace(batch, columns={**batch.columns, "comment": Texts(texts)})

    asked = order(tmp_path, 7, with_texts(rows(300, 2), ["storm", "gate", "crew"]))
    before = with_texts(asked.reference, ["wind", "late", "plane"])
    schema = Schema((*COLUMNS, Column("comment", Kind.TEXT)))
    page = html.unescape(reports.made(replace(asked, reference=before, schema=schema)))
    assert "Left out: empty: no value on one side." in page
    found = scores(tmp_path)
    (score,) = [value for name, value in found.items() if "drift" in name.lower() and "comment" in name]
    assert score > 0.9
