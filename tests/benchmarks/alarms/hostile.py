"""False alarms on data that the block test was never tuned to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from service.core.blocks import sums
from service.core.blocks.plan import BlockRules, plan_of
from service.core.blocks.reference import fit
from service.core.rows.batch import Batch
from service.core.season.season import DAY, HOUR, Season, SeasonKind
from service.methods.block_test import model as block_model
from service.methods.block_test.verdict import judge
from tests.benchmarks.alarms import hostile_rows as rows
from tests.benchmarks.alarms.hostile_rows import Array, Draw, Random, Rows, even
from tests.benchmarks.alarms.rules import RATE
from tests.benchmarks.alarms.simulated import SEED, Size
from tests.benchmarks.alarms.text import percent, table

SHARES = (0.02, 0.1, 0.5, 1.0, 3.0)


@dataclass(frozen=True, slots=True)
class Hostile:
    """How rows are drawn.

    Attributes:
        name: What is drawn.
        columns: Makes the columns of rows, given their times and days.
        days: Of the reference; a window is a part of fresh ones, or up to three times as many.
        times: Makes the times of the rows of so many days.
        season: What is told apart.
        timed: Whether rows have times.
        copies: How often the reference's first days are repeated in it.
        most: The largest share of references that is drawn for it, where drawing is slow.

    """

    name: str
    columns: Draw
    days: int = 31
    times: Callable[[Random, int], Array] = lambda _, days: even(days, 100)
    season: SeasonKind = SeasonKind.NONE
    timed: bool = True
    copies: int = 1
    most: float = 1.0

    def reference(self, random: Random) -> Batch:
        """Draw a reference."""
        days = self.days // self.copies
        first = self.stretch(random, days)
        whole = first.take(np.tile(np.arange(first.rows), self.copies))
        later = np.repeat(np.arange(self.copies), first.rows) * days * DAY
        return replace(whole, event_time=whole.event_time + later).numbered(0)

    def stretch(self, random: Random, days: int) -> Batch:
        """Draw so many days in order of time."""
        times = np.sort(self.times(random, days)).astype(np.int64)
        columns = self.columns(Rows(random, times, times // DAY))
        return Batch(len(times), times, {f"c{i}": each for i, each in enumerate(columns)}).numbered(0)


KINDS = SeasonKind
CASES = (
    Hostile("lognormal, sigma 2, scale by day", rows.lognormal),
    Hostile("levels of days with t(2) tails", rows.heavy_days),
    Hostile("one day in 20 is of another kind", rows.rare_days),
    Hostile("two modes, shares by day", rows.mixture),
    Hostile("day and night, 10 days, no season", rows.day_and_night, days=10),
    Hostile(
        "day and night, 10 days, traffic at noon, no season", rows.day_and_night, days=10, times=rows.daytime
    ),
    Hostile("day and night, 10 days, by hour *", rows.day_and_night, days=10, season=KINDS.HOUR),
    Hostile(
        "day and night, 10 days, traffic at noon, by hour", rows.day_and_night, 10, rows.daytime, KINDS.HOUR
    ),
    Hostile("weekends apart, 3 weeks, no season", rows.weekly, days=21),
    Hostile("weekends apart, 3 weeks, by weekend *", rows.weekly, days=21, season=KINDS.WEEKEND),
    Hostile("weekends apart, 3 weeks, by weekday *", rows.weekly, days=21, season=KINDS.WEEKDAY),
    Hostile("constant but for 1 row in 3,000", rows.constant),
    Hostile("constant but for bursts *", rows.nearly_constant),
    Hostile("each row ten times", rows.repeated),
    Hostile("rows AR(1) 0.3 within a day", rows.autoregressive(0.3)),
    Hostile("rows AR(1) 0.95 within a day", rows.autoregressive(0.95)),
    Hostile("40 % missing, more at night", rows.gaps),
    Hostile("rare counts, rate by day *", rows.counts),
    Hostile("2,000 labels, power law 1, shares by day", rows.power_law(1.0, 0.3), most=0.4),
    Hostile("2,000 labels, power law 1.5, shares by day", rows.power_law(1.5, 0.3), most=0.4),
    Hostile("labels of 1 %, share by day *", rows.rare_label),
    Hostile("rows per day grow by 4 %", rows.days_apart, times=rows.growing),
    Hostile("rows per day from 3 to 1,000", rows.days_apart, times=rows.uneven),
    Hostile("one batch a day, one moment", rows.days_apart, times=rows.nightly),
    Hostile("one week of it four times over", rows.days_apart, days=28, copies=4),
    Hostile("no times, 50 rows go together", rows.sessions, timed=False),
)


def false_alarms(size: Size, note: Callable[[str], None]) -> str:
    """Return the table: a reference each with windows of five lengths, alarms in per cent."""
    lines = []
    for place, case in enumerate(CASES):
        note(case.name)
        random = np.random.default_rng([SEED, 8, place])
        count = max(round(size.references * case.most / 2), 10)
        found = [windows(case, random) for _ in range(count)]
        lines.append([f"{case.name} ({count})", *(percent(alarms) for alarms in zip(*found, strict=True))])
    lines += [["always alarm", *["100"] * len(SHARES)], ["never alarm", *["0"] * len(SHARES)]]
    return (
        "Data that the method was never made on, no drift by construction. Reference: 31 days of 100 rows, 5 "
        "columns, unless the row says otherwise; a window is a part of as many fresh days, or of three times "
        "as many; one shorter than a day begins at any hour. Per cent of windows that alarm, one of each "
        "length for every reference (how many in brackets). Rows with a star alarmed more often when they "
        "were first drawn, and the method was mended with them in view; they are drawn from another seed "
        "here.\n\n" + table(["", *(f"{share:g} of the reference" for share in SHARES)], lines)
    )


def windows(case: Hostile, random: Random) -> list[bool]:
    """Return, of a fresh reference, whether a fresh window of each length alarms."""
    return [bool(named) for named in named_columns(case, random)]


def named_columns(case: Hostile, random: Random) -> list[list[str]]:
    """Return, of a fresh reference, what is said of a fresh window of each length."""
    reference = case.reference(random)
    plan = plan_of(reference, BlockRules(timed=case.timed, season=Season(case.season)))
    fitted = fit(reference, list(reference.columns), plan)
    model = block_model.fit(fitted)
    fresh = case.stretch(random, max(round(case.days * SHARES[-1]) + 1, case.days + 1))
    said = []
    for share in SHARES:
        length = share * case.days
        start = random.integers(0, 24) * HOUR if length < 1.0 else int(random.integers(0, 1)) * DAY
        inside = (fresh.event_time >= start) & (fresh.event_time < start + round(length * 24.0) * HOUR)
        window = fresh.take(np.flatnonzero(inside))
        if not window.rows:
            said.append([])
            continue
        verdicts = judge(model, sums.of(window, fitted.spec))
        said.append([f"{n}: {v.component.aim} {v.blocks}" for n, v in verdicts.items() if v.p <= RATE])
    return said
