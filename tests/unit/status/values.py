"""Values of a newest window, as the store reads them back."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from service.core.measurement import Aspect, Worse
from service.core.read_models import LatestWindow, MeasuredWindow, WindowValue

WHEN = datetime(2026, 1, 2, tzinfo=UTC)
WINDOW = MeasuredWindow(window_start=WHEN, window_end=WHEN, revision=1, rows=9, computed_at=WHEN)


def window_value(aspect: str, metric: str = "ks", value: float | None = 0.3, **more: Any) -> WindowValue:
    """Make a value without a threshold of the whole window."""
    given: dict[str, Any] = {
        "column_name": "", "segment": "", "definition": "", "unit": "", "worse": Worse.HIGHER,
        "reference": None, "threshold": None, "breached": None, "severity": None, "error_bound": None,
        "low": None, "high": None, "rows": 9, "reason": None,
    }  # fmt: skip
    return WindowValue(aspect=Aspect(aspect), metric=metric, value=value, **{**given, **more})


def latest(
    *values: WindowValue,
    alarms: dict[str, str] | None = None,
    window: MeasuredWindow | None = WINDOW,
    **more: bool,
) -> LatestWindow:
    """Make a newest window of these values."""
    return LatestWindow(window=window, values=list(values), alarms=alarms or {}, **more)
