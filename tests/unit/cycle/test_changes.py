"""Events of a cycle: columns that come and go, change points, alarms; each reported once."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from service.core.event import Event
from service.core.reference import reference
from service.core.rows.batch import Batch, Numbers
from service.core.rows.take import Take
from service.methods.alarm import AlarmPlan
from service.methods.concept.error_stream import CHANGE_POINT, DETECTOR_WAITING
from tests.memory_store import MemoryStore
from tests.unit.cycle.build import HOUR, NAME, SCHEMA, in_order, plan, rows, run, without

DETECTORS = {"page_hinkley": {"threshold": 8.0, "min_instances": 5}}
WORSE = [*in_order(range(12)), *in_order(range(12, 24), error=9.0)]


def events(store: MemoryStore, kind: str) -> list[Event]:
    return [event for event in store.stored(NAME).events if event.kind == kind]


def named(batch: Batch, *unwatched: str) -> Batch:
    """Return rows that came with columns beside the watched ones."""
    return replace(batch, arrival=replace(batch.arrival, unwatched=unwatched))


async def test_a_column_that_goes_and_comes_is_reported_each_time() -> None:
    """When its pane is closed, dated by the pane, and not before; restarts repeat nothing."""
    batches = [rows(hour) for hour in range(7)]
    batches[2], batches[3] = (without(batch, "place") for batch in batches[2:4])
    monitor = plan([Take(batch, {}) for batch in batches])
    straight, restarted = MemoryStore(), MemoryStore()
    reports = await run(monitor, straight)
    await run(monitor, restarted, restarts=range(7))
    assert [(event.at, event.message) for event in events(straight, "schema_change")] == [
        (2 * HOUR, "place disappeared: none of 4 rows has it"), (4 * HOUR, "place came back"),
    ]  # fmt: skip
    kinds_by_cycle = [[event.kind for event in report.record.events] for report in reports]
    assert ["schema_change" in kinds for kinds in kinds_by_cycle] == [
        False,
        False,
        False,
        True,
        False,
        True,
        False,
    ]
    assert restarted.stored(NAME) == straight.stored(NAME)


async def test_numbers_that_turn_to_text_and_new_columns_are_reported() -> None:
    """Both are changes of the columns; late rows of an older pane are none."""
    text = Numbers(*(rows(2).columns["size"].values * float("nan"), rows(2).columns["size"].values > 0))
    batches = [named(batch, "hint") for batch in map(rows, (0, 1, 3, 4))]
    batches.insert(2, named(rows(2).with_column("size", text), "hint"))
    batches[4] = replace(batches[4], arrival=replace(batches[4].arrival, unwatched=("new",)))
    batches += [without(rows(1, seed=5), "place"), named(rows(5), "new")]
    store = MemoryStore()
    await run(plan([Take(batch, {}) for batch in batches]), store)
    assert [event.message for event in events(store, "schema_change")] == [
        "size turned from numbers to text: 4 of 4 rows hold no number",
        "size turned from text to numbers",
        "hint disappeared",
        "new appeared; the monitor does not watch it",
    ]


async def test_the_column_of_late_labels_is_never_missed() -> None:
    """That labels have not come yet is no change of the columns."""
    store = MemoryStore()
    takes = [Take(rows(hour, labelled=hour < 2), {}) for hour in range(5)]
    await run(plan(takes, label_wait=HOUR), store)
    assert events(store, "schema_change") == []
    await run(plan(takes), store := MemoryStore())
    assert [event.column for event in events(store, "schema_change")] == ["truth"]


async def test_a_change_of_the_error_is_found_once() -> None:
    """The event comes some rows after the change, and restarts neither lose nor repeat it."""
    monitor = plan(WORSE, detectors=DETECTORS)
    straight, restarted = MemoryStore(), MemoryStore()
    await run(monitor, straight)
    await run(monitor, restarted, restarts=range(24))
    (found,) = events(straight, CHANGE_POINT)
    assert 12 * HOUR <= found.at <= 15 * HOUR
    assert restarted.stored(NAME) == straight.stored(NAME)


async def test_a_detector_that_is_taken_out_is_forgotten() -> None:
    """Its state goes with the next cycle; one that is added later starts afresh."""
    store, monitor = MemoryStore(), plan(WORSE, detectors=DETECTORS)
    await run(monitor, store, 11)
    assert set(store.stored(NAME).checkpoint.detectors) == {"page_hinkley"}
    await run(replace(monitor, detectors={}), store, 1, done=11)
    assert store.stored(NAME).checkpoint.detectors == {}
    await run(monitor, store, 12, done=12)
    fresh = MemoryStore()
    await run(replace(monitor, source=plan(WORSE[12:]).source), fresh)
    assert store.stored(NAME).checkpoint.detectors == fresh.stored(NAME).checkpoint.detectors
    assert events(store, CHANGE_POINT) == events(fresh, CHANGE_POINT) == []


async def test_detectors_without_a_task_or_a_reference_with_labels_say_so() -> None:
    """Without a task there is nothing to feed; without labels in the reference they wait, with one event."""
    untasked = replace(SCHEMA, columns=SCHEMA.columns[:2], task=None)
    store = MemoryStore()
    await run(
        plan(in_order(range(3)), schema=untasked, detectors=DETECTORS, load_reference=_of(untasked)), store
    )
    assert store.stored(NAME).checkpoint.detectors == {}
    store = MemoryStore()
    await run(plan(WORSE, detectors=DETECTORS, load_reference=_of(SCHEMA, labelled=False)), store)
    assert [event.kind for event in store.stored(NAME).events].count(DETECTOR_WAITING) == 1


def _of(schema: Any, *, labelled: bool = True) -> Any:
    async def load() -> Any:
        return reference.of(rows(0, 40, seed=99, labelled=labelled), schema)

    return load


async def test_an_alarm_is_raised_by_windows_and_ends_with_them() -> None:
    """Two of three windows beyond the threshold raise it, two clear ones end it; late rows do neither."""
    takes = [*in_order([0, 1]), *in_order([2, 3, 4], error=9.0), *in_order([3, 5, 6, 7, 8, 9, 10, 11])]
    monitor = plan(takes, alarm=AlarmPlan(2, 3))
    straight, restarted = MemoryStore(), MemoryStore()
    await run(monitor, straight)
    await run(monitor, restarted, restarts=range(len(takes)))
    mae = [event for event in straight.stored(NAME).events if event.metric == "mae"]
    assert [event.kind for event in mae] == ["breach", "recovery"]
    assert restarted.stored(NAME) == straight.stored(NAME)
