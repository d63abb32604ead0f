from __future__ import annotations

from typing import Any

from service.core.read_models import WindowValue
from service.core.story.newest import newest_window
from service.status.columns import column_heads
from tests.unit.status.values import latest, window_value


def drift(column: str, metric: str, severity: float, place: int, **more: Any) -> WindowValue:
    return window_value(
        "drift", metric, column_name=column, severity=severity, breached=severity > 1, series_id=place, **more
    )


def test_a_column_is_represented_by_its_alarm_else_by_the_usual_method() -> None:
    """A second opinion never stands for a column, however close to its threshold it comes."""
    values = [
        drift("size", "ks", 2.0, 1, definition="evidently"),
        drift("size", "psi", 9.0, 2, definition="robust"),
        drift("colour", "ks", 0.1, 3, definition="evidently"),
        drift("colour", "psi", 0.9, 4, definition="robust"),
        drift("colour", "ks", 0.95, 5, definition="evidently", segment="north"),
        window_value("quality", "missing_share", 0.1, column_name="colour", series_id=6),
        window_value("performance", "mae", series_id=7),
    ]
    newest = newest_window(latest(*values, alarms={"drift|size": "xx!"}))
    heads = column_heads(newest, ["size", "colour", "unmeasured"])
    assert [head.column_name for head in heads] == ["size", "colour", "unmeasured"]
    shown = [(head.drift.metric, head.drift.segment) if head.drift else None for head in heads]
    assert shown == [("ks", ""), ("ks", ""), None]
    assert [head.missing.value if head.missing else None for head in heads] == [None, 0.1, None]


def test_a_quiet_column_is_represented_by_what_is_judged() -> None:
    """Where the block test decides, a distance without a threshold does not stand for the column."""
    values = [
        drift("size", "ks", 0.0, 1, definition="evidently"),
        drift("size", "block_test", 0.2, 2, threshold=0.01),
        drift("size", "detectable_shift", 0.0, 3),
    ]
    (head,) = column_heads(newest_window(latest(*values)), ["size"])
    assert head.drift is not None
    assert head.drift.metric == "block_test"
