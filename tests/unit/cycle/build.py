"""Small monitors whose cycles take milliseconds: rows, sources, plans, and how their cycles are run."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from service.core.profile import profile
from service.core.reference import reference
from service.core.reference.outcome_blocks import OutcomeBlockRules
from service.core.reference.reference import Reference
from service.core.rows import row_hash
from service.core.rows.batch import Arrival, Batch, Labels, Numbers
from service.core.rows.late_labels import LateLabels
from service.core.rows.schema import Column, Kind, Role, Schema
from service.core.rows.take import Take
from service.core.windows import window as windows
from service.core.windows.window import Unit, WindowPlan
from service.cycle.cycle import Cycle
from service.cycle.monitor_plan import CycleReport, MonitorPlan
from service.errors import SourceError
from service.methods.alarm import AlarmPlan
from service.methods.drift.columns import DriftPlan
from service.methods.measure_window import MeasurePlan, measure
from service.runtime.compute_threads import Compute
from tests.memory_store import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from service.core.measurement import Measurement
    from service.core.worker_call import Worker
    from service.cycle.ports import Store

HOUR = 3_600_000_000
NAME = "toy"
NOW = 10**15
SCHEMA = Schema(
    (
        Column("size", Kind.NUMERICAL),
        Column("place", Kind.CATEGORICAL),
        Column("guess", Kind.NUMERICAL, Role.PREDICTION),
        Column("truth", Kind.NUMERICAL, Role.TARGET),
    ),
    identity="key",
)
TIME = WindowPlan(Unit.TIME, HOUR, 3, min_rows=4)
ROWS = WindowPlan(Unit.ROWS, 5, 3, min_rows=4)
MEASURES = MeasurePlan(DriftPlan(("wasserstein", "jensenshannon")), min_rows=4, performance={"mae": 1.0})


class InlineCompute(Compute):
    """Runs functions at once; the event loop has its turn before and after, as with threads."""

    def __init__(self) -> None:
        return None

    async def run(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Return what `function` returns, raise what it raises."""
        await asyncio.sleep(0)
        result = function(*args, **kwargs)
        await asyncio.sleep(0)
        return result

    async def run_long(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Return what `function` returns, raise what it raises."""
        return await self.run(function, *args, **kwargs)


@dataclass
class Takes:
    """A source that hands over `takes` one by one and then nothing; it may fail before some of them."""

    takes: Sequence[Take]
    failing: set[int] = field(default_factory=set)

    async def take(self, position: dict[str, Any] | None) -> Take:
        """Return the take after `position`; fail once before each of `failing`."""
        place = position["place"] if position else 0
        if place in self.failing:
            self.failing.remove(place)
            raise SourceError(f"take {place} cannot be had now")
        if place >= len(self.takes):
            return Take(rows(0, 0), {"place": place})
        return replace(self.takes[place], position={"place": place + 1})

    async def close(self) -> None:
        """Hold nothing."""


def rows(
    hour: float, count: int = 4, *, seed: int | None = None, error: float = 0.5, labelled: bool = True
) -> Batch:
    """Draw rows of an hour, 20 minutes at most after its begin; `error` is the model's usual one."""
    draw = np.random.default_rng(round(hour * 1_000) + 10**6 if seed is None else seed)
    truth = draw.normal(10.0 + hour % 5, 1.0, count).round(3)
    columns: dict[str, Numbers | Labels] = {
        "size": Numbers((truth + draw.normal(0.0, 1.0, count)).round(3)),
        "place": Labels(draw.integers(0, 3, count), np.array(["a", "b", "c"])),
        "guess": Numbers((truth + draw.normal(0.0, error, count)).round(3)),
    }
    if labelled:
        columns["truth"] = Numbers(truth)
    ids = row_hash.of_texts(np.array([f"{hour}-{seed}-{number}" for number in range(count)], dtype=np.str_))
    times = round(hour * HOUR) + np.arange(count, dtype=np.int64) * 300_000_000
    return Batch(count, times, columns, Arrival(identity=ids))


def without(batch: Batch, *names: str) -> Batch:
    """Return rows that came without some columns."""
    kept = {name: column for name, column in batch.columns.items() if name not in names}
    return replace(batch, columns=kept)


def in_order(hours: Iterable[float], **more: Any) -> list[Take]:
    """Return a take of rows for each of `hours`."""
    return [Take(rows(hour, **more), {}) for hour in hours]


def labels_of(batch: Batch, chosen: Iterable[int], *, at: float, until: float | None = None) -> LateLabels:
    """Return labels of some of a batch's rows, known at an hour; all known before `until` have come."""
    places = np.array(list(chosen), dtype=np.intp)
    ids = batch.arrival.identity
    assert ids is not None
    truth = Numbers(np.arange(batch.rows, dtype=np.float64)[places] + 10.0)
    names = Labels(np.arange(len(places)), np.array([f"row {place}" for place in places], dtype=np.str_))
    known = np.full(len(places), round(at * HOUR), dtype=np.int64)
    return LateLabels(ids[places], truth, known, names, None if until is None else round(until * HOUR))


DECLARED = reference.of(rows(0, 40, seed=99), SCHEMA, by=("place",))


async def declared_in_days() -> Reference:
    """Return a reference of ten days, whose outcome is known by day."""
    batch = replace(rows(0, 80, seed=98), event_time=np.arange(80, dtype=np.int64) * 3 * HOUR)
    return reference.of(batch, SCHEMA, outcome_rules=OutcomeBlockRules())


async def declared() -> Reference:
    """Return the declared reference."""
    return DECLARED


def plan(takes: Sequence[Take] | Takes, window: WindowPlan = TIME, **more: Any) -> MonitorPlan:
    """Return a monitor's plan over `takes`."""
    given: dict[str, Any] = {
        "name": NAME, "schema": SCHEMA, "window": window, "measures": MEASURES,
        "alarm": AlarmPlan(1, 1), "load_reference": declared,
        "source": takes if isinstance(takes, Takes) else Takes(takes),
    }  # fmt: skip
    return MonitorPlan(**(given | more))


def cycle_of(monitor: MonitorPlan, store: Store, worker: Worker | None = None) -> Cycle:
    """Return a monitor's cycle as a start of the service makes it."""
    return Cycle(monitor, store, InlineCompute(), now=lambda: NOW, worker=worker)


async def run(
    monitor: MonitorPlan,
    store: Store,
    cycles: int | None = None,
    *,
    done: int = 0,
    restarts: Iterable[int] = (),
    worker: Worker | None = None,
) -> list[CycleReport]:
    """Run a monitor's cycles, one for each of its takes, all but those `done` before; restart before some."""
    source = monitor.source
    count = len(source.takes) if cycles is None and isinstance(source, Takes) else done + (cycles or 0)
    again, cycle, reports = set(restarts), cycle_of(monitor, store, worker), []
    for number in range(done, count):
        if number in again:
            cycle = cycle_of(monitor, store, worker)
        reports.append(await cycle.run(number * HOUR))
    return reports


def joined(batches: Sequence[Batch]) -> Batch:
    """Return the rows of batches of the same columns as one batch."""
    ids = [batch.arrival.identity for batch in batches]
    columns: dict[str, Numbers | Labels] = {}
    for name, first in batches[0].columns.items():
        parts: list[Any] = [batch.columns[name] for batch in batches]
        if isinstance(first, Numbers):
            columns[name] = Numbers(np.concatenate([part.values for part in parts]))
        else:
            columns[name] = Labels(np.concatenate([part.codes for part in parts]), first.labels)
    times = np.concatenate([batch.event_time for batch in batches])
    arrival = Arrival(identity=np.concatenate([each for each in ids if each is not None]))
    return Batch(len(times), times, columns, arrival)


async def expected(
    takes: Sequence[Take], window: WindowPlan = TIME
) -> dict[tuple[int, int], tuple[Measurement, ...]]:
    """Measure the rows of every window at once, by its first and last pane: what cycles must come to."""
    known = await declared()
    everything = joined([take.batch for take in takes if take.batch.rows])
    everything = everything.taken(NOW, live=False).numbered(0)
    keys = windows.assign(everything, window, 0)
    found = {}
    for last in range(int(keys.min()), int(keys.max()) + 1):
        first = window.first_of(last)
        own = everything.take(np.flatnonzero((keys >= first) & (keys <= last)))
        current = profile.of(own, SCHEMA, known.spec)
        found[first, last] = measure(
            known.profile, current, SCHEMA, MEASURES, known.spec, estimator=known.estimator
        )
    return found


def measurements(store: MemoryStore) -> Mapping[tuple[int, int], tuple[Measurement, ...]]:
    """Return the latest measurements of every window, by its first and last pane."""
    return {panes: window.measurements for panes, window in store.stored(NAME).latest.items()}
