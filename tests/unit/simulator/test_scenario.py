"""What holds for every scenario: seeds, untouched cells, composition, messages about data that do not fit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.errors import ConfigurationError, SourceError
from simulator import scenario_data
from simulator.changes.registry import CHANGES
from tests.unit.simulator.scenario_frames import START, applied, frame, moved, same

if TYPE_CHECKING:
    from pathlib import Path

# One of each kind that touches cells: the change, and the only column that may differ.
CELLS = {
    "sudden": ("change: sudden, columns: size, deviations: 2, share: 0.5", "size"),
    "sudden label": ("change: sudden, columns: kind, label: x, share: 0.5", "kind"),
    "gradual": ("change: gradual, columns: colour, label: red", "colour"),
    "incremental": ("change: incremental, columns: miles, shift: 500", "miles"),
    "recurring": ("change: recurring, columns: size, scale: 3, every: 0.2", "size"),
    "concept": ("change: concept, by: size, deviations: 1", "truth"),
    "concept errors": ("change: concept, errors: 3, by: colour, labels: [red]", "truth"),
    "missing": ("change: missing, columns: miles, share: 0.3", "miles"),
    "outlier": ("change: outlier, columns: size, value: 1000000", "size"),
    "unit": ("change: unit, columns: miles, conversion: miles_to_kilometres", "miles"),
    "new_category": ("change: new_category, columns: colour, label: ultraviolet", "colour"),
    "vanished": ("change: vanished, columns: kind", "kind"),
}
ROWS = {
    "duplicated": "change: duplicated, share: 0.5, delay: 2h",
    "late": "change: late, delay: 5h, share: 0.3",
    "label_delay": "change: label_delay, delay: 10h, share: 0.7",
    "spike": "change: spike, factor: 2.5",
    "outage": "change: outage",
}
EVERY = {**{name: text for name, (text, _) in CELLS.items()}, **ROWS}


def test_every_change_is_tried_here() -> None:
    """The tables above hold every kind of change."""
    assert {text.split(",")[0].removeprefix("change: ") for text in EVERY.values()} == set(CHANGES)


shares = st.integers(0, 90).map(lambda per_cent: per_cent / 100)


@settings(deadline=None, max_examples=60)
@given(name=st.sampled_from(sorted(CELLS)), first=shares, length=st.integers(1, 60), seed=st.integers(0, 99))
def test_only_the_named_column_within_the_span_differs(
    name: str, first: float, length: int, seed: int
) -> None:
    """A change of cells leaves every other column, every row outside its span and the input as they were."""
    text, column = CELLS[name]
    before = frame(150, seed=seed)
    untouched = before.copy(deep=True)
    last = min(1.0, first + length / 100)
    end = "" if name == "outlier" else f", until: {last}"
    after = applied(before, f"{text}, from: {first}{end}", seed=seed).rows
    pd.testing.assert_frame_equal(before, untouched)
    assert list(after.columns) == list(before.columns)
    others = [other for other in before.columns if other != column]
    pd.testing.assert_frame_equal(after[others], before[others])
    extent = 149 * 3_600 * 1_000_000 + 1
    since = (before["at"] - START) // pd.Timedelta("1us")
    inside = (since >= round(first * extent)) & (since < round(last * extent))
    places = set(np.flatnonzero(inside).tolist())
    assert set(moved(before, after, column)) <= places


@settings(deadline=None, max_examples=60)
@given(name=st.sampled_from(sorted(ROWS)), first=shares, seed=st.integers(0, 99))
def test_changes_of_delivery_leave_what_the_rows_say(name: str, first: float, seed: int) -> None:
    """Rows that come twice, late or in a rush hold what they held; rows outside the span are all there."""
    before = frame(120, seed=seed)
    given_ids = before.assign(number=range(len(before)))
    # The copy of the number tells a row from its copies, whose ids are new.
    text = f"{ROWS[name]}, from: {first}, until: {min(1.0, first + 0.2)}"
    after = applied(given_ids, text, seed=seed).rows
    columns = ["size", "miles", "colour", "kind", "guess"]
    originals = before[columns].iloc[after["number"].to_numpy()].reset_index(drop=True)
    assert same(originals, after, columns)
    outside = (given_ids["at"] - START) // pd.Timedelta("1us")
    extent = 119 * 3_600 * 1_000_000 + 1
    kept = (outside < round(first * extent)) | (outside >= round(min(1.0, first + 0.2) * extent))
    counts = after["number"].value_counts()
    assert (counts.reindex(given_ids["number"][kept]) == 1).all()


@settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    names=st.lists(st.sampled_from(sorted(EVERY)), min_size=1, max_size=5),
    seed=st.integers(0, 2**40),
    firsts=st.lists(shares, min_size=5, max_size=5),
)
def test_the_same_seed_gives_the_same_bytes(
    tmp_path: Path, names: list[str], seed: int, firsts: list[float]
) -> None:
    """Any changes one after the other: applied twice, written twice, the files are equal to the byte."""
    changes = [f"{EVERY[n]}, from: {first}" for n, first in zip(names, firsts, strict=False)]
    changes = [c + ", over: 0.05" if "outage" in c else c for c in changes]
    contents = []
    for name in ("one.parquet", "two.parquet"):
        paths = scenario_data.write(applied(frame(seed=seed), *changes, seed=seed), tmp_path / name)
        contents.append([path.read_bytes() for path in paths])
    assert contents[0] == contents[1]


def test_two_changes_do_not_draw_alike() -> None:
    """Equal shares of two changes touch different rows, each as its place in the list says."""
    before = frame()
    after = applied(
        before, *(f"change: missing, columns: {name}, share: 0.5" for name in ("size", "guess"))
    ).rows
    places = [moved(before, after, name) for name in ("size", "guess")]
    assert places[0] != places[1]
    for child, found in zip(np.random.SeedSequence(7).spawn(2), places, strict=True):
        assert found == np.flatnonzero(np.random.default_rng(child).random(200) < 0.5).tolist()


def test_another_seed_chooses_other_rows() -> None:
    """The rows that a share picks depend on the seed."""
    before = frame()
    one, other = (
        applied(before, "change: missing, columns: size, share: 0.5", seed=seed).rows for seed in (1, 2)
    )
    assert moved(before, one, "size") != moved(before, other, "size")


@pytest.mark.parametrize("other", [name for name in EVERY if name not in {"spike", "duplicated", "outage"}])
def test_a_change_does_not_disturb_the_randomness_of_another(other: str) -> None:
    """What a change picks is the same whichever change, with whatever draws, comes before it."""
    before = frame()
    picked = "change: missing, columns: guess, share: 0.5"
    quiet = applied(before, "change: vanished, columns: kind", picked).rows
    busy = applied(before, EVERY[other], picked).rows.sort_values("at", ignore_index=True)
    assert moved(before, quiet, "guess") == moved(before, busy, "guess")


def test_a_greater_share_keeps_the_rows_of_a_smaller_one() -> None:
    """With the same seed a stronger scenario touches the same rows and more."""
    before = frame()
    few, many = (
        moved(before, applied(before, f"change: missing, columns: size, share: {share}").rows, "size")
        for share in (0.2, 0.6)
    )
    assert set(few) < set(many)


def test_rows_may_come_in_any_order_and_times_as_text() -> None:
    """A frame out of order, with its times as text, gives what the ordered frame gives."""
    before = frame()
    shuffled = before.assign(at=before["at"].astype(str)).sample(frac=1.0, random_state=5)
    change = "change: sudden, columns: size, shift: 1, from: 0.5, share: 0.5"
    pd.testing.assert_frame_equal(applied(shuffled, change).rows, applied(before, change).rows)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            "change: sudden, columns: sise, shift: 1",
            "try.yaml:6: changes.0.columns: no column 'sise'.*'size'",
        ),
        ("change: concept, by: colr, shift: 1", "changes.0.by: no column 'colr'.*'colour'"),
        ("change: sudden, columns: at, shift: 1", "changes.0.columns: 'at' is a row's time or id"),
        ("change: sudden, columns: colour, shift: 1", "changes.0.columns: sudden 'colour' holds .*numbers"),
        ("change: new_category, columns: size, label: x", "changes.0.label: .*expected a number, got 'x'"),
        ("change: unit, columns: colour, factor: 2", "changes.0.columns: unit 'colour' holds"),
        ("change: outlier, columns: kind", "changes.0.columns: outlier 'kind' holds"),
        ("change: concept, by: colour, shift: 1", "changes.0.by: concept 'colour' holds"),
        ("change: concept, by: colour, labels: [pink], shift: 1", "changes.0.labels: .*none of pink"),
        ("change: concept, flip: 0.5", "changes.0.flip: .*200 values"),
        ("change: outage", "changes.0: outage no row would be left"),
        ("change: outage, from: 0.5, until: 0.4", "changes.0.until: outage ends before it begins"),
        (
            "change: outage, from: 2027-01-01T00:00:00Z",
            "changes.0.from: .*outside the data, which runs from 2026-01-01",
        ),
    ],
)
def test_a_scenario_that_does_not_fit_the_data_says_where(change: str, message: str) -> None:
    """Place, key and what was expected, before anything is written."""
    with pytest.raises(ConfigurationError, match=message):
        applied(frame(), change)


def test_all_unknown_columns_are_told_at_once() -> None:
    """Every wrong name has its own line."""
    with pytest.raises(ConfigurationError) as error:
        applied(frame(), "change: vanished, columns: [sise, kind]", "change: missing, columns: colr")
    assert [line.split(": ")[0] for line in str(error.value).splitlines()] == ["try.yaml:6", "try.yaml:7"]


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [("at", "soon", "1 of 200 rows have no usable time in 'at', the first is row 3"), ("at", None, "row 3")],
)
def test_rows_without_a_time_are_refused(column: str, value: object, message: str) -> None:
    """A row without a usable time is refused, with its number."""
    data = frame().astype({"at": object})
    data[column] = [*data[column][:2], value, *data[column][3:]]
    with pytest.raises(SourceError, match=message):
        applied(data, "change: outlier, columns: size")


def test_a_frame_without_rows_is_refused() -> None:
    """Data without rows is refused."""
    with pytest.raises(SourceError, match="no rows"):
        applied(frame().iloc[:0], "change: outlier, columns: size")
