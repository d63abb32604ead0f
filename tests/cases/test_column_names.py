"""A column's name is one name however it spells its accents: composed (NFC) or in parts (NFD)."""

from __future__ import annotations

import io
import json
import unicodedata
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import feather, parquet

from service.config import monitor_file
from service.core.rows.batch import Numbers
from service.errors import ConfigurationError, SourceError
from service.sources.http.content import RowShape, decoded
from service.sources.http.content_types import RowFormat
from service.sources.table_format import PLAIN
from tests.cases.test_files import first_take
from tidegauge import measure

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from service.config.monitor import Monitor

COMPOSED, IN_PARTS = "größe", unicodedata.normalize("NFD", "größe")
FORMS = ["NFC", "NFD"]
TEXT = """\
source: {type: replay, path: "PATH", timestamp: zeitpünkt, step: 1d}
reference: {path: "PATH"}
columns: {größe: numerical, "farbé": categorical, wahr: numerical}
target: wahr
id: schlüssel
window: {size: 1d}
"""


def _frame(form: str) -> pd.DataFrame:
    frame = pd.DataFrame(
        {
            "zeitpünkt": ["2024-03-01T00:00:00Z"] * 30,
            "größe": [float(number) for number in range(30)],
            "farbé": ["rot", "blau"] * 15,
            "wahr": [1.0] * 30,
            "schlüssel": [f"k{number}" for number in range(30)],
        }
    )
    return frame.rename(columns=lambda name: unicodedata.normalize(form, name))


def _stream(frame: pd.DataFrame, path: Path) -> None:
    table = pa.Table.from_pandas(frame, preserve_index=False)
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)


WRITERS: dict[str, Callable[[pd.DataFrame, Path], Any]] = {
    "csv": lambda frame, path: frame.to_csv(path, index=False),
    "csv in quotes": lambda frame, path: frame.to_csv(path, index=False, quoting=1, sep=";"),
    "JSON lines": lambda frame, path: path.write_text(
        "\n".join(json.dumps(row, ensure_ascii=False) for row in frame.to_dict("records"))
    ),
    "Parquet": lambda frame, path: frame.to_parquet(path),
    "Parquet out of order": lambda frame, path: (
        frame.iloc[::-1]
        .assign(**{frame.columns[0]: [f"2024-03-01T00:00:{second:02}Z" for second in range(29, -1, -1)]})
        .iloc[::-1]
        .to_parquet(path)
    ),
    "Feather": lambda frame, path: feather.write_feather(frame, str(path)),
    "Arrow stream": _stream,
}


def _monitor(folder: Path, path: Path, form: str) -> Monitor:
    text = unicodedata.normalize(form, TEXT).replace("PATH", str(path))
    (folder / "mine.yaml").write_text(text, encoding="utf-8")
    return monitor_file.load(folder / "mine.yaml", folder)


@pytest.mark.parametrize("written", FORMS)
@pytest.mark.parametrize("named", FORMS)
@pytest.mark.parametrize("kind", WRITERS)
async def test_an_accent_in_a_name_is_one(tmp_path: Path, kind: str, written: str, named: str) -> None:
    """File and monitor file may spell it each in its own way, in every format, also in a path."""
    folder = tmp_path / unicodedata.normalize(named, "dätén")
    folder.mkdir()
    WRITERS[kind](_frame(written), folder / "a.data")
    monitor = _monitor(tmp_path, folder / "a.data", named)
    take = await first_take(monitor)
    reference = monitor.reference.load(monitor.source, monitor.schema_)
    for batch in (take.batch, reference):
        assert batch.rows == 30
        assert set(batch.columns) == {"größe", "farbé", "wahr"}
        size = batch.columns["größe"]
        assert isinstance(size, Numbers)
        assert np.array_equal(np.sort(size.values), np.arange(30))
        assert batch.arrival.unwatched == ()
        assert batch.arrival.identity is not None
        assert batch.arrival.identity.all()


def _sent(frame: pd.DataFrame, kind: RowFormat) -> bytes:
    if kind is RowFormat.JSON:
        return json.dumps(frame.to_dict("records"), ensure_ascii=False).encode()
    if kind is RowFormat.JSON_LINES:
        rows = frame.to_dict("records")
        return "\n".join(json.dumps(row, ensure_ascii=False) for row in rows).encode()
    if kind is RowFormat.CSV:
        return frame.to_csv(index=False).encode()
    sink, table = io.BytesIO(), pa.Table.from_pandas(frame, preserve_index=False)
    if kind is RowFormat.PARQUET:
        parquet.write_table(table, sink)
    else:
        with pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
    return sink.getvalue()


@pytest.mark.parametrize("written", FORMS)
@pytest.mark.parametrize("kind", RowFormat)
def test_an_accent_in_a_name_that_is_sent_is_one(tmp_path: Path, kind: RowFormat, written: str) -> None:
    """Rows over HTTP are read alike."""
    schema = _monitor(tmp_path, tmp_path / "none", "NFC").schema_
    found = decoded(_sent(_frame(written), kind), kind, RowShape(schema, "zeitpünkt", PLAIN))
    assert set(found.batch.columns) == {"größe", "farbé", "wahr"}
    assert found.times is not None
    assert found.times.usable.all()
    assert found.batch.arrival.unwatched == ()


@pytest.mark.parametrize("table", [lambda frame: frame, pa.Table.from_pandas])
def test_an_accent_in_a_name_of_a_table_in_memory_is_one(table: Callable[[pd.DataFrame], Any]) -> None:
    """`measure` takes frames, tables and options in either spelling."""
    measured = measure(table(_frame("NFD")), table(_frame("NFC")), columns={IN_PARTS: "numerical"})
    assert {each.series.column for each in measured.measurements if each.series.metric == "ks"} == {COMPOSED}
    guessed = measure(table(_frame("NFC")), table(_frame("NFD")))
    assert "farbé" in {each.series.column for each in guessed.measurements}


async def test_both_spellings_in_one_table_are_one_column_twice(tmp_path: Path) -> None:
    """Nothing says which of the two is meant, in data and in a monitor file."""
    frame = _frame("NFC").assign(**{IN_PARTS: 1.0})
    frame.to_csv(tmp_path / "a.csv", index=False)
    with pytest.raises(SourceError, match="is in the data more than once"):
        await first_take(_monitor(tmp_path, tmp_path / "a.csv", "NFC"))
    doubled = TEXT.replace("wahr: numerical", f"{IN_PARTS}: numerical")
    (tmp_path / "mine.yaml").write_text(doubled)
    with pytest.raises(ConfigurationError, match="duplicate key"):
        monitor_file.load(tmp_path / "mine.yaml", tmp_path)
