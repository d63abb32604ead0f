from __future__ import annotations

import math

import numpy as np
import pytest

from service.core.measurement import Aspect, Measurement
from service.core.profile import distribution, error_cells
from service.core.profile.error_cells import CellCounts
from service.core.profile.spec import cell_edges
from service.core.profile.spec.cell_edges import CellEdges
from service.core.rows.batch import Labels, Numbers
from service.core.rows.schema import Kind
from service.errors import ProfileError
from service.methods.concept.error_split import Split, measure_concept, split
from service.methods.stats.unmeasurable import Unmeasurable

NAMES = np.array(["a", "b", "c", "new"])
EDGES = cell_edges.edges_of(distribution.of_codes(np.array([0, 1, 2]), NAMES), Kind.CATEGORICAL)


def counted(rows: str, *errors: float) -> CellCounts:
    """Count rows given as letters (n: a new label, -: missing) with their errors."""
    codes = np.array(["abcn-".index(letter) for letter in rows])
    return error_cells.of(Labels(np.where(codes == 4, -1, codes), NAMES), np.array(errors), EDGES)


def values(found: Split) -> tuple[float, ...]:
    return tuple(part.value for part in found)


def test_inputs_that_move_are_data_drift():
    """More rows in the harder cell, each as hard as before: all of the change is the data's."""
    reference = counted("aabb", 1.0, 1.0, 3.0, 3.0)
    assert values(split(reference, counted("abbb", 1.0, 3.0, 3.0, 3.0))) == (0.5, 0.0, 0.0, 0.5)


def test_a_relationship_that_moves_is_concept_drift():
    """The same rows, predicted worse: all of the change is the concept's."""
    reference = counted("aabb", 1.0, 1.0, 3.0, 3.0)
    assert values(split(reference, counted("aabb", 2.0, 2.0, 4.0, 4.0))) == (0.0, 1.0, 0.0, 1.0)


def test_rows_that_the_reference_never_had_are_a_third_part():
    """A new label counts by how much worse it is than the reference's mean; its rows are no data drift."""
    reference = counted("aabb", 1.0, 1.0, 3.0, 3.0)
    found = split(reference, counted("abnn", 1.0, 3.0, 7.0, 7.0))
    assert values(found) == (0.0, 0.0, 2.5, 2.5)
    as_hard = split(reference, counted("abnn", 1.0, 3.0, 2.0, 2.0))
    assert values(as_hard) == (0.0, 0.0, 0.0, 0.0)


def test_a_cell_that_emptied_is_data_drift():
    """Rows gone from a cell count by what left; its error, which no row shows now, counts nowhere else."""
    reference = counted("aabb", 1.0, 1.0, 3.0, 3.0)
    assert values(split(reference, counted("aa", 1.0, 1.0))) == (-1.0, 0.0, 0.0, -1.0)


def test_only_labelled_rows_count():
    """Rows that wait for their label change nothing, on either side; a cell of such rows is unseen."""
    reference = counted("aabbc", 1.0, 1.0, 3.0, 3.0, math.nan)
    plain = split(counted("aabb", 1.0, 1.0, 3.0, 3.0), counted("ab", 2.0, 3.0))
    assert split(reference, counted("abaab", 2.0, 3.0, math.nan, math.nan, math.nan)) == plain
    assert values(split(reference, counted("cc", 6.0, 6.0))) == (0.0, 0.0, 4.0, 4.0)


def test_missing_values_are_a_cell_like_any():
    """Rows without a value are compared with the reference's rows without one."""
    found = split(counted("aa--", 1.0, 1.0, 5.0, 5.0), counted("aa--", 1.0, 1.0, 9.0, 9.0))
    assert values(found) == (0.0, 2.0, 0.0, 2.0)


@pytest.mark.parametrize("seed", range(25))
def test_the_parts_add_up_to_the_whole(seed: int):
    """The three parts are the change of the mean error to 1e-9, for errors of any size and any cells."""
    draw = np.random.default_rng(seed)
    scale = 10.0 ** draw.integers(-100, 100)
    reference, current = (draw.normal(shift, 2.0, size) for shift, size in ((0, 70), (1.5, 31)))
    wrong = [np.abs(draw.standard_cauchy(len(side))) * scale for side in (reference, current)]
    wrong[1][draw.random(31) < 0.3] = np.nan
    edges = cell_edges.edges_of(distribution.of_numbers(reference[:50]), Kind.NUMERICAL)
    sides = [error_cells.of(Numbers(x), e, edges) for x, e in zip((reference, current), wrong, strict=True)]
    found = split(*sides)
    expected = np.nanmean(wrong[1]) - wrong[0].mean()
    size = np.nanmean(wrong[1]) + wrong[0].mean()
    assert abs(found.total.value - expected) <= 1e-9 * size
    assert abs(math.fsum(values(found)[:3]) - expected) <= 1e-9 * size
    assert values(split(sides[0], sides[0])) == (0.0, 0.0, 0.0, 0.0)


def simulated(draw: np.random.Generator, rows: int, edges: CellEdges, *, shift: float = 0.0) -> CellCounts:
    """Draw inputs around `shift`; the error grows with the input."""
    x = draw.normal(shift, 1.0, rows)
    return error_cells.of(Numbers(x), np.abs(draw.normal(0.0, 1.0 + np.abs(x))), edges)


@pytest.mark.parametrize("shift", [0.0, 0.6])
def test_the_bands_hold(shift: float):
    """Over 600 samples, the 95 % band of each part holds the part's long-run value in 92 to 98 %."""
    draw = np.random.default_rng(11)
    edges = cell_edges.edges_of(distribution.of_numbers(draw.normal(size=2_000)), Kind.NUMERICAL)
    truth = split(simulated(draw, 2_000_000, edges), simulated(draw, 2_000_000, edges, shift=shift))
    hits = np.zeros(4)
    for _ in range(600):
        found = split(simulated(draw, 900, edges), simulated(draw, 250, edges, shift=shift))
        for place, part in enumerate(found):
            assert part.deviation is not None
            hits[place] += abs(part.value - truth[place].value) <= 1.96 * part.deviation
    data, concept, _, total = hits / 600  # a few unseen rows in 250 are not normal
    assert 0.92 <= min(data, concept, total) <= max(data, concept, total) <= 0.985


def test_one_row_has_no_band():
    """A single labelled row gives the change and no band: nothing is known of its spread."""
    found = split(counted("aab", 1.0, 2.0, 3.0), counted("a", 5.0))
    assert found.total.value == 3.0
    assert {part.deviation for part in found} == {None}


def test_no_labels_are_a_reason():
    """A side without a labelled row cannot be measured, and the reason says which."""
    some, none = counted("a", 1.0), counted("a", math.nan)
    with pytest.raises(Unmeasurable, match="no labels yet"):
        split(some, none)
    with pytest.raises(Unmeasurable, match="no labels in the reference"):
        split(none, some)


def test_sides_of_other_cells_are_refused():
    """Counts made with another reference's edges are no match, and both are named."""
    other = cell_edges.edges_of(distribution.of_codes(np.array([0]), NAMES), Kind.CATEGORICAL)
    with pytest.raises(ProfileError, match=f"{EDGES.fingerprint} and {other.fingerprint}"):
        split(counted("a", 1.0), error_cells.empty(other))


def by_name(measured: tuple[Measurement, ...]) -> dict[tuple[str, str], Measurement]:
    return {(m.series.column, m.series.metric.removeprefix("error_change").strip("_")): m for m in measured}


def test_the_window_is_split_by_prediction_and_by_column():
    """The prediction's cells give the window's split (no column), each other column its own, with bands."""
    reference = {"guess": counted("aabb", 1.0, 1.0, 3.0, 3.0), "colour": counted("abab", 1.0, 1.0, 3.0, 3.0)}
    current = {"guess": counted("abbb", 1.0, 3.0, 3.0, 3.0), "colour": counted("aabb", 1.0, 3.0, 3.0, 3.0)}
    got = by_name(measure_concept(reference, current, "guess"))
    parts = ["", "data", "concept", "unseen"]
    assert list(got) == [(column, part) for column in ("", "colour") for part in parts]
    assert [got["", part].value for part in parts] == [0.5, 0.5, 0.0, 0.0]
    assert [got["colour", part].value for part in parts] == [0.5, 0.0, 0.5, 0.0]
    total = got["", ""]
    assert total.low is not None
    assert total.high is not None
    assert (total.low + total.high) / 2 == 0.5
    assert total.high - total.low == pytest.approx(2 * 1.959963984540054 * math.sqrt(0.75 / 3 + 1 / 3))
    assert {m.rows for m in got.values()} == {4}
    assert {m.series.aspect for m in got.values()} == {Aspect.DRIFT}
    definitions = {m.series.column: m.series.definition for m in got.values()}
    assert definitions == {"": "prediction cells", "colour": "column cells"}


def test_each_gap_has_its_reason():
    """No labels, a withheld window, a column without cells on a side: every series has its reason."""
    some, none = counted("ab", 1.0, 2.0), counted("ab", math.nan, math.nan)
    assert {m.reason for m in measure_concept({"x": some}, {"x": none})} == {"no labels yet"}
    assert {m.reason for m in measure_concept({"x": some}, {"x": some}, withheld="too few")} == {"too few"}
    got = by_name(measure_concept({"x": some, "old": some}, {"x": some, "fresh": some}))
    assert got["x", "concept"].value == 0.0
    assert got["old", "concept"].reason == "the window has no cells of this column"
    assert got["fresh", "concept"].reason == "the reference has no cells of this column"
    assert len(got) == 12


def test_huge_errors_stay_finite():
    """Errors near the end of what can be squared still give finite numbers and bands."""
    measured = measure_concept({"x": counted("ab", 1e150, 2e153)}, {"x": counted("bb", 9e153, 1e153)})
    for m in measured:
        assert m.value is not None
        assert m.low is None or math.isfinite(m.low)
