"""The file `.env`: what it sets, and what is said of a slip in it, else a default would hold silently."""

from __future__ import annotations

from pathlib import Path

import pytest

from service.config import settings
from service.config.env_file import names_in
from service.errors import ConfigurationError


def test_the_names_of_a_good_file(tmp_path: Path) -> None:
    """Comments, empty lines and values, exported and quoted; no file is no name."""
    path = tmp_path / ".env"
    assert names_in(path) == []
    path.write_text("# a comment\n\nA=1\nexport B = 'two words'\nC=\nD=\"x\ny\"\n")
    assert names_in(path) == ["A", "B", "C", "D"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"A=1\n\n nonsense line\nB=2\n", ".env:3: cannot be read; expected NAME=VALUE"),
        (b'A="1\nB=2\n', ".env:1: cannot be read; expected NAME=VALUE, and a quote that begins to end"),
        (b"A=1\nTIDEGAUGE_OPEN\n", ".env:2: TIDEGAUGE_OPEN has no value; expected TIDEGAUGE_OPEN=VALUE"),
        (b"\xff\xfeA=1\n", ".env: no UTF-8 (byte 0)"),
        (b"TIDEGAUGE_CYCLE_SECOND=1\n", "TIDEGAUGE_CYCLE_SECOND: no such variable; the nearest is"),
    ],
)  # fmt: skip
def test_a_slip_is_said_with_its_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, said: str
) -> None:
    """Nothing of the file is left out silently."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_bytes(content)
    with pytest.raises(ConfigurationError) as refused:
        settings.load()
    assert said in str(refused.value)


def test_a_folder_of_that_name_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Docker makes one where a file is mounted that is not there."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").mkdir()
    with pytest.raises(ConfigurationError, match=r"\.env: cannot be read: Is a directory"):
        settings.load()
