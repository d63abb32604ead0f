"""Rows of kinds that the block test was never made on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from service.core.rows.batch import ColumnRows, Labels, Numbers
from service.core.season.season import DAY, HOUR

Random = np.random.Generator
Array = np.ndarray
COLUMNS = 5


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows to be drawn: from what, when they come, and on which day."""

    random: Random
    times: Array
    days: Array

    def noise(self) -> Array:
        """Return independent normal numbers, a column each."""
        return self.random.normal(size=(len(self.days), COLUMNS))

    def by_day(self, draw: Callable[[int], Array]) -> Array:
        """Return for each row what its day shares, of as many draws as there are days."""
        return draw(int(self.days.max()) + 1)[self.days]


Draw = Callable[[Rows], list[ColumnRows]]


def even(days: int, rows: int) -> Array:
    """Return times at even distances."""
    return np.arange(days * rows, dtype=np.int64) * DAY // rows


def growing(_: Random, days: int) -> Array:
    """Return times of days that have ever more rows: 50 of the first, by 4 % more each."""
    counts = np.round(50 * 1.04 ** np.arange(days)).astype(int)
    return np.concatenate([day * DAY + np.arange(n) * DAY // n for day, n in enumerate(counts)])


def uneven(random: Random, days: int) -> Array:
    """Return times of days of very different traffic, some of a handful of rows."""
    counts = np.maximum(np.exp(random.normal(4.0, 1.2, days)), 1.0).astype(int)
    return np.concatenate([day * DAY + random.integers(0, DAY, n) for day, n in enumerate(counts)])


def nightly(_: Random, days: int) -> Array:
    """Return times of one batch a day: all rows of it at the same moment."""
    return np.repeat(np.arange(days, dtype=np.int64) * DAY + 3 * HOUR, 100)


def daytime(random: Random, days: int) -> Array:
    """Return times of a day that has most of its traffic at noon."""
    hour = random.normal(12.0, 3.5, days * 100) % 24.0
    return np.repeat(np.arange(days), 100) * DAY + (hour * HOUR).astype(np.int64)


def _numbers(values: Array) -> list[ColumnRows]:
    return [Numbers(np.ascontiguousarray(column)) for column in values.T]


def lognormal(rows: Rows) -> list[ColumnRows]:
    """Draw heavy tails, the days' scales being heavy-tailed too."""
    level = rows.by_day(lambda n: rows.random.normal(0.0, 0.7, (n, COLUMNS)))
    return _numbers(np.exp(level + 2.0 * rows.noise()))


def heavy_days(rows: Rows) -> list[ColumnRows]:
    """Draw days whose levels have two degrees of freedom: now and then one far apart."""
    level = rows.by_day(lambda n: rows.random.standard_t(2.0, (n, COLUMNS)))
    return _numbers(0.4 * level + rows.noise())


def rare_days(rows: Rows) -> list[ColumnRows]:
    """Draw one day in twenty of another kind, such as a promotion."""
    level = rows.by_day(lambda n: 2.0 * (rows.random.random((n, COLUMNS)) < 0.05))
    return _numbers(level + rows.noise())


def mixture(rows: Rows) -> list[ColumnRows]:
    """Draw two modes whose shares move from day to day."""
    share = rows.by_day(lambda n: rows.random.beta(3.0, 3.0, (n, COLUMNS)))
    upper = rows.random.random(share.shape) < share
    return _numbers(np.where(upper, 6.0, 0.0) + rows.noise())


def day_and_night(rows: Rows) -> list[ColumnRows]:
    """Draw a strong course of the day, and days that differ a little."""
    course = 1.5 * np.sin(2.0 * np.pi * rows.times / DAY)[:, None]
    level = rows.by_day(lambda n: rows.random.normal(0.0, 0.3, (n, COLUMNS)))
    return _numbers(course + level + rows.noise())


def weekly(rows: Rows) -> list[ColumnRows]:
    """Draw weekends that are far from other days."""
    weekend = np.isin((rows.days + 3) % 7, (5, 6))[:, None]
    level = rows.by_day(lambda n: rows.random.normal(0.0, 0.3, (n, COLUMNS)))
    return _numbers(1.5 * weekend + level + rows.noise())


def constant(rows: Rows) -> list[ColumnRows]:
    """Draw columns that nearly never vary: one row in 3,000 differs."""
    values = np.where(rows.random.random((len(rows.days), COLUMNS)) < 1 / 3_000, 7.0, 1.0)
    return _numbers(values)


def nearly_constant(rows: Rows) -> list[ColumnRows]:
    """Draw columns of which one row in 200 differs, in bursts of a day."""
    odds = rows.by_day(lambda n: rows.random.gamma(0.3, 1.0 / 60.0, (n, COLUMNS)))
    return _numbers(np.where(rows.random.random(odds.shape) < odds, rows.random.normal(size=odds.shape), 0.0))


def repeated(rows: Rows) -> list[ColumnRows]:
    """Draw rows that come ten times each, one after the other."""
    level = rows.by_day(lambda n: rows.random.normal(0.0, 0.3, (n, COLUMNS)))
    one = np.repeat(rows.random.normal(size=(-(-len(rows.days) // 10), COLUMNS)), 10, axis=0)[
        : len(rows.days)
    ]
    return _numbers(level + one)


def autoregressive(lag: float) -> Draw:
    """Draw rows that go with the one before them, within a day."""

    def columns(rows: Rows) -> list[ColumnRows]:
        fresh = rows.noise()
        first = np.diff(rows.days, prepend=-1) != 0
        values = fresh.copy()
        for i in range(1, len(values)):
            if not first[i]:
                values[i] = lag * values[i - 1] + np.sqrt(1.0 - lag**2) * fresh[i]
        return _numbers(values)

    return columns


def gaps(rows: Rows) -> list[ColumnRows]:
    """Draw columns of which 40 % is missing, rather at night than at day."""
    level = rows.by_day(lambda n: rows.random.normal(0.0, 0.3, (n, COLUMNS)))
    odds = 0.4 + 0.25 * np.sin(2.0 * np.pi * rows.times / DAY)[:, None]
    return _numbers(
        np.where(rows.random.random((len(rows.days), COLUMNS)) < odds, np.nan, level + rows.noise())
    )


def counts(rows: Rows) -> list[ColumnRows]:
    """Draw rare counts whose rate is gamma-distributed over days."""
    rate = rows.by_day(lambda n: rows.random.gamma(1.0, 0.1, (n, COLUMNS)))
    return _numbers(rows.random.poisson(rate).astype(np.float64))


def power_law(exponent: float, moving: float) -> Draw:
    """Draw two columns of 2,000 labels by a power law, the days' log-shares moving."""
    names = np.array([f"{i:04d}" for i in range(2_000)])

    def columns(rows: Rows) -> list[ColumnRows]:
        weights = np.arange(1, len(names) + 1) ** -exponent
        made: list[ColumnRows] = []
        for _ in range(2):
            codes = np.empty(len(rows.days), dtype=np.int64)
            for day in np.unique(rows.days):
                here = rows.days == day
                share = np.cumsum(weights * np.exp(moving * rows.random.normal(size=len(names))))
                codes[here] = np.searchsorted(
                    share / share[-1], rows.random.random(int(here.sum())) * (1 - 1e-12)
                )
            made.append(Labels(codes, names))
        return made

    return columns


def rare_label(rows: Rows) -> list[ColumnRows]:
    """Draw labels of one per cent, whose share doubles or halves by day."""
    names = np.array(["no", "yes"])
    made: list[ColumnRows] = []
    for _ in range(COLUMNS):
        share = rows.by_day(lambda n: 0.01 * np.exp(rows.random.normal(0.0, 0.7, n)))
        made.append(Labels((rows.random.random(len(rows.days)) < share).astype(np.int64), names))
    return made


def days_apart(rows: Rows) -> list[ColumnRows]:
    """Draw days that differ, a tenth of the variance between them."""
    level = rows.by_day(lambda n: rows.random.normal(0.0, 0.33, (n, COLUMNS)))
    return _numbers(level + rows.noise())


def sessions(rows: Rows) -> list[ColumnRows]:
    """Draw rows in the order of their arrival that go together for about 50 of them."""
    size = -(-len(rows.days) // 50)
    return _numbers(
        0.5 * np.repeat(rows.random.normal(size=(size, COLUMNS)), 50, axis=0)[: len(rows.days)] + rows.noise()
    )
