"""Files that appear, grow, are replaced, vanish or cannot be read: each row once."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.errors import SourceError
from tests.unit.sources.files.folders import SECOND, Watched, sizes


def kinds(take: object) -> list[str]:
    return [each.kind for each in take.events]  # type: ignore[attr-defined]


async def test_a_file_that_grows_gives_its_new_lines(tmp_path: Path) -> None:
    """Also behind a process that ended, whose successor knows the table alone; the header is read again."""
    log, watched = tmp_path / "log.csv", Watched(tmp_path)
    log.write_text("size,colour\n1,red\n")
    assert sizes(await watched.take(watched.make())) == [1]
    with log.open("a") as file:
        file.write("2,red\n3,blue\n")
    source = watched.make()
    assert sizes(await watched.take(source)) == [2, 3]
    assert sizes(await watched.take(source)) == []


async def test_only_whole_lines_of_a_growing_file_are_taken(tmp_path: Path) -> None:
    """A line that is being written waits for its end."""
    log, watched = tmp_path / "log.jsonl", Watched(tmp_path, {"grows": True, "settle": "5s"})
    log.write_text('{"size": 1}\n{"size": 2')
    source = watched.make()
    assert sizes(await watched.take(source)) == [1]
    with log.open("a") as file:
        file.write('3}\n{"size": 4}')
    assert sizes(await watched.take(source)) == [23]
    with log.open("a") as file:
        file.write("\n")
    assert sizes(await watched.take(source)) == [4]


@pytest.mark.parametrize("after", ["size\n7\n8\n9\n", "size\n7\n", "size\n1\n2"])
async def test_a_replaced_file_is_refused_and_said(tmp_path: Path, after: str) -> None:
    """Its rows may be those that were measured already; none of them is taken, and the event says so once."""
    path, watched = tmp_path / "a.csv", Watched(tmp_path)
    path.write_text("size\n1\n2\n3")
    source = watched.make()
    assert sizes(await watched.take(source)) == [1, 2, 3]
    path.write_text(after)
    take = await watched.take(source)
    assert (sizes(take), kinds(take)) == ([], ["file_replaced"])
    assert kinds(await watched.take(source)) == []


async def test_a_line_that_goes_on_is_a_replaced_file(tmp_path: Path) -> None:
    """Its last line was taken without a line break: what follows would be a part of a row."""
    path, watched = tmp_path / "a.csv", Watched(tmp_path)
    path.write_text("size\n1\n2")
    source = watched.make()
    assert sizes(await watched.take(source)) == [1, 2]
    path.write_text("size\n1\n23\n")
    take = await watched.take(source)
    assert (sizes(take), kinds(take)) == ([], ["file_replaced"])


async def test_a_replaced_file_is_taken_where_that_is_asked_for(tmp_path: Path) -> None:
    """And said too."""
    path, watched = tmp_path / "a.csv", Watched(tmp_path, {"replaced": "take"})
    path.write_text("size\n1\n")
    source = watched.make()
    await watched.take(source)
    path.write_text("size\n7\n8\n")
    take = await watched.take(source)
    assert (sizes(take), kinds(take)) == ([7, 8], ["file_replaced"])


async def test_a_touched_file_is_not_taken_again(tmp_path: Path) -> None:
    """Nor one that was copied over itself: its content is the same."""
    path, watched = tmp_path / "a.csv", Watched(tmp_path)
    path.write_text("size\n1\n")
    source = watched.make()
    await watched.take(source)
    path.write_text("size\n1\n")
    os.utime(path, (1, 1))
    take = await watched.take(source)
    assert (sizes(take), kinds(take)) == ([], [])


async def test_a_log_that_is_rotated_is_read_on_under_its_new_name(tmp_path: Path) -> None:
    """Names move on by one, with lines that were appended just before; none is taken twice."""
    watched = Watched(tmp_path, {"path": str(tmp_path / "data.log*"), "grows": True})
    source, found = watched.make(), list[float]()
    for number in range(0, 12, 3):
        log = tmp_path / "data.log"
        with log.open("a") as file:
            file.write(f'{{"size": {number}}}\n')
        found += sizes(await watched.take(source))
        with log.open("a") as file:
            file.write(f'{{"size": {number + 1}}}\n')
        for place in (2, 1, 0):
            name = tmp_path / (f"data.log.{place}" if place else "data.log")
            if name.exists():
                name.rename(tmp_path / f"data.log.{place + 1}")
        log.write_text(f'{{"size": {number + 2}}}\n')
        take = await watched.take(source)
        assert kinds(take) == []
        found += sizes(take)
    assert sorted(found) == [*range(12)]
    assert sizes(await watched.take(watched.make())) == []


async def test_a_file_waits_until_it_was_left_alone(tmp_path: Path) -> None:
    """Unless it is Parquet with its footer; a clock of the file server that is ahead changes nothing."""
    watched = Watched(tmp_path, {"settle": "5s"})
    frame = pd.DataFrame({"size": [1.0]})
    frame.to_parquet(tmp_path / "whole.parquet")
    (tmp_path / "half.parquet").write_bytes((tmp_path / "whole.parquet").read_bytes()[:-1])
    (tmp_path / "half.csv").write_text("size\n")
    watched.now = (tmp_path / "half.csv").stat().st_ctime_ns // 1_000
    source = watched.make()
    assert sizes(await watched.take(source)) == [1]
    watched.now += 4 * SECOND
    (tmp_path / "half.csv").write_text("size\n2\n")
    os.utime(tmp_path / "half.csv", ns=(0, (watched.now + 99 * SECOND) * 1_000))
    frame.to_parquet(tmp_path / "half.parquet")
    assert sizes(await watched.take(source)) == [1]
    watched.now += 4 * SECOND
    assert sizes(await watched.take(source)) == []
    watched.now += 2 * SECOND
    assert sizes(await watched.take(source)) == [2]


async def test_a_file_that_vanishes_is_said(tmp_path: Path) -> None:
    """Before it was taken, and while it is taken in parts."""
    watched = Watched(tmp_path, {"settle": "5s", "idle_after": "0s"})
    (tmp_path / "a.csv").write_text("size\n1\n")
    watched.now = (tmp_path / "a.csv").stat().st_ctime_ns // 1_000
    source = watched.make()
    await watched.take(source)
    (tmp_path / "a.csv").unlink()
    take = await watched.take(source)
    assert (kinds(take), take.events[0].details) == (["rows_lost"], {"file": "a.csv"})
    assert kinds(await watched.take(source)) == []


async def test_a_bad_file_is_passed_over_until_it_changes(tmp_path: Path) -> None:
    """It is one reject with its reason, and stops no other."""
    watched = Watched(tmp_path)
    (tmp_path / "a.parquet").write_bytes(b"PAR1 and no more of it")
    (tmp_path / "b.csv").write_text("size\n1\n")
    source = watched.make()
    take = await watched.take(source)
    assert (sizes(take), take.rejected, kinds(take)) == ([1], 1, ["file_refused"])
    assert take.rejects[0].row == {"file": "a.parquet"}
    assert (await watched.take(source)).rejected == 0
    pd.DataFrame({"size": [2.0]}).to_parquet(tmp_path / "a.parquet")
    assert sizes(await watched.take(source)) == [2]


async def test_a_file_that_is_renamed_when_it_is_whole_is_not_lost(tmp_path: Path) -> None:
    """Where its first name matches the pattern too."""
    watched = Watched(tmp_path, {"settle": "5s"})
    (tmp_path / "writing.csv").write_text("size\n1\n")
    watched.now = (tmp_path / "writing.csv").stat().st_ctime_ns // 1_000
    source = watched.make()
    await watched.take(source)
    (tmp_path / "writing.csv").rename(tmp_path / "whole.csv")
    watched.now += 6 * SECOND
    assert kinds(await watched.take(source)) == []
    watched.now += 6 * SECOND
    assert sizes(await watched.take(source)) == [1]


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.jsonl", 'junk\n{"size": 1}\n', "the line is no JSON"),
        ("a.jsonl.1", '\n7\n{"size": 1}\n', "but no object"),
        ("a.csv", "junk\n", "none of the monitor's columns, but junk"),
        ("a.csv", "other,names\n1,2\n", "none of the monitor's columns, but other, names"),
        ("a.csv", "size,colour\n1,red\n1,red,blue\n1,red\n", "3 cells"),
        ("a.jsonl", '{"size": 1}\n{"size": 2, "size": 3}\n', "more than once"),
    ],
)
async def test_what_is_no_row_is_said(tmp_path: Path, name: str, content: str, reason: str) -> None:
    """Nothing of a file is passed over without a reject."""
    watched = Watched(tmp_path)
    (tmp_path / name).write_text(content)
    take = await watched.take(watched.make())
    assert take.rejected == 1
    assert reason in take.rejects[0].reason
    assert take.rejects[0].row["file"] == name


async def test_large_files_are_taken_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines by bytes, also compressed ones and cells with line breaks; Parquet by rows, across row groups."""
    monkeypatch.setattr("service.sources.files.config.PART_ROWS", 7)
    frame = pd.DataFrame({"size": np.arange(40.0), "colour": ["a\nb"] * 40})
    frame.to_parquet(tmp_path / "a.parquet", row_group_size=9)
    frame.to_csv(tmp_path / "b.csv", index=False)
    (tmp_path / "c.csv.gz").write_bytes(gzip.compress((tmp_path / "b.csv").read_bytes()))
    frame.to_json(tmp_path / "d.jsonl", orient="records", lines=True)
    frame.to_feather(tmp_path / "e.arrow")
    watched, found = Watched(tmp_path), list[float]()
    while (take := await watched.take(watched.make())).batch.rows:
        assert take.batch.rows <= 7
        found += sizes(take)
    assert found == [*range(40)] * 5


async def test_ten_thousand_names_are_each_taken_once(tmp_path: Path) -> None:
    """Most of them are empty, as batch jobs leave them; the position does not grow with them."""
    for number in range(10_000):
        (tmp_path / f"{number:05}.jsonl").write_text("" if number % 50 else f'{{"size": {number}}}\n')
    watched = Watched(tmp_path)
    source, found = watched.make(), list[float]()
    while take := await watched.take(source):
        found += sizes(take)
        if take.lag_seconds == 0:
            break
    assert found == [*range(0, 10_000, 50)]
    assert len(watched.table.kept) == 10_000
    assert len(str(watched.position)) < 200


async def test_a_folder_that_is_not_there_is_an_error_of_the_take(tmp_path: Path) -> None:
    """It may be mounted later."""
    watched = Watched(tmp_path / "later")
    source = watched.make()
    with pytest.raises(SourceError, match=r"there is no folder .*later"):
        await source.take(None)
    (tmp_path / "later").mkdir()
    assert sizes(await watched.take(source)) == []


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.integers(0, 3), st.integers(1, 9)),
        st.tuples(st.just("append"), st.integers(0, 3), st.integers(1, 9)),
        st.tuples(st.sampled_from(["take", "take and lose", "restart"]), st.just(0), st.just(0)),
    ),
    max_size=14,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
async def test_any_interleaving_gives_each_row_once(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int, int]]
) -> None:
    """Writes of new files and lines, takes, takes whose transaction fails, and other processes."""
    folder = tmp_path_factory.mktemp("files")
    watched = Watched(folder)
    source = watched.make()
    written, found = list[int](), list[float]()
    for step, name, count in [*steps, ("take", 0, 0)]:
        if step in {"write", "append"}:
            path = folder / f"{name}.jsonl"
            fresh = range(len(written), len(written) + count)
            with path.open("a") as file:
                file.writelines(f'{{"size": {number}}}\n' for number in fresh)
            written += fresh
        elif step == "restart":
            source = watched.make()
        elif step == "take and lose":
            await source.take(watched.position)
        else:
            found += sizes(await watched.take(source))
    assert sorted(found) == written
