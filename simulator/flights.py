"""Makes the flights demo: eleven months to replay and their reference, as two Parquet files.

The model is trained on 1 to 21 January 2013 and validated on 22 to 31 January, the reference; February to
December is the replay. Cut by time, not at random: flights of one hour share their weather.

It can be interrupted at any time, and the next call completes it: each file is written under another name and
renamed, a stamp that says what they were made from is written last, and a lock, released even by a killed
process, lets one process work at a time.
"""

from __future__ import annotations

import fcntl
import json
import os
from contextlib import contextmanager
from importlib import metadata
from typing import TYPE_CHECKING, Any

from service.runtime.progress_bar import shown
from simulator.datasets import NEW_YORK, WEATHER, flight_files, read_flights

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import pandas as pd

REPLAY = "flights.parquet"
REFERENCE = "flights_reference.parquet"
STAMP = "flights.json"
LOCK = "flights.lock"
UNFINISHED = ".unfinished"
RECIPE = 1  # increased whenever the files' content changes

COLUMNS = [
    *("scheduled_departure", "carrier", "flight", "origin", "dest", "distance", "hour", "weekday"),
    *WEATHER,
    *("dep_delay", "predicted_air_time", "air_time"),
]
REFERENCE_START = "2013-01-22"
REPLAY_START = "2013-02-01"
ROW_GROUP_ROWS = 8_192  # what a replay holds in memory: about nine days


def prepare(folder: Path, *, starting: Callable[[], None] = lambda: None) -> bool:
    """Make the demo's files in `folder` unless they exist and are current; return whether they were made.

    `starting` is called before the work, which takes some seconds. Raises OSError where the folder cannot be
    written.
    """
    if _is_current(folder):
        return False
    folder.mkdir(parents=True, exist_ok=True)
    with _alone(folder):
        if _is_current(folder):
            return False
        starting()
        for leftover in folder.glob(f"flights*{UNFINISHED}"):
            leftover.unlink()
        with shown("preparing the flights") as report:
            reference, replay = tables(report)
            _write(folder / REFERENCE, lambda path: _write_parquet(reference, path))
            _write(folder / REPLAY, lambda path: _write_parquet(replay, path))
        stamp = {"ingredients": _ingredients(), "bytes": _sizes(folder)}
        _write(folder / STAMP, lambda path: path.write_text(json.dumps(stamp, indent=1)))
    return True


def tables(report: Callable[[float], None] = lambda _: None) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the reference and the replay: flights by scheduled departure with `predicted_air_time`.

    `report` is called with the share of the work of `prepare` that is done.
    """
    import pandas as pd  # noqa: PLC0415 - only the first start needs pandas and the model

    from simulator.model import predictions  # noqa: PLC0415

    report(0.3)  # the imports
    flights = read_flights()
    report(0.6)
    departure = flights["scheduled_departure"]
    january = is_training(flights)
    flights["predicted_air_time"] = predictions(flights[january], flights)
    report(0.9)
    flights = flights[COLUMNS]
    is_replay = departure >= pd.Timestamp(REPLAY_START, tz=NEW_YORK)
    return flights[~january & ~is_replay], flights[is_replay]


def is_training(flights: pd.DataFrame) -> pd.Series[bool]:
    """Say of each flight whether the model is trained on it."""
    import pandas as pd  # noqa: PLC0415 - only the first start needs pandas

    return flights["scheduled_departure"] < pd.Timestamp(REFERENCE_START, tz=NEW_YORK)


def _is_current(folder: Path) -> bool:
    try:
        stamp = json.loads((folder / STAMP).read_text())
        return bool(stamp == {"ingredients": _ingredients(), "bytes": _sizes(folder)})
    except (FileNotFoundError, ValueError):
        return False


def _ingredients() -> dict[str, Any]:
    versions = {name: metadata.version(name) for name in ("numpy", "pandas", "pyarrow", "scikit-learn")}
    return {"recipe": RECIPE, "sources": [path.stat().st_size for path in flight_files()], **versions}


def _sizes(folder: Path) -> dict[str, int]:
    return {name: (folder / name).stat().st_size for name in (REPLAY, REFERENCE)}


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    with (folder / LOCK).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _write(path: Path, write: Callable[[Path], object]) -> None:
    unfinished = path.with_name(path.name + UNFINISHED)
    write(unfinished)
    with unfinished.open("rb") as file:
        os.fsync(file.fileno())
    unfinished.replace(path)


def _write_parquet(frame: pd.DataFrame, path: Path) -> None:
    frame.to_parquet(path, index=False, row_group_size=ROW_GROUP_ROWS, compression="zstd")
