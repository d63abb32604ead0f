"""Exact sums: equal to the correctly rounded sum, whatever the order and the split."""

from __future__ import annotations

import math
import random
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.core.exact.sums import exact_sum, exact_sums, to_float

finite = st.floats(allow_nan=False, allow_infinity=False, width=64)
lists = st.lists(finite, max_size=40)


@given(lists)
def test_a_sum_is_the_correctly_rounded_one(values: list[float]) -> None:
    """The sum read back is math.fsum's, which is correctly rounded; beyond a double both overflow."""
    total = exact_sum(np.array(values, dtype=np.float64))
    try:
        expected = math.fsum(values)
    except OverflowError:  # of a partial sum: ours has none
        return
    assert to_float(total) == expected


@given(lists, st.randoms(use_true_random=False), st.integers(0, 40))
def test_order_and_split_do_not_matter(values: list[float], shuffle: random.Random, cut: int) -> None:
    """Any order and any split of the rows gives the same integer."""
    whole = exact_sum(np.array(values, dtype=np.float64))
    shuffled = shuffle.sample(values, len(values))
    parts = np.array(shuffled[:cut], dtype=np.float64), np.array(shuffled[cut:], dtype=np.float64)
    assert sum(exact_sum(part) for part in parts) == whole


@pytest.mark.parametrize(
    "values", [[5e-324], [5e-324, -5e-324, 2.0**-1050], [1e308, 1e308, -1e308], [0.1] * 10]
)
def test_the_ends_of_the_range_are_exact(values: list[float]) -> None:
    """Subnormals, cancelling giants and repeated tenths lose nothing."""
    expected = sum(map(Fraction, values)) * 2**1074
    assert exact_sum(np.array(values)) == expected


def test_what_is_no_number_is_refused() -> None:
    """NaN and infinity are counted apart by the caller, never summed."""
    with pytest.raises(ValueError, match="NaN or infinity"):
        exact_sum(np.array([1.0, np.nan]))


@given(st.lists(st.tuples(finite, finite, finite), max_size=40))
def test_many_sums_at_once_are_the_single_ones(rows: list[tuple[float, float, float]]) -> None:
    """Each row of a table has its own sum, whatever stands in the other rows."""
    table = np.array(rows, dtype=np.float64).reshape(-1, 3).T.copy()
    assert exact_sums(table) == [sum(int(Fraction(v) * 2**1074) for v in row) for row in table.tolist()]
