from __future__ import annotations

import pytest

from service.core.measurement import Aspect
from service.core.paging import PageRequest
from service.core.story.newest import newest_window
from service.status.window_page import MeasurementFilter, SecondOpinions, window_page
from tests.unit.status.values import latest, window_value

NEWEST = newest_window(
    latest(
        window_value("drift", "ks", column_name="size", breached=True, severity=3.0, series_id=1),
        window_value("drift", "psi", column_name="size", breached=True, severity=9.0, series_id=2),
        window_value("drift", "ks", column_name="colour", breached=False, severity=0.2, series_id=3),
        window_value("quality", "missing_share", column_name="size", series_id=4),
        alarms={"drift|size": "xx!"},
    )
)


@pytest.mark.parametrize(("second_opinions", "metrics"), [("with", 4), ("without", 3), ("only", 1)])
def test_second_opinions_are_counted_and_may_be_left_out(
    second_opinions: SecondOpinions, metrics: int
) -> None:
    """However they are asked for, the answer says how many there are."""
    page = window_page(NEWEST, MeasurementFilter(second_opinions=second_opinions), PageRequest(limit=9))
    assert (len(page.measurements), page.matched, page.total, page.second_opinions) == (
        metrics,
        metrics,
        4,
        1,
    )


def test_filters_and_search_apply_before_paging() -> None:
    """The metric is found as files write it and as the page shows it."""
    for search in ("missing_share", "size missing share"):
        page = window_page(NEWEST, MeasurementFilter(), PageRequest(search, limit=1))
        assert [row.metric for row in page.measurements] == ["missing_share"]
    drift = window_page(NEWEST, MeasurementFilter(aspect=Aspect.DRIFT, beyond=True), PageRequest(limit=1))
    assert (drift.matched, [row.metric for row in drift.measurements]) == (2, ["ks"])
