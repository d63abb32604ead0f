"""The section of a monitor file for a model that KServe serves."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal, Self

from pydantic import Field, model_validator

from service.config.base import Duration
from service.core.time_units import SECOND
from service.sources.base import SourceConfig
from service.sources.http.content import RowShape
from service.sources.http.receiver import HttpReceiver
from service.sources.kserve.columns import Naming, check_names, wanted_of
from service.sources.kserve.keys import MAX_WAIT, Component, Name
from service.sources.kserve.reading import HalfReader, Watched
from service.sources.kserve.receiver import KserveReceiver
from service.sources.kserve.source import KserveOptions, KserveSource
from service.sources.table_format import PLAIN

if TYPE_CHECKING:
    from service.core.rows.masking import RowMask
    from service.sources.context import SourceContext
    from service.sources.protocol import Receiver

MINUTE = 60 * SECOND
DAY = 86_400 * SECOND


class KserveConfig(SourceConfig):
    """Requests and responses that KServe's logger sends to `/v1/kserve` or `/v1/monitors/NAME/kserve`.

    - `inference_service`, `namespace`: whose events these are; without a namespace in any.
    - `component`: of which part of the service: a transformer logs other columns than its predictor.
    - `features`: the names of a request's columns, in order, where they come without names.
    - `outputs`: those of a response.
    - `wait`: how long a request waits for its response, or a response for its request.
    - `allowed_lateness`: how far a request may lie behind the newest one; later ones are rejects.
    - `max_ahead`: how far an event's time may lie ahead of its arrival; events further ahead are rejects.
    - `idle_after`: after how much silence the clock, and no longer the rows, closes windows.
    """

    is_live: ClassVar[bool] = True
    gives_reference: ClassVar[bool] = True
    brings_labels: ClassVar[bool] = True
    can_be_read_again: ClassVar[bool] = False
    masks_itself: ClassVar[bool] = True

    type: Literal["kserve"]
    inference_service: Name
    namespace: Name | None = None
    component: Component = "predictor"
    features: tuple[Name, ...] = ()
    outputs: tuple[Name, ...] = ()
    wait: Duration = Field(default=10 * MINUTE, gt=0, le=MAX_WAIT)
    allowed_lateness: Duration = Field(default=7 * DAY)
    max_ahead: Duration = Field(default=5 * MINUTE)
    idle_after: Duration = Field(default=MINUTE)

    @model_validator(mode="after")
    def _check_names(self) -> Self:
        check_names(self.features, self.outputs, "features")
        return self

    @property
    def late_by_us(self) -> int:
        """How far a request that is taken may lie behind the newest, which may be ahead of its arrival."""
        return self.allowed_lateness + self.max_ahead

    @property
    def idle_after_us(self) -> int:
        """After how much silence event time goes on by the clock (microseconds)."""
        return self.idle_after

    def build(self, context: SourceContext) -> KserveSource:
        """Return the source; nothing is read yet."""
        return KserveSource(context, KserveOptions(self.wait, self.allowed_lateness, self.idle_after))

    def receiver(self, context: SourceContext, masking: RowMask) -> Receiver:
        """Return what reads the events when they come."""
        schema = context.schema
        naming = Naming(self.features, self.outputs, wanted_of(schema))
        shape = RowShape(schema, None, PLAIN)
        return KserveReceiver(
            context.monitor,
            Watched(self.inference_service, self.namespace, self.component),
            HalfReader(schema, naming, masking, self.max_ahead),
            HttpReceiver(context.monitor, shape, masking, self.max_ahead, context.labels),
        )
