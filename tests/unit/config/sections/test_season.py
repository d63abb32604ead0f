from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from service.config import monitor_file
from service.config.time_zone import zone_of
from service.core.season.season import AutoSeason, Season, SeasonKind
from service.errors import ConfigurationError

if TYPE_CHECKING:
    from service.config.monitor import Monitor

TEXT = """\
source: {type: replay, path: rows.csv, timestamp: at, step: 1d}
reference: {path: reference.csv}
columns: {size: numerical, colour: categorical}
window: {size: 1d}
"""
BERLIN = zone_of("Europe/Berlin")


def load(folder: Path, text: str) -> Monitor:
    """Return the monitor of a file with this text."""
    (folder / "mine.yaml").write_text(text)
    return monitor_file.load(folder / "mine.yaml", folder)


@pytest.mark.parametrize("kind", list(SeasonKind))
def test_each_season_is_named(tmp_path: Path, kind: SeasonKind) -> None:
    """A season and its time zone arrive in the core's form; `none` is none."""
    monitor = load(tmp_path, f"{TEXT}season: {kind}\ntimezone: Europe/Berlin\n")
    assert monitor.season_ == (None if kind is SeasonKind.NONE else Season(kind, BERLIN))
    assert monitor.zone == BERLIN


def test_auto_and_nothing(tmp_path: Path) -> None:
    """`auto` is left to the reference; without a word there is no season and days are UTC's."""
    assert load(tmp_path, f"{TEXT}season: auto\ntimezone: Europe/Berlin\n").season_ == AutoSeason(BERLIN)
    plain = load(tmp_path, TEXT)
    assert (plain.season_, plain.zone.name) == (None, "UTC")


def test_a_season_without_methods_adds_the_matched_distances(tmp_path: Path) -> None:
    """They come after the default methods; methods that are named stay as they are."""
    seasonal = f"{TEXT}season: hour\ntimezone: UTC\n"
    default = load(tmp_path, TEXT).measure_plan.drift.methods
    matched = ("wasserstein:season", "psi:season")
    assert load(tmp_path, seasonal).measure_plan.drift.methods == (*default, *matched)
    named = load(tmp_path, f"{seasonal}drift: {{methods: [ks, 'ks:season']}}\n")
    assert named.measure_plan.drift.methods == ("ks", "ks:season")


def test_what_monitors_share_may_name_it(tmp_path: Path) -> None:
    """`defaults.yaml` holds the season and the zone of a whole folder."""
    (tmp_path / "defaults.yaml").write_text("season: weekday\ntimezone: Asia/Tokyo\n")
    (tmp_path / "mine.yaml").write_text(TEXT)
    (monitor,) = monitor_file.load_all(tmp_path, tmp_path)
    assert monitor.season_ == Season(SeasonKind.WEEKDAY, zone_of("Asia/Tokyo"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"{TEXT}season: hours\ntimezone: UTC\n", "season: .*got 'hours'; the nearest is 'hour'"),
        (
            f"{TEXT}season: hour\ntimezone: Europe/Berln\n",
            "no such time zone: 'Europe/Berln'; the nearest is",
        ),
        (f"{TEXT}season: hour\n", "season: hour needs the time zone whose hours and days it means"),
        (
            f"{TEXT}drift: {{methods: ['ks:season']}}\n",
            r"drift.methods: ks:season compares .* expected season",
        ),
        (f"{TEXT}drift: {{columns: {{size: ['ks:season']}}}}\n", r"drift.columns.size: ks:season compares"),
        (f"{TEXT}drift: {{methods: ['ks:seasn']}}\n", "did you mean 'ks:season'"),
        (
            TEXT.replace("ence.csv}", "ence.csv, moving: {type: rolling, windows: 2}}")
            + "drift: {thresholds: evidently}\nseason: hour\ntimezone: UTC\n",
            "season: hour needs a fixed reference",
        ),
        (
            TEXT.replace("timestamp: at, step: 1d", "rows: 10").replace("size: 1d", "size_rows: 50")
            + "season: hour\ntimezone: UTC\n",
            "season: hour needs times",
        ),
        (f"{TEXT}seson: hour\n", "no such key; the nearest is season"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, text: str, message: str) -> None:
    """A message says what was expected, and the nearest name."""
    with pytest.raises(ConfigurationError, match=message):
        load(tmp_path, text)
