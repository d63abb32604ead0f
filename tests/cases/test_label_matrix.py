"""One data set in many files: whatever its labels are typed as, wherever they lie, it measures the same.

Every kind of file for the reference meets every kind for the rows, and every way to type labels likewise.
REFUSED lists the cells that are not measured, each with its cause; all others must be equal in every value.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet

from service.config import monitor_file
from tests.cases.play import play_monitor, windows_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import asyncpg

ROWS, CLASSES = 240, {"binary": 2, "multiclass": 3}
# A cell by task, reference (file, labels) and rows (file, labels), and why it is not measured.
REFUSED: dict[tuple[str, str, str, str, str], str] = {}


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of file: its suffix, and what writes a frame into it."""

    suffix: str
    write: Callable[[pd.DataFrame, Path], None]


def _comma(frame: pd.DataFrame, path: Path) -> None:
    frame.to_csv(path, index=False)


def _tabs(frame: pd.DataFrame, path: Path) -> None:
    frame.to_csv(path, index=False, sep="\t")


def _quoted(frame: pd.DataFrame, path: Path) -> None:
    frame.to_csv(path, index=False, quoting=1)


def _padded(frame: pd.DataFrame, path: Path) -> None:
    cells = frame.astype(object).where(frame.notna(), "")
    lines = [", ".join(map(str, row)) for row in cells.itertuples(index=False)]
    path.write_text("\n".join([",".join(frame.columns), *lines]) + "\n")


def _parquet(frame: pd.DataFrame, path: Path) -> None:
    parquet.write_table(pa.Table.from_pandas(frame, preserve_index=False), path, row_group_size=50)


def _dictionaries(frame: pd.DataFrame, path: Path) -> None:
    table = pa.Table.from_pandas(frame, preserve_index=False)
    for place, name in enumerate(table.column_names):
        if name in {"guess", "truth", "plan"}:
            table = table.set_column(place, name, table[name].dictionary_encode())
    parquet.write_table(table, path)


def _semicolons(frame: pd.DataFrame, path: Path) -> None:
    frame.to_csv(path, index=False, sep=";", encoding="utf-16")


def _arrow(frame: pd.DataFrame, path: Path) -> None:
    table = pa.Table.from_pandas(frame, preserve_index=False)
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_stream(file, table.schema) as stream:
        stream.write_table(table, max_chunksize=70)


def _json_lines(frame: pd.DataFrame, path: Path) -> None:
    names = list(frame.columns)
    cells = frame.assign(at=frame["at"].dt.strftime("%Y-%m-%dT%H:%M:%SZ")).astype(object)
    rows = cells.where(frame.notna(), None).itertuples(index=False)
    lines = [json.dumps(dict(zip(names, row, strict=True)), default=_in_json) for row in rows]
    path.write_text("\n".join(lines) + "\n")


def _in_json(value: Any) -> Any:
    return float(value) if isinstance(value, Decimal) else value.item()


KINDS = {
    "csv": Kind(".csv", _comma),
    "tsv": Kind(".tsv", _tabs),
    "quoted csv": Kind(".csv", _quoted),
    "padded csv": Kind(".csv", _padded),
    "gzipped csv": Kind(".csv.gz", _comma),
    "parquet": Kind(".parquet", _parquet),
    "dictionaries": Kind(".parquet", _dictionaries),
    "arrow stream": Kind(".arrows", _arrow),
    "json lines": Kind(".jsonl", _json_lines),
    "utf-16 with semicolons": Kind(".csv", _semicolons),
}

TYPES: dict[str, Callable[[pd.Series[Any]], pd.Series[Any]]] = {
    "int": lambda codes: codes.astype("Int64"),
    "float": lambda codes: codes.astype(float),
    "float32": lambda codes: codes.astype(np.float32),
    "decimal": lambda codes: codes.map(lambda code: None if pd.isna(code) else Decimal(f"{int(code)}.00")),
    "string": lambda codes: codes.map(lambda code: None if pd.isna(code) else str(int(code))),
    "bool": lambda codes: codes.map({0.0: False, 1.0: True}).astype("boolean"),
}


def data(task: str, seed: int) -> pd.DataFrame:
    """Return rows with ids, times, a category, labels as codes (some missing), and a prediction for each."""
    random = np.random.default_rng(seed)
    classes = CLASSES.get(task, 3)
    truth = random.integers(0, classes, ROWS)
    guess = np.where(random.random(ROWS) < 0.7, truth, random.integers(0, classes, ROWS))
    plan = np.where(random.random(ROWS) < 0.1, np.nan, random.integers(1, 5, ROWS))
    frame = pd.DataFrame(
        {
            "at": pd.date_range("2026-01-01", periods=ROWS, freq="min"),
            "key": [f"{number:06d}" for number in range(ROWS)],
            "score": np.round(np.where(truth == 1, 0.5, 0.2) + random.random(ROWS) / 2, 3),
            "plan": pd.Series(plan),
            "guess": pd.Series(guess.astype(float)),
            "truth": pd.Series(np.where(random.random(ROWS) < 0.15, np.nan, truth)),
        }
    )
    if task == "regression":
        frame["guess"], frame["truth"] = frame["guess"] + 0.25, frame["truth"] * 1.5
    return frame


def typed(frame: pd.DataFrame, task: str, labels: str) -> pd.DataFrame:
    """Return the rows with their labels, and the category where it can be, as values of a type."""
    columns = (
        {} if task == "regression" else {name: TYPES[labels](frame[name]) for name in ("guess", "truth")}
    )
    if labels != "bool":
        columns["plan"] = TYPES[labels](frame["plan"])
    return frame.assign(**columns)


async def measured(
    task: str, reference: tuple[str, str], rows: tuple[str, str], folder: Path, pool: asyncpg.Pool
) -> list[dict[Any, float | None]]:
    """Return all values of a task's windows; `reference` and `rows` are (file, labels)."""
    name = "-".join((task, *reference, *rows)).replace(" ", "_")
    paths = {}
    for side, (file, labels), seed in (("reference", reference, 1), ("rows", rows, 2)):
        paths[side] = folder / f"{name}.{side}{KINDS[file].suffix}"
        KINDS[file].write(typed(data(task, seed), task, labels), paths[side])
    kind = "numerical" if task == "regression" else "categorical"
    content = {
        "source": {"type": "replay", "path": str(paths["rows"]), "timestamp": "at", "rows": 120},
        "reference": {"path": str(paths["reference"])},
        "columns": {"score": "numerical", "plan": "categorical", "guess": kind, "truth": kind},
        "id": "key",
        "by": ["plan"],
        "task": task,
        "prediction": "guess",
        "target": "truth",
        **({"score": "score"} if task == "binary" else {}),
        "window": {"size_rows": 120, "min_rows": 20},
        "drift": {"methods": ["jensenshannon"], "thresholds": "evidently"},
    }
    path = folder / f"{name}.yaml"
    path.write_text(json.dumps(content))
    await play_monitor(monitor_file.load(path, folder), pool)
    windows = await windows_of(name, pool)
    assert len(windows) == 2
    return [window.values for window in windows]  # noqa: PD011 - no frame


def _cells(task: str) -> list[tuple[tuple[str, str], tuple[str, str]]]:
    plain = [((a, "int"), (b, "int")) for a in KINDS for b in KINDS if task == "binary" or "csv" in {a, b}]
    labels = [name for name in TYPES if name != "bool"] if task != "regression" else []
    others = [
        ((a, one), (b, two))
        for a, b in (("csv", "parquet"), ("parquet", "csv"), ("json lines", "arrow stream"))
        for one in labels
        for two in labels
    ]
    return list(dict.fromkeys([*plain, *others]))


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
async def test_every_file_and_every_type_measures_the_same(
    task: str, tmp_path: Path, pool: asyncpg.Pool
) -> None:
    """All values of all windows are those of the first cell, bit for bit, but for what is refused."""
    expected: list[dict[Any, float | None]] | None = None
    for reference, rows in _cells(task):
        if (task, *reference, *rows) in REFUSED:
            continue
        found = await measured(task, reference, rows, tmp_path, pool)
        expected = expected or found
        assert found == expected, (reference, rows)
    assert expected is not None
    headline = "mae" if task == "regression" else "accuracy"
    for values in expected:
        assert 0.6 < (values["performance", "", "", headline, ""] or 0.0) < 0.9
        assert values["quality", "plan", "", "new_category_share", ""] == 0.0


@pytest.mark.parametrize("file", KINDS)
async def test_truth_values_are_labels(file: str, tmp_path: Path, pool: asyncpg.Pool) -> None:
    """Labels that are truth values perform as 1 and 0 do, on either side."""

    def performance(windows: list[dict[Any, float | None]]) -> list[dict[Any, float | None]]:
        return [{key: v for key, v in w.items() if key[0] == "performance"} for w in windows]

    expected = performance(await measured("binary", ("csv", "int"), ("csv", "int"), tmp_path, pool))
    for reference, rows in ((("csv", "int"), (file, "bool")), ((file, "bool"), ("parquet", "float"))):
        found = await measured("binary", reference, rows, tmp_path, pool)
        # The category is not typed so: its segments stay.
        assert performance(found) == expected
        assert [w["quality", "truth", "", "new_category_share", ""] for w in found] == [0.0, 0.0]
