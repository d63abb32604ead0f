"""The metrics for Prometheus, read back by its own parsers and over HTTP."""

from __future__ import annotations

import httpx
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_metrics
from prometheus_client.parser import text_string_to_metric_families as plain_text

from service.api.app import build
from service.api.prometheus import exposition
from service.core.checkpoint import Checkpoint
from service.core.cycle_record import CycleRecord
from service.core.event import Event
from service.core.inbox import SpoolLevel
from service.core.measurement import Aspect, Measurement, Series
from service.core.windows.records import WindowRecord
from service.errors import StoreError
from service.status.cycle_counters import CycleCounters, MonitorCounters
from tests.unit.api.doors import callables

OPEN_METRICS = "application/openmetrics-text; version=1.0.0"
LABELS = ("monitor", "aspect", "column", "segment", "metric", "definition", "version")
AWKWARD = 'a "quoted"\\ name\nof two lines'


def window(end: int, value: float) -> WindowRecord:
    """Make a measured window that ends at `end` seconds."""
    drift = Series(Aspect.DRIFT, "psi", AWKWARD, definition="robust")
    measurements = (
        Measurement(drift, value, 9, threshold=0.1, breached=value > 0.1),
        Measurement(Series(Aspect.QUALITY, "missing_share", "size"), None, 9, "no rows in the window"),
    )
    return WindowRecord(0, 0, 0, end * 1_000_000, 1, 9, measurements)


def cycle(*windows: WindowRecord, lag: float | None = None, progress: float | None = None) -> CycleRecord:
    """Make a cycle of nine rows that started at second 5."""
    return CycleRecord(
        "shop", "l", Checkpoint(), 0, 5_000_000, 9, windows=windows, rejected=2, lag_seconds=lag,
        progress=progress,
        events=(Event("change_point", 7, "it changed", metric="adwin"), Event("breach", 7, "too high")),
    )  # fmt: skip


def samples(
    monitors: list[MonitorCounters],
    round_trip: float | None = 0.002,
    accept: str = "",
    spool: SpoolLevel = SpoolLevel(),  # noqa: B008  # immutable
) -> dict[tuple[str, ...], float]:
    """Read the exposition back: by name and label values."""
    body, content_type = exposition(monitors, round_trip, spool, 9_000_000, accept)
    parse = open_metrics if "openmetrics" in content_type else plain_text
    return {
        (sample.name, *(sample.labels[name] for name in LABELS if name in sample.labels)): sample.value
        for family in parse(body.decode())
        for sample in family.samples
    }


@pytest.mark.parametrize("accept", ["", "text/plain", OPEN_METRICS])
def test_cycles_and_the_latest_window_can_be_read(accept: str) -> None:
    """Counts, the last cycle and each number of the latest window come back, in either format."""
    vitals = MonitorCounters("shop")
    vitals.committed(cycle(window(60, 0.25), lag=3.5), at=5_250_000, seconds=0.25)
    vitals.committed(cycle(window(120, 0.05), progress=0.75), at=6_000_000, seconds=1.5)
    got = samples([vitals], accept=accept)
    assert got["tidegauge_cycles_total", "shop"] == 2
    assert got["tidegauge_rows_total", "shop"] == 18
    assert got["tidegauge_rejected_rows_total", "shop"] == 4
    assert got["tidegauge_windows_total", "shop"] == 2
    assert got["tidegauge_change_points_total", "shop"] == 2
    assert got["tidegauge_cycle_duration_seconds", "shop"] == 1.5
    assert got["tidegauge_cycle_rows_per_second", "shop"] == 6.0
    assert got["tidegauge_source_progress_ratio", "shop"] == 0.75
    assert got["tidegauge_last_success_timestamp_seconds", "shop"] == 6.0
    assert got["tidegauge_window_end_timestamp_seconds", "shop"] == 120
    assert got["tidegauge_database_round_trip_seconds",] == 0.002
    series = ("shop", "drift", AWKWARD, "", "psi", "robust")
    assert got["tidegauge_measurement", *series] == 0.05
    assert got["tidegauge_measurement_breached", *series] == 0


def test_what_is_not_known_is_left_out() -> None:
    """No lag, no window and no value are no samples, never a zero."""
    vitals = MonitorCounters("shop")
    fresh = {name for name, *_ in samples([vitals])}
    assert fresh.isdisjoint({"tidegauge_measurement", "tidegauge_cycle_duration_seconds"})
    vitals.committed(cycle(window(60, 0.25)), at=6_000_000, seconds=1.0)
    got = samples([vitals])
    assert ("tidegauge_source_lag_seconds", "shop") not in got
    assert not [key for key in got if "missing_share" in key]


def test_a_database_that_is_away_is_said() -> None:
    """Without an answer the database is down and has no round trip."""
    got = samples([], round_trip=None)
    assert got["tidegauge_database_up",] == 0
    assert ("tidegauge_database_round_trip_seconds",) not in got


def test_an_older_window_measured_again_is_not_the_latest() -> None:
    """Late rows do not turn the gauges back."""
    vitals = MonitorCounters("shop")
    vitals.committed(cycle(window(120, 0.05), progress=0.75), at=6_000_000, seconds=1.5)
    vitals.committed(cycle(window(60, 0.9)), at=7_000_000, seconds=1.0)
    assert vitals.latest is not None
    assert (vitals.latest.end, vitals.windows) == (120_000_000, 2)


class Journal:
    """A journal on a database that is away."""

    async def record_skipped(self, *_: object, **__: object) -> None:
        raise StoreError("away")

    async def record_failed(self, *_: object, **__: object) -> None:
        raise StoreError("away")


async def test_failures_count_even_where_they_cannot_be_logged() -> None:
    """The counters stand although the journal refused; the refusal is passed on."""
    vitals = CycleCounters(["shop"], Journal())
    with pytest.raises(StoreError):
        await vitals.record_skipped("shop", 20, 3, first=0)
    with pytest.raises(StoreError):
        await vitals.record_skipped("shop", 40, 5, first=0)  # the same again, and two more
    with pytest.raises(StoreError):
        await vitals.record_failed("shop", 0, 0, "it broke", seconds=0.1)
    got = samples(list(vitals.monitors.values()))
    assert got["tidegauge_cycles_skipped_total", "shop"] == 5
    assert got["tidegauge_cycle_failures_total", "shop"] == 1


def test_what_waits_on_the_disk_can_be_read() -> None:
    """While the database is away the spool's size and the age of its oldest file say how far behind it is."""
    got = samples([], None, spool=SpoolLevel(1_000, 2_500_000))
    assert (got["tidegauge_spool_bytes",], got["tidegauge_spool_lag_seconds",]) == (1_000, 6.5)
    got = samples([])
    assert (got["tidegauge_spool_bytes",], got["tidegauge_spool_lag_seconds",]) == (0, 0)


async def test_the_door_answers_in_the_format_asked_for() -> None:
    """`/metrics` gives what is asked for, with its content type."""

    async def scrape(accept: str, _: frozenset[str] | None) -> tuple[bytes, str]:
        return exposition([MonitorCounters("shop")], 0.001, SpoolLevel(), 0, accept)

    transport = httpx.ASGITransport(app=build(callables(scrape=scrape)))
    async with httpx.AsyncClient(transport=transport, base_url="http://tidegauge") as client:
        plain = await client.get("/metrics")
        modern = await client.get("/metrics", headers={"accept": OPEN_METRICS})
    assert plain.headers["content-type"].startswith("text/plain; version=")
    assert modern.headers["content-type"].startswith("application/openmetrics-text")
    assert modern.text.endswith("# EOF\n")
    assert {family.name for family in plain_text(plain.text)} >= {"tidegauge_cycles", "tidegauge_database_up"}
