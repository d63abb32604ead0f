"""An event: a mark on a chart."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Event:
    """Something worth a mark on a chart: a breach, a recovery, a schema change."""

    kind: str
    at: int
    message: str
    column: str = ""
    metric: str = ""
    details: dict[str, Any] = field(default_factory=dict)
