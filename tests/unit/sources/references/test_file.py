from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pandas as pd
import pytest

from service.core.rows.batch import Numbers
from service.errors import ReferenceDataError
from service.sources.dummy.config import DummyConfig
from service.sources.references.file import FileReference
from service.sources.replay.config import ReplayConfig
from tests.unit.sources.context import SCHEMA

if TYPE_CHECKING:
    from pathlib import Path


def _file(path: Path, days: int) -> str:
    times = [f"2024-01-{day + 1:02d}T00:00:00Z" for day in range(days)]
    pd.DataFrame({"at": times, "size": range(days)}).to_csv(path, index=False)
    return str(path)


def _replay(path: str) -> ReplayConfig:
    return ReplayConfig(type="replay", path=path, timestamp="at", step="1d")


def _day(day: int) -> datetime:
    return datetime(2024, 1, day, tzinfo=UTC)


def test_without_a_path_it_is_a_stretch_of_the_sources_file(tmp_path: Path) -> None:
    """Rows from start to end, half-open, by the source's own time column."""
    source = _replay(_file(tmp_path / "rows.csv", 9))
    batch = FileReference(start=_day(3), end=_day(6)).load(source, SCHEMA)
    sizes = batch.columns["size"]
    assert isinstance(sizes, Numbers)
    assert list(sizes.values) == [2, 3, 4]


def test_a_file_of_its_own_is_read_whole(tmp_path: Path) -> None:
    """The source's file is left alone; rows have the times of the source's time column."""
    source = _replay(_file(tmp_path / "rows.csv", 9))
    reference = FileReference(path=_file(tmp_path / "reference.csv", 4))
    batch = reference.load(source, SCHEMA)
    assert (batch.rows, batch.event_time[0]) == (4, _day(1).timestamp() * 1_000_000)


def test_beside_a_source_without_a_file_it_needs_a_path(tmp_path: Path) -> None:
    """It is refused by name, and with a path it is read without times."""
    dummy = DummyConfig(type="dummy")
    with pytest.raises(ValueError, match="reference: expected a path, since the source has no file"):
        FileReference(start=_day(1)).check(dummy)
    with pytest.raises(ReferenceDataError, match="names no file"):
        FileReference(start=_day(1)).load(dummy, SCHEMA)
    reference = FileReference(path=_file(tmp_path / "reference.csv", 4))
    reference.check(dummy)
    assert reference.load(dummy, SCHEMA).event_time.tolist() == [0, 0, 0, 0]


def test_the_whole_of_the_sources_file_is_no_reference() -> None:
    """Without a path, start and end, windows would be compared with themselves."""
    with pytest.raises(ValueError, match="expected a path, or start and end within the source's file"):
        FileReference().check(_replay("rows.csv"))
