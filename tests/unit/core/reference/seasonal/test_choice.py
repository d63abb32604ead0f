from __future__ import annotations

import numpy as np
import pytest

from service.config.time_zone import zone_of
from service.core.reference import reference as references
from service.core.reference.seasonal.choice import choose, note_on_thin
from service.core.rows.batch import Batch, Labels, Numbers
from service.core.rows.schema import Column, Kind, Schema
from service.core.season.season import DAY, HOUR, AutoSeason, Season, SeasonKind
from service.errors import ReferenceDataError

SCHEMA = Schema((Column("size", Kind.NUMERICAL), Column("colour", Kind.CATEGORICAL)))
BERLIN = zone_of("Europe/Berlin")
MONDAY = 4 * DAY  # 5 January 1970


def rows(days: int, level: dict[str, float], seed: int = 0, per_hour: int = 10) -> Batch:
    """Draw rows of every hour; a column rises by `level` at night, at weekends, on Wednesdays."""
    random = np.random.default_rng(seed)
    times = MONDAY + np.repeat(np.arange(days * 24) * HOUR, per_hour)
    hour, week = (Season(kind, BERLIN).cells(times) for kind in (SeasonKind.HOUR, SeasonKind.WEEKDAY))
    size = random.normal(size=len(times)) + random.normal(0.0, 0.2, days + 1)[(times - MONDAY) // DAY]
    size += level.get("night", 0.0) * (hour < 6) + level.get("weekend", 0.0) * (week >= 5)
    size += level.get("wednesday", 0.0) * (week == 2) + level.get("lunch", 0.0) * ((hour == 12) & (week >= 5))
    codes = random.integers(0, 2, len(times))
    return Batch(
        len(times), times, {"size": Numbers(size), "colour": Labels(codes, np.array(["blue", "red"]))}
    )


@pytest.mark.parametrize(
    ("level", "kind"),
    [
        ({}, SeasonKind.NONE),
        ({"night": 2.0}, SeasonKind.HOUR),
        ({"weekend": 2.0}, SeasonKind.WEEKEND),
        ({"wednesday": 3.0}, SeasonKind.WEEKDAY),
        ({"night": 2.0, "weekend": 2.0}, SeasonKind.HOUR_WEEKEND),
        ({"night": 2.0, "wednesday": 3.0}, SeasonKind.HOUR_OF_WEEK),
    ],
)
def test_the_season_that_the_rows_have_is_chosen(level: dict[str, float], kind: SeasonKind) -> None:
    """The coarsest season that foretells other days best."""
    found = choose(rows(70, level), SCHEMA, BERLIN)
    assert found.season == Season(kind, BERLIN), found.note
    assert f"auto chose {kind} in Europe/Berlin" in found.note


def test_rows_without_a_season_rarely_have_one() -> None:
    """Days that differ by chance alone have no season in nearly all references."""
    chosen = [choose(rows(31, {}, seed), SCHEMA, BERLIN).season.kind for seed in range(40)]
    assert chosen.count(SeasonKind.NONE) >= 38


def test_cells_need_days_and_rows() -> None:
    """A month has four Wednesdays: no season by weekday, and the note says so."""
    found = choose(rows(31, {"wednesday": 3.0}), SCHEMA, BERLIN)
    assert found.season.kind not in {SeasonKind.WEEKDAY, SeasonKind.HOUR_OF_WEEK}
    assert "; too few rows or days for weekday (" in found.note
    assert found.note.endswith("every cell needs 20 rows on 8 days")
    thin = note_on_thin(rows(31, {}), Season(SeasonKind.WEEKDAY, BERLIN))
    assert thin is not None
    assert "season: weekday: the reference has too few rows or days for it (" in thin
    assert note_on_thin(rows(70, {}), Season(SeasonKind.WEEKDAY, BERLIN)) is None


def test_a_choice_knows_the_times_that_it_was_made_on() -> None:
    """The same values, each at the time of another, have one fingerprint and another choice."""
    batch = rows(70, {"night": 2.0})
    times = np.random.default_rng(1).permutation(batch.event_time)
    other = Batch(batch.rows, times, batch.columns)
    made = [references.of(each, SCHEMA, season=AutoSeason(BERLIN)) for each in (batch, other)]
    assert made[0].fingerprint == made[1].fingerprint
    found = [each.choice for each in made]
    assert found[0] is not None
    assert found[1] is not None
    assert found[0].season != found[1].season
    assert found[0].chosen_on != found[1].chosen_on
    turned = batch.take(np.arange(batch.rows)[::-1])
    assert choose(turned, SCHEMA, BERLIN).chosen_on == found[0].chosen_on


def test_the_reference_keeps_what_was_chosen() -> None:
    """Its profile counts by the season that was chosen; its fingerprint is that of the rows alone."""
    batch = rows(70, {"night": 2.0})
    made = references.of(batch, SCHEMA, season=AutoSeason(BERLIN))
    assert made.choice is not None
    assert made.spec.season == made.choice.season == Season(SeasonKind.HOUR, BERLIN)
    assert made.seasonal is not None
    assert sum(made.seasonal.rows) == batch.rows
    assert made.fingerprint == references.of(batch, SCHEMA).fingerprint
    assert made.spec.fingerprint != references.of(batch, SCHEMA).spec.fingerprint


def test_rows_without_times_have_no_season() -> None:
    """A reference without times is refused, with what to write."""
    batch = rows(9, {})
    timeless = Batch(batch.rows, np.zeros(batch.rows, dtype=np.int64), batch.columns)
    with pytest.raises(ReferenceDataError, match=r"no times.*expected reference\.timestamp, or season: none"):
        references.of(timeless, SCHEMA, season=Season(SeasonKind.HOUR, BERLIN))
