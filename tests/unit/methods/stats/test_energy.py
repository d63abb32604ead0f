from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from service.core.profile.distribution import compress, of_numbers
from service.methods.stats.energy import energy_bound, energy_distance

SAMPLE = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=60)


@given(SAMPLE, SAMPLE)
def test_it_is_scipy_s_energy_distance(reference: list[float], current: list[float]):
    """The distance of the counted rows is SciPy's of the rows themselves."""
    got = energy_distance(of_numbers(np.array(reference)), of_numbers(np.array(current)))
    assert got == pytest.approx(stats.energy_distance(reference, current), rel=1e-9, abs=1e-9)


def test_the_bound_of_light_compression_is_small():
    """A hundred thousand normal rows kept in 65,536 values are off by less than a thousandth."""
    draw = np.random.default_rng(5)
    exact = [of_numbers(draw.normal(size=100_000)) for _ in range(2)]
    kept = [compress(side, 65_536) for side in exact]
    bound = energy_bound(kept[0], kept[1], energy_distance(*kept))
    assert 0.0 < bound < 0.001
    assert abs(energy_distance(*kept) - energy_distance(*exact)) <= bound
