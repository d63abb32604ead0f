"""Cell counts are a commutative monoid over rows, bit for bit, and count every row in one cell."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.core.exact.grouped_sums import limbs_of, sums_by_group
from service.core.exact.sums import exact_sum
from service.core.profile import distribution, error_cells
from service.core.profile.error_cells import CellCounts
from service.core.profile.outcome import row_errors
from service.core.profile.spec import cell_edges
from service.core.profile.spec.cell_edges import CellEdges
from service.core.rows.batch import Batch, Labels, Numbers
from service.core.rows.schema import Kind
from service.errors import ProfileError
from tests.property.strategies import LABELS, batches, numbers

SIZE = cell_edges.edges_of(
    distribution.of_numbers(np.array([-2.0, 0.0, 0.0, 1.0, 1.5, 1e300])), Kind.NUMERICAL
)
COLOUR = cell_edges.edges_of(distribution.of_codes(np.array([0, 2, 2]), LABELS), Kind.CATEGORICAL)
EDGES = {"size": SIZE, "colour": COLOUR}


def _error(batch: Batch) -> np.ndarray:
    sides = (batch.columns.get(name, Numbers(np.full(batch.rows, np.nan))) for name in ("guess", "truth"))
    prediction, target = (side.values for side in sides if isinstance(side, Numbers))
    return row_errors.absolute_error(prediction, target)


def _of(batch: Batch) -> dict[str, CellCounts]:
    return error_cells.of_columns(batch.columns, _error(batch), EDGES)


def _merge(*parts: dict[str, CellCounts]) -> dict[str, CellCounts]:
    return {name: error_cells.merge([part[name] for part in parts]) for name in EDGES}


@given(batches(), batches())
def test_merge_is_commutative(one: Batch, other: Batch) -> None:
    """The order of two parts does not matter, and merging leaves both as they were."""
    a, b = _of(one), _of(other)
    assert _merge(a, b) == _merge(b, a)
    assert (a, b) == (_of(one), _of(other))


@given(batches(), batches(), batches())
def test_merge_is_associative(one: Batch, two: Batch, three: Batch) -> None:
    """How three parts are bracketed does not matter, nor whether they are merged at once."""
    a, b, c = _of(one), _of(two), _of(three)
    assert _merge(_merge(a, b), c) == _merge(a, _merge(b, c)) == _merge(a, b, c)


@given(batches())
def test_the_empty_counts_are_the_identity(batch: Batch) -> None:
    """Merging no rows changes nothing, not even for two empty parts; they are what no rows count to."""
    nothing = {name: error_cells.empty(edges) for name, edges in EDGES.items()}
    assert _merge(_of(batch), nothing) == _of(batch) == _merge(nothing, _of(batch))
    assert _merge(nothing, nothing) == nothing == _of(batch.take(slice(0, 0)))


@given(batches(), st.lists(st.integers(0, 25), max_size=3))
def test_any_split_of_the_rows_gives_the_whole(batch: Batch, cuts: list[int]) -> None:
    """Rows counted in parts and merged equal the rows counted at once."""
    edges = [0, *sorted(min(cut, batch.rows) for cut in cuts), batch.rows]
    parts = [_of(batch.take(slice(a, b))) for a, b in pairwise(edges)]
    assert _merge(*parts) == _of(batch)


@given(batches())
def test_every_row_has_one_cell_and_every_error_is_summed(batch: Batch) -> None:
    """The cells' rows add up to all rows, and their sums to the exact sums over the labelled rows."""
    error = _error(batch)
    with np.errstate(over="ignore"):
        squared = error * error
    usable = np.isfinite(squared)
    for counts in _of(batch).values():
        assert sum(counts.rows) == batch.rows
        assert sum(counts.labelled) == int(usable.sum())
        assert sum(counts.absolute_error) == exact_sum(error[usable])
        assert sum(counts.squared_error) == exact_sum(squared[usable])


@given(st.lists(st.tuples(numbers, st.floats(0.0, 1e6)), max_size=40))
def test_a_row_counts_where_its_value_belongs(rows: list[tuple[float, float]]) -> None:
    """Row by row: a number falls in the cell that ends at the first bound it does not exceed."""
    values = np.array([value for value, _ in rows], dtype=np.float64)
    error = np.array([e for _, e in rows], dtype=np.float64)
    counts = error_cells.of(Numbers(values), error, SIZE)
    expected: list[list[Fraction]] = [[] for _ in range(SIZE.cells)]
    for value, wrong in rows:
        place = SIZE.cells - 1 if value != value else sum(bound < value for bound in SIZE.bounds)  # noqa: PLR0124 - NaN
        expected[place].append(Fraction(wrong))
    assert counts.rows == counts.labelled == tuple(map(len, expected))
    assert [Fraction(total, 2**1074) for total in counts.absolute_error] == list(map(sum, expected))


@given(
    st.lists(st.tuples(st.integers(0, 3), st.floats(0.0, allow_nan=False, allow_infinity=False)), max_size=50)
)
def test_sums_by_group_are_exact(rows: list[tuple[int, float]]) -> None:
    """Each group's sum equals the sum of fractions, from the smallest subnormal to the largest double."""
    groups = np.array([group for group, _ in rows], dtype=np.intp)
    values = np.array([value for _, value in rows], dtype=np.float64)
    got = sums_by_group(limbs_of(values), groups, 4)
    expected = [sum((Fraction(v) for g, v in rows if g == group), Fraction()) for group in range(4)]
    assert [Fraction(total, 2**1074) for total in got] == expected


@given(batches(), st.integers(1, 70))
def test_the_number_of_cells_never_changes_what_is_counted(batch: Batch, wanted: int) -> None:
    """Few cells (compared) and many (searched) put a value where the bounds say."""
    drawn = np.random.default_rng(7).normal(size=300)
    edges = cell_edges.edges_of(distribution.of_numbers(drawn), Kind.NUMERICAL, cells=wanted)
    values = np.append(drawn, [np.nan, np.inf, -np.inf])
    codes = cell_edges.codes_of(Numbers(values), len(values), edges)
    searched = np.searchsorted(np.array(edges.bounds), values)
    assert (codes[:300] == searched[:300]).all()
    assert codes[300:].tolist() == [edges.cells - 1, edges.cells - 2, 0]
    assert sum(error_cells.of(batch.columns.get("size"), _error(batch), edges).rows) == batch.rows


def test_parts_of_other_edges_are_refused() -> None:
    """Merging counts of other cells names both fingerprints; merging nothing says what was expected."""
    with pytest.raises(ProfileError, match=f"{SIZE.fingerprint} and {COLOUR.fingerprint}"):
        error_cells.merge([error_cells.empty(SIZE), error_cells.empty(COLOUR)])
    with pytest.raises(ProfileError, match="at least one part"):
        error_cells.merge([])


def test_the_fingerprint_tells_edges_apart() -> None:
    """Another bound, label, place or kind is another fingerprint; equal edges have equal ones."""
    known = [
        SIZE,
        COLOUR,
        CellEdges(Kind.NUMERICAL),
        CellEdges(Kind.CATEGORICAL),
        CellEdges(Kind.NUMERICAL, bounds=(1.0, 2.0)),
        CellEdges(Kind.NUMERICAL, bounds=(1.0, 2.0000000000000004)),
        CellEdges(Kind.CATEGORICAL, labels=("a", "b"), places=(0, 1)),
        CellEdges(Kind.CATEGORICAL, labels=("a", "b"), places=(1, 0)),
    ]
    assert len({edges.fingerprint for edges in known}) == len(known)
    assert CellEdges(Kind.NUMERICAL, SIZE.bounds).fingerprint == SIZE.fingerprint


def test_numbers_beyond_the_reference_have_their_own_cells() -> None:
    """Below, above and missing are three cells that the reference leaves empty; equal quantiles merge."""
    reference = np.array([1.0] * 50 + [2.0] * 30 + [3.0, 4.0] * 10)
    edges = cell_edges.edges_of(distribution.of_numbers(reference), Kind.NUMERICAL, cells=4)
    assert edges.bounds == (np.nextafter(1.0, 0.0), 1.0, np.nextafter(2.0, 0.0), 2.0, 4.0)
    at_home = error_cells.of(Numbers(reference), np.zeros(100), edges)
    assert at_home.rows == (0, 50, 0, 30, 20, 0, 0)
    abroad = error_cells.of(Numbers(np.array([0.9, 4.1, np.nan, 3.5, 1.5])), np.zeros(5), edges)
    assert abroad.rows == (1, 0, 1, 0, 1, 1, 1)


def test_labels_that_are_new_share_a_cell_and_rare_ones_another() -> None:
    """The reference's frequent labels have a cell each, its rare ones one together, unknown ones one more."""
    names = np.array([f"{i:03}" for i in range(150)])
    counts = np.arange(150) + 1
    reference = distribution.of_codes(np.repeat(np.arange(150), counts), names)
    edges = cell_edges.edges_of(reference, Kind.CATEGORICAL)
    assert edges.cells == cell_edges.MAX_LABELS + 2
    column = Labels(np.array([0, 1, 2, 3, -1]), np.array(["000", "050", "149", "new"]))
    counted = error_cells.of(column, np.zeros(5), edges).rows
    assert (counted[0], counted[-3], counted[-2], counted[-1]) == (1, 2, 1, 1)


def test_numbers_as_labels_meet_their_reference() -> None:
    """A label is counted alike whether the reference's distribution held numbers or their texts."""
    edges = cell_edges.edges_of(
        distribution.of_codes(np.array([0, 1]), np.array([1.0, 2.5])), Kind.CATEGORICAL
    )
    as_text = Labels(np.array([0, 1, 2]), np.array(["1", "2.5", "9"]))
    assert error_cells.of(as_text, np.ones(3), edges).rows == (1, 1, 1, 0)


def test_compressed_numbers_keep_the_reference_inside_its_range() -> None:
    """Values that compression moved towards zero leave no row of the reference beyond the range."""
    values = np.random.default_rng(3).normal(size=4_000)
    kept = distribution.compress(distribution.of_numbers(values), 64)
    counts = error_cells.of(Numbers(values), np.zeros(4_000), cell_edges.edges_of(kept, Kind.NUMERICAL))
    assert (counts.rows[0], counts.rows[-2], counts.rows[-1]) == (0, 0, 0)


def test_a_reference_without_values_has_one_cell_for_all() -> None:
    """Nothing known of a column: its values are one cell, the missing another, for both kinds."""
    numerical = cell_edges.edges_of(distribution.empty(Kind.NUMERICAL), Kind.NUMERICAL)
    categorical = cell_edges.edges_of(distribution.empty(Kind.CATEGORICAL), Kind.CATEGORICAL)
    assert error_cells.of(Numbers(np.array([1.0, np.nan])), np.zeros(2), numerical).rows == (1, 1)
    assert error_cells.of(Labels(np.array([0, -1]), np.array(["a"])), np.zeros(2), categorical).rows == (1, 1)
    assert error_cells.of(None, np.zeros(2), numerical).rows == (0, 2)


def test_what_cannot_be_counted_is_refused() -> None:
    """A negative error, a column of another kind or length and a reference of another kind each say so."""
    with pytest.raises(ValueError, match="zero or more"):
        error_cells.of(None, np.array([-1.0]), SIZE)
    with pytest.raises(ProfileError, match="labels has no numerical cells"):
        error_cells.of(Labels(np.array([0]), LABELS), np.zeros(1), SIZE)
    with pytest.raises(ValueError, match="2 rows with 1"):
        error_cells.of(Numbers(np.zeros(2)), np.zeros(1), SIZE)
    with pytest.raises(ProfileError, match="expected its numbers"):
        cell_edges.edges_of(distribution.of_codes(np.array([0]), LABELS), Kind.NUMERICAL)
    with pytest.raises(ValueError, match="expected 1 or more"):
        cell_edges.edges_of(distribution.empty(Kind.NUMERICAL), Kind.NUMERICAL, cells=0)
