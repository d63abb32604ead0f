"""Read an event of KServe's logger into one half of an inference, whichever door it came by."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from service.config.base import duration_text
from service.core.rows.batch import steps_back
from service.core.rows.take import Take
from service.core.time_units import to_datetime
from service.errors import UnreadableRowsError
from service.sources.kserve.columns import Side
from service.sources.kserve.half import Half
from service.sources.kserve.inference import half_rows

if TYPE_CHECKING:
    from collections.abc import Mapping

    from service.core.inbox import PushedEvent
    from service.core.rows.masking import RowMask
    from service.core.rows.schema import Schema
    from service.sources.kserve.columns import Naming

TYPES = {f"org.kubeflow.serving.inference.{side}": side for side in Side}
MAX_ID = 200  # characters


@dataclass(frozen=True, slots=True)
class Watched:
    """The inference service that a monitor watches, in a namespace (None: in any), and its component."""

    inference_service: str
    namespace: str | None
    component: str

    def __str__(self) -> str:
        where = "" if self.namespace is None else f" in {self.namespace}"
        return f"the {self.component} of {self.inference_service}{where}"

    def takes(self, given: Mapping[str, str]) -> bool:
        """Whether an event with these attributes is of it; one that does not say is."""
        found = (given.get("inferenceservicename"), given.get("namespace"), given.get("component"))
        wanted = (self.inference_service, self.namespace, self.component)
        known = zip(found, wanted, strict=True)
        return all(have is None or want is None or have == want for have, want in known)


@dataclass(frozen=True, slots=True)
class HalfReader:
    """Reads the events of one monitor. Methods raise UnreadableRowsError where one cannot be used.

    - `schema`, `naming`: its columns, and how those without names are named
    - `masking`: of its sensitive columns
    - `ahead_us`: how far an event's time may lie ahead of the moment at which it is read (microseconds)
    """

    schema: Schema
    naming: Naming
    masking: RowMask
    ahead_us: int

    def half(self, event: PushedEvent, at: int, received: int) -> Half:
        """Return the half that an event of the time `at` is; it came at `received` (UTC microseconds).

        Raises ReferenceDataError where its sensitive columns cannot be masked yet.
        """
        name, side = event.attributes["id"], TYPES.get(event.attributes["type"])
        if side is None:
            raise UnreadableRowsError(f"the event is of another type; expected {' or '.join(TYPES)}")
        if at > received + self.ahead_us:
            raise UnreadableRowsError(
                f"its time, {to_datetime(at):%Y-%m-%dT%H:%M:%SZ}, is more than "
                f"{duration_text(self.ahead_us)} (max_ahead) ahead of the arrival at "
                f"{to_datetime(received):%Y-%m-%dT%H:%M:%SZ}"
            )
        batch = half_rows(event.body, name, side, self.naming, self.schema)
        times = np.full(batch.rows, at, dtype=np.int64)
        arrival = replace(batch.arrival, backwards=steps_back(times))
        batch = replace(batch, event_time=times, arrival=arrival)
        return Half(name, side, at, self.masking.take(Take(batch, {})).batch, received=received)


def check_id(name: str) -> None:
    """Raise UnreadableRowsError where an event's id is none by which its halves could be paired."""
    if len(name) > MAX_ID or not name.isprintable():
        raise UnreadableRowsError(
            f"the id of the event has {len(name)} characters; expected 1 to {MAX_ID} printable ones"
        )
