"""References and windows without drift by construction: days of rows with known dependence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from service.core.rows.batch import Batch, ColumnRows, Labels, Numbers
from service.core.season.season import DAY

Random = np.random.Generator


@dataclass(frozen=True, slots=True)
class Case:
    """How rows are drawn.

    name: what is drawn.
    draw: makes the columns of so many days of so many rows.
    days, rows: of the reference; a window is a part of as many fresh ones.
    most: the largest share of references that is drawn for it, where drawing is slow.
    """

    name: str
    draw: Callable[[Random, int, int], list[ColumnRows]]
    days: int = 31
    rows: int = 100
    most: float = 1.0


def stretch(case: Case, random: Random) -> Batch:
    """Draw as many days as the reference has, in order of time."""
    columns = case.draw(random, case.days, case.rows)
    count = case.days * case.rows
    times = np.arange(count, dtype=np.int64) * DAY // case.rows
    return Batch(count, times, {f"c{i}": column for i, column in enumerate(columns)}).numbered(0)


def numbers(
    shape: str = "normal", *, columns: int = 5, lag: float = 0.0, between: float = 0.1
) -> Callable[[Random, int, int], list[ColumnRows]]:
    """Draw columns whose days have means of their own (`between` of the variance), AR(1) with `lag`."""

    def draw(random: Random, days: int, rows: int) -> list[ColumnRows]:
        level, fresh = np.empty((days, columns)), random.normal(size=(days, columns))
        level[0] = fresh[0]
        for day in range(1, days):
            level[day] = lag * level[day - 1] + np.sqrt(1.0 - lag**2) * fresh[day]
        if shape == "skewed days":
            level = -np.log1p(-(1.0 / (1.0 + np.exp(-1.702 * level)))) - 1.0  # about exponential
        values = np.sqrt(between) * np.repeat(level, rows, axis=0)
        values += np.sqrt(1.0 - between) * random.normal(size=(days * rows, columns))
        return [Numbers(np.ascontiguousarray(column)) for column in _shaped(values, shape, random, rows).T]

    return draw


def _shaped(values: np.ndarray, shape: str, random: Random, rows: int) -> np.ndarray:
    if shape == "exponential":
        return np.exp(values)
    if shape == "zeros":
        return np.where(values > 0.84, values, 0.0)
    if shape == "tied":
        return np.round(values * 1.5)
    if shape == "missing":
        odds = random.normal(-2.5, 1.0, (len(values) // rows, values.shape[1]))
        share = np.repeat(1.0 / (1.0 + np.exp(-odds)), rows, axis=0)
        return np.where(random.random(values.shape) < share, np.nan, values)
    return values


def labels(count: int, *, zipf: bool = True, moving: float = 0.0) -> Callable[..., list[ColumnRows]]:
    """Draw one column of `count` labels; their log-shares move from day to day by `moving`."""
    names = np.array([f"{i:04d}" for i in range(count)])

    def draw(random: Random, days: int, rows: int) -> list[ColumnRows]:
        weights = 1.0 / np.arange(1, count + 1) if zipf else np.ones(count)
        parts = []
        for _ in range(days if moving else 1):
            share = weights * np.exp(moving * random.normal(size=count))
            size = rows if moving else days * rows
            parts.append(np.searchsorted(np.cumsum(share / share.sum()), random.random(size) * (1 - 1e-12)))
        return [Labels(np.concatenate(parts), names)]

    return draw


CASES = (
    Case("independent rows", numbers(between=0.0)),
    Case("days that differ", numbers()),
    Case("days that go together, AR(1) 0.3", numbers(lag=0.3)),
    Case("days that go together, AR(1) 0.6", numbers(lag=0.6)),
    Case("days of half the variance, AR(1) 0.6", numbers(lag=0.6, between=0.5)),
    Case("skewed days", numbers("skewed days")),
    Case("exponential", numbers("exponential")),
    Case("80 % zeros", numbers("zeros")),
    Case("tied", numbers("tied")),
    Case("missing by day", numbers("missing")),
    Case("10 days", numbers(), days=10),
    Case("60 days", numbers(), days=60),
    Case("20 columns", numbers(columns=20)),
    Case("200 columns", numbers(columns=200), most=0.2),
    Case("3 labels", labels(3)),
    Case("30 labels", labels(30)),
    Case("300 labels", labels(300)),
    Case("3,000 labels", labels(3_000), most=0.5),
    Case("3,000 labels, equal shares", labels(3_000, zipf=False), most=0.5),
    Case("30 labels, shares move by day", labels(30, moving=0.3)),
)
