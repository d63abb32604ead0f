from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from service.core.profile.distribution import Distribution, of_numbers
from service.core.rows.schema import Kind
from service.methods.drift.registry import compute, drifted, find
from service.methods.stats.binning import QUANTILE_CELLS, known_cells, quantile_cells, quantile_edges
from service.methods.stats.unmeasurable import Unmeasurable
from tests.unit.methods.build import labels, numbers

DRAW = np.random.default_rng(7)
NORMAL = DRAW.normal(size=5_000)
BINNED = ["psi", "jensenshannon", "kl_div", "hellinger"]


def measured(name: str, reference: Distribution, current: Distribution, kind: Kind = Kind.NUMERICAL) -> float:
    """Measure by a method's name."""
    return compute(find(name, kind), kind, reference, current)


@pytest.mark.parametrize("name", BINNED)
def test_one_outlier_cannot_hide_total_drift(name: str):
    """Rows shifted by five deviations and one of 1e9: robust sees drift where Evidently's bins see none."""
    reference, current = of_numbers(NORMAL), of_numbers(np.append(NORMAL + 5.0, 1e9))
    assert measured(name, reference, current) < 0.1
    assert measured(f"{name}:robust", reference, current) > 0.5


def test_one_new_category_does_not_explode():
    """A new category in 1 of 5,000 rows makes Evidently's chi-square p zero; the robust numbers stay calm."""
    reference, current = labels("a" * 3000 + "b" * 2000), labels("a" * 3000 + "b" * 1999 + "z")
    assert measured("chisquare", reference, current, Kind.CATEGORICAL) == 0.0
    assert measured("chisquare:robust", reference, current, Kind.CATEGORICAL) > 0.9
    for name in BINNED:
        assert measured(f"{name}:robust", reference, current, Kind.CATEGORICAL) < 0.02


def test_many_new_categories_count_as_one():
    """All unseen categories share one cell, however many they are."""
    reference = labels("a" * 50 + "b" * 50)
    one, many = labels("a" * 50 + "z" * 40), labels("a" * 50 + "zyxwv" * 8)
    assert known_cells(reference, many).current.tolist() == [50, 0, 40]
    assert measured("psi:robust", reference, one, Kind.CATEGORICAL) == measured(
        "psi:robust", reference, many, Kind.CATEGORICAL
    )


def test_half_a_row_is_added_to_every_cell():
    """Shares are (count + 1/2) / (rows + cells / 2), the cell of unseen categories included."""
    before, now = np.array([3.5, 1.5, 0.5]) / 5.5, np.array([1.5, 0.5, 0.5]) / 2.5
    expected = float(((before - now) * np.log(before / now)).sum())
    got = measured("psi:robust", labels("aaab"), labels("a"), Kind.CATEGORICAL)
    assert got == pytest.approx(expected, rel=1e-12)


def test_cells_hold_a_tenth_of_the_reference_each():
    """A continuous reference is cut into ten cells of equal rows."""
    both = quantile_cells(of_numbers(NORMAL), of_numbers(NORMAL + 1.0))
    assert both.reference.tolist() == [500] * QUANTILE_CELLS
    assert both.current.sum() == 5_000


def test_infinities_count_into_the_end_cells():
    """Minus and plus infinity are rows of the first and the last cell."""
    both = quantile_cells(of_numbers(NORMAL), numbers(-np.inf, -np.inf, 0.0, np.inf))
    assert (both.current[0], both.current[-1], both.current.sum()) == (2, 1, 4)


@pytest.mark.parametrize(("elsewhere", "seen"), [(-1.0, True), (1.0, True), (1e-6, False), (-0.4, False)])
def test_a_frequent_value_has_its_own_cell_with_room_around_it(elsewhere: float, seen: bool):
    """Rows that leave a value which most of the reference holds are seen both ways, from half a step on."""
    reference = numbers(*[0.0] * 95, 1.0, 2.0, 3.0, 4.0, 5.0)
    assert (measured("psi:robust", reference, numbers(*[elsewhere] * 100)) > 1.0) is seen


@pytest.mark.parametrize("name", BINNED)
def test_rounding_moves_no_row_into_another_cell(name: str):
    """Twenty distinct values, moved by less than half the step between them, give the value of no move."""
    grid = np.repeat(np.arange(20) * 0.05, np.arange(20) + 1)
    reference, moved = of_numbers(grid), [grid + 1e-4, grid - 0.024, grid.astype(np.float32).astype(float)]
    for rows in moved:
        assert measured(f"{name}:robust", reference, of_numbers(rows)) == measured(
            f"{name}:robust", reference, reference
        )
    assert measured(f"{name}:robust", reference, of_numbers(grid + 0.1)) > 0.1


def test_edges_lie_halfway_between_neighbours():
    """The cells of 0 (nine in ten rows), 1 and 4 end in the middles, and below 0 as far away as above it."""
    assert quantile_edges(numbers(*[0.0] * 90, *[1.0] * 5, *[4.0] * 5)).tolist() == [-0.5, 0.5]
    assert quantile_edges(numbers(*[0.0] * 50, *[1.0] * 30, *[4.0] * 20)).tolist() == [-0.5, 0.5, 2.5, 5.5]


@pytest.mark.parametrize("value", [0.1, -7.0, 1e300, -1e-300])
def test_a_constant_has_room_of_a_millionth(value: float):
    """As float32 it is the same, and a hundred-thousandth away it is not, in both directions."""
    reference = numbers(*[value] * 50)
    for near in (1.0, 1.0 + 6e-8, 1.0 - 6e-8):
        assert measured("psi:robust", reference, numbers(*[value * near] * 50)) == 0.0
        assert measured("wasserstein:robust", reference, numbers(value * near)) == 0.0
    for far in (1.0 + 1e-5, 1.0 - 1e-5):
        assert measured("psi:robust", reference, numbers(*[value * far] * 50)) > 1.0
        assert measured("wasserstein:robust", reference, numbers(value * far)) == 1.0


def test_a_constant_zero_has_no_scale_and_no_room():
    """Any other number differs from it, however small."""
    zero = numbers(*[0.0] * 50)
    for other in (5e-324, -5e-324):
        assert measured("wasserstein:robust", zero, numbers(other)) == 1.0


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=80))
def test_cells_lose_no_row(values: list[float]):
    """Edges rise strictly, and every row falls into exactly one cell."""
    reference = numbers(*values)
    edges = quantile_edges(reference)
    assert (edges[1:] > edges[:-1]).all()
    held = np.append(reference.values, np.inf)
    after = held.searchsorted(edges, "right")
    assert (edges < held[after]).all()
    expected = np.bincount(np.searchsorted(edges, np.array(values)), minlength=len(edges) + 1)
    assert quantile_cells(reference, reference).reference.tolist() == expected.tolist()


def test_wasserstein_is_free_of_scale():
    """Measured in millionths of its unit a column gives the same number; Evidently's floor hides it."""
    large = of_numbers(NORMAL), of_numbers(NORMAL[:500] + 1.0)
    small = of_numbers(NORMAL * 2.0**-20), of_numbers((NORMAL[:500] + 1.0) * 2.0**-20)
    assert measured("wasserstein:robust", *small) == pytest.approx(
        measured("wasserstein:robust", *large), rel=1e-12
    )
    assert measured("wasserstein", *small) < 0.01


def test_wasserstein_stays_within_the_reference_s_range():
    """One row of 1e9 moves the distance by no more than its share of the range."""
    reference = of_numbers(NORMAL)
    calm = measured("wasserstein:robust", reference, of_numbers(NORMAL[:999]))
    with_outlier = measured("wasserstein:robust", reference, of_numbers(np.append(NORMAL[:999], 1e9)))
    assert abs(with_outlier - calm) < 0.01
    assert measured("wasserstein", reference, of_numbers(np.append(NORMAL[:999], 1e9))) > 1e5


def test_wasserstein_equals_scipy_on_winsorised_rows():
    """It is SciPy's distance of the clipped rows over the reference's standard deviation."""
    reference, current = NORMAL[:700], np.append(NORMAL[700:900] * 3.0, [np.inf, -np.inf])
    clipped = np.clip(current, reference.min(), reference.max())
    expected = stats.wasserstein_distance(reference, clipped) / reference.std()
    assert measured("wasserstein:robust", of_numbers(reference), of_numbers(current)) == pytest.approx(
        expected, rel=1e-12
    )


def test_wasserstein_of_a_constant_reference_is_the_share_that_differs():
    """A constant has no scale: 0 against itself, else the share of rows a millionth of it away or more."""
    constant = numbers(3.0, 3.0, 3.0)
    assert measured("wasserstein:robust", constant, constant) == 0.0
    assert measured("wasserstein:robust", constant, numbers(3.0, 3.0000001, 3.00001, np.inf)) == 0.5
    assert measured("wasserstein:robust", constant, numbers(2.0)) == 1.0


def test_chisquare_equals_scipy_s_homogeneity_test():
    """Where no category is rare the p-value is that of scipy.stats.chi2_contingency."""
    reference, current = labels("a" * 60 + "b" * 50 + "c" * 40), labels("a" * 20 + "b" * 40 + "c" * 35)
    expected = stats.chi2_contingency([[60, 50, 40], [20, 40, 35]], correction=False).pvalue
    assert measured("chisquare:robust", reference, current, Kind.CATEGORICAL) == pytest.approx(
        expected, rel=1e-12
    )


def test_chisquare_pools_rare_categories():
    """Categories expected fewer than five times on a side are one category."""
    reference, current = (
        labels("a" * 100 + "b" * 90 + "wxyz" * 3),
        labels("a" * 90 + "b" * 100 + "wxyzuv" * 2),
    )
    expected = stats.chi2_contingency([[100, 90, 12], [90, 100, 12]], correction=False).pvalue
    assert measured("chisquare:robust", reference, current, Kind.CATEGORICAL) == pytest.approx(
        expected, rel=1e-12
    )


def test_chisquare_joins_too_small_a_pool_to_the_next_category():
    """Pooled categories that are still rare together join the next larger one."""
    reference, current = labels("a" * 100 + "b" * 50 + "z"), labels("a" * 90 + "b" * 60)
    expected = stats.chi2_contingency([[100, 51], [90, 60]], correction=False).pvalue
    assert measured("chisquare:robust", reference, current, Kind.CATEGORICAL) == pytest.approx(
        expected, rel=1e-12
    )


def test_chisquare_of_too_few_rows_is_a_reason():
    """Where pooling leaves one category of several, there is a reason and no p-value of 1."""
    with pytest.raises(Unmeasurable, match="longer window"):
        measured("chisquare:robust", labels("abcd"), labels("abcd"), Kind.CATEGORICAL)
    assert measured("chisquare:robust", labels("aaa"), labels("a"), Kind.CATEGORICAL) == 1.0


def test_chisquare_keeps_its_false_alarm_rate():
    """Of 400 windows drawn from the reference's own law about 5 in 100 are called drift."""
    draw = np.random.default_rng(11)
    law = np.array([0.5, 0.3, 0.15, 0.03, 0.01, 0.005, 0.005])
    names = np.array(list("abcdefg"))
    method = find("chisquare:robust", Kind.CATEGORICAL)
    alarms = 0
    for _ in range(400):
        sides = [labels(draw.choice(names, size, p=law).tolist()) for size in (600, 300)]
        value = compute(method, Kind.CATEGORICAL, *sides)
        alarms += drifted(method, value, 0.05)
    assert 8 <= alarms <= 34  # 20 expected, three deviations to either side


def test_z_does_not_depend_on_spelling():
    """The share of the most frequent category decides, whatever the categories are called."""
    one = measured(
        "z:robust",
        labels("a" * 10 + "b" * 70 + "c" * 20),
        labels("a" * 30 + "b" * 50 + "c" * 20),
        Kind.CATEGORICAL,
    )
    other = measured(
        "z:robust",
        labels("z" * 10 + "b" * 70 + "a" * 20),
        labels("z" * 30 + "b" * 50 + "a" * 20),
        Kind.CATEGORICAL,
    )
    assert one == other < 0.05


@settings(max_examples=50)
@given(st.integers(1, 50), st.integers(1, 50))
def test_a_constant_is_like_itself(first: int, second: int):
    """A constant against itself has p-value 1 in every robust test and distance 0, up to smoothing, else."""
    reference, current = labels("a" * first), labels("a" * second)
    assert measured("z:robust", reference, current, Kind.CATEGORICAL) == 1.0
    assert measured("chisquare:robust", reference, current, Kind.CATEGORICAL) == 1.0
    assert measured("wasserstein:robust", numbers(*[2.0] * first), numbers(*[2.0] * second)) == 0.0
