"""Bad configuration is refused in words, at once, and leaves nothing behind.

Each row of the tables is one input with the beginning of its message. A row is added for every input that was
once taken silently, answered by a traceback, or waited for.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from service.cli import main
from service.config import monitor_file, settings
from service.config.documents.document import MAX_BYTES
from service.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_SECONDS = 5.0
GOOD = """\
source: {type: replay, path: rows.csv, timestamp: at, step: 1d}
reference: {path: reference.csv}
columns: {size: numerical, colour: categorical, guess: numerical, truth: numerical}
prediction: guess
target: truth
window: {size: 7d, hop: 1d}
"""
BOMB = "\n".join(
    [
        "a: &a [x, x, x, x, x, x, x, x, x, x]",
        *(f"{n}: &{n} [{', '.join(['*' + p] * 10)}]" for p, n in zip("abcdefgh", "bcdefghi", strict=True)),
    ]
)


def _changed(old: str, new: str) -> str:
    assert old in GOOD
    return GOOD.replace(old, new)


# The text of m.yaml, and the beginning of what is said after the file's name.
TEXTS: dict[str, tuple[str | bytes, str]] = {
    # keys that YAML reads as something else
    "a key on": (
        _changed("columns: {", "columns: {on: numerical, "),
        ":3: columns.on: YAML reads the key on as",
    ),
    "a key yes": (
        _changed("columns: {", "columns: {yes: text, "),
        ":3: columns.yes: YAML reads the key yes as",
    ),
    "a key 1": (
        _changed("columns: {", "columns: {1: text, "),
        ":3: columns.1: YAML reads the key 1 as a number",
    ),
    "a key 1.5": (
        _changed("columns: {", "columns: {1.5: text, "),
        ":3: columns.1.5: YAML reads the key 1.5 as",
    ),
    "a key null": (GOOD + "null: 1\n", ":7: null: YAML reads the key null as nothing (null); put it in"),
    "a key ~": (GOOD + "~: 1\n", ":7: ~: YAML reads the key ~ as nothing"),
    "an empty key": (GOOD + ": 1\n", ":7: not valid YAML: expected <block end>"),
    "a date as key": (GOOD + "2024-01-01: 1\n", ":7: 2024-01-01: YAML reads the key 2024-01-01 as a date"),
    "a list as key": (GOOD + "? [a, b]\n: 1\n", ":7: a key is a list or a mapping; expected text"),
    "a key twice": (GOOD + "target: guess\n", ":7: target: duplicate key (first on line 5)"),
    # unknown names: the nearest where one is near, else the list
    "no near key": (GOOD + "colour: red\n", ":7: colour: no such key; expected one of: alarm, "),
    "a near key": (GOOD + "colums: {}\n", ":7: colums: no such key; the nearest is columns"),
    "a near section": (_changed("hop: 1d", "hops: 1d"), ":6: window.hops: no such key; the nearest is hop"),
    "no near kind": (_changed("type: replay", "type: kinesis"), ":1: source.type: expected one of 'dummy',"),
    # what is no YAML, or more than a monitor
    "a tab": (GOOD + "drift:\n\tshare: 0.5\n", ":8: not valid YAML: found character '\\t' that cannot start"),
    "no end": (GOOD + "by: [colour\n", ":8: not valid YAML: "),
    "a control character": (GOOD + "description: \x07\n", ":7: not valid YAML: the character"),
    "a tag": (GOOD + "description: !!python/name:os.system x\n", ":7: not valid YAML: could not determine"),
    "UTF-16": (GOOD.encode("utf-16"), ":1: is UTF-16 or UTF-32; save it as UTF-8"),
    "Latin-1": (GOOD.encode() + "description: Größe\n".encode("latin-1"), ":7: is not UTF-8 (byte 0xf6)"),
    "two documents": (GOOD + "---\n" + GOOD, ":7: a second document begins; expected one monitor per file"),
    "a list": ("- a\n", ":1: expected keys such as source"),
    "an alias bomb": (BOMB, ":5: holds more than "),
    "an alias of itself": (GOOD + "by: &a [*a]\n", ":7: the alias *a is inside of what it names"),
    "an unknown alias": (GOOD + "by: *a\n", ":7: not valid YAML: found undefined alias"),
    "brackets, deep": (GOOD + "by: " + "[" * 3_000 + "]" * 3_000, ":7: is nested deeper than"),
    "lines, deep": ("\n".join(" " * n + "a:" for n in range(600)), ":31: is nested deeper than"),
    "aliases, deep": (
        "a0: &a0 [x]\n" + "\n".join(f"a{n}: &a{n} [*a{n - 1}]" for n in range(1, 600)),
        ":30: is nested deeper than",
    ),
    "values without end": ("a: [" + "1," * 100_000 + "]", ":1: holds more than "),
    "a file of data": (b"1,2,3\n" * (MAX_BYTES // 6 + 1), ": is larger than 250 kB"),
    # values that cannot be
    "a date that is none": (
        _changed("step: 1d", "step: 1d, start: 2024-02-30"),
        ":1: source.start: 2024-02-30 is no date that exists",
    ),
    "a time without zone": (_changed("step: 1d", "step: 1d, start: 2024-02-20"), ":1: source.start: "),
    "an end before the start": (
        _changed("step: 1d", "step: 1d, start: 2024-02-02T00:00:00Z, end: 2024-02-01T00:00:00Z"),
        ":1: source: expected end after start",
    ),
    "a step of nothing": (_changed("step: 1d", "step: 0d"), ":1: source.step: expected a duration above 0"),
    "a negative step": (_changed("step: 1d", "step: -1d"), ":1: source.step: expected a duration such as"),
    "an endless step": (
        _changed("step: 1d", "step: 99999999999d"),
        ":1: source.step: expected a duration of a",
    ),
    "a window of nothing": (_changed("size: 7d", "size: 0d"), ":6: window.size: expected a duration above 0"),
    "panes without end": (
        _changed("hop: 1d", "hop: 1s"),
        ":6: window: a window of 7d in hops of 1s has 604,800 panes; expected 10,000 at most: write hop: 2m",
    ),
    "panes of a row": (
        _changed("size: 7d, hop: 1d", "size_rows: 10000000000, hop_rows: 1"),
        (
            ":6: window: a window of 10,000,000,000 rows in hops of 1 rows has 10,000,000,000 panes; "
            "expected 10,000 at most: write hop_rows: 1000000 or more"
        ),
    ),
    "panes of the reference": (
        _changed("reference.csv}", "reference.csv, moving: {type: rolling, windows: 900}}")
        .replace("hop: 1d", "hop: 6h") + "drift: {thresholds: evidently}\n",
        ":2: reference.moving.windows: 900 windows and the measured one have 25,228 panes of 6h; expected ",
    ),
    "more rows than a window has": (
        _changed("size: 7d, hop: 1d", "size_rows: 10, min_rows: 11"),
        ":6: window: min_rows is 11 and a window has 10 rows",
    ),
    "no threshold": (GOOD + "performance: {mae: .nan}\n", ":7: performance.mae: "),
    "an infinite threshold": (GOOD + "drift: {thresholds: {psi: .inf}}\n", ":7: drift.thresholds.psi: "),
    "a threshold below a distance": (
        GOOD + "drift: {thresholds: {psi: -1}}\n",
        ":7: drift.thresholds.psi: -1 is no value that it can have; expected 0 or more",
    ),
    "a share that is none": (GOOD + "drift: {share: .nan}\n", ":7: drift.share: "),
    "an infinite limit": (
        _changed("size: numerical", "size: {kind: numerical, max: .inf}"),
        ":3: columns.size.max: ",
    ),
    "an endless cycle": (GOOD + "cycle_seconds: .inf\n", ":7: cycle_seconds: "),
    "more breaches than windows": (
        GOOD + "alarm: {breaches: 4, windows: 3}\n",
        ":7: alarm: expected at most 3",
    ),
    "alarms of no window": (GOOD + "alarm: {windows: 0}\n", ":7: alarm.windows: "),
    "a target that is the prediction": (
        _changed("prediction: guess", "prediction: truth"),
        ":4: prediction: 'truth' is the target, so that every row would be right",
    ),
    "labels for one label": (
        _changed("colour: categorical", "colour: {kind: categorical, allowed: [[red, green]]}"),
        ":3: columns.colour.allowed.0: expected one label, such as \"yes\", got ['red', 'green']",
    ),
    # numbers that YAML reads otherwise
    "an octal number": (GOOD + "cycle_seconds: 010\n", ":7: cycle_seconds: YAML reads 010 as 8; write that"),
    "minutes and seconds": (GOOD + "cycle_seconds: 1:30\n", ":7: cycle_seconds: YAML reads 1:30 as 90; "),
    "a truth value for a number": (
        _changed("hop: 1d", "hop: 1d, min_rows: yes"),
        ":6: window: min_rows: expected a number, got true, a truth value",
    ),
    "a truth value for a limit": (
        GOOD + "drift: {thresholds: {ks: yes}}\n",
        ":7: drift.thresholds.ks: expected a number, got true, a truth value",
    ),
    "a tag of no date": (GOOD + "description: !!timestamp soon\n", ":7: description: soon is no date"),
    "a tag of no truth": (GOOD + "description: !!bool maybe\n", ":7: description: maybe is no truth value"),
    # times that would be read as others
    "a PM that is not heeded": (
        _changed("timestamp: at", 'timestamp: {column: at, format: "%Y-%m-%d %H:%M %p"}'),
        ":1: source.timestamp.format: expected %I with %p (01:30 PM), or %H alone (13:30)",
    ),
    "a clock of twelve hours": (
        _changed("timestamp: at", 'timestamp: {column: at, format: "%Y-%m-%d %I:%M"}'),
        ":1: source.timestamp.format: expected %I with %p",
    ),
    # names
    "an empty path": (_changed("path: rows.csv", 'path: ""'), ":1: source.path: is empty; expected a file"),
    "a name with a space": (GOOD + "name: my model\n", ":7: name: expected up to 63 letters (a to z)"),
    "two labels of one score": (
        _changed("prediction: guess", "task: multiclass\nscores: {a: size, b: size}\nprediction: colour"),
        ":5: scores: 'size' is the column of two labels",
    ),
    "a sensitive number": (
        _changed("size: numerical", "size: {kind: numerical, sensitive: true}"),
        ":3: columns.size: sensitive: a hash has no size",
    ),
    "a sensitive class": (
        _changed("colour: categorical", "colour: {kind: categorical, sensitive: true}")
        .replace("prediction: guess\ntarget: truth", "task: multiclass\nprediction: colour\ntarget: truth"),
        ":5: prediction: 'colour' is sensitive",
    ),
}  # fmt: skip


def _fifo(path: Path) -> None:
    os.mkfifo(path)


def _device(path: Path) -> None:
    path.symlink_to("/dev/zero")


# What m.yaml is instead of a file.
KINDS: dict[str, tuple[Callable[[Path], None], str]] = {
    "a folder": (Path.mkdir, ": is a folder; expected a file"),
    "a pipe": (_fifo, ": is a pipe; expected a file"),
    "a device": (_device, ": is a device; expected a file"),
    "a loop": (lambda path: path.symlink_to(path), ": cannot be read: it is a symbolic link that leads back"),
    "a dangling link": (lambda path: path.symlink_to("gone"), ": cannot be read: there is no such file"),
}

# A database URL with the password Geheim1 or a part of it, and what is said.
URLS: dict[str, tuple[str, str]] = {
    "a raw @": ("postgresql://u:Geh@eim1@127.0.0.1/d", "has a raw @ in the user or password; write @ as %40"),
    "a raw :": ("postgresql://u:Geh:eim1@127.0.0.1/d", "has a raw : in the user or password; write : as %3A"),
    "a raw /": ("postgresql://u:Geh/eim1@127.0.0.1/d", "has a raw / in the password; write / as %2F"),
    "a raw #": ("postgresql://u:Geh#eim1@127.0.0.1/d", "has a raw # in it; write # as %23"),
    "a raw ?": ("postgresql://u:Geh?eim1@127.0.0.1/d", "has a raw ? in the password; write ? as %3F"),
    "a raw [": ("postgresql://u:Geh[eim1@127.0.0.1/d", "has a raw [ in the user or password"),
    "a raw space": ("postgresql://u:Geh eim1@127.0.0.1/d", "has white space or a control character in it"),
    "a raw %": ("postgresql://u:Geheim1%@127.0.0.1/d", "user or password has a % that begins no %-code"),
    "a port too high": ("postgresql://u:Geheim1@127.0.0.1:99999/d", "the port is no number from 1 to 65535"),
    "a port that is none": ("postgresql://u:Geheim1@127.0.0.1:x/d", "the port is no number from 1 to 65535"),
    "no host": ("postgresql://u:Geheim1/d", "the port is no number from 1 to 65535; where it is a password"),
    "no database": ("postgresql://u:Geheim1@127.0.0.1", "names no database; expected postgresql://USER"),
    "another database": ("mysql://u:Geheim1@127.0.0.1/d", "is no Postgres URL; expected postgresql://USER"),
    "a driver": (
        "postgresql+asyncpg://u:Geheim1@127.0.0.1/d",
        "a driver's name belongs to another program's",
    ),
    "only a password": ("Geheim1", "expected postgresql://USER:PASSWORD@HOST:PORT/DATABASE"),
}


@pytest.fixture(autouse=True)
def _at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> object:
    monkeypatch.chdir(tmp_path)
    started = time.monotonic()
    yield
    assert time.monotonic() - started < MAX_SECONDS


@pytest.mark.parametrize("case", TEXTS)
def test_a_bad_monitor_file_is_refused(tmp_path: Path, case: str) -> None:
    """The message begins with the file, the line and the key, and says what was expected."""
    content, message = TEXTS[case]
    path = tmp_path / "m.yaml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ConfigurationError) as caught:
        monitor_file.load_all(tmp_path, tmp_path)
    assert str(caught.value).startswith(f"{path}{message}")


@pytest.mark.parametrize("case", KINDS)
def test_what_is_no_file_is_refused(tmp_path: Path, case: str) -> None:
    """Whatever is named like a monitor file is looked at without waiting for it."""
    make, message = KINDS[case]
    path = tmp_path / "m.yaml"
    make(path)
    with pytest.raises(ConfigurationError) as caught:
        monitor_file.load_all(tmp_path, tmp_path)
    assert str(caught.value).startswith(f"{path}{message}")


@pytest.mark.parametrize("case", URLS)
def test_a_bad_database_url_is_refused_and_not_shown(
    case: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """No part of the password is in the message, nor in what a traceback would hold."""
    url, message = URLS[case]
    monkeypatch.setenv("TIDEGAUGE_DATABASE_URL", url)
    with pytest.raises(ConfigurationError, match=r"^TIDEGAUGE_DATABASE_URL: ") as caught:
        settings.load()
    assert str(caught.value).startswith(f"TIDEGAUGE_DATABASE_URL: {message}")
    assert main(["check"]) == 2
    printed = capsys.readouterr()
    for shown in (str(caught.value), repr(caught.getrepr()), printed.err, printed.out):
        assert "Geh" not in shown.replace(url, "")
        assert "eim1" not in shown.replace(url, "")


@pytest.mark.parametrize(
    "name",
    [".hidden.yaml", "m.yaml~", ".#m.yaml", "m.yaml.swp", ".m.yaml.swp", "#m.yaml#", "m.yaml.bak", "4913"],
)
def test_an_editor_s_file_is_no_monitor(tmp_path: Path, name: str) -> None:
    """Hidden files and backups beside a good file are left alone, whatever is in them."""
    (tmp_path / "m.yaml").write_text("\ufeff" + GOOD)
    (tmp_path / name).write_text(GOOD + "nonsense: 1\n")
    assert [monitor.name for monitor in monitor_file.load_all(tmp_path, tmp_path)] == ["m"]


@pytest.mark.parametrize("names", [("m.yaml", "m.yml"), ("m.yaml", "m.YAML"), ("a.yaml", "b.yaml")])
def test_two_files_of_one_monitor_are_named(tmp_path: Path, names: tuple[str, str]) -> None:
    """A name that two files give is refused, with both files."""
    for name in names:
        (tmp_path / name).write_text(GOOD + "name: m\n")
    with pytest.raises(ConfigurationError) as caught:
        monitor_file.load_all(tmp_path, tmp_path)
    assert all(str(tmp_path / name) in str(caught.value) for name in names)
    assert "two monitors are named m" in str(caught.value)
