"""Rows without times: the files' order, a second apart, and a stretch of them as the reference."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from service.config import monitor_file
from service.core.rows.batch import Numbers
from service.errors import ConfigurationError, ReferenceDataError, SourceError
from tests.unit.sources.context import context_of

if TYPE_CHECKING:
    from pathlib import Path

    from service.config.monitor import Monitor
    from service.core.rows.batch import Batch

SECOND = 1_000_000
YEAR_2000 = 946_684_800 * SECOND
TEXT = """\
source: {{type: replay, path: {path}, rows: 4, skip_rows: 6}}
reference: {{first_rows: 6}}
columns: {{row: numerical}}
window: {{size_rows: 4}}
"""


def write(path: Path, rows: int = 15) -> Path:
    frame = pd.DataFrame({"row": np.arange(rows)[::-1]})
    if path.suffix == ".parquet":
        frame.to_parquet(path, row_group_size=4)
    else:
        frame.to_csv(path, index=False)
    return path


def load(folder: Path, text: str) -> Monitor:
    (folder / "mine.yaml").write_text(text)
    return monitor_file.load(folder / "mine.yaml", folder)


def numbers(batch: Batch) -> list[int]:
    column = batch.columns.get("row")
    return [int(value) for value in np.asarray(column.values)] if isinstance(column, Numbers) else []


@pytest.mark.parametrize("name", ["a.csv", "a.parquet"])
async def test_rows_come_in_the_files_order(tmp_path: Path, name: str) -> None:
    """A fixed number per take, a second apart; the same position gives the same rows."""
    monitor = load(tmp_path, TEXT.format(path=write(tmp_path / name)))
    assert numbers(monitor.reference.load(monitor.source, monitor.schema_)) == [14, 13, 12, 11, 10, 9]
    source = monitor.source.build(context_of(monitor))
    position: dict[str, Any] | None = None
    found, times = [], []
    for exhausted in (False, False, True):
        take = await source.take(position)
        again = await source.take(position)
        assert numbers(take.batch) == numbers(again.batch)
        found.append(numbers(take.batch))
        times += take.batch.event_time.tolist()
        assert take.exhausted is exhausted
        position = json.loads(json.dumps(take.position))
    assert found == [[8, 7, 6, 5], [4, 3, 2, 1], [0]]
    assert times == [YEAR_2000 + row * SECOND for row in range(6, 15)]
    await source.close()


async def test_the_first_rows_time_can_be_said(tmp_path: Path) -> None:
    """`first_row_at` is when the first of the file happened."""
    text = TEXT.format(path=write(tmp_path / "a.csv")).replace(
        "skip_rows: 6", "first_row_at: 1970-01-01T00:00:10Z"
    )
    monitor = load(tmp_path, text)
    source = monitor.source.build(context_of(monitor))
    assert (await source.take(None)).batch.event_time.tolist() == [
        second * SECOND for second in (10, 11, 12, 13)
    ]
    await source.close()


async def test_more_rows_than_there_are(tmp_path: Path) -> None:
    """Skipping all rows, or a reference of more than there are, is an error with both numbers."""
    text = TEXT.format(path=write(tmp_path / "a.csv", rows=5))
    monitor = load(tmp_path, text)
    source = monitor.source.build(context_of(monitor))
    with pytest.raises(SourceError, match="skip_rows is 6, and there are 5 rows"):
        await source.take(None)
    with pytest.raises(ReferenceDataError, match="first_rows is 6, and there are 5 rows"):
        monitor.reference.load(monitor.source, monitor.schema_)
    await source.close()


async def test_with_times_both_count_in_their_order(tmp_path: Path) -> None:
    """The first rows are the earliest, and the rest follow."""
    times = pd.to_datetime(np.arange(15)[::-1], unit="h", origin="2024-01-01", utc=True)
    pd.DataFrame({"row": range(15), "at": times}).to_parquet(tmp_path / "a.parquet")
    text = TEXT.format(path=tmp_path / "a.parquet").replace("rows: 4,", "rows: 4, timestamp: at,")
    monitor = load(tmp_path, text)
    assert numbers(monitor.reference.load(monitor.source, monitor.schema_)) == [14, 13, 12, 11, 10, 9]
    source = monitor.source.build(context_of(monitor))
    assert numbers((await source.take(None)).batch) == [8, 7, 6, 5]
    await source.close()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("rows: 4,", "step: 1d,"), "step: needs timestamp"),
        (("rows: 4,", "rows: 4, end: 2024-01-01T00:00:00Z,"), "end: needs timestamp"),
        (
            ("rows: 4,", "rows: 4, timestamp: at, first_row_at: 2024-01-01T00:00:00Z,"),
            "first_row_at: belongs to",
        ),
        (("size_rows: 4", "size: 1d"), "window.size: .*expected size_rows"),
        (("first_rows: 6", "first_rows: 0"), "first_rows: "),
        (("{first_rows: 6}", "{type: file}"), "or its first_rows"),
        (("{first_rows: 6}", "{start: 2024-01-01T00:00:00Z}"), "start and end need the source's timestamp"),
    ],
)
def test_what_needs_times_is_refused(tmp_path: Path, change: tuple[str, str], message: str) -> None:
    """With the key, and with what there is instead."""
    text = TEXT.format(path=write(tmp_path / "a.csv"))
    assert change[0] in text
    with pytest.raises(ConfigurationError, match=message):
        load(tmp_path, text.replace(*change))
