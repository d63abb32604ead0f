"""Two tables compared by the same hours and days."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from service.errors import TidegaugeError
from tidegauge import measure

METHODS = {"methods": ["ks:season", "ks"], "thresholds": "evidently"}


def by_hour(days: int, hours: range, seed: int) -> pd.DataFrame:
    """Draw rows of some hours, whose size follows the hour."""
    at = pd.date_range("2026-03-01", periods=24 * days, freq="h", tz="UTC").repeat(10)
    at = at[at.hour.isin(hours)]
    draw = np.random.default_rng(seed)
    return pd.DataFrame({"at": at, "size": at.hour + draw.normal(size=len(at))})


def test_a_frame_is_compared_with_the_same_hours() -> None:
    """Rows of the day alone have drifted from the reference, and not from its days."""
    now, before = by_hour(3, range(8, 16), 1), by_hour(20, range(24), 2)
    measured = measure(now, before, timestamp="at", season="hour", timezone="UTC", drift=METHODS)
    found = measured.to_frame().query("metric == 'ks' and column_name == 'size'").set_index("definition")
    assert found["breached"].to_dict() == {"season": False, "evidently": True}
    chosen = measure(now, before, timestamp="at", season="auto", timezone="UTC", drift=METHODS)
    assert any("season: auto chose hour in UTC" in note for note in chosen.notes)


def test_rows_without_times_are_refused() -> None:
    """Without a time no row has an hour, and nothing is compared as if it were midnight."""
    now, before = by_hour(3, range(8, 16), 1), by_hour(20, range(24), 2)
    with pytest.raises(TidegaugeError, match="season"):
        measure(now, before, season="hour", timezone="UTC", drift=METHODS)
    with pytest.raises(TidegaugeError, match="time"):
        measure(now.drop(columns="at"), before, timestamp="at", season="hour", timezone="UTC", drift=METHODS)
