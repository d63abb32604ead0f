"""The library call: what it measures, what it takes, and what it refuses."""

from __future__ import annotations

import doctest
import random
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from scipy import stats
from sklearn import metrics

import tidegauge
from service.errors import ConfigurationError, ReferenceDataError
from service.library import measure as module
from tidegauge import Measured, measure

if TYPE_CHECKING:
    from collections.abc import Callable

EVIDENTLY = {"thresholds": "evidently", "methods": ["default", "ks"]}


def a_table(rows: int = 1_000, *, seed: int = 1, shift: float = 0.0) -> pd.DataFrame:
    draw = np.random.default_rng(seed)
    truth = draw.choice(["yes", "no"], rows)
    return pd.DataFrame(
        {
            "size": draw.normal(shift, 1, rows),
            "colour": draw.choice(["red", "green"], rows),
            "truth": truth,
            "score": np.clip(np.where(truth == "yes", 0.6, 0.4) + draw.normal(0, 0.2, rows), 0, 1),
        }
    )


def value_of(measured: Measured, metric: str, column: str = "") -> float | None:
    (value,) = {
        m.value
        for m in measured.measurements
        if (m.series.metric, m.series.column, m.series.segment) == (metric, column, "")
    }
    return value


@pytest.mark.slow
def test_the_example_runs() -> None:
    """The example of the docstring gives what it says."""
    assert doctest.testmod(module).failed == 0


def test_values_are_those_of_the_libraries() -> None:
    """Drift and performance as SciPy and scikit-learn define them."""
    before, now = a_table(), a_table(500, seed=2, shift=0.2)
    measured = measure(now, before, target="truth", score="score", drift=EVIDENTLY)
    assert value_of(measured, "ks", "size") == pytest.approx(
        stats.ks_2samp(before["size"], now["size"]).pvalue
    )
    auc = metrics.roc_auc_score(now["truth"] == "yes", now["score"])
    assert value_of(measured, "roc_auc") == pytest.approx(auc, abs=1e-12)
    assert (measured.rows, measured.reference_rows) == (500, 1_000)


@pytest.mark.slow
def test_what_moved_is_breached() -> None:
    """A shifted column is beyond its calibrated threshold; without a shift nothing is."""
    before = a_table(2_000)
    moved = measure(a_table(500, seed=2, shift=1.0), before)
    assert {m.series.column for m in moved.breached if m.series.column} == {"size"}
    assert measure(a_table(500, seed=3), before).breached == ()


FORMS: dict[str, Callable[[pd.DataFrame, Path], object]] = {
    "pandas": lambda frame, _: frame,
    "arrow": lambda frame, _: pa.Table.from_pandas(frame),
    "categories": lambda frame, _: frame.astype({"colour": "category"}),
    "csv": lambda frame, path: frame.to_csv(path / "rows.csv", index=False) or path / "rows.csv",
    "parquet": lambda frame, path: frame.to_parquet(path / "rows.parquet") or str(path / "rows.parquet"),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same(form: str, tmp_path: Path) -> None:
    """A frame, an Arrow table and a file of one content are measured alike."""
    before, now = a_table(), a_table(300, seed=2)
    expected = measure(now, before, target="truth", score="score", drift=EVIDENTLY)
    given = [FORMS[form](frame, tmp_path) for frame in (now, before)]
    if form in {"csv", "parquet"}:
        given = []
        for name, frame in (("now", now), ("before", before)):
            (tmp_path / name).mkdir()
            given.append(FORMS[form](frame, tmp_path / name))
    found = measure(*given, target="truth", score="score", drift=EVIDENTLY)  # type: ignore[arg-type]
    assert found.measurements == expected.measurements


def test_a_frame_of_the_result() -> None:
    """A row per measurement, with the columns of the database's view."""
    measured = measure(a_table(300, seed=2), a_table(), drift=EVIDENTLY)
    frame = measured.to_frame()
    assert len(frame) == len(measured.measurements)
    row = frame.query("metric == 'ks' and column_name == 'size'").iloc[0]
    assert (row["aspect"], row["rows"], row["worse"]) == ("drift", 300, "lower")
    assert row["value"] == value_of(measured, "ks", "size")


def test_a_monitor_file_says_what_to_measure(tmp_path: Path) -> None:
    """Its columns, task and thresholds hold; its source and its reference are not read."""
    path = tmp_path / "mine.yaml"
    path.write_text(
        "source: {type: replay, path: nowhere.csv, timestamp: at, step: 1d}\n"
        "reference: {path: nowhere.csv}\n"
        "columns: {size: numerical, truth: categorical, score: numerical}\n"
        "task: binary\ntarget: truth\nscore: score\npositive: 'yes'\nwindow: {size: 7d}\n"
        "drift: {thresholds: evidently}\nperformance: {roc_auc: 0.99}\n"
    )
    measured = measure(a_table(300, seed=2), a_table(), monitor=path)
    assert {m.series.metric for m in measured.breached} == {"roc_auc"}
    with pytest.raises(ConfigurationError, match="target: is in the monitor file already"):
        measure(a_table(), a_table(), monitor=path, target="truth")


@pytest.mark.slow
def test_the_callers_generators_stay_as_they_were() -> None:
    """What needs Evidently's own tests is measured here, and moves nobody's random numbers."""
    np.random.seed(5)  # noqa: NPY002 - the generator that must not move
    random.seed(5)
    before = (np.random.get_state()[1].tolist(), random.getstate())  # type: ignore[index]  # noqa: NPY002
    measured = measure(
        a_table(100, seed=2), a_table(200), drift={"thresholds": "evidently", "columns": {"colour": ["TVD"]}}
    )
    assert value_of(measured, "TVD", "colour") is not None
    assert (np.random.get_state()[1].tolist(), random.getstate()) == before  # type: ignore[index]  # noqa: NPY002


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"target": "truht"},
            "target: the reference has no column 'truht'; the nearest is 'truth'; it has size",
        ),
        ({"columns": {"size": "numeric"}}, "columns.size.kind"),
        ({"drift": {"methods": ["kss"]}}, "drift.methods: "),
        ({"performanc": {"mae": 1}}, "performanc: "),
        (
            {"target": "truth", "prediction": "size", "performance": {"mae": {"worse_by": "10%"}}},
            "performance.mae.worse_by: evidence is counted day by day",
        ),
        ({"task": "ranking", "target": "truth", "prediction": "colour"}, "task: "),
    ],
)
def test_a_wrong_option_is_named(options: dict[str, object], message: str) -> None:
    """By its key, with what was expected."""
    with pytest.raises(ConfigurationError) as refused:
        measure(a_table(100), a_table(100), **options)  # type: ignore[arg-type]
    assert str(refused.value).startswith(message)


def test_a_table_of_another_kind_is_refused() -> None:
    """A list is no table, and an empty frame has nothing to measure."""
    with pytest.raises(ConfigurationError, match=r"current: expected a pandas frame, .* got list"):
        measure([1, 2], a_table(100))  # type: ignore[arg-type]
    with pytest.raises(tidegauge.TidegaugeError, match="it has no rows"):
        measure(a_table(100).head(0), a_table(100))


def test_a_column_that_the_reference_lacks_is_named() -> None:
    """With the nearest and the list."""
    with pytest.raises(ReferenceDataError, match=r"no column 'sise'; the nearest is 'size'; it has .*colour"):
        measure(a_table(100), a_table(100), columns={"sise": "numerical"})


def test_too_few_rows_are_said() -> None:
    """Below min_rows nothing of drift is judged, and the reason is given."""
    measured = measure(a_table(20), a_table(100), drift=EVIDENTLY)
    drift = [m for m in measured.measurements if m.series.metric == "ks"]
    assert {m.reason for m in drift} == {"20 rows, fewer than the 30 that the monitor asks for"}
    assert (
        value_of(measure(a_table(20), a_table(100), min_rows=10, drift=EVIDENTLY), "ks", "size") is not None
    )


@pytest.mark.slow
def test_the_page_about_it_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The example of docs/measure.md, on files of its names."""
    page = Path("docs/measure.md").read_text()
    (example,) = re.findall(r"```python\n(import pandas.*?)```", page, flags=re.DOTALL)
    monkeypatch.chdir(tmp_path)
    for name, seed in (("validation", 1), ("this_week", 2)):
        frame = a_table(600, seed=seed).rename(columns={"truth": "churned", "score": "churn_score"})
        frame.to_parquet(f"{name}.parquet", index=False)
    names: dict[str, Any] = {}
    exec(example, names)  # noqa: S102 - our own page
    assert {m.series.metric for m in names["measured"].judged} >= {"roc_auc", "drift_share"}


@pytest.mark.slow
def test_a_sensitive_column_is_nowhere_in_the_result(tmp_path: Path) -> None:
    """Of a column that a monitor file calls sensitive no value is returned, and its drift is measured."""
    path = tmp_path / "mine.yaml"
    path.write_text(
        "source: {type: replay, path: nowhere.csv, rows: 1}\nreference: {path: nowhere.csv}\n"
        "columns: {colour: {kind: categorical, sensitive: true}, truth: categorical, score: numerical}\n"
        "task: binary\ntarget: truth\nscore: score\npositive: 'yes'\nby: [colour]\n"
        "window: {size_rows: 100}\ndrift: {thresholds: evidently}\n"
    )
    now = a_table(300, seed=2).replace({"colour": {"red": "purple"}})
    measured = measure(now, a_table(), monitor=path)
    assert value_of(measured, "new_category_share", "colour") == (now["colour"] == "purple").mean()
    assert not {"red", "green", "purple"} & set(re.findall(r"\w+", str(measured)))
