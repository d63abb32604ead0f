"""Every row is in exactly one round, by the 32 bits that it holds of its transaction's number."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from service.sources.postgres_table.rounds import MAX_AGE, Ages, ages_of

WORD = 2**32


def _age(xid: int, following: int) -> int:
    """Return what the server's `age` gives for a row of this transaction before the next one begins."""
    low = xid % WORD
    if low < 3:
        return MAX_AGE
    difference = (following - low) % WORD
    return difference - WORD if difference >= 2**31 else difference


@given(
    start=st.integers(3, 2**40),
    steps=st.lists(st.tuples(st.integers(0, 2**20), st.integers(0, 2**20)), min_size=1, max_size=6),
    written=st.lists(st.tuples(st.integers(-(2**31) + 2**24, 2**23), st.booleans()), max_size=40),
)
def test_every_row_is_in_one_round(
    start: int, steps: list[tuple[int, int]], written: list[tuple[int, bool]]
) -> None:
    """By 64-bit numbers: below the first target, then from target to target, across the wraparound."""
    rows = [start + offset if near else start + offset // 2**12 for offset, near in written]
    rows = [row for row in rows if row >= 3 and row % WORD >= 3]
    horizon, target = None, start
    for advance, running in steps:
        target += advance
        following = target + running
        if target % WORD < 3 or target < 3:
            continue
        ages = ages_of(horizon, target, _age(target, following))
        assert ages is not None
        seen = [row for row in rows if row < following and following - row < 2**31]
        taken = [row for row in seen if ages.holds(_age(row, following))]
        assert taken == [row for row in seen if (horizon is None or horizon <= row) and row < target]
        horizon = target


@given(target=st.integers(2**33, 2**34), running=st.integers(0, 2**20), age=st.integers(1, 2**32))
def test_a_first_round_takes_rows_of_any_age(target: int, running: int, age: int) -> None:
    """A row that was frozen long ago keeps its stamp, which may look as if it lay ahead."""
    following = target + running
    ages = ages_of(None, target, running)
    assert ages is not None
    alike = (following - (target - age)) % WORD
    assert ages.holds(_age(target - age, following)) == (not 0 <= alike <= running or _special(target - age))


def _special(xid: int) -> bool:
    return xid % WORD < 3


def test_rows_of_no_transaction_are_in_the_first_round_alone() -> None:
    """As those that an upgrade from an old release left behind."""
    first, later = ages_of(None, 1_000, 5), ages_of(900, 1_000, 5)
    assert first is not None
    assert later is not None
    assert first.holds(MAX_AGE)
    assert not later.holds(MAX_AGE)


def test_a_round_that_spans_too_many_transactions_is_told() -> None:
    """Half of all numbers is as far as an age can be told."""
    assert ages_of(3, 3 + 2**31 - 2, 0) == Ages(0, 2**31 - 2)
    assert ages_of(3, 3 + 2**31 - 1, 0) is None
    assert ages_of(3, 3 + 2**31 - 10, 20) is None
    assert ages_of(3, 10, -5) is None
