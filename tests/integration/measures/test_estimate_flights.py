"""The flights year: the estimate foresees another mix of flights, and not the winds that turned."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from service.config.monitor_file import load
from service.core.measurement import Measurement
from service.core.profile import profile
from service.core.profile.outcome import row_errors
from service.core.reference import reference as references
from service.core.reference.loss_model import LossModel
from service.core.reference.reference import Reference
from service.core.rows.batch import Batch, Numbers
from service.core.rows.schema import Schema
from service.methods.performance.estimated.estimate import measure_estimates
from service.sources.tables.file import read_rows
from simulator import flights

ROOT = Path(__file__).parents[3]
DAY = 86_400_000_000
FEBRUARY, SEPTEMBER = 15_737, 15_949  # the first of the month, in days since 1970


class Flights(NamedTuple):
    """The replay's rows and what the reference says of such."""

    schema: Schema
    reference: Reference
    year: Batch

    def chosen(self, first: int, days: int, marks: np.ndarray | None = None) -> Batch:
        """Return the rows of some days, or the marked ones of these."""
        days_of = (self.year.event_time - 5 * DAY // 24) // DAY
        wanted = (days_of >= first) & (days_of < first + days)
        return self.year.take(np.flatnonzero(wanted if marks is None else wanted & marks))

    def judged(self, rows: Batch) -> tuple[Measurement, float]:
        """Return the estimated mean absolute error of some rows, and the realised one."""
        current = profile.of(rows, self.schema, self.reference.spec)
        found = measure_estimates(self.reference.profile, current, self.schema.task, self.reference.estimator)
        return found[0], float(np.nanmean(row_errors.absolute_errors(rows, self.schema)))


@pytest.fixture(scope="module")
def demo(data_dir: Path) -> Flights:
    """Read the demo's files as its monitor does."""
    schema = load(ROOT / "config/monitors/flights.yaml", data_dir).schema_
    files = (data_dir / "demo" / name for name in (flights.REFERENCE, flights.REPLAY))
    before, year = (read_rows(path, schema, timestamp="scheduled_departure") for path in files)
    return Flights(schema, references.of(before.numbered(0), schema), year.numbered(0))


def test_the_schedule_says_where_the_model_errs_and_the_weather_does_not(demo: Flights) -> None:
    """Of twelve columns distance and carrier take part; ten days' weather is no explanation."""
    assert isinstance(demo.reference.estimator, LossModel)
    assert set(demo.reference.estimator.columns) == {"distance", "carrier"}


@pytest.mark.parametrize(("least", "most", "constant_is_off"), [(1_500, 9_999, 3.0), (0, 500, -4.0)])
def test_another_mix_of_flights_is_foreseen(
    demo: Flights, least: int, most: int, constant_is_off: float
) -> None:
    """February's long flights, and its short ones: the estimate is within 6 %, January's mean far off."""
    distance = demo.year.columns["distance"]
    assert isinstance(distance, Numbers)
    marks = (distance.values > least) & (distance.values < most)
    estimate, realised = demo.judged(demo.chosen(FEBRUARY, 28, marks))
    assert estimate.value == pytest.approx(realised, rel=0.06)
    assert estimate.low is not None
    assert estimate.high is not None
    assert estimate.low < realised < estimate.high
    assert estimate.reference is not None
    assert (realised - estimate.reference) / constant_is_off > 1.0


def test_winds_that_turned_are_no_data_drift(demo: Flights) -> None:
    """In each week of September the estimate stays near January's, and the error lies far above its band."""
    for week in range(4):
        estimate, realised = demo.judged(demo.chosen(SEPTEMBER + 7 * week, 7))
        assert estimate.value == pytest.approx(estimate.reference, abs=0.5)
        assert estimate.high is not None
        assert realised > estimate.high + 3.0
