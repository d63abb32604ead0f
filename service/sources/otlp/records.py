"""The log records of a request, by the service and the event that they are about."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from service.core.inbox import PushedEvent
from service.core.rows.label_text import clean

if TYPE_CHECKING:
    from collections.abc import Iterable

    from service.sources.otlp.values import Value

FORM = "otlp"
SERVICE, EVENT = "service.name", "event.name"
BENTOML, BENTOML_NAME = "bento_meta", "monitor_name"  # in what its monitors say, which give no event
NO_SERVICE = "(no service.name)"
TEXTS = "(texts)"  # of records that say nothing but a text: no list could hold them all
NO_EVENT = "(no event name)"
MAX_NAME = 100  # characters
_NAME = re.compile(
    r"[A-Za-z][A-Za-z0-9_.-]{0,39}"
)  # a text that may be listed: what else a log says may be secret


@dataclass(frozen=True, slots=True)
class LogRecord:
    """One log record.

    - `event`: the field eventName; empty where it has none
    - `time`, `observed`: nanoseconds since 1970; 0 where unknown
    - `body`: what it says
    - `attributes`: its own
    - `trace`, `span`: of which it is part, as they came
    """

    event: str
    time: int
    observed: int
    body: Value
    attributes: dict[str, Value]
    trace: str | bytes
    span: str | bytes

    @property
    def name(self) -> str:
        """The event's name: the field, else the attribute, else BentoML's monitor, else the record's text."""
        return self._given or (self.body if isinstance(self.body, str) else "")

    @property
    def listed(self) -> str:
        """The name as it is listed where no monitor takes the record."""
        if self._given:
            return clean(self._given[:MAX_NAME])
        if not self.name:
            return NO_EVENT
        return self.name if _NAME.fullmatch(self.name) else TEXTS

    @property
    def _given(self) -> str:
        meta = self.body.get(BENTOML) if isinstance(self.body, dict) else None
        by_meta = meta.get(BENTOML_NAME) if isinstance(meta, dict) else None
        named = (self.event, self.attributes.get(EVENT), by_meta)
        return next((each for each in named if isinstance(each, str) and each), "")


@dataclass(frozen=True, slots=True)
class Resource:
    """What sent records."""

    attributes: dict[str, Value] = field(default_factory=dict)

    @property
    def service(self) -> str:
        """The name of the service; empty where it has none."""
        name = self.attributes.get(SERVICE)
        return name if isinstance(name, str) else ""


@dataclass(frozen=True, slots=True)
class LogEvent(PushedEvent):
    """The log records of a request that are of one service and one event.

    - `service`, `name`: the service, and the event
    - `records`: each with what sent it
    """

    service: str = ""
    name: str = ""
    records: tuple[tuple[Resource, LogRecord], ...] = ()

    def digest(self) -> bytes:
        """Return what tells records that are sent again from others."""
        digest = hashlib.blake2b(digest_size=16)
        for resource, record in self.records:
            digest.update(repr((resource.attributes, record)).encode(errors="surrogatepass"))
        return digest.digest()


def grouped(records: Iterable[tuple[Resource, LogRecord]]) -> list[LogEvent]:
    """Return the records of a request by service and event, in their order."""
    groups: dict[tuple[str, str, str], list[tuple[Resource, LogRecord]]] = {}
    for resource, record in records:
        groups.setdefault((resource.service, record.name, record.listed), []).append((resource, record))
    return [
        LogEvent(
            FORM,
            f"{clean(service[:MAX_NAME]) or NO_SERVICE}/{listed}",
            {},
            b"",
            len(held),
            may_be_unrouted=True,  # a collector sends all logs
            is_nameless=listed in {TEXTS, NO_EVENT},
            service=service,
            name=name,
            records=tuple(held),
        )
        for (service, name, listed), held in groups.items()
    ]
