"""The ids in memory are those that a list of all would hold, however they came, were merged or moved away."""

from __future__ import annotations

from collections.abc import Iterable
from unittest.mock import patch

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from service.core.deduplicate import CountedIds
from service.store.tables.inbox import counted_memory
from service.store.tables.inbox.counted_memory import CountedMemory

Row = tuple[int, int, int]
HASHES = st.sampled_from([0, 1, 2, 2**63 - 1, 2**63, 2**64 - 1])
BLOCKS = st.lists(st.lists(st.tuples(HASHES, HASHES, st.integers(0, 9)), max_size=6), max_size=12)


def _ids(rows: Iterable[Row]) -> CountedIds:
    held = list(rows)
    first, second = (np.array([row[place] for row in held], dtype=np.uint64) for place in (0, 1))
    return CountedIds(first, second, np.array([row[2] for row in held], dtype=np.int64))


def _rows(ids: CountedIds) -> list[Row]:
    return sorted(zip(ids.identity.tolist(), ids.check.tolist(), ids.event_time.tolist(), strict=True))


@given(BLOCKS, st.sets(HASHES), st.integers(1, 8), st.integers(1, 12))
def test_what_is_found_is_what_was_put_in(
    blocks: list[list[Row]], wanted: set[int], largest: int, limit: int
) -> None:
    """In memory and among what was moved away, together once each; and no more in memory than may be."""
    with patch.multiple(counted_memory, MAX_PART=largest, MAX_IN_MEMORY=limit):
        memory, moved = CountedMemory(0), list[Row]()
        for number, block in enumerate(blocks, 1):
            memory, parts = memory.with_block(number, _ids(block), None).spilled()
            moved += [row for part in parts for row in _rows(part.ids)]
            assert len(memory) <= limit
            assert memory.has_older == bool(moved)
            assert [part.last for part in memory.parts] == sorted({part.last for part in memory.parts})
        everything = [row for block in blocks for row in block]
        asked = np.array(sorted(wanted), dtype=np.uint64)
        found = [*_rows(memory.matching(asked)), *(row for row in moved if row[0] in wanted)]
        assert sorted(found) == sorted(row for row in everything if row[0] in wanted)


@given(BLOCKS, st.integers(0, 9), st.integers(1, 8))
def test_what_is_older_may_go_and_nothing_else(blocks: list[list[Row]], before: int, largest: int) -> None:
    """Rows at and after the instant are all there; those before it may be."""
    with patch.object(counted_memory, "MAX_PART", largest):
        memory = CountedMemory(0)
        for number, block in enumerate(blocks, 1):
            memory = memory.with_block(number, _ids(block), before)
        found = [row for part in memory.parts for row in _rows(part.ids)]
        everything = [row for block in blocks for row in block]
        assert sorted(row for row in found if row[2] >= before) == sorted(
            row for row in everything if row[2] >= before
        )
        assert all(found.count(row) <= everything.count(row) for row in found)
