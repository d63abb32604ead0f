"""Each kind of change does what its name says, to the rows that it names."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from service.errors import ConfigurationError, SourceError
from simulator.scenario import apply
from simulator.scenario_file import parse
from tests.unit.simulator.scenario_frames import START, applied, frame, moved, same

HOUR = pd.Timedelta("1h")
HALF = list(range(100, 200))


def test_sudden_moves_every_row_from_one_moment_on() -> None:
    """Half-way the column is two of its standard deviations higher, all at once."""
    before = frame()
    after = applied(before, "change: sudden, columns: size, deviations: 2, from: 0.5").rows
    assert moved(before, after, "size") == HALF
    shift = after["size"][100:] - before["size"][100:]
    assert np.allclose(shift, 2 * before["size"].std(ddof=0))


def test_a_span_is_half_open_and_may_be_given_by_times() -> None:
    """From the hour 10 until before the hour 13, by moments or by a length."""
    before = frame()
    since = "change: sudden, columns: size, shift: 1, from: 2026-01-01T10:00:00Z"
    for end in ("until: 2026-01-01T14:00:00+01:00", "over: 3h"):
        assert moved(before, applied(before, f"{since}, {end}").rows, "size") == [10, 11, 12]


def test_gradual_mixes_ever_more_rows() -> None:
    """The share of new rows grows from none to all over the length given, and then stays."""
    before = frame(2_000)
    after = applied(before, "change: gradual, columns: colour, label: pink, from: 0.2, over: 0.5").rows
    share = [float((part == "pink").mean()) for part in np.array_split(after["colour"].to_numpy(), 10)]
    assert share[:2] == [0.0, 0.0]
    assert share[7:] == [1.0, 1.0, 1.0]
    assert share[2:7] == pytest.approx([0.1, 0.3, 0.5, 0.7, 0.9], abs=0.1)


def test_incremental_moves_each_row_a_little_further() -> None:
    """The shift grows evenly to its size and stays."""
    before = frame()
    after = applied(before, "change: incremental, columns: size, shift: 10, from: 0, over: 100h").rows
    shift = (after["size"] - before["size"]).to_numpy()
    assert np.allclose(shift, np.minimum(np.arange(200) / 10, 10.0))


def test_recurring_comes_and_goes() -> None:
    """The first two of every ten hours, until the end of the span."""
    before = frame()
    change = "change: recurring, columns: size, shift: 1, every: 10h, over: 2h, from: 2026-01-01T05:00:00Z"
    after = applied(before, f"{change}, until: 2026-01-02T02:00:00Z").rows
    assert moved(before, after, "size") == [5, 6, 15, 16, 25]


def test_whole_numbers_stay_whole_and_missing_ones_missing() -> None:
    """A shift of a column of integers rounds to the nearest one and leaves its gaps."""
    before = frame().astype({"miles": "Int64"})
    before.loc[150, "miles"] = pd.NA
    after = applied(before, "change: sudden, columns: miles, scale: 1.001, from: 0.5").rows
    assert str(after["miles"].dtype) == "Int64"
    assert after["miles"].isna().to_numpy().nonzero()[0].tolist() == [150]
    assert after["miles"][199] == round(before["miles"][199] * 1.001)


def test_a_number_beyond_whole_ones_makes_floats() -> None:
    """An absurd value that 64 bits cannot hold is kept and does not wrap around."""
    after = applied(frame(), "change: outlier, columns: miles, value: 1.0e+30").rows
    assert after["miles"][0] == 1e30


def test_unsigned_numbers_beyond_63_bits_can_be_moved() -> None:
    """A column that signed whole numbers cannot hold becomes one of floats."""
    before = frame().assign(code=np.full(200, 2**63 + 2**20, dtype=np.uint64))
    after = applied(before, "change: sudden, columns: code, scale: 2, from: 0.5").rows
    assert after["code"][199] == 2 * (2**63 + 2**20)


def test_a_conversion_changes_the_unit() -> None:
    """Miles become kilometres, Fahrenheit Celsius, and a factor of one's own is taken too."""
    before = frame()
    after = applied(before, "change: unit, columns: miles, conversion: miles_to_kilometres, from: 0.5").rows
    assert after["miles"][150] == round(before["miles"][150] * 1.609344)
    after = applied(before, "change: unit, columns: size, conversion: fahrenheit_to_celsius").rows
    assert np.allclose(after["size"], (before["size"] - 32) / 1.8)
    after = applied(before, "change: unit, columns: size, factor: 2, offset: 1").rows
    assert np.allclose(after["size"], before["size"] * 2 + 1)


def test_an_outlier_is_so_many_rows() -> None:
    """One row by default, the first from the moment on."""
    before = frame()
    after = applied(before, "change: outlier, columns: [size, guess], from: 0.5, value: 1.0e+6").rows
    assert moved(before, after, "size") == moved(before, after, "guess") == [100]
    after = applied(before, "change: outlier, columns: size, rows: 3").rows
    assert moved(before, after, "size") == [0, 1, 2]


@pytest.mark.parametrize("column", ["colour", "kind"])
def test_a_new_category_comes_into_text_and_categories(column: str) -> None:
    """A tenth of the rows have a category that did not occur before."""
    after = applied(frame(2_000), f"change: new_category, columns: {column}, label: new, from: 0.5").rows
    share = (after[column] == "new").to_numpy()
    assert not share[:1_000].any()
    assert share[1_000:].mean() == pytest.approx(0.1, abs=0.03)


def test_a_code_never_seen_comes_into_whole_numbers() -> None:
    """A new category may be a number where the column holds numbers."""
    after = applied(frame(), "change: new_category, columns: miles, label: -1, share: 1").rows
    assert set(after["miles"]) == {-1}


@pytest.mark.parametrize("column", ["size", "miles", "colour", "kind"])
def test_cells_of_any_type_can_be_emptied(column: str) -> None:
    """From the moment on a vanished column holds nothing; before it everything that it held."""
    before = frame()
    after = applied(before, f"change: vanished, columns: {column}, from: 0.5").rows
    assert after[column].isna().tolist() == [False] * 100 + [True] * 100
    assert same(before[:100], after[:100], [column])


def test_a_slope_changes_the_relation_and_no_mean() -> None:
    """By a column alone, the target moves in proportion to it, and on average not at all."""
    before = frame()
    after = applied(before, "change: concept, by: size, shift: 3").rows
    standardised = (before["size"] - before["size"].mean()) / before["size"].std(ddof=0)
    assert np.allclose(after["truth"] - before["truth"], 3 * standardised)


def test_a_condition_chooses_the_rows_of_a_concept() -> None:
    """Above, below, between, beyond, and by label."""
    before = frame()
    size, colour = before["size"], before["colour"]
    chosen = {
        "by: size, above: 11": size > 11,
        "by: size, below: 9": size < 9,
        "by: size, above: 9, below: 11": (size > 9) & (size < 11),
        "by: size, above: 11, below: 9": (size > 11) | (size < 9),
        "by: colour, labels: [red, blue]": colour != "green",
    }
    for condition, rows in chosen.items():
        after = applied(before, f"change: concept, shift: 5, {condition}").rows
        assert moved(before, after, "truth") == np.flatnonzero(rows).tolist()


def test_labels_of_whole_numbers_choose_rows() -> None:
    """Numbers as labels meet columns of numbers, text of digits columns of text."""
    before = frame().assign(code=["1", "2"] * 100, number=[1, 2] * 100)
    for column in ("code", "number"):
        after = applied(before, f"change: concept, shift: 5, by: {column}, labels: [2]").rows
        assert moved(before, after, "truth") == list(range(1, 200, 2))


def test_a_concept_may_grow() -> None:
    """With a length, the change of the target is gradual."""
    before = frame()
    after = applied(before, "change: concept, shift: 10, over: 100h").rows
    assert np.allclose(after["truth"] - before["truth"], np.minimum(np.arange(200) / 10, 10.0))


def test_errors_are_multiplied_around_the_prediction() -> None:
    """Three times the errors, and the prediction as it was."""
    before = frame()
    after = applied(before, "change: concept, errors: 3").rows
    assert np.allclose(after["truth"] - before["guess"], 3 * (before["truth"] - before["guess"]))


def test_flipped_labels_become_others() -> None:
    """A share of the classes becomes another one, and never the same."""
    before = frame(1_000).assign(truth=np.arange(1_000) % 3)
    after = applied(before, "change: concept, flip: 0.3, from: 0.5").rows
    places = moved(before, after, "truth")
    assert min(places) >= 500
    assert len(places) == pytest.approx(150, abs=40)
    assert set(after["truth"]) == {0, 1, 2}


def test_duplicates_are_the_rows_again_later() -> None:
    """The copies are equal in everything, event time and id too, and arrive after the delay."""
    data = frame().assign(row_id=range(200))
    after = applied(data, "change: duplicated, from: 0.5, over: 3h, times: 2, delay: 5h").rows
    assert len(after) == 206
    copies = after[after["row_id"].duplicated()]
    assert copies["row_id"].tolist() == [100, 100, 101, 101, 102, 102]
    assert (copies["arrived_at"] - copies["at"] == 5 * HOUR).all()
    originals = data.iloc[copies["row_id"].to_numpy()].reset_index(drop=True)
    assert same(originals, copies.reset_index(drop=True), list(data.columns))


def test_late_rows_keep_their_event_time_and_arrive_later() -> None:
    """The file is in the order of arrival; the column of arrival says when, for every row."""
    after = applied(frame(), "change: late, from: 0.5, over: 3h, delay: 10h").rows
    assert after["arrived_at"].is_monotonic_increasing
    waited = (after["arrived_at"] - after["at"]).dt.total_seconds() / 3_600
    assert sorted(waited)[-4:] == [0, 10, 10, 10]
    late = after[waited > 0]
    assert late["at"].tolist() == [START + hour * HOUR for hour in (100, 101, 102)]
    assert late.index.tolist() == [107, 109, 111]  # among the rows of the hour when they came


def test_late_rows_can_be_late_again() -> None:
    """A scenario over a data set that has arrivals adds to them."""
    once = applied(frame(), "change: late, from: 0.5, over: 3h, delay: 10h").rows
    twice = applied(once, "change: late, from: 0.5, over: 3h, delay: 10h").rows
    assert (twice["arrived_at"] - twice["at"]).max() == 20 * HOUR


def test_delayed_labels_are_in_a_table_of_their_own() -> None:
    """The rows come without them; the labels follow by id, in the order in which they become known."""
    before = frame()
    before.loc[150, "truth"] = np.nan
    after = applied(before, "change: label_delay, delay: 30h, from: 0.5, until: 0.9")
    assert after.labels is not None
    waiting = after.rows["truth"].isna().to_numpy().nonzero()[0].tolist()
    assert waiting == list(range(100, 180))
    assert after.labels["row_id"].tolist() == [place for place in waiting if place != 150]
    assert after.labels["truth"].tolist() == before["truth"][after.labels["row_id"]].tolist()
    wait = after.labels["labelled_at"] - before["at"][after.labels["row_id"]].reset_index(drop=True)
    assert (wait == 30 * HOUR).all()


def test_late_labels_need_ids_that_tell_rows_apart() -> None:
    """Ids that repeat are refused, a named column is used."""
    repeated = frame().assign(order=[1] * 200, number=range(1_000, 1_200))
    with pytest.raises(SourceError, match="'order' are not complete and unique"):
        applied(repeated, "change: label_delay, delay: 1h", head="id: order\n")
    labels = applied(repeated, "change: label_delay, delay: 1h", head="id: number\n").labels
    assert labels is not None
    assert labels["number"].tolist() == list(range(1_000, 1_200))


@pytest.mark.parametrize("change", ["label_delay, delay: 1h", "concept, shift: 1"])
def test_a_change_of_the_target_needs_one(change: str) -> None:
    """Without a target the message says which key is missing."""
    with pytest.raises(ConfigurationError, match=r"changes\.0: .*name its column under the key target"):
        apply(parse(f"timestamp: at\nchanges: [{{change: {change}}}]", "try.yaml"), frame())


def test_a_spike_is_more_rows_of_the_same_kind() -> None:
    """Three times the rows, each copy between its original and the next row, with an id of its own."""
    data = frame().assign(number=range(200), name=[f"r{n}" for n in range(200)])
    for name in ("number", "name"):
        after = applied(data, "change: spike, factor: 3, from: 0.5, over: 10h", head=f"id: {name}\n").rows
        assert len(after) == 220
        assert after[name].is_unique
        assert after["at"].is_monotonic_increasing
        other = "name" if name == "number" else "number"
        added = after[after[other].duplicated()]
        assert (added["at"] < START + 110 * HOUR).all()
        assert (added["at"].dt.floor("1h") == START + (added["at"] - START).dt.floor("1h")).all()
        assert "arrived_at" not in after.columns


def test_the_copies_of_a_spike_wait_as_their_originals_did() -> None:
    """Late rows and late labels are late in a spike as well."""
    after = applied(
        frame(), "change: late, delay: 50h", "change: label_delay, delay: 90h", "change: spike, factor: 2"
    )
    assert ((after.rows["arrived_at"] - after.rows["at"]) == 50 * HOUR).all()
    assert after.labels is not None
    assert len(after.labels) == 400
    joined = after.rows.merge(after.labels, on="row_id", validate="one_to_one")
    assert ((joined["labelled_at"] - joined["at"]) == 90 * HOUR).all()


def test_an_outage_is_a_gap() -> None:
    """The span's rows are gone, the others are there."""
    before = frame()
    after = applied(before, "change: outage, from: 0.5, over: 10h").rows
    kept = pd.concat([before[:100], before[110:]], ignore_index=True)
    pd.testing.assert_frame_equal(after, kept)
