"""Late labels follow the rows of a replay, each once, and the same from any position."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from structlog.testing import capture_logs

from service.core.rows.batch import Labels, Numbers
from service.core.rows.late_labels import LateLabels
from service.core.rows.schema import Column, Kind, Role, Schema
from service.errors import SourceError
from service.sources.context import LabelFile
from service.sources.replay import labels as replay_labels
from service.sources.replay.source import ReplayOptions, ReplaySource

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from service.core.rows.take import Take

HOUR = 3_600_000_000
DAY = 24 * HOUR
SCHEMA = Schema(
    (Column("guess", Kind.NUMERICAL, Role.PREDICTION), Column("truth", Kind.NUMERICAL, Role.TARGET)),
    identity="key",
)


def _at(hours: Sequence[float]) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(pd.to_datetime([round(h * HOUR) for h in hours], unit="us", utc=True)).as_unit(
        "us"
    )


def _write(frame: pd.DataFrame, path: Path) -> Path:
    if path.suffix == ".parquet":
        frame.to_parquet(path, row_group_size=3)
    else:
        frame.to_csv(path, index=False)
    return path


def lay_out(
    folder: Path, suffix: str, came: Sequence[float], known: dict[Any, float], **more: Any
) -> ReplaySource:
    """Write a row at each hour of `came`, its id its number, and a label for each `known` id at its hour."""
    rows = pd.DataFrame({"at": _at(came), "key": range(len(came)), "guess": 1.0, "truth": np.nan})
    labels = pd.DataFrame(
        {"key": list(known), "truth": np.arange(len(known)) * 1.0, "labelled_at": _at([*known.values()])}
    )
    options = LabelFile(
        _write(labels, folder / f"labels{suffix}"), "labelled_at", "key", "truth", Kind.NUMERICAL, 30 * DAY
    )
    pace = {"step_us": DAY} if "rows" not in more else {}
    return ReplaySource(
        ReplayOptions(_write(rows, folder / f"rows{suffix}"), "at", labels=options, **pace, **more), SCHEMA
    )


async def takes(source: ReplaySource, position: dict[str, Any] | None = None) -> list[Take]:
    """Take until the source is exhausted; positions travel as JSON."""
    found: list[Take] = []
    while not (found and found[-1].exhausted):
        found.append(await source.take(position))
        position = json.loads(json.dumps(found[-1].position))
    await source.close()
    return found


def ids(labels: LateLabels | None) -> list[str]:
    assert labels is not None
    assert isinstance(labels.names, Labels)
    return [str(labels.names.labels[code]) for code in labels.names.codes.tolist()]


SUFFIXES = [".parquet", ".csv"]
CAME, KNOWN = [1, 2, 25, 49], {0: 23.9, 1: 24, 2: 30, 3: 100, 9: 101}


@pytest.mark.parametrize("suffix", SUFFIXES)
async def test_labels_follow_the_step_in_which_they_are_known(tmp_path: Path, suffix: str) -> None:
    """A take has the labels known before its step's end; after the last row they follow by the same steps."""
    found = await takes(lay_out(tmp_path, suffix, CAME, KNOWN))
    assert [take.batch.rows for take in found] == [2, 1, 1, 0, 0]
    assert [ids(take.labels) for take in found] == [["0"], ["1", "2"], [], [], ["3", "9"]]
    assert [take.labels.until for take in found if take.labels is not None] == [
        DAY,
        2 * DAY,
        3 * DAY,
        4 * DAY,
        5 * DAY,
    ]
    assert [take.exhausted for take in found] == [False] * 4 + [True]
    assert [take.watermark for take in found] == [DAY, 2 * DAY, 3 * DAY, 49 * HOUR + 1, 49 * HOUR + 1]
    assert [take.progress for take in found] == [pytest.approx(n / 9) for n in (3, 6, 7, 7, 9)]
    rows_ids = found[0].batch.arrival.identity
    assert rows_ids is not None
    assert found[0].labels is not None
    assert found[0].labels.identity.tolist() == rows_ids[:1].tolist()


@pytest.mark.parametrize("suffix", SUFFIXES)
async def test_any_position_gives_the_same_again(tmp_path: Path, suffix: str) -> None:
    """A newly opened source continues from the position, with rows and with labels."""
    source = lay_out(tmp_path, suffix, CAME, KNOWN)
    expected = await takes(source)
    for place, take in enumerate(expected[:-1]):
        again = await takes(lay_out(tmp_path, suffix, CAME, KNOWN), take.position)
        assert [ids(t.labels) for t in again] == [ids(t.labels) for t in expected[place + 1 :]]
        assert [t.position for t in again] == [t.position for t in expected[place + 1 :]]


async def test_a_replay_by_rows_follows_its_last_row(tmp_path: Path) -> None:
    """By rows, a take has the labels known before its last row; after the rows, as many as rows per take."""
    found = await takes(lay_out(tmp_path, ".parquet", CAME, KNOWN, rows=2))
    assert [(take.batch.rows, ids(take.labels)) for take in found] == [
        (2, []), (2, ["0", "1", "2"]), (0, ["3", "9"]),
    ]  # fmt: skip


async def test_a_flood_of_one_instant_is_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Labels that all became known at once come in parts, and none is lost."""
    monkeypatch.setattr(replay_labels, "MAX_LABELS", 2)
    found = await takes(lay_out(tmp_path, ".parquet", [1, 25], dict.fromkeys(range(5), 2)))
    assert [ids(take.labels) for take in found] == [["0", "1"], ["2", "3"], ["4"]]
    assert [take.labels.until for take in found if take.labels is not None] == [2 * HOUR, 2 * HOUR, 2 * DAY]


async def test_a_long_silence_is_leapt_over(tmp_path: Path) -> None:
    """Labels that come after years do not cost a take for every step before them."""
    found = await takes(lay_out(tmp_path, ".parquet", [1], {0: 24 * 2_000}))
    assert [ids(take.labels) for take in found] == [[], ["0"]]


async def test_labels_outside_the_replay_are_left_out(tmp_path: Path) -> None:
    """Labels known before a replay's start, or long after its end, belong to none of its rows."""
    known = {0: 10, 1: 30, 2: 24 * 31, 3: 24 * 90}
    found = await takes(lay_out(tmp_path, ".parquet", [1, 25, 49], known, start=DAY, end=2 * DAY))
    assert [name for take in found for name in ids(take.labels)] == ["1", "2"]


@pytest.mark.parametrize("suffix", SUFFIXES)
async def test_ids_are_never_rounded(tmp_path: Path, suffix: str) -> None:
    """Ids beyond 2**53 stay apart, in the hash and as they are shown."""
    big = 2**53 + 1
    (take,) = await takes(lay_out(tmp_path, suffix, [1], {big - 1: 2, big: 3}))
    assert ids(take.labels) == [str(big - 1), str(big)]
    assert take.labels is not None
    assert len(set(take.labels.identity.tolist())) == 2


async def test_rows_without_a_time_are_rejected_once(tmp_path: Path) -> None:
    """A label whose time cannot be read is a rejected row of the first take."""
    source = lay_out(tmp_path, ".csv", CAME, KNOWN)
    with (tmp_path / "labels.csv").open("a") as file:
        file.write("7,1.5,soon\n")
    found = await takes(source)
    assert [take.rejected for take in found] == [1, 0, 0, 0, 0]
    assert found[0].rejects[0].row == {"key": "7", "truth": 1.5, "labelled_at": "soon"}


async def test_a_missing_file_or_column_is_named(tmp_path: Path) -> None:
    """The message says which file lacks what, before any label is needed."""
    source = lay_out(tmp_path, ".parquet", CAME, KNOWN)
    path = tmp_path / "labels.parquet"
    path.rename(tmp_path / "away.parquet")
    with pytest.raises(SourceError, match=r"labels\.parquet: there is no such file"):
        await source.take(None)
    pd.read_parquet(tmp_path / "away.parquet").rename(columns={"truth": "trut"}).to_parquet(path)
    with pytest.raises(
        SourceError, match=r"labels\.parquet: it has no column 'truth'; the nearest is 'trut'"
    ):
        await source.take(None)
    await source.close()


async def test_a_file_that_changed_is_told(tmp_path: Path) -> None:
    """A replay continues after the last label given, and the log says that the file has changed."""
    source = lay_out(tmp_path, ".parquet", CAME, KNOWN)
    first = await source.take(None)
    await source.close()
    with capture_logs() as logs:
        (take, *_) = await takes(lay_out(tmp_path, ".parquet", CAME, {**KNOWN, 11: 102}), first.position)
    assert [line["event"] for line in logs] == ["file of labels changed"]
    assert ids(take.labels) == ["1", "2"]


async def test_labels_have_the_kind_of_the_target(tmp_path: Path) -> None:
    """Numbers for a numerical target; what is no number is marked, not silently missing."""
    source = lay_out(tmp_path, ".csv", [1], {0: 2, 1: 3})
    path = tmp_path / "labels.csv"
    path.write_text(path.read_text().replace("1,1.0", "1,unknown"))
    (take,) = await takes(source)
    assert take.labels is not None
    assert isinstance(take.labels.labels, Numbers)
    assert take.labels.labels.unparsable is not None
    assert take.labels.labels.unparsable.tolist() == [False, True]
