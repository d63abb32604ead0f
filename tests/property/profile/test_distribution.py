"""Counting whole numbers by place gives what sorting gives, bit for bit."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from service.core.profile.distribution import _of_any_numbers, _of_whole_numbers, of_numbers

WHOLE = st.integers(-30, 30).map(float)
ODD = st.sampled_from([np.nan, np.inf, -np.inf, -0.0, 1e-20, 0.5, 2.0**53, 2.0**53 + 2, -(2.0**60), 1e300])


@settings(max_examples=400)
@given(st.lists(WHOLE | ODD, max_size=40), st.sampled_from([0.0, 1e6, -(2.0**52), 2.0**52]))
def test_by_place_equals_by_order(numbers: list[float], offset: float) -> None:
    """Both ways of counting give the same distribution, whatever lies among the whole numbers."""
    rows = np.array(numbers) + offset
    assert of_numbers(rows) == _of_any_numbers(rows)


def test_whole_numbers_are_counted_by_place() -> None:
    """Minutes with gaps and missing values take the quick way, fractions do not."""
    minutes = np.array([3.0, 7.0, np.nan, 3.0, np.inf, -2.0])
    counted = _of_whole_numbers(minutes)
    assert counted is not None
    assert counted.values.tolist() == [-2.0, 3.0, 7.0]
    assert counted.counts.tolist() == [1, 2, 1]
    assert (counted.missing, counted.positive_infinite, counted.negative_infinite) == (1, 1, 0)
    assert _of_whole_numbers(minutes + 0.25) is None
