"""The running parts that the HTTP API answers from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncpg

    from service.access.gate import Gate
    from service.inbox.intake import Intake
    from service.reports.reporter import Reporter
    from service.runtime.scheduler import Scheduler
    from service.status.cycle_counters import CycleCounters
    from service.status.live_feed import EventBroadcaster
    from service.store.postgres import PostgresStore
    from service.wiring.monitor_index import MonitorIndex
    from service.wiring.sent.monitors import SentMonitors


@dataclass(frozen=True, slots=True)
class RunningParts:
    """What the API answers from; `worker` is the number of one of several processes, None of one alone."""

    pool: asyncpg.Pool
    store: PostgresStore
    scheduler: Scheduler
    counters: CycleCounters
    reporter: Reporter
    index: MonitorIndex
    broadcaster: EventBroadcaster
    intake: Intake
    sent_monitors: SentMonitors | None
    gate: Gate
    worker: int | None = None
