"""The flights demo: prepared from the real data, replayed as its monitor file says, with its story in it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from scipy.spatial.distance import jensenshannon
from scipy.stats import wasserstein_distance

from service.config.monitor_file import load
from service.sources.tables.file import read_rows
from simulator import flights
from tests.unit.sources.context import context_of

if TYPE_CHECKING:
    from service.config.monitor import Monitor
    from service.core.rows.take import Take
    from service.sources.protocol import Source

ROOT = Path(__file__).parents[3]
DAYS = 334  # 1 February to 31 December
ROWS = 309_772
DAY = 86_400_000_000


@pytest.fixture(scope="module")
def monitor(data_dir: Path) -> Monitor:
    """Read the monitor file that is shipped."""
    return load(ROOT / "config/monitors/flights.yaml", data_dir)


@pytest.fixture(scope="module")
def year(data_dir: Path) -> pd.DataFrame:
    """Read the replay's rows with the day and month of New York."""
    frame = pd.read_parquet(data_dir / "demo" / flights.REPLAY)
    local = frame["scheduled_departure"].dt.tz_convert("America/New_York")
    return frame.assign(
        month=local.dt.month,
        day=local.dt.dayofyear,
        error=(frame["predicted_air_time"] - frame["air_time"]).abs(),
    )


@pytest.fixture
def replay(monitor: Monitor) -> Source:
    """Build the source as the monitor file says."""
    return monitor.source.build(context_of(monitor))


async def test_the_year_is_replayed_a_day_a_take(replay: Source, year: pd.DataFrame) -> None:
    """334 takes give every flight once, each take one day of New York, summer time or not."""
    takes: list[Take] = []
    while not (takes and takes[-1].exhausted):
        takes.append(await replay.take(takes[-1].position if takes else None))
    await replay.close()
    assert [take.batch.rows for take in takes] == year.groupby("day").size().tolist()
    assert (len(takes), sum(take.batch.rows for take in takes)) == (DAYS, ROWS)
    times = np.concatenate([take.batch.event_time for take in takes])
    assert (np.diff(times) >= 0).all()
    assert np.array_equal(times, year["scheduled_departure"].astype("int64"))
    assert not any(take.rejected for take in takes)


async def test_every_watched_column_comes(replay: Source, monitor: Monitor) -> None:
    """The files hold all columns that the monitor file names, the reference too."""
    first = await replay.take(None)
    await replay.close()
    reference = read_rows(Path(str(getattr(monitor.reference, "path", ""))), monitor.schema_)
    assert list(first.batch.columns) == list(reference.columns) == list(monitor.columns)
    assert reference.rows == 8_778


def test_the_error_doubles_in_summer_and_comes_back(year: pd.DataFrame, data_dir: Path) -> None:
    """MAE by month is about 8 in February, about 17 in September and below 10 in December."""
    reference = pd.read_parquet(data_dir / "demo" / flights.REFERENCE)
    assert (reference["predicted_air_time"] - reference["air_time"]).abs().mean() == pytest.approx(8, abs=0.5)
    monthly = year.groupby("month")["error"].mean()
    assert monthly[2] == pytest.approx(8, abs=0.5)
    assert monthly[9] == pytest.approx(17, abs=0.7)
    assert monthly[12] < 9
    assert (monthly.loc[5:9] > 13).all()


def test_the_story_is_seen_in_weekly_windows(year: pd.DataFrame) -> None:
    """In windows of seven days every one of September is above all of February."""
    daily = year.dropna(subset="error").groupby("day")["error"].agg(["sum", "count"]).rolling(7).sum()
    weekly = daily["sum"] / daily["count"]
    month = year.groupby("day")["month"].first()
    february, september = weekly[month == 2].dropna(), weekly[month == 9]
    assert february.max() < 10
    assert september.min() > 14
    assert weekly.iloc[-1] < 10


def test_the_schedule_stays_while_the_weather_moves(year: pd.DataFrame, data_dir: Path) -> None:
    """Monthly distances to the reference stay small for what the model knows, and are large for the air."""
    reference = pd.read_parquet(data_dir / "demo" / flights.REFERENCE)
    for _, rows in year.groupby("month"):
        assert all(apart(rows[name], reference[name]) < 0.1 for name in ("carrier", "origin"))
        assert all(moved(rows[name], reference[name]) < 0.15 for name in ("distance", "hour"))
    summer = year[year["month"] == 7]
    assert moved(summer["temp"], reference["temp"]) > 2


def apart(current: pd.Series[Any], reference: pd.Series[Any]) -> float:
    """Give the Jensen-Shannon distance of two columns of labels."""
    shares = [column.value_counts(normalize=True) for column in (reference, current)]
    both = pd.concat(shares, axis=1).fillna(0.0).to_numpy()
    return float(jensenshannon(both[:, 0], both[:, 1]))


def moved(current: pd.Series[Any], reference: pd.Series[Any]) -> float:
    """Give the Wasserstein distance in standard deviations of the reference."""
    return float(wasserstein_distance(reference.dropna(), current.dropna()) / reference.std(ddof=0))


def test_cancelled_flights_stay_without_a_label(year: pd.DataFrame) -> None:
    """A flight that never left has a prediction and no air time."""
    cancelled = year[year["dep_delay"].isna()]
    assert len(cancelled) > 7_000
    assert cancelled["air_time"].isna().all()
    assert year["predicted_air_time"].notna().all()


def test_a_killed_preparation_is_completed_to_the_same_bytes(data_dir: Path, tmp_path: Path) -> None:
    """Killed between its files, on another number of threads, the next call still makes the same demo."""
    command = [sys.executable, "-m", "simulator", "prepare", "--into", str(tmp_path)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    first = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)
    while not (tmp_path / flights.REFERENCE).exists():
        assert first.poll() is None
        time.sleep(0.005)
    first.send_signal(signal.SIGKILL)
    first.wait()
    assert not (tmp_path / flights.STAMP).exists()
    subprocess.run(command, cwd=ROOT, env=environment, check=True, stdout=subprocess.DEVNULL)
    for name in (flights.REPLAY, flights.REFERENCE, flights.STAMP):
        assert (tmp_path / name).read_bytes() == (data_dir / "demo" / name).read_bytes()
    assert not list(tmp_path.glob(f"*{flights.UNFINISHED}"))


def test_a_second_preparation_does_nothing_and_soon(data_dir: Path) -> None:
    """With the files there the command neither imports pandas or the model code nor writes."""
    before = {path.name: path.stat().st_mtime_ns for path in (data_dir / "demo").iterdir()}
    script = (
        "import sys; from simulator.__main__ import main; main(); "
        "print({'pandas', 'sklearn'} & set(sys.modules))"
    )
    command = [sys.executable, "-c", script, "prepare", "--into", str(data_dir / "demo")]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "set()"
    assert {path.name: path.stat().st_mtime_ns for path in (data_dir / "demo").iterdir()} == before
