"""A scenario file that is wrong says which line and key, and what was expected."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from service.config import base
from service.errors import ConfigurationError
from simulator.changes.registry import CHANGES
from simulator.changes.span import microseconds
from simulator.flights import COLUMNS
from simulator.scenario import apply
from simulator.scenario_file import find, load, parse, shipped

GOOD = "change: sudden, columns: a, shift: 1"


def one(change: str, head: str = "timestamp: at") -> str:
    return f"{head}\nchanges:\n  - {{{change}}}\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "x.yaml:1: expected the keys timestamp and changes"),
        ("- a", "x.yaml:1: expected the keys timestamp and changes"),
        ("a: [", "x.yaml:1: not valid YAML"),
        ("timestamp: at\nchanges: []", "x.yaml:2: changes: list should have at least 1 item"),
        ("timestamp: at", "x.yaml:1: changes: is missing"),
        (one(GOOD, "seed: 1"), "x.yaml:1: timestamp: is missing"),
        (one(GOOD, "timestamp: at\nsed: 1"), "x.yaml:2: sed: no such key; the nearest is 'seed'"),
        (
            one(GOOD, "timestamp: at\ntimestamp: on"),
            "x.yaml:2: timestamp: duplicate key \\(first on line 1\\)",
        ),
        (one(GOOD, "timestamp: at\nseed: -1"), "x.yaml:2: seed: .*greater than or equal to 0, got -1"),
        (one("columns: a"), "x.yaml:3: changes.0.change: is missing; expected one of: sudden, "),
        (one("change: suden, columns: a"), "changes.0.change: no change 'suden'; the nearest is 'sudden'"),
        (one("change: 3"), "changes.0.change: no change 3"),
        (one("change: sudden, columns: a"), "changes.0: expected exactly one of shift, .*got none"),
        (one(f"{GOOD}, scale: 2"), "changes.0: expected exactly one of .*got shift and scale"),
        (one("change: incremental, columns: a, label: x"), "changes.0.label: no such key"),
        (one(f"{GOOD}, form: 0.1"), "x.yaml:3: changes.0.form: no such key; the nearest is 'from'"),
        (one(f"{GOOD}, from: 1.5"), "changes.0.from: expected a share .*from 0 to 1, or a time.*got 1.5"),
        (one(f"{GOOD}, from: 2026-01-01"), "changes.0.from: .*a time with its zone.*got 2026-01-01"),
        (one(f"{GOOD}, from: soon"), "changes.0.from: .*got 'soon'"),
        (one(f"{GOOD}, from: true"), "changes.0.from: .*got True"),
        (one(f"{GOOD}, over: 0"), "changes.0.over: expected a share .*or a duration such as 30s.*got 0"),
        (one(f"{GOOD}, over: 0d"), "changes.0.over: .*got '0d'"),
        (one(f"{GOOD}, over: 1d, until: 1"), "changes.0: expected one of until .*and over"),
        (one(f"{GOOD}, share: 2"), "changes.0.share: .*less than or equal to 1, got 2"),
        (one("change: late, delay: 0s"), "changes.0.delay: expected a duration above 0"),
        (one("change: late"), "changes.0.delay: is missing"),
        (one("change: spike, factor: 1"), "changes.0.factor: .*greater than 1"),
        (one("change: unit, columns: a"), "changes.0: expected one of conversion and factor"),
        (one("change: unit, columns: a, conversion: x"), "changes.0.conversion: .*'miles_to_kil.*got 'x'"),
        (one("change: concept"), "changes.0: expected exactly one of shift, deviations, scale, errors, flip"),
        (one("change: concept, shift: 1, above: 3"), "changes.0: above: expected the key by"),
        (one("change: concept, errors: 2, by: a"), "changes.0: errors: expected above, below or labels"),
        (
            one("change: concept, shift: 2, by: a, labels: [x], above: 1"),
            "changes.0: labels: expected either",
        ),
    ],
)
def test_a_wrong_file_says_line_key_and_what_was_expected(text: str, message: str) -> None:
    """Each fault is a ConfigurationError with the place and what was expected there."""
    with pytest.raises(ConfigurationError, match=re.sub(r"(?<!\.)\.(?![*])", r"\\.", message)):
        parse(text, "x.yaml")


def test_all_faults_are_told_at_once() -> None:
    """Two wrong changes are two lines, each with its own place."""
    text = "timestamp: at\nchanges:\n- {change: outage, a: 1}\n- {change: late}\n- {change: x}\n"
    with pytest.raises(ConfigurationError) as error:
        parse(text, "x.yaml")
    assert [line[:8] for line in str(error.value).splitlines()] == ["x.yaml:3", "x.yaml:4", "x.yaml:5"]


def test_a_file_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    """No file and no text are configuration errors with the path."""
    with pytest.raises(ConfigurationError, match=r"none\.yaml: cannot be read"):
        load(tmp_path / "none.yaml")
    (tmp_path / "bytes.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigurationError, match=r"bytes\.yaml: cannot be read"):
        load(tmp_path / "bytes.yaml")


def test_a_scenario_is_found_by_path_or_by_name(tmp_path: Path) -> None:
    """Shipped scenarios are found by name, others by path; a wrong name names the nearest."""
    assert find("sudden") == shipped()["sudden"]
    assert find(str(tmp_path / "mine.yaml")) == tmp_path / "mine.yaml"
    with pytest.raises(ConfigurationError, match="nearest is 'sudden'"):
        find("suden")


def test_there_is_a_scenario_for_every_change() -> None:
    """A scenario is shipped for each kind of change, under its name."""
    assert set(CHANGES) <= set(shipped())


@pytest.mark.parametrize("name", sorted(shipped()))
def test_what_comes_with_the_product_applies_to_the_flights(name: str) -> None:
    """Every scenario is valid, fits the demo's columns and changes something."""
    rows = 2_400
    random = np.random.default_rng(1)
    times = pd.date_range("2013-02-01T05:00Z", "2014-01-01T04:00Z", periods=rows).as_unit("us")
    flights = pd.DataFrame({column: random.integers(1, 24, rows) for column in COLUMNS})
    flights = flights.assign(
        scheduled_departure=times,
        origin=random.choice(["EWR", "JFK", "LGA"], rows),
        carrier=random.choice(["AA", "UA"], rows),
    )
    applied = apply(load(shipped()[name]), flights)
    assert not applied.rows.reset_index(drop=True).equals(flights)


@pytest.mark.parametrize("text", ["250ms", "90s", "15m", "6 h", " 7d ", "2w", "7", "d", "1.5h", "-1d", "0s"])
def test_a_duration_is_written_as_in_a_monitor_file(text: str) -> None:
    """The same texts are durations as in a monitor file, except that 0 is none here."""
    try:
        expected = base.microseconds(text) or None
    except ValueError:
        expected = None
    assert microseconds(text) == expected
