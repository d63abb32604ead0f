"""The commands as a person runs them: exit status, messages, output."""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pandas as pd
import pytest

from service.config import monitor_file
from service.core.read_models import StoredMeasurement
from service.status.known_names import CYCLE_METRICS
from service.wiring.declared_names import declared_names
from tests.service_process import Place, lay_out


@pytest.fixture
def place(tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Place:
    """Lay out a folder over a database of the test's own."""
    monkeypatch.setenv("TIDEGAUGE_DATABASE_URL", database_url)
    return lay_out(tmp_path / "place", days=12)


def test_run_measures_and_metrics_prints(place: Place) -> None:
    """A replay to its end exits 0; its measurements come out as CSV, JSON and a table."""
    assert place.command("run", "--max-cycles", "20").returncode == 0
    filters = ("metrics", "--monitor", "toy", "--aspect", "performance", "--metric", "mae")
    lines = list(csv.DictReader(place.command(*filters, "--format", "csv").stdout.splitlines()))
    assert len(lines) == 12
    assert all(0.5 < float(line["value"]) < 1.1 for line in lines)
    objects = [json.loads(line) for line in place.command(*filters, "--format", "json").stdout.splitlines()]
    assert [f"{o['value']!r}" for o in objects] == [line["value"] for line in lines]
    table = place.command(*filters).stdout.splitlines()
    assert table[0].split()[:3] == ["monitor", "window_end", "aspect"]
    assert table[-1] == "12 measurements"


def test_what_programs_read_is_complete(place: Place) -> None:
    """CSV and JSON have every column of the view, with the band, the unit and the definition of a metric."""
    place.command("run", "--max-cycles", "3")
    filters = ("metrics", "--monitor", "toy", "--metric", "mae", "--format")
    line = next(csv.DictReader(place.command(*filters, "csv").stdout.splitlines()))
    assert set(line) == {field.name for field in fields(StoredMeasurement)}
    assert (line["worse"], line["aspect"], line["revision"]) == ("higher", "performance", "1")
    assert float(line["low"]) < float(line["value"]) < float(line["high"])
    (first, *_) = place.command(*filters, "json").stdout.splitlines()
    assert set(json.loads(first)) == set(line)
    assert json.loads(first)["low"] == float(line["low"])


def test_a_monitor_that_does_not_exist_is_named(place: Place) -> None:
    """A slip in a name is no empty answer: the nearest is given. A monitor that never ran has no rows yet."""
    done = place.command("metrics", "--monitor", "toi")
    assert done.returncode == 2
    assert "no monitor is named 'toi'; the nearest is 'toy'" in done.stderr
    assert place.command("metrics", "--monitor", "toy").stdout.splitlines()[-1] == "0 measurements"


@pytest.mark.parametrize(
    ("option", "name", "message"),
    [
        ("--aspect", "drfit", "the nearest is 'drift'; there are: drift, health, performance, quality"),
        ("--column", "soze", "the nearest is 'size'"),
        ("--metric", "maee", "the nearest is 'mae'"),
        ("--segment", "colour=rad", "segment 'colour=rad'"),
    ],
)
def test_a_name_that_does_not_exist_is_no_empty_table(
    place: Place, option: str, name: str, message: str
) -> None:
    """A slip in a column, a metric, a segment or an aspect is a fault of the command, with the nearest."""
    place.command("run", "--max-cycles", "2")
    done = place.command("metrics", "--monitor", "toy", option, name)
    assert done.returncode == 2
    assert f"toy has no {option[2:]} {name!r}" in done.stderr
    assert message in done.stderr


def test_a_monitor_measures_what_its_file_declares(place: Place) -> None:
    """Every metric, column and definition of a measured window is known before anything is measured."""
    declared = declared_names(monitor_file.load(place.root / "monitors/toy.yaml", place.root))
    place.command("run", "--max-cycles", "12")
    lines = list(csv.DictReader(place.command("metrics", "--format", "csv").stdout.splitlines()))
    measured = {line["metric"] for line in lines} - set(CYCLE_METRICS)
    assert measured <= declared.metrics
    assert {line["definition"] for line in lines} <= declared.definitions | {""}
    of_live_sources = {"backlog_rows", "repeated_rows", "waiting_events", "unpaired_events"}
    health = {line["metric"] for line in lines if line["aspect"] == "health"}
    assert health >= set(CYCLE_METRICS) - of_live_sources


def test_the_change_of_the_error_is_told_apart(place: Place) -> None:
    """Moved inputs, a moved relation and the unseen add up to the whole change, in every window."""
    place.command("run", "--max-cycles", "20")
    done = place.command("metrics", "--aspect", "drift", "--format", "csv")
    parts: dict[str, dict[str, float]] = {}
    for line in csv.DictReader(done.stdout.splitlines()):
        if line["metric"].startswith("error_change") and not line["column_name"] and line["value"]:
            parts.setdefault(line["window_end"], {})[line["metric"]] = float(line["value"])
    assert len(parts) == 12
    for split in parts.values():
        whole = split.pop("error_change")
        assert sum(split.values()) == pytest.approx(whole, abs=1e-9)
        assert len(split) == 3


def test_a_second_run_adds_nothing(place: Place) -> None:
    """A replay that has ended stays ended: nothing is measured twice."""
    place.command("run", "--max-cycles", "20")
    before = place.command("metrics", "--format", "csv").stdout.splitlines()
    assert place.command("run", "--max-cycles", "20").returncode == 0
    after = place.command("metrics", "--format", "csv").stdout.splitlines()
    assert [line for line in after if ",health," not in line] == [
        line for line in before if ",health," not in line
    ]


def test_since_leaves_out_what_is_older(place: Place) -> None:
    """`--since` is compared with when a number was computed."""
    place.command("run", "--max-cycles", "20")
    assert place.command("metrics", "--since", "2100-01-01").stdout.splitlines()[-1] == "0 measurements"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("metrics", "--since", "yesterday"),
            "expected an ISO 8601 time such as 2026-01-31T00:00:00Z, got yes",
        ),
        (("report", "--monitor", "toy", "--window", "x"), "expected a whole number from 1, got x"),
        (
            ("measure", "a", "--reference", "b", "--threshold", "mae=x"),
            "expected METRIC=NUMBER such as mae=1.5",
        ),
    ],
)
def test_a_wrong_argument_says_what_is_expected(
    place: Place, arguments: tuple[str, ...], message: str
) -> None:
    """No name of a function of ours is in the message."""
    done = place.command(*arguments)
    assert (done.returncode, message in done.stderr) == (2, True), done.stderr


def test_check_finds_all_well(place: Place) -> None:
    """With readable files and a database there is nothing to complain about."""
    done = place.command("check")
    assert (done.returncode, "all is well" in done.stdout) == (0, True), done.stderr


def test_check_says_which_methods_are_not_calibrated(place: Place) -> None:
    """A method that runs in the worker process keeps its threshold, which is no fault and worth a line."""
    path = place.root / "monitors/toy.yaml"
    path.write_text(path.read_text().replace("thresholds: evidently", "columns: {colour: [chisquare, TVD]}"))
    done = place.command("check")
    assert done.returncode == 0, done.stderr
    assert "toy: TVD: keeps Evidently's threshold, and is a second opinion" in done.stdout


def test_check_says_which_methods_leave_a_column_out(place: Place) -> None:
    """A test of categories named for all columns leaves numbers out, which is no fault and worth a line."""
    path = place.root / "monitors/toy.yaml"
    path.write_text(re.sub("drift: .*", "drift: {methods: [ks, chisquare]}", path.read_text()))
    done = place.command("check")
    assert done.returncode == 0, done.stderr
    assert "toy: drift.methods: chisquare counts distinct values: left out of " in done.stdout


def test_check_names_every_fault_at_once(place: Place) -> None:
    """A key that is wrong and a file that is missing are both printed, and the status is 2."""
    text = (place.root / "monitors/toy.yaml").read_text()
    (place.root / "monitors/other.yaml").write_text(text.replace("window:", "windows:"))
    assert "other.yaml:6: windows: no such key; the nearest is window" in place.command("check").stderr
    (place.root / "monitors/other.yaml").unlink()
    (place.root / "data/reference.csv").unlink()
    done = place.command("check")
    assert done.returncode == 2
    assert "toy: reference:" in done.stderr
    assert "reference.csv" in done.stderr


def test_segments_are_measured_and_the_cap_is_told(place: Place) -> None:
    """Each value's figures are printed with their segment; past the cap log and `check` say what to do."""
    path = place.root / "monitors/toy.yaml"
    path.write_text(path.read_text() + "by: [colour]\nsegment_performance: {mae: 5}\n")
    for name in ("reference", "rows"):
        frame = pd.read_csv(place.root / f"data/{name}.csv")
        frame["colour"] = [f"c{index % 60:02d}" for index in range(len(frame))]
        frame.to_csv(place.root / f"data/{name}.csv", index=False)
    checked = place.command("check")
    note = "note: toy: by: 'colour' has 60 values in the reference; the 50 most frequent are measured"
    assert (checked.returncode, note in checked.stdout) == (0, True), checked.stderr
    assert "all is well" in checked.stdout
    ran = place.command("run", "--max-cycles", "20")
    assert (ran.returncode, ran.stderr.count("60 values in the reference")) == (0, 1)
    printed = place.command("metrics", "--metric", "mae", "--format", "csv").stdout
    lines = list(csv.DictReader(printed.splitlines()))
    last = {line["segment"]: line for line in lines if line["window_end"] == lines[-1]["window_end"]}
    assert len(last) == 1 + 50 + 1  # the whole, the values with a segment, and the others together
    assert (last["colour=c01"]["threshold"], last["colour=c01"]["breached"]) == ("5.0", "false")
    # The whole has no written threshold: the reference's own days judge it.
    assert (float(last[""]["threshold"]) < 2.0, last[""]["breached"]) == (True, "false")
    only = place.command("metrics", "--segment", "colour=c01", "--metric", "mae").stdout.splitlines()
    assert (only[-1], "colour=c01" in only[1]) == ("12 measurements", True)


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"TIDEGAUGE_CYCLE_SECONDS": "soon"}, "TIDEGAUGE_CYCLE_SECONDS='soon'"),
        ({"TIDEGAUGE_CYCLE_SECOND": "1"}, "the nearest is TIDEGAUGE_CYCLE_SECONDS"),
        ({"TIDEGAUGE_MONITORS_DIR": "nowhere"}, "nowhere: no such folder"),
    ],
)
def test_bad_configuration_exits_with_2(place: Place, variables: dict[str, str], message: str) -> None:
    """A bad variable stops the start, by name."""
    done = place.command("run", "--max-cycles", "1", **variables)
    assert (done.returncode, message in done.stderr) == (2, True), done.stderr


def test_a_bad_monitor_file_exits_with_2(place: Place) -> None:
    """File, line, key and what was expected."""
    path = place.root / "monitors/toy.yaml"
    path.write_text(path.read_text().replace("hop: 1d", "hop: daily"))
    done = place.command("run", "--max-cycles", "1")
    assert done.returncode == 2
    assert "toy.yaml:6: window.hop: expected a duration" in done.stderr


def test_a_database_that_is_away_exits_with_1(place: Place) -> None:
    """The message says where it was looked for, and holds no password."""
    url = "postgresql://someone:secret@127.0.0.1:9/nowhere"
    done = place.command("migrate", TIDEGAUGE_DATABASE_URL=url)
    assert done.returncode == 1
    assert "127.0.0.1" in done.stderr
    assert "secret" not in done.stderr


def test_a_taken_port_is_named(place: Place) -> None:
    """Two services on one port: the second says which variable to change."""
    holding = (
        "import socket; s = socket.create_server(('127.0.0.1', 0)); "
        "print(s.getsockname()[1], flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", holding], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        port = holder.stdout.readline().strip()
        done = place.command("run", "--max-cycles", "100", TIDEGAUGE_HTTP_PORT=port)
        holder.communicate("\n")
    assert done.returncode == 2
    assert f"TIDEGAUGE_HTTP_PORT={port}" in done.stderr


@pytest.mark.parametrize("module", ["service", "service.cli"])
def test_importing_is_light(module: str) -> None:
    """Nothing heavy is imported before a command needs it."""
    heavy = "{'pandas', 'evidently', 'sklearn', 'numpy'}"
    code = f"import sys, {module}; print(*sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_the_service_never_imports_evidently(place: Place) -> None:
    """A whole run leaves Evidently and scikit-learn alone: they are seconds and hundreds of megabytes."""
    code = (
        "import sys; from service.cli import main; assert main(['run', '--max-cycles', '3']) == 0; "
        "print(*sorted({'evidently', 'sklearn', 'matplotlib'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=place.environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == ""
