from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
import pytest

from service.config.time_zone import zone_of
from service.core.time_units import SECOND, to_microseconds


def test_a_zone_covers_the_years_that_sources_accept() -> None:
    """Offsets are right in the first and the last year, local mean time included."""
    instants = [datetime(year, month, 1, tzinfo=UTC) for year in (1678, 1850, 2261) for month in (1, 7)]
    times = np.array([to_microseconds(one) for one in instants], dtype=np.int64)
    offsets = ((zone_of("Europe/Berlin").local(times) - times) // SECOND).tolist()
    clock = ZoneInfo("Europe/Berlin")
    assert offsets == [int(one.astimezone(clock).utcoffset().total_seconds()) for one in instants]  # type: ignore[union-attr]
    assert offsets[0] == 53 * 60 + 28


def test_an_unknown_zone_is_refused() -> None:
    """A zone that the database lacks has no table."""
    with pytest.raises(ZoneInfoNotFoundError):
        zone_of("Europe/Berln")
