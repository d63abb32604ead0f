"""The commands `monitor ...` ask on a terminal alone, and list what files and the database say together."""

from __future__ import annotations

import io
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from service.commands.monitor import agreed
from service.commands.monitor_list import ListedMonitor, listed_monitors
from service.config.monitor_folder import read_folder
from service.store.tables.monitors.monitor import StoredMonitor
from tests.unit.config.test_monitor_file import GOOD

WHEN = datetime(2026, 3, 4, tzinfo=UTC)


class Terminal(io.StringIO):
    """Somebody who types."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("typed", "yes", "agrees"),
    [
        (Terminal("y\n"), False, True),
        (Terminal("YES\n"), False, True),
        (Terminal("n\n"), False, False),
        (Terminal("\n"), False, False),
        (Terminal(""), False, False),  # Ctrl-D
        (Terminal("n\n"), True, True),
        (io.StringIO("n\n"), False, True),  # a script
    ],
)
def test_only_a_terminal_is_asked(
    typed: io.StringIO,
    yes: bool,
    agrees: bool,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """There nothing is changed without a yes; `--yes` and a script are not kept waiting."""
    monkeypatch.setattr(sys, "stdin", typed)
    assert agreed("shop is measured again.", yes=yes) is agrees
    is_asked = typed.isatty() and not yes
    assert capsys.readouterr().out == ("shop is measured again. Go on? [y/N] " if is_asked else "")


def _stored(name: str, *, removed: bool = False, error: str | None = None) -> StoredMonitor:
    return StoredMonitor(
        name=name, state=None if removed else "fine", error=error, ended=False, is_running=False, rows=7,
        window_start=WHEN, window_end=WHEN, file_gone_at=None, removed_at=WHEN if removed else None,
    )  # fmt: skip


def test_files_and_the_database_are_listed_together(tmp_path: Path) -> None:
    """Those with a file come first, by name; what is wrong with one is its note."""
    (tmp_path / "shop.yaml").write_text(GOOD)
    (tmp_path / "new.yaml").write_text(GOOD)
    (tmp_path / "bad.yaml").write_text("sauce: {}\n")
    stored = {
        each.name: each
        for each in (_stored("shop", error="away"), _stored("left"), _stored("gone", removed=True))
    }
    listed = list(listed_monitors(read_folder(tmp_path, tmp_path), stored, {}))
    assert [(each.name, each.state) for each in listed] == [
        ("bad", "not run yet"), ("new", "not run yet"), ("shop", "fine"), ("gone", "removed"),
        ("left", "no file"),
    ]  # fmt: skip
    assert [each.file is None for each in listed] == [False, False, False, True, True]
    notes = {each.name: each.note for each in listed}
    assert "sauce: no such key" in (notes["bad"] or "")
    assert (notes["new"], notes["shop"], notes["gone"]) == (None, "away", None)
    assert "tidegauge monitor remove left" in (notes["left"] or "")
    assert listed[2] == ListedMonitor(
        "shop",
        str(tmp_path / "shop.yaml"),
        "fine",
        ended=False,
        window_end=WHEN.isoformat(),
        rows=7,
        note="away",
    )


def test_a_monitor_that_a_service_has_is_not_called_a_history(tmp_path: Path) -> None:
    """A command that reads another folder than the service says who measures it, and advises no removal."""
    held = replace(_stored("held"), holder="gauge:8000")
    recent = replace(_stored("recent"), is_running=True)
    gone = replace(_stored("gone"), holder="gauge:8000", file_gone_at=WHEN)
    stored = {each.name: each for each in (held, recent, gone)}
    listed = {each.name: each for each in listed_monitors(read_folder(tmp_path, tmp_path), stored, {})}
    assert (listed["held"].state, listed["held"].replica) == ("fine", "gauge:8000")
    assert (listed["held"].note or "").startswith("the service gauge:8000 measures it, by a file of another")
    assert (listed["recent"].note or "").startswith("a running service measures it")
    assert "monitor remove gone" in (listed["gone"].note or "")


def test_a_file_that_no_running_service_has_is_said(tmp_path: Path) -> None:
    """Else a folder that no service reads looks like monitors that are about to start."""
    (tmp_path / "shop.yaml").write_text(GOOD)
    folder = read_folder(tmp_path, tmp_path)
    (shop,) = listed_monitors(folder, {}, {}, frozenset({"other"}))
    assert (shop.note or "").startswith("no running service has this file")
    assert [each.note for each in listed_monitors(folder, {}, {}, frozenset({"shop"}))] == [None]
    assert [each.note for each in listed_monitors(folder, {}, {})] == [None]
