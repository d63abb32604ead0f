"""The contract of a cycle's store, tested on the one in memory and on the one on Postgres."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from service.core.checkpoint import Checkpoint
from service.core.cycle_record import CycleRecord, LabelRecord
from service.core.event import Event
from service.core.labels import pending_rows
from service.core.labels.pending_rows import PendingRows
from service.core.labels.remeasure import LabelProgress
from service.core.measurement import Aspect, Measurement, Series
from service.core.windows.records import PaneRecord, WindowRecord
from service.cycle.ports import Store
from service.errors import StoreError
from service.methods.performance.tolerance import Evidence
from service.store.postgres import PostgresStore
from tests.memory_store import MemoryStore

DAY = 86_400_000_000
START = 1_357_016_400_000_001  # no whole second: an instant must come back to the microsecond
LAYOUT = "schema:time"
MAE = Series(Aspect.PERFORMANCE, "mae", unit="minutes")


@pytest.fixture(params=["memory", pytest.param("postgres", marks=pytest.mark.postgres)])
def store(request: pytest.FixtureRequest) -> Store:
    """Give an empty store of each kind."""
    if request.param == "memory":
        return MemoryStore()
    return PostgresStore(request.getfixturevalue("pool"))


def checkpoint(cycle: int) -> Checkpoint:
    """Return a checkpoint in which every field differs from its default."""
    return Checkpoint(
        cycle,
        {"row": cycle, "files": ["a", {"b": None}], "share": 0.1},
        100 * cycle,
        START + cycle,
        cycle,
        {"drift|size": "x.!", "quality|größe||ks|": ".x"},
        {"adwin": '{"row":0.10}'},
        LabelProgress(((1, 4), (-2, -1)), reached=7, alarmed_through=5),
        tolerances={"mae": Evidence("mae:1", 1.5, history=((3, 0.1, False),)).encode()},
    )


def pane(key: int, payload: bytes = b"\x00\xff", rows: int = 1) -> PaneRecord:
    return PaneRecord(key, START + key, START + key + DAY, rows, payload)


def window(last: int, *values: float) -> WindowRecord:
    measurements = tuple(Measurement(MAE, value, rows=10) for value in values)
    return WindowRecord(last, last, START, START + DAY, 1, 10, measurements)


def waiting(*rows: tuple[int, int, bytes]) -> PendingRows:
    """Return rows that wait: identity (unsigned), event time and payload; the pane is the time's."""
    return PendingRows(
        np.array([identity for identity, _, _ in rows], dtype=np.uint64),
        np.array([at // DAY for _, at, _ in rows], dtype=np.int64),
        np.array([at for _, at, _ in rows], dtype=np.int64),
        tuple(payload for _, _, payload in rows),
    )


def record(cycle: int, **more: Any) -> CycleRecord:
    given: dict[str, Any] = {
        "monitor": "flights", "layout": LAYOUT, "after": checkpoint(cycle), "slot": START + cycle,
        "started": START, "rows": 100, "windows": (window(cycle, 0.5),),
        "events": (Event("breach", START, "mae: 2, above 1", details={"value": 2.0}),),
    }  # fmt: skip
    return CycleRecord(**(given | more))


async def commit(store: Store, *records: CycleRecord) -> list[bool]:
    began = asyncio.get_running_loop().time()
    return [await store.commit(each, began=began) for each in records]


async def test_a_monitor_that_never_ran_starts_afresh(store: Store) -> None:
    """Its checkpoint is the fresh one, and nothing is stored of it."""
    assert await store.checkpoint("flights", LAYOUT) == Checkpoint()
    assert list(await store.panes("flights", LAYOUT, None, None)) == []
    assert len(await store.pending("flights", [1])) == 0
    await store.forget_pending("flights")


async def test_a_checkpoint_comes_back_as_it_was_written(store: Store) -> None:
    """Every field is read back equal, how far late labels were followed up included."""
    assert await commit(store, record(1), record(2)) == [True, True]
    assert await store.checkpoint("flights", LAYOUT) == checkpoint(2)
    assert await store.checkpoint("another", LAYOUT) == Checkpoint()


async def test_a_read_checkpoint_is_the_readers_own(store: Store) -> None:
    """Changing what was read changes nothing that is stored."""
    await commit(store, record(1))
    found = await store.checkpoint("flights", LAYOUT)
    found.alarms.clear()
    assert await store.checkpoint("flights", LAYOUT) == checkpoint(1)


async def test_a_cycle_is_committed_once_and_in_order(store: Store) -> None:
    """A commit must follow the stored cycle by exactly one; of any other nothing is written."""
    assert await commit(store, record(2), record(1), record(1, panes=(pane(1),)), record(3)) == [
        False, True, False, False,
    ]  # fmt: skip
    assert await store.checkpoint("flights", LAYOUT) == checkpoint(1)
    assert list(await store.panes("flights", LAYOUT, None, None)) == []
    assert await commit(store, record(2)) == [True]


async def test_of_commits_at_once_one_wins(store: Store) -> None:
    """Several services that commit the same cycle at the same time write it once."""
    began = asyncio.get_running_loop().time()
    done = await asyncio.gather(*(store.commit(record(1), began=began) for _ in range(4)))
    assert sorted(done) == [False, False, False, True]


async def test_a_cycle_that_cannot_be_written_leaves_nothing(store: Store) -> None:
    """Where one part is refused the others are not kept, and the next try succeeds."""
    with pytest.raises(StoreError, match=r"flights: write cycle 1: .*sample"):
        await commit(store, record(1, panes=(pane(1),), windows=(window(1, 0.5, 0.6),)))
    assert await store.checkpoint("flights", LAYOUT) == Checkpoint()
    assert list(await store.panes("flights", LAYOUT, None, None)) == []
    assert await commit(store, record(1)) == [True]


async def test_an_instant_outside_the_years_is_refused(store: Store) -> None:
    """What no timestamp can hold is an error that says what is expected."""
    with pytest.raises(StoreError, match="years 1 to 9999"):
        await commit(store, record(1, slot=2**62))
    assert await store.checkpoint("flights", LAYOUT) == Checkpoint()


async def test_panes_come_back_in_order_and_between_bounds(store: Store) -> None:
    """A range includes both ends, an open side has no bound, a limit keeps the first ones."""
    keys = (3, -2, 0, 7, -9)
    await commit(store, record(1, panes=tuple(map(pane, keys))))

    async def found(first: int | None, last: int | None, limit: int | None = None) -> list[int]:
        return [each.key for each in await store.panes("flights", LAYOUT, first, last, limit)]

    assert await found(None, None) == [-9, -2, 0, 3, 7]
    assert await found(-2, 3) == [-2, 0, 3]
    assert await found(None, -2) == [-9, -2]
    assert await found(4, None) == [7]
    assert await found(None, None, 2) == [-9, -2]
    assert await found(4, 6) == []
    assert list(await store.panes("flights", LAYOUT, 3, 3)) == [pane(3)]
    assert [each.key for each in await store.panes_at("flights", LAYOUT, [7, 5, -9, 7])] == [-9, 7]
    assert list(await store.panes_at("flights", LAYOUT, [])) == []


async def test_a_pane_written_again_is_replaced(store: Store) -> None:
    """The newer bytes, bounds and rows hold; other panes stay as they were."""
    late = PaneRecord(0, START - 5, START + 2 * DAY, 2, b"new")
    await commit(store, record(1, panes=(pane(-1), pane(0))), record(2, panes=(late, pane(1))))
    assert list(await store.panes("flights", LAYOUT, None, None)) == [pane(-1), late, pane(1)]


async def test_monitors_and_layouts_stay_apart(store: Store) -> None:
    """Each monitor has its own checkpoint, panes and waiting rows, and each layout its own panes."""
    rows = waiting((5, START, b"a"))
    await commit(
        store,
        record(1, panes=(pane(1, b"one"),), labels=LabelRecord((), rows)),
        record(1, monitor="another", panes=(pane(1, b"two"),), labels=LabelRecord((), rows)),
        record(2, layout="other", panes=(pane(1, b"three"),)),
    )
    assert [each.payload for each in await store.panes("flights", LAYOUT, None, None)] == [b"one"]
    assert [each.payload for each in await store.panes("flights", "other", None, None)] == [b"three"]
    await store.forget_pending("flights")
    assert len(await store.pending("flights", [5])) == 0
    assert len(await store.pending("another", [5])) == 1


async def test_another_layout_starts_with_empty_panes(store: Store) -> None:
    """The source goes on where it was; panes and waiting rows are deleted, and labels start afresh."""
    await commit(store, record(1, panes=(pane(1),), labels=LabelRecord((), waiting((5, START, b"a")))))
    found = await store.checkpoint("flights", "other")
    assert found == replace(checkpoint(1), closed=None, labelling=LabelProgress())
    assert list(await store.panes("flights", LAYOUT, None, None)) == []
    assert len(await store.pending("flights", [5])) == 0
    assert await commit(store, record(2, layout="other", panes=(pane(2),))) == [True]
    assert (await store.checkpoint("flights", "other")) == checkpoint(2)


async def test_waiting_rows_are_found_by_their_ids(store: Store) -> None:
    """All rows under an id come back as they were, by event time; ids are 64-bit hashes."""
    largest = 2**64 - 1
    rows = waiting((largest, START + 2, b"c"), (5, START + 1, b"b"), (5, START, b"z"), (6, START, b"other"))
    await commit(store, record(1, labels=LabelRecord((), rows)))
    found = await store.pending("flights", [5, -1, 99])
    assert found.payloads == (b"z", b"b", b"c")
    assert found.identity.tolist() == [5, 5, largest]
    assert found.event_time.tolist() == [START, START + 1, START + 2]
    assert found.panes.tolist() == [START // DAY] * 3
    assert (found.identity.dtype, found.panes.dtype) == (np.uint64, np.int64)
    assert len(await store.pending("flights", [])) == 0


async def test_labelled_and_expired_rows_wait_no_longer(store: Store) -> None:
    """Rows of labelled ids go, then rows older than the limit; new ones come last, whatever their age."""
    first = waiting(
        (1, START, b"labelled"), (1, START + 9, b"labelled"), (2, START, b"old"), (3, START + 5, b"kept")
    )
    await commit(store, record(1, labels=LabelRecord((), first)))
    change = LabelRecord([1], waiting((1, START + 1, b"new"), (4, START, b"late")), given_up_before=START + 5)
    await commit(store, record(2, labels=change))
    found = await store.pending("flights", [1, 2, 3, 4])
    assert found.payloads == (b"late", b"new", b"kept")
    await commit(store, record(3, labels=LabelRecord([3], pending_rows.none())))
    assert (await store.pending("flights", [1, 3])).payloads == (b"new",)
