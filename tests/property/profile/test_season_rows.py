"""Rows by season cell merge to the whole, whatever the split, the order, or when labels came."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.config.time_zone import zone_of
from service.core.profile import profile, season_rows
from service.core.profile.codec import profile as codec
from service.core.profile.profile import Profile
from service.core.profile.season_rows import PART, SeasonRows
from service.core.profile.spec.spec import ProfileSpec
from service.core.rows.batch import Batch, Numbers
from service.core.season.season import HOUR, Season, SeasonKind
from service.errors import ProfileError
from tests.property.strategies import SCHEMA, batches

SEASON = Season(SeasonKind.HOUR_WEEKEND, zone_of("Europe/Berlin"))
SPEC = ProfileSpec(season=SEASON)


def of(batch: Batch) -> Profile:
    """Profile rows whose times are hours apart."""
    spread = replace(batch, event_time=batch.event_time * HOUR)
    return profile.of(spread, SCHEMA, SPEC)


def kept(whole: Profile) -> SeasonRows:
    """Return the part, which must be there."""
    found = whole[PART]
    assert found is not None
    return found


@given(batches())
def test_counts_are_those_of_the_rows(batch: Batch) -> None:
    """Every row is in the cell of its time, and counts for a column where it has a finite value."""
    found = kept(of(batch))
    cells = SEASON.cells(batch.event_time * HOUR)
    assert found.rows == tuple((cells == cell).sum() for cell in range(SEASON.size))
    for name, column in profile.of(batch, SCHEMA).columns.items():
        marks = season_rows.finite_rows(batch.columns.get(name), batch.rows)
        assert found.of_column(name) == tuple((cells[marks] == cell).sum() for cell in range(SEASON.size))
        assert sum(found.of_column(name)) == column.distribution.finite


@given(batches(), st.lists(st.integers(0, 25), max_size=4), st.randoms())
def test_any_split_in_any_order_gives_the_whole(batch: Batch, cuts: list[int], random: object) -> None:
    """Parts merged in any order give the bytes of the rows profiled at once."""
    edges = [0, *sorted(min(cut, batch.rows) for cut in cuts), batch.rows]
    parts = [of(batch.take(slice(a, b))) for a, b in pairwise(edges)]
    random.shuffle(parts)  # type: ignore[attr-defined]
    whole = profile.merge([profile.empty(SCHEMA, SPEC), *parts])
    assert kept(whole) == kept(of(batch))
    assert PART.encode(kept(whole), None) == PART.encode(kept(of(batch)), None)  # type: ignore[arg-type]
    assert kept(codec.decode(codec.encode(whole))) == kept(whole)


@given(batches())
def test_late_labels_add_up(batch: Batch) -> None:
    """Rows whose labels come later give the counts of rows that came with them."""
    batch = replace(batch, event_time=batch.event_time * HOUR).numbered(0)
    waiting = batch.with_column("truth", Numbers(np.full(batch.rows, np.nan)))
    late = profile.of_late_labels(batch, waiting, SCHEMA, SPEC)
    assert kept(profile.merge([profile.of(waiting, SCHEMA, SPEC), late])) == kept(
        profile.of(batch, SCHEMA, SPEC)
    )


def test_seasons_are_never_mixed() -> None:
    """Counts by hour and counts by weekday have no sum, nor have counts and none."""
    sides = [SeasonRows(name, (1,), {}) for name in ("hour@UTC", "weekday@UTC")]
    with pytest.raises(ProfileError, match="rows by hour@UTC and by weekday@UTC do not belong together"):
        season_rows.merge(sides)
    with pytest.raises(ProfileError, match="expected one season"):
        PART.merge([sides[0], None], 10)


def test_without_a_season_nothing_is_counted() -> None:
    """A profile of no season keeps nothing of it."""
    assert profile.empty(SCHEMA)[PART] is None
