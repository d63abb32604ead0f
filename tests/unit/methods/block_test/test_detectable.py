"""What is said to be seen is seen, and what is said never to show does not."""

from __future__ import annotations

import numpy as np
import pytest

from service.core.rows.batch import Numbers
from service.methods.block_test.detectable import Detectable, detectable
from tests.unit.methods.block_test.test_verdict import RATE, ROWS, days, judged, known


def said(seed: int, count: int, between: float, blocks: int) -> Detectable:
    made, model = known(days(seed, count, between=between))
    found = detectable(model, made.spec.columns, RATE, rows=ROWS, blocks=blocks, parts=24)
    return found["c0"]


@pytest.mark.slow
@pytest.mark.parametrize("between", [0.0, 0.02])
def test_a_declared_shift_is_found(between: float) -> None:
    """In 95 of 100 windows of five days, up or down, over 60 references."""
    hits, trials = 0, 0
    for seed in range(60):
        made, model = known(days(2 * seed, 31, between=between))
        found = detectable(model, made.spec.columns, RATE, rows=ROWS, blocks=5, parts=24)["c0"]
        window = days(2 * seed + 1, 5, between=between)
        column = window.columns["c0"]
        assert isinstance(column, Numbers)
        assert found.shift is not None
        for sign in (-1.0, 1.0):
            moved = window.with_column("c0", Numbers(column.values + sign * found.shift))
            hits += judged(moved, made, model)["c0"].p <= RATE
            trials += 1
    assert hits >= 0.9 * trials


def test_days_that_differ_more_need_longer_windows_and_references() -> None:
    """Up to where no window shows the shift, and a longer reference is named."""
    calm, moving, stormy = (said(1, 31, between, 5) for between in (0.0, 0.01, 0.3))
    assert calm.shift is not None
    assert moving.shift is not None
    assert calm.shift < moving.shift
    assert (calm.blocks or 0) < (moving.blocks or np.inf)
    assert stormy.blocks is None
    assert (stormy.needed or np.inf) > 31


def test_a_longer_window_shows_no_larger_shift() -> None:
    """The smallest shift falls with the window's length."""
    shifts = [said(1, 31, 0.01, blocks).shift for blocks in (1, 3, 10, 30)]
    assert all(shift is not None for shift in shifts)
    assert shifts == sorted(shifts, reverse=True)
