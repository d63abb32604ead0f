"""What `season: auto` chose stays, whatever a later version would choose."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from service.config.time_zone import zone_of
from service.core.reference.seasonal.choice import Choice
from service.core.season.season import Season, SeasonKind
from service.store.tables.references.season_choice import SeasonChoiceTable
from service.wiring.monitor import kept_season

if TYPE_CHECKING:
    import asyncpg

BERLIN = zone_of("Europe/Berlin")


def choice(kind: SeasonKind) -> Choice:
    return Choice(Season(kind, BERLIN), {SeasonKind.NONE: 1.0, kind: 0.5}, {})


async def test_the_first_choice_is_kept(pool: asyncpg.Pool) -> None:
    """A second choice for a reference changes nothing; another reference, zone or monitor has its own."""
    table, other = (SeasonChoiceTable(pool, name) for name in ("shop", "other"))
    hour, weekday = choice(SeasonKind.HOUR), choice(SeasonKind.WEEKDAY)
    assert await kept_season(hour, "aaaa", table, "shop") == hour.season
    assert await kept_season(weekday, "aaaa", table, "shop") == hour.season
    assert await kept_season(weekday, "bbbb", table, "shop") == weekday.season
    assert await kept_season(weekday, "aaaa", other, "other") == weekday.season
    assert await table.chosen("aaaa", "UTC", "none", "") == "none"
    rows = await pool.fetch(
        "SELECT monitor, season, note FROM tidegauge.season_choice WHERE reference = 'aaaa'"
    )
    assert {(row["monitor"], row["season"]) for row in rows} == {
        ("shop", "hour"),
        ("shop", "none"),
        ("other", "weekday"),
    }
    assert any("auto chose hour in Europe/Berlin" in row["note"] for row in rows)


async def test_the_same_values_at_other_times_are_another_reference(pool: asyncpg.Pool) -> None:
    """A reference whose times were corrected gets the season of these; the same rows keep theirs."""
    table = SeasonChoiceTable(pool, "shop")
    hour = replace(choice(SeasonKind.HOUR), chosen_on="1111")
    assert await kept_season(hour, "aaaa", table, "shop") == hour.season
    corrected = replace(choice(SeasonKind.WEEKDAY), chosen_on="2222")
    assert await kept_season(corrected, "aaaa", table, "shop") == corrected.season
    assert await kept_season(replace(corrected, chosen_on="1111"), "aaaa", table, "shop") == hour.season
