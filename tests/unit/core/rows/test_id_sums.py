"""Sums of ids' hashes: equal for the same rows in any order, and for no others."""

from __future__ import annotations

import numpy as np

from service.core.rows.id_sums import IdSums, sums_of
from service.core.rows.row_hash import of_texts


def _sums(*ids: str) -> IdSums:
    return sums_of(of_texts(np.array(ids, dtype=np.str_)), len(ids))


def test_order_and_parts_make_no_difference() -> None:
    """Rows that come in other batches or in another order have the same sums."""
    assert _sums("a", "b", "c", "a") == _sums("c", "a") + _sums("a", "b")
    assert _sums("a", "b", "c") - _sums("b") == _sums("a", "c")


def test_a_lost_row_is_not_made_up_for_by_another() -> None:
    """As many rows, one of them lost and another counted twice, have other sums."""
    assert _sums("a", "b").rows == _sums("a", "a").rows
    assert _sums("a", "b") != _sums("a", "a")


def test_rows_without_ids_are_counted() -> None:
    """Where rows have no ids, their number is compared."""
    assert sums_of(None, 3) == IdSums(3)
    assert sums_of(np.zeros(0, dtype=np.uint64), 0) == IdSums()
