"""Write the service's own health and each monitor's latest window in the text formats of Prometheus.

Counters start at 0 with the process. Of the measurements only the latest window's are included, each series
once, so that the size of the answer depends on one window alone; a measurement without a value is left out.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily
from prometheus_client.exposition import choose_encoder

from service import __version__
from service.core.time_units import SECOND

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from prometheus_client.core import Metric

    from service.core.inbox import SpoolLevel, Unrouted
    from service.status.cycle_counters import MonitorCounters

    Read = Callable[[MonitorCounters], float | None]

SERIES_LABELS = ("monitor", "aspect", "column", "segment", "metric", "definition")
COUNTERS: tuple[tuple[str, str, Read], ...] = (
    ("tidegauge_cycles", "Committed cycles.", lambda m: m.cycles),
    ("tidegauge_cycle_failures", "Cycles that failed.", lambda m: m.failures),
    ("tidegauge_cycles_skipped", "Slots that passed without a cycle.", lambda m: m.skipped),
    ("tidegauge_rows", "Rows that were taken.", lambda m: m.rows),
    ("tidegauge_rejected_rows", "Rows that could not be used.", lambda m: m.rejected),
    ("tidegauge_windows", "Windows that were measured, repeats included.", lambda m: m.windows),
    ("tidegauge_change_points", "Changes of the error that detectors found.", lambda m: m.change_points),
    ("tidegauge_unpaired_events", "Events whose other halves did not come.", lambda m: m.unpaired_events),
)


def _seconds(instant: int | None) -> float | None:
    return None if instant is None else instant / SECOND


GAUGES: tuple[tuple[str, str, Read], ...] = (
    ("tidegauge_cycle_duration_seconds", "How long the last cycle took.", lambda m: m.duration_seconds),
    (
        "tidegauge_last_success_timestamp_seconds",
        "When the last cycle was committed.",
        lambda m: _seconds(m.succeeded_at),
    ),
    (
        "tidegauge_cycle_rows_per_second",
        "Rows of the last cycle per second of its duration.",
        lambda m: m.rows_per_second,
    ),
    ("tidegauge_source_progress_ratio", "Share of the source that was read, 0 to 1.", lambda m: m.progress),
    ("tidegauge_source_lag_seconds", "How far the monitor is behind its source.", lambda m: m.lag_seconds),
    ("tidegauge_backlog_rows", "Accepted rows that wait for a cycle.", lambda m: m.backlog_rows),
    ("tidegauge_waiting_events", "Events that wait for their other halves.", lambda m: m.waiting_events),
    (
        "tidegauge_window_end_timestamp_seconds",
        "Event time at which the latest window ends.",
        lambda m: _seconds(m.latest.end) if m.latest else None,
    ),
    (
        "tidegauge_window_rows",
        "Rows of the latest window.",
        lambda m: m.latest.rows if m.latest else None,
    ),
)


@dataclass(frozen=True, slots=True)
class NotTaken:
    """Pushed events that were not kept, since the start.

    - `unrouted`: those that no monitor takes, by subject
    - `refused`: how many requests were refused for another reason, by the kind of push
    """

    unrouted: Sequence[Unrouted] = ()
    refused: Mapping[str, int] = field(default_factory=dict)


def exposition(
    monitors: Sequence[MonitorCounters],
    round_trip_seconds: float | None,
    spool: SpoolLevel,
    now: int,
    accept: str = "",
    *,
    not_taken: NotTaken | None = None,
) -> tuple[bytes, str]:
    """Return the body and its content type, in the format that the header `accept` asks for.

    `round_trip_seconds` is how long the database took to answer, None where it did not; `spool` says how much
    of what was accepted lies on the disk, and `now` is in UTC microseconds.
    """
    encode, content_type = choose_encoder(accept)
    return encode(_Collector(monitors, round_trip_seconds, spool, now, not_taken or NotTaken())), content_type


class _Collector:
    """Gives the library's encoders the families of samples."""

    def __init__(
        self,
        monitors: Sequence[MonitorCounters],
        round_trip_seconds: float | None,
        spool: SpoolLevel,
        now: int,
        not_taken: NotTaken,
    ) -> None:
        self._monitors = monitors
        self._not_taken = not_taken
        self._round_trip_seconds = round_trip_seconds
        self._spool, self._now = spool, now

    def collect(self) -> Iterator[Metric]:
        yield InfoMetricFamily("tidegauge_build", "Which version runs.", {"version": __version__})
        answered = self._round_trip_seconds is not None
        yield GaugeMetricFamily("tidegauge_database_up", "Whether the database answered.", value=answered)
        if self._round_trip_seconds is not None:
            yield GaugeMetricFamily(
                "tidegauge_database_round_trip_seconds",
                "How long the database took to answer.",
                value=self._round_trip_seconds,
            )
        yield from _of_spool(self._spool, self._now)
        yield from _of_monitors(CounterMetricFamily, COUNTERS, self._monitors)
        yield from _of_monitors(GaugeMetricFamily, GAUGES, self._monitors)
        yield from _pushes(self._not_taken)
        yield from _measurements(self._monitors)


def _of_spool(spool: SpoolLevel, now: int) -> Iterator[Metric]:
    yield GaugeMetricFamily(
        "tidegauge_spool_bytes", "Accepted rows on the disk until the database is back.", value=spool.size
    )
    waited = 0.0 if spool.oldest is None else max(0.0, (now - spool.oldest) / SECOND)
    yield GaugeMetricFamily(
        "tidegauge_spool_lag_seconds", "For how long the oldest of them have waited.", value=waited
    )


def _of_monitors(
    family: type[CounterMetricFamily | GaugeMetricFamily],
    wanted: Iterable[tuple[str, str, Read]],
    monitors: Sequence[MonitorCounters],
) -> Iterator[Metric]:
    for name, description, read in wanted:
        samples = family(name, description, labels=["monitor"])
        for monitor in monitors:
            value = read(monitor)
            if value is not None:
                samples.add_metric([monitor.name], value)
        yield samples


def _pushes(not_taken: NotTaken) -> Iterator[Metric]:
    unrouted = CounterMetricFamily(
        "tidegauge_unrouted_events", "Events that no monitor takes.", labels=["form", "subject"]
    )
    for each in not_taken.unrouted:
        unrouted.add_metric([each.form, each.subject], each.events)
    refused = CounterMetricFamily(
        "tidegauge_refused_pushes", "Requests with events that were refused.", labels=["form"]
    )
    for form, count in not_taken.refused.items():
        refused.add_metric([form], count)
    yield unrouted
    yield refused


def _measurements(monitors: Sequence[MonitorCounters]) -> Iterator[Metric]:
    values = GaugeMetricFamily(
        "tidegauge_measurement", "A measurement of the latest window.", labels=SERIES_LABELS
    )
    breaches = GaugeMetricFamily(
        "tidegauge_measurement_breached",
        "Whether a measurement of the latest window is beyond its threshold.",
        labels=SERIES_LABELS,
    )
    for monitor in monitors:
        for m in monitor.latest.measurements if monitor.latest else ():
            s = m.series
            labels = [monitor.name, s.aspect.value, s.column, s.segment, s.metric, s.definition]
            if m.value is not None:
                values.add_metric(labels, m.value)
            if m.breached is not None:
                breaches.add_metric(labels, m.breached)
    yield values
    yield breaches
