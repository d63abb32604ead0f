"""The parts of a monitor that its cycles use, and the report of a cycle."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from service.core.labels import pending_rows
from service.core.profile.codec.profile import VERSION

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from service.core.cycle_record import CycleRecord
    from service.core.deduplicate import DeduplicatePlan
    from service.core.reference.reference import Reference
    from service.core.rows.schema import Schema
    from service.core.rows.take import Take
    from service.core.windows.moving_reference import MovingPlan
    from service.core.windows.window import WindowPlan
    from service.methods.alarm import AlarmPlan
    from service.methods.block_test.model import BlockModel
    from service.methods.concept.error_stream import Detectors
    from service.methods.measure_window import MeasurePlan
    from service.sources.protocol import Source


@dataclass(frozen=True, slots=True)
class MonitorPlan:
    """A monitor as its cycles see it; the first cycle loads the reference."""

    name: str
    schema: Schema
    window: WindowPlan
    measures: MeasurePlan
    alarm: AlarmPlan
    source: Source
    load_reference: Callable[[], Awaitable[Reference]]
    detectors: Detectors = field(default_factory=dict)  # needs the schema to have a task
    label_wait: int | None = None  # microseconds after which a row is given up; None: no labels come late
    live: bool = False  # rows are taken as they come: the moment of the take says when they arrived
    blocks: BlockModel | None = None  # once the reference is loaded, where alarms have a rate
    deduplicate: DeduplicatePlan | None = None  # None: a row that comes again counts again
    moving: MovingPlan | None = None  # None: everything is compared with the declared reference

    @property
    def layout(self) -> str:
        """What stored panes depend on, besides the reference; panes of different layouts are never mixed."""
        return f"{self.schema.fingerprint}:{self.window.layout}:{VERSION}"

    @property
    def late_column(self) -> str | None:
        """The column whose values come after their rows; None where all come with them."""
        return None if self.label_wait is None else pending_rows.target_of(self.schema).name


@dataclass(frozen=True, slots=True)
class CycleReport:
    """What a cycle did, for the log and the scheduler.

    `committed` is False where another service committed the cycle first.
    """

    record: CycleRecord
    take: Take
    committed: bool
    moved: bool  # whether there was anything to do: rows, labels, or windows that waited for their turn
    seconds: float  # from the cycle's start to its end, by the monotonic clock

    @property
    def done(self) -> bool:
        """Whether nothing will ever follow."""
        return self.committed and self.take.exhausted and not self.record.after.labelling.again
