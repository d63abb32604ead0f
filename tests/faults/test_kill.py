"""Nothing is lost and nothing is counted twice, whatever dies."""

from __future__ import annotations

import csv
import random
import signal
import subprocess
from pathlib import Path

from tests.service_process import Place, end, lay_out

DAYS = 250
KILLS = 10


def _measured(place: Place) -> list[list[str]]:
    """Every measurement of the windows, but for when it was computed; cycle times belong to the clock."""
    done = place.command("metrics", "--format", "csv")
    assert done.returncode == 0, done.stderr
    header, *lines = csv.reader(done.stdout.splitlines())
    kept = [i for i, name in enumerate(header) if name != "computed_at"]
    aspect = header.index("aspect")
    return [[line[i] for i in kept] for line in lines if line[aspect] != "health"]


def test_ten_kills_change_nothing(tmp_path: Path) -> None:
    """After ten `kill -9` at random points the table equals an uninterrupted run's, value for value."""
    straight, interrupted = (lay_out(tmp_path / name, days=DAYS) for name in ("straight", "killed"))
    assert straight.start(TIDEGAUGE_MAX_CYCLES="400").wait(120) == 0

    moments = random.Random(11)  # noqa: S311  # moments, no secrets
    kills = 0
    while kills < KILLS:
        process = interrupted.start(TIDEGAUGE_MAX_CYCLES="400", TIDEGAUGE_CYCLE_SECONDS="0.05")
        try:
            # From before the database answers to deep in the cycles.
            process.wait(moments.uniform(0.1, 2.5))
        except subprocess.TimeoutExpired:
            end(process, signal.SIGKILL)
            kills += 1
        assert process.returncode == -signal.SIGKILL, interrupted.log
    assert interrupted.start(TIDEGAUGE_MAX_CYCLES="400").wait(120) == 0, interrupted.log

    expected = _measured(straight)
    assert len(expected) > DAYS * 20
    assert _measured(interrupted) == expected


MOVING = """\
by: [colour]
segment_performance: {mae: 0.9}
"""


def test_kills_change_nothing_that_is_compared_with_what_came_before(tmp_path: Path) -> None:
    """Moving references and segments come back from the stored panes, to the last digit."""
    places = [lay_out(tmp_path / name, days=40) for name in ("straight", "killed")]
    for place in places:
        path = place.root / "monitors/toy.yaml"
        text = path.read_text() + MOVING
        for name, moving in (("toy", "{type: expanding}"), ("rolling", "{type: rolling, windows: 2}")):
            moved = text.replace('reference.csv"}', f'reference.csv", moving: {moving}}}')
            path.with_stem(name).write_text(moved)
    straight, interrupted = places
    assert straight.start(TIDEGAUGE_MAX_CYCLES="100").wait(120) == 0
    for _ in range(3):
        process = interrupted.start(TIDEGAUGE_MAX_CYCLES="100", TIDEGAUGE_CYCLE_SECONDS="0.05")
        for _ in range(9):
            interrupted.until('"event": "cycle"', process)
        end(process, signal.SIGKILL)
    assert interrupted.start(TIDEGAUGE_MAX_CYCLES="100").wait(120) == 0, interrupted.log

    expected = _measured(straight)
    reference_rows = [line for line in expected if "moving_reference_rows" in line]
    assert len(reference_rows) == 80
    assert sum("compared with the declared reference" in line[-2] for line in reference_rows) < 60
    assert _measured(interrupted) == expected


SEASON = """\
timezone: America/New_York
"""


def test_kills_change_nothing_that_is_matched_by_season(tmp_path: Path) -> None:
    """Rows by season, and the season that was chosen, come back from the store, to the last digit."""
    places = [lay_out(tmp_path / name, days=30) for name in ("straight", "killed")]
    for place in places:
        path = place.root / "monitors/toy.yaml"
        text = path.read_text().replace('"psi:robust"', '"psi:robust", "ks:season"') + SEASON
        path.write_text(text + "season: weekend\n")
        path.with_stem("chosen").write_text(text + "season: auto\n")
    straight, interrupted = places
    assert straight.start(TIDEGAUGE_MAX_CYCLES="100").wait(120) == 0
    for _ in range(3):
        process = interrupted.start(TIDEGAUGE_MAX_CYCLES="100", TIDEGAUGE_CYCLE_SECONDS="0.05")
        for _ in range(9):
            interrupted.until('"event": "cycle"', process)
        end(process, signal.SIGKILL)
    assert interrupted.start(TIDEGAUGE_MAX_CYCLES="100").wait(120) == 0, interrupted.log

    expected = _measured(straight)
    found = {
        (line[0], metric)
        for line in expected
        for metric in ("season_matched_mae", "effective_rows")
        if metric in line
    }
    assert len(found) == 4
    assert sum("season" in line for line in expected) > 200
    assert _measured(interrupted) == expected
    assert '"event": "season chosen"' in interrupted.log


def test_a_stop_by_signal_is_clean_and_the_next_start_goes_on(tmp_path: Path) -> None:
    """SIGTERM and SIGINT finish the running cycle, exit with 0, and the next start continues."""
    place = lay_out(tmp_path / "place", days=40)
    for number in (signal.SIGTERM, signal.SIGINT):
        process = place.start(TIDEGAUGE_CYCLE_SECONDS="0.1")
        place.until('"event": "cycle"', process)
        assert end(process, number) == 0
    assert place.start(TIDEGAUGE_MAX_CYCLES="60").wait(60) == 0
    assert place.log.count('"source_exhausted": true') == 1
    windows = {line[header] for header, line in _ends(place)}
    assert len(windows) == 40


def _ends(place: Place) -> list[tuple[int, list[str]]]:
    done = place.command("metrics", "--metric", "mae", "--format", "csv")
    header, *lines = csv.reader(done.stdout.splitlines())
    return [(header.index("window_end"), line) for line in lines]
