"""False alarms on data that the block test was never tuned to: tails, mixtures, seasons, repeats, gaps, volume."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from service.core.blocks import sums
from service.core.blocks.plan import BlockRules, plan_of
from service.core.blocks.reference import fit
from service.core.rows.batch import Batch, ColumnRows, Labels, Numbers
from service.core.season.season import DAY, HOUR, Season, SeasonKind
from service.methods.block_test import model as block_model
from service.methods.block_test.verdict import judge
from tests.benchmarks.alarms.rules import RATE
from tests.benchmarks.alarms.simulated import SEED, Size
from tests.benchmarks.alarms.text import percent, table

Random = np.random.Generator
Floats = np.ndarray
COLUMNS = 5
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

    """

    name: str
    columns: Callable[[Random, Floats, Floats], list[ColumnRows]]
    days: int = 31
    times: Callable[[Random, int], Floats] = lambda _, days: even(days, 100)
    season: SeasonKind = SeasonKind.NONE
    timed: bool = True

    def stretch(self, random: Random, days: int) -> Batch:
        """Draw so many days in order of time."""
        times = np.sort(self.times(random, days)).astype(np.int64)
        columns = self.columns(random, times, times // DAY)
        return Batch(len(times), times, {f"c{i}": each for i, each in enumerate(columns)}).numbered(0)


def even(days: int, rows: int) -> Floats:
    """Return times at even distances."""
    return np.arange(days * rows, dtype=np.int64) * DAY // rows


def growing(_: Random, days: int) -> Floats:
    """Return times of days that have ever more rows: 50 of the first, by 4 % more each."""
    counts = np.round(50 * 1.04 ** np.arange(days)).astype(int)
    return np.concatenate([day * DAY + np.arange(n) * DAY // n for day, n in enumerate(counts)])


def uneven(random: Random, days: int) -> Floats:
    """Return times of days of very different traffic, some of a handful of rows."""
    counts = np.maximum(np.exp(random.normal(4.0, 1.2, days)), 1.0).astype(int)
    return np.concatenate([day * DAY + random.integers(0, DAY, n) for day, n in enumerate(counts)])


def nightly(_: Random, days: int) -> Floats:
    """Return times of one batch a day: all rows of it at the same moment."""
    return np.repeat(np.arange(days, dtype=np.int64) * DAY + 3 * HOUR, 100)


def daytime(random: Random, days: int) -> Floats:
    """Return times of a day that has most of its traffic at noon."""
    hour = random.normal(12.0, 3.5, days * 100) % 24.0
    return np.repeat(np.arange(days), 100) * DAY + (hour * HOUR).astype(np.int64)


def by_day(random: Random, days: Floats, draw: Callable[[int], Floats]) -> Floats:
    """Return a level for each row that its day shares, per column."""
    count = int(days.max()) + 1
    return draw(count)[days]


def _normal(random: Random, rows: int) -> Floats:
    return random.normal(size=(rows, COLUMNS))


def _numbers(values: Floats) -> list[ColumnRows]:
    return [Numbers(np.ascontiguousarray(column)) for column in values.T]


def lognormal(random: Random, times: Floats, days: Floats) -> list[ColumnRows]:
    """Draw heavy tails, the days' scales being heavy-tailed too."""
    level = by_day(random, days, lambda n: random.normal(0.0, 0.7, (n, COLUMNS)))
    return _numbers(np.exp(level + 2.0 * _normal(random, len(days))))


def heavy_days(random: Random, times: Floats, days: Floats) -> list[ColumnRows]:
    """Draw days whose levels have two degrees of freedom: now and then one far apart."""
    level = by_day(random, days, lambda n: random.standard_t(2.0, (n, COLUMNS)))
    return _numbers(0.4 * level + _normal(random, len(days)))


def rare_days(random: Random, times: Floats, days: Floats) -> list[ColumnRows]:
    """Draw one day in twenty of another kind, such as a promotion."""
    level = by_day(random, days, lambda n: 2.0 * (random.random((n, COLUMNS)) < 0.05))
    return _numbers(level + _normal(random, len(days)))


def mixture(random: Random, times: Floats, days: Floats) -> list[ColumnRows]:
    """Draw two modes whose shares move from day to day."""
    share = by_day(random, days, lambda n: random.beta(3.0, 3.0, (n, COLUMNS)))
    upper = random.random(share.shape) < share
    return _numbers(np.where(upper, 6.0, 0.0) + _normal(random, len(days)))


def day_and_night(random: Random, times: Floats, days: Floats) -> list[ColumnRows]:
    """Draw a strong course of the day, and days that differ a little."""
    course = 1.5 * np.sin(2.0 * np.pi * times / DAY)[:, None]
    level = by_day(random, days, lambda n: random.normal(0.0, 0.3, (n, COLUMNS)))
    return _numbers(course + level + _normal(random, len(days)))


def weekly(random: Random, times: Floats, days: Floats) -> list[ColumnRows]:
    """Draw weekends that are far from other days."""
    weekend = np.isin((days + 3) % 7, (5, 6))[:, None]
    level = by_day(random, days, lambda n: random.normal(0.0, 0.3, (n, COLUMNS)))
    return _numbers(1.5 * weekend + level + _normal(random, len(days)))


def constant(random: Random, times: Floats, days: Floats) -> list[ColumnRows]:
    """Draw columns that nearly never vary: one row in 3,000 differs."""
    values = np.where(random.random((len(days), COLUMNS)) < 1 / 3_000, 7.0, 1.0)
    return _numbers(values)


def nearly_constant(random: Random, times: Floats, days: Floats) -> list[ColumnRows]:
    """Draw columns of which one row in 200 differs, in bursts of a day."""
    odds = by_day(random, days, lambda n: random.gamma(0.3, 1.0 / 60.0, (n, COLUMNS)))
    return _numbers(np.where(random.random(odds.shape) < odds, random.normal(size=odds.shape), 0.0))


def repeated(random: Random, times: Floats, days: Floats) -> list[ColumnRows]:
    """Draw rows that come ten times each, one after the other."""
    level = by_day(random, days, lambda n: random.normal(0.0, 0.3, (n, COLUMNS)))
    one = np.repeat(_normal(random, -(-len(days) // 10)), 10, axis=0)[: len(days)]
    return _numbers(level + one)


def autoregressive(lag: float) -> Callable[[Random, Floats, Floats], list[ColumnRows]]:
    """Draw rows that go with the one before them, within a day."""

    def columns(random: Random, times: Floats, days: Floats) -> list[ColumnRows]:
        fresh = _normal(random, len(days))
        first = np.diff(days, prepend=-1) != 0
        values = fresh.copy()
        for i in range(1, len(values)):
            if not first[i]:
                values[i] = lag * values[i - 1] + np.sqrt(1.0 - lag**2) * fresh[i]
        return _numbers(values)

    return columns


def gaps(random: Random, times: Floats, days: Floats) -> list[ColumnRows]:
    """Draw columns of which 40 % is missing, rather at night than at day."""
    level = by_day(random, days, lambda n: random.normal(0.0, 0.3, (n, COLUMNS)))
    odds = 0.4 + 0.25 * np.sin(2.0 * np.pi * times / DAY)[:, None]
    return _numbers(
        np.where(random.random((len(days), COLUMNS)) < odds, np.nan, level + _normal(random, len(days)))
    )


def counts(random: Random, times: Floats, days: Floats) -> list[ColumnRows]:
    """Draw rare counts whose rate is gamma-distributed over days."""
    rate = by_day(random, days, lambda n: random.gamma(1.0, 0.1, (n, COLUMNS)))
    return _numbers(random.poisson(rate).astype(np.float64))


def power_law(exponent: float, moving: float) -> Callable[[Random, Floats, Floats], list[ColumnRows]]:
    """Draw two columns of 2,000 labels by a power law, the days' log-shares moving."""
    names = np.array([f"{i:04d}" for i in range(2_000)])

    def columns(random: Random, times: Floats, days: Floats) -> list[ColumnRows]:
        weights = np.arange(1, len(names) + 1) ** -exponent
        made: list[ColumnRows] = []
        for _ in range(2):
            codes = np.empty(len(days), dtype=np.int64)
            for day in np.unique(days):
                here = days == day
                share = np.cumsum(weights * np.exp(moving * random.normal(size=len(names))))
                codes[here] = np.searchsorted(share / share[-1], random.random(int(here.sum())) * (1 - 1e-12))
            made.append(Labels(codes, names))
        return made

    return columns


def rare_label(random: Random, times: Floats, days: Floats) -> list[ColumnRows]:
    """Draw labels of one per cent, whose share doubles or halves by day."""
    names = np.array(["no", "yes"])
    made: list[ColumnRows] = []
    for _ in range(COLUMNS):
        share = by_day(random, days, lambda n: 0.01 * np.exp(random.normal(0.0, 0.7, n)))
        made.append(Labels((random.random(len(days)) < share).astype(np.int64), names))
    return made


def days_apart(random: Random, times: Floats, days: Floats) -> list[ColumnRows]:
    """Draw days that differ, a tenth of the variance between them."""
    level = by_day(random, days, lambda n: random.normal(0.0, 0.33, (n, COLUMNS)))
    return _numbers(level + _normal(random, len(days)))


def sessions(random: Random, times: Floats, days: Floats) -> list[ColumnRows]:
    """Draw rows in the order of their arrival that go together for about 50 of them."""
    size = -(-len(days) // 50)
    return _numbers(
        0.5 * np.repeat(_normal(random, size), 50, axis=0)[: len(days)] + _normal(random, len(days))
    )


KINDS = SeasonKind
CASES = (
    Hostile("lognormal, sigma 2, scale by day", lognormal),
    Hostile("levels of days with t(2) tails", heavy_days),
    Hostile("one day in 20 is of another kind", rare_days),
    Hostile("two modes, shares by day", mixture),
    Hostile("day and night, 10 days, no season", day_and_night, days=10),
    Hostile("day and night, 10 days, traffic at noon, no season", day_and_night, days=10, times=daytime),
    Hostile("day and night, 10 days, by hour", day_and_night, days=10, season=KINDS.HOUR),
    Hostile("day and night, 10 days, traffic at noon, by hour", day_and_night, 10, daytime, KINDS.HOUR),
    Hostile("weekends apart, 3 weeks, no season", weekly, days=21),
    Hostile("weekends apart, 3 weeks, by weekend", weekly, days=21, season=KINDS.WEEKEND),
    Hostile("weekends apart, 3 weeks, by weekday", weekly, days=21, season=KINDS.WEEKDAY),
    Hostile("constant but for 1 row in 3,000", constant),
    Hostile("constant but for bursts", nearly_constant),
    Hostile("each row ten times", repeated),
    Hostile("rows AR(1) 0.3 within a day", autoregressive(0.3)),
    Hostile("rows AR(1) 0.95 within a day", autoregressive(0.95)),
    Hostile("40 % missing, more at night", gaps),
    Hostile("rare counts, rate by day", counts),
    Hostile("2,000 labels, power law 1, shares by day", power_law(1.0, 0.3)),
    Hostile("2,000 labels, power law 1.5, shares by day", power_law(1.5, 0.3)),
    Hostile("labels of 1 %, share by day", rare_label),
    Hostile("rows per day grow by 4 %", days_apart, times=growing),
    Hostile("rows per day from 3 to 1,000", days_apart, times=uneven),
    Hostile("one batch a day, one moment", days_apart, times=nightly),
    Hostile("no times, 50 rows go together", sessions, timed=False),
)


def false_alarms(size: Size, note: Callable[[str], None], only: str = "") -> str:
    """Return the table: a reference each with windows of five lengths, alarms in per cent."""
    lines = []
    for place, case in enumerate(CASES):
        if only not in case.name:
            continue
        note(case.name)
        random = np.random.default_rng([SEED, 7, place])
        found = [windows(case, random) for _ in range(size.references)]
        lines.append([case.name, *(percent(alarms) for alarms in zip(*found, strict=True))])
    lines += [["always alarm", *["100"] * len(SHARES)], ["never alarm", *["0"] * len(SHARES)]]
    return (
        "Drawn once the method was finished, and never used to make it. Reference: 31 days of 100 rows, "
        "5 columns, unless the row says otherwise; a window is a part of as many fresh days, or three times as "
        f"many; one shorter than a day begins at any hour. Per cent of windows that alarm, of {size.references:,} "
        "references, one window of each length.\n\n"
        + table(["", *(f"{share:g} of the reference" for share in SHARES)], lines)
    )


def windows(case: Hostile, random: Random) -> list[bool]:
    """Return, of a fresh reference, whether a fresh window of each length alarms."""
    return [bool(named) for named in named_columns(case, random)]


def named_columns(case: Hostile, random: Random) -> list[list[str]]:
    """Return, of a fresh reference, what is said of a fresh window of each length."""
    reference = case.stretch(random, case.days)
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
