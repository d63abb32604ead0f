"""Which rows come again, held against judging them one after the other."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.core import deduplicate
from service.core.deduplicate import CountedIds, no_ids, repeated

WITHIN = 10


def _ids(rows: list[tuple[int, int, int]]) -> CountedIds:
    held = np.array(rows, dtype=np.int64).reshape(len(rows), 3)
    return CountedIds(held[:, 0].astype(np.uint64), held[:, 1].astype(np.uint64), held[:, 2].copy())


def _naive(rows: list[tuple[int, int, int]]) -> list[bool]:
    counted: dict[tuple[int, int], list[int]] = {}
    found = []
    for first, second, time in rows:
        earlier = counted.setdefault((first, second), [])
        again = first != 0 and any(abs(time - each) <= WITHIN for each in earlier)
        found.append(again)
        if not again:
            earlier.append(time)
    return found


ROWS = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 1), st.integers(0, 80)), max_size=60)


@given(ROWS, st.lists(st.integers(0, 60), max_size=4), st.integers(0, 3))
@settings(max_examples=300)
def test_rows_are_judged_as_if_one_after_the_other(
    rows: list[tuple[int, int, int]], cuts: list[int], rounds: int
) -> None:
    """However they are cut into batches, and whichever way is taken through those that come often."""
    known, found = no_ids(), list[bool]()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(deduplicate, "MAX_ROUNDS", rounds)
        edges = [0, *sorted(min(cut, len(rows)) for cut in cuts), len(rows)]
        for start, end in pairwise(edges):
            batch = _ids(rows[start:end])
            marks = repeated(batch, known, WITHIN)
            found += marks.tolist()
            fresh = batch.take(~marks & (batch.identity != 0))
            known = CountedIds(
                np.concatenate([known.identity, fresh.identity]),
                np.concatenate([known.check, fresh.check]),
                np.concatenate([known.event_time, fresh.event_time]),
            )
    assert found == _naive(rows)


def test_ids_that_share_a_hash_are_two() -> None:
    """The second hash tells them apart, in one batch and across batches."""
    assert repeated(_ids([(7, 1, 0), (7, 2, 0)]), no_ids(), WITHIN).tolist() == [False, False]
    assert repeated(_ids([(7, 2, 0)]), _ids([(7, 1, 0)]), WITHIN).tolist() == [False]
    assert repeated(_ids([(7, 1, 3)]), _ids([(7, 1, 0)]), WITHIN).tolist() == [True]
