"""Sums of floats that do not depend on the order in which they were made.

A double is an integer times a power of two, so any sum of doubles is an integer in units of 2**-1074 (the
smallest subnormal). Kept as that integer, sums merge exactly: associative, commutative, bit-equal however the
rows were split. Rounding happens once, when a number is read. The idea is the small superaccumulator of
R. M. Neal, "Fast exact summation using small and large superaccumulators" (2015).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

UNIT_BITS = 1074
_MANTISSA_BITS = 53
_HALF_BITS = 32


def exact_sum(values: NDArray[np.float64]) -> int:
    """Return the sum of finite `values` (float64, any shape) as an integer in units of 2**-1074.

    Raises ValueError on NaN or infinity: those are counted apart, never summed.
    """
    flat = values[values != 0.0].ravel()
    if flat.size == 0:
        return 0
    if not np.isfinite(flat).all():
        raise ValueError("exact_sum: NaN or infinity among the values; count them apart")
    fraction, exponent = np.frexp(flat)
    integer = np.ldexp(fraction, _MANTISSA_BITS).astype(np.int64)
    order = np.argsort(exponent, kind="stable")
    integer, exponent = integer[order], exponent[order]
    starts = np.flatnonzero(np.r_[True, exponent[1:] != exponent[:-1]])
    # Two halves, so that 2**31 rows of one exponent cannot overflow 64 bits.
    high = np.add.reduceat(integer >> _HALF_BITS, starts).tolist()
    low = np.add.reduceat(integer & (2**_HALF_BITS - 1), starts).tolist()
    total = 0
    for upper, lower, power in zip(high, low, exponent[starts].tolist(), strict=True):
        shift = power - _MANTISSA_BITS + UNIT_BITS
        mantissa = (upper << _HALF_BITS) + lower
        # A subnormal's mantissa ends in as many zeros as its exponent lies too low: nothing is lost.
        total += mantissa << shift if shift >= 0 else mantissa >> -shift
    return total


def to_float(numerator: int, divisor: int = 1) -> float:
    """Return numerator * 2**-1074 / divisor, correctly rounded.

    Raises OverflowError where the result is beyond the largest double, ZeroDivisionError for divisor 0.
    """
    return numerator / (divisor << UNIT_BITS)
