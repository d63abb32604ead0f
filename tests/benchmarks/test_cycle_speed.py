"""One cycle of the default methods over 13 flight columns, beside Evidently's report on the same rows.

A cycle here: a pandas frame becomes typed arrays, a profile with its sample of rows, and the measurements
against a reference profile that was made once. Evidently's side, its data sets made beforehand, is
`Report([DataDriftPreset()]).run(...).dict()`. The ratio of the medians and both medians are printed, and
stand in the benchmark's own record.
"""

from __future__ import annotations

import statistics
import time
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from service.core.profile import profile, row_sample
from service.core.profile.spec.spec import ProfileSpec
from service.methods.drift.columns import DriftPlan, measure_drift
from service.sources.tables.from_pandas import to_batch
from tests.parity.flights import LABELS, NUMBERS, SCHEMA, january, window
from tests.parity.oracle import agree, evidently
from tests.parity.test_evidently_report import scores

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_benchmark.fixture import BenchmarkFixture

    from service.core.measurement import Measurement
    from service.core.profile.profile import Profile

PLAN = DriftPlan()
FIXED = ProfileSpec(sample_rows=row_sample.SIZE)
REPORTS = 5


@pytest.fixture(scope="module")
def reference() -> Profile:
    """Profile January once, as a monitor does at its start."""
    return profile.of(to_batch(january(), SCHEMA, None).batch, SCHEMA)


def flights(rows: int) -> pd.DataFrame:
    """Return the rows of one window with their time as a source gives it."""
    frame = window(rows)
    frame["at"] = pd.to_datetime(frame["time_hour"], utc=True)
    return frame[["at", *SCHEMA.names]]


def cycle(reference: Profile, frame: pd.DataFrame) -> tuple[Measurement, ...]:
    """Measure one window from the frame on."""
    batch = to_batch(frame, SCHEMA, "at").batch.numbered(0)
    return measure_drift(reference, profile.of(batch, SCHEMA, FIXED), SCHEMA, PLAN)


def report_of(frame: pd.DataFrame) -> Callable[[], dict[str, Any]]:
    """Return Evidently's report of the same window, ready to run."""
    known = evidently()
    definition = known.definition(numerical_columns=list(NUMBERS), categorical_columns=list(LABELS))
    sides = [known.dataset(side[[*SCHEMA.names]], data_definition=definition) for side in (frame, january())]

    def run() -> dict[str, Any]:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            found: dict[str, Any] = known.report().run(*sides).dict()
            return found

    return run


def median_seconds(run: Callable[[], Any], rounds: int) -> float:
    """Time some rounds after a first one."""
    run()
    took = []
    for _ in range(rounds):
        start = time.perf_counter()
        run()
        took.append(time.perf_counter() - start)
    return statistics.median(took)


@pytest.mark.parametrize("rows", [200, 1_000, 5_000, 20_000])
def test_a_cycle_beside_evidently_s_report(
    benchmark: BenchmarkFixture, reference: Profile, rows: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """A cycle gives the report's numbers to 1e-9, and at 5,000 rows it is at least 300 times faster."""
    frame = flights(rows)
    report = report_of(frame)
    measured = benchmark.pedantic(cycle, (reference, frame), rounds=200, warmup_rounds=10)
    got = {m.series.column or m.series.metric: m for m in measured}
    expected = scores(report())
    assert set(expected) == set(got)
    for name, score in expected.items():
        value = got[name].value
        assert value is not None
        assert agree(got[name].series.metric, value, score), name
    if benchmark.stats is None:
        return  # only the numbers were asked for
    ours, theirs = benchmark.stats.stats.median, median_seconds(report, REPORTS)
    benchmark.extra_info |= {"evidently_ms": theirs * 1e3, "ratio": theirs / ours}
    with capsys.disabled():
        print(  # noqa: T201 - what the benchmark is run for
            f"\n{rows:>6} rows: a cycle {ours * 1e3:.2f} ms, Evidently {theirs * 1e3:.0f} ms, "
            f"{theirs / ours:.0f} times"
        )
    if rows == 5_000:
        assert theirs / ours >= 300.0
