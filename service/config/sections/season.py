"""The season of a monitor file: which rows of the reference a window is compared with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from service.core.season.season import AutoSeason, Season, SeasonKind
from service.methods.drift import registry

if TYPE_CHECKING:
    from service.config.sections.drift import DriftConfig
    from service.core.season.zone import Zone
    from service.sources.base import SourceConfig
    from service.sources.references.base import ReferenceConfig

SeasonWord = Literal["none", "hour", "weekend", "weekday", "hour_weekend", "hour_of_week", "auto"]
NO_SEASON, AUTO = "none", "auto"


def season_of(word: SeasonWord, zone: Zone) -> Season | AutoSeason | None:
    """Return a season in the core's form, None for none."""
    if word == AUTO:
        return AutoSeason(zone)
    return None if word == NO_SEASON else Season(SeasonKind(word), zone)


def check_season(
    word: SeasonWord,
    timezone: str | None,
    drift: DriftConfig,
    source: SourceConfig,
    reference: ReferenceConfig,
) -> None:
    """Raise ValueError where a season lacks what it needs, or a season-matched method its season."""
    if word == NO_SEASON:
        _check_methods(drift)
        return
    if timezone is None:
        raise ValueError(
            f"season: {word} needs the time zone whose hours and days it means; expected timezone: with a "
            "name such as Europe/Berlin or UTC"
        )
    if not source.has_times:
        raise ValueError(
            f"season: {word} needs times, and the source's rows have none; expected its timestamp"
        )
    if reference.moving is not None:
        raise ValueError(
            f"season: {word} needs a fixed reference, whose rows are kept by hour or day; expected no "
            "reference.moving, or season: none"
        )


def _check_methods(drift: DriftConfig) -> None:
    for where, names in (("methods", drift.methods or ()), *drift.columns.items()):
        for name in names:
            if any(method.matched and method.full_name == name for method in registry.ALL):
                place = where if where == "methods" else f"columns.{where}"
                raise ValueError(
                    f"drift.{place}: {name} compares with the rows of the same hours and days; expected "
                    "season: hour, weekend, weekday, hour_weekend, hour_of_week or auto next to it"
                )
