"""Classifiers are monitored end to end: monitor file, replay, Postgres, command."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics as sk

from tests.service_process import Place

MONITOR = """\
source: {type: replay, path: "{data_dir}/rows.parquet", timestamp: at, step: 1d}
reference: {path: "{data_dir}/reference.parquet"}
window: {size: 1d, min_rows: 20}
"""
BINARY = """\
columns: {churned: categorical, chance: numerical}
task: binary
target: churned
score: chance
threshold: 0.4
performance: {roc_auc: 0.999, log_loss: 9.0}
"""
CLASSES = """\
columns: {kind: categorical, answer: numerical, c0: numerical, c1: numerical, c2: numerical}
task: multiclass
target: kind
prediction: answer
scores: {0: c0, 1: c1, 2: c2}
performance: {f1: 0.1}
"""


def rows(seed: int, days: int) -> pd.DataFrame:
    """Draw 60 rows a day of two classifiers' answers, the truth as texts and as booleans."""
    draw = np.random.default_rng(seed)
    size = 60 * days
    chances = draw.dirichlet([2.0, 1.0, 1.0], size)
    churned = draw.uniform(size=size)
    return pd.DataFrame(
        {
            "at": pd.date_range("2026-01-01", periods=size, freq="24min", tz="UTC"),
            "churned": draw.uniform(size=size) < churned,
            "chance": churned,
            "kind": [str(draw.choice(3, p=p)) for p in chances],
            "answer": chances.argmax(axis=1),
            **{f"c{index}": chances[:, index] for index in range(3)},
        }
    )


def test_classifiers_are_measured_end_to_end(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the command prints of a day is scikit-learn's on that day's rows, with band and verdict."""
    monkeypatch.setenv("TIDEGAUGE_DATABASE_URL", database_url)
    for name in ("data", "monitors"):
        (tmp_path / name).mkdir()
    rows(1, 20).to_parquet(tmp_path / "data/reference.parquet")
    replayed = rows(2, 4)
    replayed.to_parquet(tmp_path / "data/rows.parquet")
    for name, text in (("churn", BINARY), ("kinds", CLASSES)):
        (tmp_path / f"monitors/{name}.yaml").write_text(MONITOR + text)
    place = Place(tmp_path)
    checked = place.command("check")
    assert checked.returncode == 0, checked.stderr
    ran = place.command("run", "--max-cycles", "5")
    assert ran.returncode == 0, ran.stderr

    day = replayed.iloc[:60]
    churn = _first_day(place, "churn")
    truth, predicted = day["churned"], day["chance"] >= 0.4
    assert float(churn["roc_auc", ""]["value"]) == pytest.approx(sk.roc_auc_score(truth, day["chance"]))
    assert float(churn["log_loss", ""]["value"]) == pytest.approx(sk.log_loss(truth, day["chance"]))
    assert float(churn["recall", ""]["value"]) == pytest.approx(sk.recall_score(truth, predicted))
    assert (churn["roc_auc", ""]["breached"], churn["log_loss", ""]["breached"]) == ("true", "false")
    assert churn["roc_auc", ""]["reference"]

    kinds = _first_day(place, "kinds")
    truth, predicted = day["kind"], day["answer"].astype(str)
    assert float(kinds["f1_macro", ""]["value"]) == pytest.approx(
        sk.f1_score(truth, predicted, average="macro")
    )
    assert float(kinds["log_loss", ""]["value"]) == pytest.approx(sk.log_loss(truth, day[["c0", "c1", "c2"]]))
    assert float(kinds["recall", "class=0"]["value"]) == pytest.approx(
        sk.recall_score(truth, predicted, labels=["0"], average="macro")
    )


def _first_day(place: Place, monitor: str) -> dict[tuple[str, str], dict[str, str]]:
    printed = place.command(
        "metrics", "--monitor", monitor, "--aspect", "performance", "--format", "csv"
    ).stdout
    found = list(csv.DictReader(io.StringIO(printed)))
    first = min(row["window_end"] for row in found)
    return {(row["metric"], row["segment"]): row for row in found if row["window_end"] == first}
