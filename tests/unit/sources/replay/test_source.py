"""A replay gives every row once, in order, and the same from any position."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from service.core.rows.batch import Numbers
from service.core.rows.schema import Column, Kind, Schema
from service.errors import ConfigurationError, SourceError
from service.sources.replay.source import ReplayOptions, ReplaySource

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from service.core.rows.take import Take

SCHEMA = Schema((Column("row", Kind.NUMERICAL),))
HOUR = 3_600_000_000
DAY = 24 * HOUR


def write(path: Path, hours: Sequence[float]) -> Path:
    """Write a row at each of `hours` after 1970, numbered in the file's order."""
    times = pd.to_datetime(np.round(np.array(hours) * HOUR).astype(np.int64), unit="us", utc=True)
    frame = pd.DataFrame({"at": times.as_unit("us"), "row": range(len(hours))})
    if path.suffix == ".parquet":
        frame.to_parquet(path, row_group_size=4)
    else:
        frame.to_csv(path, index=False)
    return path


def source(path: Path, **pace: int) -> ReplaySource:
    return ReplaySource(ReplayOptions(path, "at", **pace), SCHEMA)


async def takes(replay: ReplaySource, position: dict[str, Any] | None = None) -> list[Take]:
    """Take until the source is exhausted; positions travel as JSON."""
    found: list[Take] = []
    while not (found and found[-1].exhausted):
        found.append(await replay.take(position))
        position = json.loads(json.dumps(found[-1].position))
    return found


def numbers(take: Take) -> list[int]:
    column = take.batch.columns.get("row")
    return [int(value) for value in np.asarray(column.values)] if isinstance(column, Numbers) else []


FILES = ["a.csv", "a.parquet"]
GAP = [1, 5, 30, 31, 29, 100, 101]  # hours: two days, a gap of two, one day; out of order


@pytest.mark.parametrize("name", FILES)
async def test_steps_give_each_day_and_the_gap_between(tmp_path: Path, name: str) -> None:
    """A take is one step on the grid, empty steps are seen, and the watermark is the step's end."""
    found = await takes(source(write(tmp_path / name, GAP), step_us=DAY))
    assert [numbers(take) for take in found] == [[0, 1], [4, 2, 3], [], [], [5, 6]]
    assert [take.watermark for take in found] == [DAY * day for day in (1, 2, 3, 4, 5)]
    assert [take.exhausted for take in found] == [False] * 4 + [True]
    assert [take.progress for take in found] == [pytest.approx(n / 7) for n in (2, 5, 5, 5, 7)]
    assert {take.lag_seconds for take in found} == {None}


async def test_the_grid_can_be_shifted(tmp_path: Path) -> None:
    """Steps start at the offset: a day from 05:00 to 05:00."""
    path = write(tmp_path / "a.csv", [4.99, 5, 28.99, 29])
    found = await takes(source(path, step_us=DAY, offset_us=5 * HOUR))
    assert [numbers(take) for take in found] == [[0], [1, 2], [3]]
    assert found[0].watermark == 5 * HOUR


@pytest.mark.parametrize("name", FILES)
async def test_rows_give_a_fixed_number(tmp_path: Path, name: str) -> None:
    """By rows, a take has that many (the last: the rest), and the watermark is the last row's time."""
    found = await takes(source(write(tmp_path / name, GAP), rows=3))
    assert [numbers(take) for take in found] == [[0, 1, 4], [2, 3, 5], [6]]
    assert [take.watermark for take in found] == [29 * HOUR, 100 * HOUR, 101 * HOUR + 1]


@pytest.mark.parametrize("pace", [{"step_us": DAY}, {"rows": 2}])
@pytest.mark.parametrize("name", FILES)
async def test_a_position_gives_the_same_rows_again(tmp_path: Path, name: str, pace: dict[str, int]) -> None:
    """From any position, the same source or a new one continues as the first run did."""
    path = write(tmp_path / name, GAP)
    replay = source(path, **pace)
    straight = await takes(replay)
    for index, before in enumerate(straight[:-1]):
        for again in (
            await takes(source(path, **pace), before.position),
            await takes(replay, before.position),
        ):
            assert [numbers(take) for take in again] == [numbers(take) for take in straight[index + 1 :]]
            assert [take.position for take in again] == [take.position for take in straight[index + 1 :]]
            assert [take.watermark for take in again] == [take.watermark for take in straight[index + 1 :]]


@pytest.mark.parametrize("pace", [{"step_us": DAY}, {"rows": 2}])
async def test_an_exhausted_replay_stands_still(tmp_path: Path, pace: dict[str, int]) -> None:
    """After the end a take is empty, exhausted, and the position stays."""
    replay = source(write(tmp_path / "a.csv", GAP), **pace)
    last = (await takes(replay))[-1]
    after = await replay.take(last.position)
    assert (after.batch.rows, after.exhausted, after.position) == (0, True, last.position)
    assert after.watermark is not None
    assert last.watermark is not None
    assert after.watermark <= last.watermark  # a promise that was made is not taken back, only not renewed


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
@given(
    hours=st.lists(st.integers(0, 200), min_size=1, max_size=20),
    step=st.integers(1, 60),
    offset=st.integers(0, 60),
    name=st.sampled_from(FILES),
)
async def test_steps_cover_every_row_once(
    tmp_path: Path, hours: list[int], step: int, offset: int, name: str
) -> None:
    """Whatever the rows, the step and the grid: each row comes once, in its own step, in order."""
    replay = source(write(tmp_path / name, hours), step_us=step * HOUR, offset_us=offset * HOUR)
    found = await takes(replay)
    assert [row for take in found for row in numbers(take)] == sorted(
        range(len(hours)), key=hours.__getitem__
    )
    for take in found:
        end = take.watermark
        assert end is not None
        assert (end - offset * HOUR) % (step * HOUR) == 0
        assert all(end - step * HOUR <= time < end for time in take.batch.event_time.tolist())
    await replay.close()


@pytest.mark.parametrize("name", FILES)
async def test_start_and_end_bound_the_replay(tmp_path: Path, name: str) -> None:
    """Only rows from start (included) to end (not included) are given, at either pace."""
    path = write(tmp_path / name, sorted(GAP))
    bounds = {"start": 5 * HOUR, "end": 101 * HOUR}
    stepped = await takes(source(path, step_us=DAY, **bounds))
    assert [numbers(take) for take in stepped] == [[1], [2, 3, 4], [], [], [5]]
    counted = await takes(source(path, rows=4, **bounds))
    assert [numbers(take) for take in counted] == [[1, 2, 3, 4], [5]]
    assert [take.progress for take in counted] == [0.8, 1.0]


async def test_bounds_that_hold_no_row_are_an_error(tmp_path: Path) -> None:
    """A replay between bounds without rows never looks like one that has ended; the times are said."""
    replay = source(write(tmp_path / "a.csv", GAP), step_us=DAY, start=500 * HOUR)
    with pytest.raises(SourceError, match=r"no row lies between start and end; its times go from 1970-01-01"):
        await replay.take(None)
    await replay.close()


async def test_rejects_come_once(tmp_path: Path) -> None:
    """Rows without a time are handed over by the first take and never again."""
    path = tmp_path / "a.csv"
    path.write_text("at,row\n1970-01-01,0\nlater,1\n1970-01-02,2\n")
    found = await takes(source(path, step_us=DAY))
    assert [(take.rejected, len(take.rejects)) for take in found] == [(1, 1), (0, 0)]
    assert found[0].rejects[0].reason.startswith("at is not a time")
    assert [numbers(take) for take in found] == [[0], [2]]


async def test_a_file_without_usable_times_is_an_error(tmp_path: Path) -> None:
    """A file fewer than half of whose rows have a time is never taken for one that has ended."""
    replay = source(tmp_path / "a.csv", rows=5)
    (tmp_path / "a.csv").write_text("at,row\n1,0\n2,1\n")
    with pytest.raises(SourceError, match=r'none of 2 rows has a usable time: at is "1", which is a number'):
        await replay.take(None)
    (tmp_path / "a.csv").write_text("at,row\n1,0\n2,1\n2013-01-01,2\n")
    with pytest.raises(SourceError, match=r"only 1 of 3 rows have a usable time"):
        await replay.take(None)
    (tmp_path / "a.csv").write_text("at,row\n1,0\n2013-01-01,2\n")
    assert ((await replay.take(None)).rejected) == 1
    await replay.close()


async def test_nothing_is_read_before_the_first_take_and_errors_are_retried(tmp_path: Path) -> None:
    """A file that is not there yet is an error of the take, and the next take finds it."""
    replay = source(tmp_path / "a.csv", rows=5)
    with pytest.raises(SourceError, match="no such file"):
        await replay.take(None)
    write(tmp_path / "a.csv", GAP)
    assert (await replay.take(None)).batch.rows == 5
    await replay.close()


async def test_a_file_that_breaks_while_it_is_read_is_an_error_and_is_opened_anew(tmp_path: Path) -> None:
    """Rows that cannot be read are a SourceError; once the file is whole the same position goes on."""
    path = write(tmp_path / "a.parquet", range(4_000))
    content = path.read_bytes()
    replay = source(path, rows=1_000)
    first = await replay.take(None)
    with path.open("r+b") as file:  # the same file, in place
        file.write(b"PAR1" + b"\xff" * (len(content) // 2))
    with pytest.raises(SourceError, match="cannot be read"):
        await replay.take(first.position)
    path.unlink()  # what is open stays broken
    path.write_bytes(content)
    assert numbers(await replay.take(first.position)) == list(range(1_000, 2_000))


async def test_a_changed_file_goes_on_and_says_so(tmp_path: Path) -> None:
    """A replay of a file that grew continues after its last row, within that day, and the log says so."""
    path = write(tmp_path / "a.csv", [1, 2, 25])
    last = (await takes(source(path, step_us=DAY)))[-1]
    write(path, [1, 2, 25, 49, 50])
    with capture_logs() as logs:
        rest = await source(path, step_us=DAY).take(last.position)
    again = await source(path, step_us=DAY).take(rest.position)
    assert (numbers(rest), numbers(again)) == ([], [3, 4])
    assert [entry["event"] for entry in logs] == ["replayed file changed"]
    with capture_logs() as logs:
        assert await source(path, step_us=DAY).take(again.position)
    assert not logs


async def test_the_pace_may_change_between_runs(tmp_path: Path) -> None:
    """A position counted in rows is understood by a replay by steps, and the other way round."""
    path = write(tmp_path / "a.csv", sorted(GAP))
    by_rows = await source(path, rows=3).take(None)
    assert numbers(await source(path, step_us=DAY).take(by_rows.position)) == [3, 4]
    by_step = await source(path, step_us=DAY).take(None)
    assert numbers(await source(path, rows=2).take(by_step.position)) == [2, 3]
    end = (await takes(source(path, rows=3)))[-1]
    assert (await source(path, step_us=DAY).take(end.position)).exhausted


@pytest.mark.parametrize("pace", [{}, {"step_us": 1, "rows": 1}, {"rows": 0}, {"step_us": -1}])
def test_exactly_one_pace_is_asked_for(tmp_path: Path, pace: dict[str, int]) -> None:
    """A replay with no pace, two paces or a pace of 0 is refused."""
    with pytest.raises(ConfigurationError, match="expected exactly one"):
        ReplayOptions(tmp_path, "at", **pace)
