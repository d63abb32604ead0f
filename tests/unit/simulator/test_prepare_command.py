"""The simulator's command says what is wrong and when there is nothing to do."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from simulator import flights
from simulator.__main__ import main

if TYPE_CHECKING:
    from pathlib import Path


def stamped(folder: Path) -> Path:
    """Lay stand-ins for the demo's files with the stamp of a finished preparation."""
    folder.mkdir(parents=True)
    for name in (flights.REPLAY, flights.REFERENCE):
        (folder / name).write_bytes(b"some rows")
    stamp = {"ingredients": flights._ingredients(), "bytes": flights._sizes(folder)}
    (folder / flights.STAMP).write_text(json.dumps(stamp))
    return folder


def test_current_files_are_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the files there and current the command says nothing and touches nothing."""
    folder = stamped(tmp_path / "demo")
    monkeypatch.setenv("TIDEGAUGE_DATA_DIR", str(tmp_path))
    assert main(["prepare"]) == 0
    assert capsys.readouterr().out == ""
    assert (folder / flights.REPLAY).read_bytes() == b"some rows"


@pytest.mark.parametrize("name", [flights.REPLAY, flights.REFERENCE, flights.STAMP])
@pytest.mark.parametrize("content", [None, b"", b"{"])
def test_a_lost_or_shortened_file_is_made_again(tmp_path: Path, name: str, content: bytes | None) -> None:
    """Any of the files gone or cut short means that the demo is not current."""
    path = stamped(tmp_path / "demo") / name
    assert flights._is_current(tmp_path / "demo")
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content)
    assert not flights._is_current(tmp_path / "demo")


def test_other_ingredients_mean_other_files(tmp_path: Path) -> None:
    """Files made with another recipe or other versions are not current."""
    folder = stamped(tmp_path / "demo")
    stamp = json.loads((folder / flights.STAMP).read_text())
    stamp["ingredients"]["recipe"] -= 1
    (folder / flights.STAMP).write_text(json.dumps(stamp))
    assert not flights._is_current(folder)


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A path that is taken by a file ends with status 1 and the reason."""
    (tmp_path / "taken").write_text("")
    assert main(["prepare", "--into", str(tmp_path / "taken")]) == 1
    assert str(tmp_path / "taken") in capsys.readouterr().err


def test_a_data_set_that_does_not_exist_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """An unknown data set ends with status 2 and the known ones."""
    with pytest.raises(SystemExit, match="2"):
        main(["prepare", "trains"])
    assert "flights" in capsys.readouterr().err
