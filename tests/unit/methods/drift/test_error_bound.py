"""Values of compressed numbers: refused, with a bound, or exact, whichever side was compressed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from service.core.profile.distribution import Distribution
from service.core.rows.schema import Kind
from service.errors import ConfigurationError
from service.methods.drift.method import Compression
from service.methods.drift.registry import COMPRESSED, compute, error_bound, find
from service.methods.stats.unmeasurable import Unmeasurable
from tests.unit.methods.build import numbers

WHOLE = numbers(*range(40))
SHORT = replace(WHOLE, dropped_bits=1)
SIDES = [(SHORT, WHOLE), (WHOLE, SHORT), (SHORT, SHORT)]
METHOD = replace(find("wasserstein", Kind.NUMERICAL), bound=lambda *_: 0.25)


@pytest.mark.parametrize("sides", SIDES)
def test_one_compressed_side_is_enough(sides: tuple[Distribution, Distribution]):
    """A method that refuses compressed numbers has no value, and one with a bound says it."""
    refusing = replace(METHOD, compression=Compression.REFUSES, bound=None)
    with pytest.raises(Unmeasurable, match=COMPRESSED):
        compute(refusing, Kind.NUMERICAL, *sides)
    assert compute(refusing, Kind.NUMERICAL, WHOLE, WHOLE) == 0.0
    assert error_bound(METHOD, *sides, 0.5) == 0.25


def test_an_exact_value_has_no_bound():
    """Without compression there is none, nor for a method whose value is exact under it."""
    assert error_bound(METHOD, WHOLE, WHOLE, 0.5) is None
    exact = replace(METHOD, compression=Compression.EXACT, bound=None)
    assert error_bound(exact, SHORT, SHORT, 0.5) is None


def test_a_value_that_rests_on_draws_has_their_error():
    """Compressed or not."""
    drawn = replace(METHOD, draws_error=lambda value: value / 2.0)
    assert error_bound(drawn, WHOLE, WHOLE, 0.5) == error_bound(drawn, SHORT, WHOLE, 0.5) == 0.25


def test_a_value_without_a_finite_bound_is_not_shown():
    """Arithmetic beyond what a number can hold is a reason, no warning."""
    endless = replace(METHOD, bound=lambda *_: float(np.float64(1e308) * np.float64(10.0)))
    with pytest.raises(Unmeasurable, match="has no bound"):
        error_bound(endless, SHORT, WHOLE, 0.5)


def test_a_wrong_kind_is_answered_with_the_methods_that_suit():
    """Each once, and none that does not suit."""
    with pytest.raises(ConfigurationError) as caught:
        find("wasserstein", Kind.CATEGORICAL)
    names = str(caught.value).partition("one of: ")[2].split(", ")
    assert len(names) == len(set(names))
    assert "chisquare" in names
    assert all(find(name, Kind.CATEGORICAL).name == name for name in names)
