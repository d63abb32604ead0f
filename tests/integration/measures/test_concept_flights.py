"""The flights year: not the inputs made the error rise, but the winds that the model never saw."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from service.core.profile import distribution, error_cells
from service.core.profile.outcome import row_errors
from service.core.profile.spec import cell_edges
from service.core.rows.batch import Numbers
from service.core.rows.schema import Kind
from service.methods.concept.error_split import Split, split
from simulator import flights

if TYPE_CHECKING:
    from service.core.profile.error_cells import CellCounts
    from service.core.profile.spec.cell_edges import CellEdges

DAYS = 7  # a window, as in the demo's monitor


def counted(frame: pd.DataFrame, edges: CellEdges) -> CellCounts:
    """Count flights over cells of the prediction."""
    prediction = frame["predicted_air_time"].to_numpy(np.float64)
    target = frame["air_time"].to_numpy(np.float64)
    return error_cells.of(Numbers(prediction), row_errors.absolute_error(prediction, target), edges)


@pytest.fixture(scope="module")
def windows(data_dir: Path) -> dict[pd.Timestamp, Split]:
    """Split each 7-day window of the year against the reference, by the window's last day in New York."""
    folder = data_dir / "demo"
    reference = pd.read_parquet(folder / flights.REFERENCE)
    year = pd.read_parquet(folder / flights.REPLAY)
    known = distribution.of_numbers(reference["predicted_air_time"].to_numpy(np.float64))
    edges = cell_edges.edges_of(known, Kind.NUMERICAL)
    day = year["scheduled_departure"].dt.tz_convert("America/New_York").dt.tz_localize(None).dt.normalize()
    panes = {at: counted(rows, edges) for at, rows in year.groupby(day)}
    days = sorted(panes)
    assert len(days) == 334
    before = counted(reference, edges)
    ends = range(DAYS - 1, len(days))
    return {
        days[end]: split(
            before, error_cells.merge([panes[days[at]] for at in range(end - DAYS + 1, end + 1)])
        )
        for end in ends
    }


def test_the_rise_by_september_is_concept_drift(windows: dict[pd.Timestamp, Split]) -> None:
    """In every 7-day window that ends in September the error has risen, 80 % of it or more by concept."""
    september = [found for end, found in windows.items() if end.month == 9]
    assert len(september) == 30
    assert min(found.total.value for found in september) > 3.0
    assert min(found.concept.value / found.total.value for found in september) >= 0.8
    for found in september:
        assert found.concept.deviation is not None
        assert found.concept.value - 3 * found.concept.deviation > 0.0


def test_the_year_adds_up(windows: dict[pd.Timestamp, Split]) -> None:
    """In every window the three parts are the whole to 1e-9, and in February nothing much has changed."""
    for found in windows.values():
        parts = found.data.value + found.concept.value + found.unseen.value
        assert abs(parts - found.total.value) <= 1e-9 * 20.0
    february = [found.total.value for end, found in windows.items() if end.month == 2]
    assert abs(sum(february) / len(february)) < 1.0
