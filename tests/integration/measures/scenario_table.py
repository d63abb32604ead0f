"""The table of what must catch which scenario, within how many windows, and what must stay silent.

The rows are tried by `test_scenarios.py` and shown in docs/scenarios.md; after a change of the table
`python -m tests.integration.measures.scenario_table` writes it there.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from service.core.measurement import Aspect
from service.core.rows.schema import Column, Kind, Role, Schema
from service.core.windows.window import Unit, WindowPlan
from service.methods.drift.columns import DriftPlan
from service.methods.measure_window import MeasurePlan

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from service.core.measurement import Measurement

DAY = 86_400_000_000
DAYS = 16
ROWS_A_DAY = 1_000
START = pd.Timestamp("2026-03-02", tz="UTC")

SCHEMA = Schema(
    (
        Column("a", Kind.NUMERICAL, low=0.0, high=100.0),
        Column("b", Kind.NUMERICAL, low=0.0, high=40.0),
        Column("miles", Kind.NUMERICAL, low=0.0, high=2_500.0),
        Column("plan", Kind.CATEGORICAL),
        Column("guess", Kind.NUMERICAL, Role.PREDICTION),
        Column("truth", Kind.NUMERICAL, Role.TARGET),
    )
)
FEATURES = ("a", "b", "miles", "plan")
WINDOWS = WindowPlan(Unit.TIME, DAY, min_rows=100)
# Drift alarms at whatever threshold this plan gives each column: today Evidently's, by method.
PLAN = MeasurePlan(drift=DriftPlan(methods=("default", "psi:robust")), min_rows=100)


def steady(rows: int, *, seed: int) -> pd.DataFrame:
    """Return rows among which nothing changes: two numbers, whole miles, a plan, a guess and the truth."""
    random = np.random.default_rng(seed)
    a, b = random.normal(50.0, 10.0, rows).clip(5, 95), random.uniform(0.0, 40.0, rows)
    miles = np.round(random.gamma(6.0, 120.0, rows)).clip(50, 2_400)
    plan = random.choice(["basic", "plus", "pro"], rows, p=[0.5, 0.3, 0.2])
    guess = 2.0 * a + 0.05 * miles + np.where(plan == "pro", 20.0, 0.0)
    frame = pd.DataFrame({"a": a, "b": b, "miles": miles, "plan": plan, "guess": guess}).round(2)
    times = START + pd.to_timedelta(np.arange(rows) * (DAY // ROWS_A_DAY), unit="us")
    frame.insert(0, "at", pd.DatetimeIndex(times).as_unit("us"))
    return frame.assign(truth=np.round(guess + random.normal(0.0, 5.0, rows), 2))


@dataclass(frozen=True, slots=True)
class Alarm:
    """Which measurement of a column is looked at (the first that matches), and when it counts as an alarm."""

    aspect: Aspect
    metric: str  # empty: the column's first, which decides
    rings: Callable[[Measurement], bool]
    definition: str = ""
    says: str = ""


def _value(m: Measurement) -> float:
    return 0.0 if m.value is None else m.value


# What has a threshold of its own rings at it (PLAN's); the others at a plain rule, written out here. Another
# measurement, such as the part of the error that the concept explains, is a line here, one in EVERYTHING and
# one in each scenario that it must catch.
ALARMS: Mapping[str, Alarm] = MappingProxyType(
    {
        "drift": Alarm(Aspect.DRIFT, "", lambda m: m.breached is True, says="the column's verdict"),
        "psi:robust": Alarm(Aspect.DRIFT, "psi", lambda m: m.breached is True, "robust", "at its threshold"),
        "missing": Alarm(
            Aspect.QUALITY,
            "missing_share",
            lambda m: _value(m) > (m.reference or 0.0) + 0.02,
            says="0.02 above the reference's share",
        ),
        "out of range": Alarm(
            Aspect.QUALITY, "out_of_range_share", lambda m: _value(m) > 0.0, says="any row"
        ),
        "new category": Alarm(
            Aspect.QUALITY, "new_category_share", lambda m: _value(m) > 0.0, says="any row"
        ),
        "duplicates": Alarm(
            Aspect.QUALITY,
            "duplicate_row_share",
            lambda m: _value(m) > (m.reference or 0.0) + 0.02,
            says="0.02 above the reference's share",
        ),
        "out of order": Alarm(Aspect.QUALITY, "backwards_share", lambda m: _value(m) > 0.0, says="any row"),
        "more rows": Alarm(
            Aspect.QUALITY, "rows", lambda m: _value(m) > 1.5 * ROWS_A_DAY, says="half as many again as usual"
        ),
        "fewer rows": Alarm(
            Aspect.QUALITY,
            "rows",
            lambda m: _value(m) < 0.5 * ROWS_A_DAY,
            says="less than half of what is usual",
        ),
        "mae": Alarm(
            Aspect.PERFORMANCE,
            "mae",
            lambda m: _value(m) > 1.25 * (m.reference or 0.0),
            says="a quarter above the reference's",
        ),
        "no labels": Alarm(Aspect.PERFORMANCE, "pending_rows", lambda m: _value(m) > 0.0, says="any row"),
    }
)


@dataclass(frozen=True, slots=True)
class Signal:
    """An alarm about a column, empty where it is about the whole window."""

    alarm: str
    column: str = ""

    def __str__(self) -> str:
        """Return it as the table shows it."""
        return f"{self.alarm} of `{self.column}`" if self.column else self.alarm


def of(*texts: str) -> tuple[Signal, ...]:
    """Return signals written as `alarm/column`."""
    return tuple(Signal(*text.split("/")) for text in texts)


DRIFT = tuple(f"drift/{name}" for name in FEATURES)
ROBUST = tuple(f"psi:robust/{name}" for name in FEATURES)
ROWS = ("more rows", "fewer rows", "duplicates", "out of order")
QUALITY = (
    *(f"missing/{name}" for name in FEATURES),
    *(f"out of range/{name}" for name in FEATURES[:3]),
    "new category/plan",
)
LABELS = ("no labels",)
EVERYTHING = (*DRIFT, *ROBUST, *ROWS, *QUALITY, *LABELS, "mae")


@dataclass(frozen=True, slots=True)
class Expected:
    """One scenario over the steady rows, each a tumbling window of a day.

    `caught` must ring within so many windows from the first that the change touches, `misled` rings too
    although it should not, and everything else of EVERYTHING but `free` must be silent in every window.
    """

    name: str
    change: str
    caught: Mapping[Signal, int]
    misled: tuple[Signal, ...] = ()
    free: tuple[Signal, ...] = ()
    first: int = 8

    @property
    def silent(self) -> tuple[Signal, ...]:
        """The signals that must not ring in any window."""
        spoken = {*self.caught, *self.misled, *self.free}
        return tuple(signal for signal in of(*EVERYTHING) if signal not in spoken)


def _within(windows: int, *texts: str) -> dict[Signal, int]:
    return dict.fromkeys(of(*texts), windows)


TABLE = (
    Expected("steady", "", {}),
    Expected(
        "sudden",
        "change: sudden, columns: a, deviations: 1, from: 0.5",
        _within(1, "drift/a", "psi:robust/a"),
        free=of("out of range/a"),
    ),
    Expected(
        "sudden, labels",
        "change: sudden, columns: plan, label: pro, share: 0.3, from: 0.5",
        _within(1, "drift/plan", "psi:robust/plan"),
    ),
    Expected(
        "gradual",
        "change: gradual, columns: b, scale: 0.5, from: 0.5, over: 6d",
        {**_within(3, "drift/b"), **_within(4, "psi:robust/b")},
    ),
    Expected(
        "incremental",
        "change: incremental, columns: b, shift: -8, from: 0.5, over: 6d",
        {**_within(2, "drift/b"), **_within(4, "psi:robust/b")},
        free=of("out of range/b"),
    ),
    Expected(
        "recurring",
        "change: recurring, columns: a, deviations: 1, from: 0.25, every: 4d, over: 2d",
        _within(1, "drift/a", "psi:robust/a"),
        free=of("out of range/a"),
        first=4,
    ),
    Expected("concept, a slope", "change: concept, by: a, shift: 10, from: 0.5", _within(1, "mae")),
    Expected(
        "concept, a group",
        "change: concept, by: plan, labels: [pro], shift: 15, from: 0.5",
        _within(1, "mae"),
    ),
    Expected("concept, errors", "change: concept, errors: 1.6, from: 0.5", _within(1, "mae")),
    Expected(
        "missing", "change: missing, columns: a, share: 0.2, from: 0.5, over: 2d", _within(1, "missing/a")
    ),
    Expected(
        "outlier",
        "change: outlier, columns: a, value: 1000000, from: 0.5",
        _within(1, "out of range/a"),
        misled=of("drift/a"),
    ),
    Expected(
        "unit",
        "change: unit, columns: miles, conversion: miles_to_kilometres, from: 0.5",
        _within(1, "drift/miles", "psi:robust/miles", "out of range/miles"),
    ),
    Expected(
        "new_category",
        "change: new_category, columns: plan, label: max, share: 0.05, from: 0.5",
        _within(1, "new category/plan"),
        free=of("drift/plan", "psi:robust/plan"),
    ),
    Expected("vanished", "change: vanished, columns: b, from: 0.5", _within(1, "missing/b")),
    Expected("duplicated", "change: duplicated, from: 0.5, over: 2d", _within(1, "more rows", "duplicates")),
    Expected("late", "change: late, delay: 3d, share: 0.3, from: 0.5, over: 2d", _within(1, "out of order")),
    Expected("label_delay", "change: label_delay, delay: 5d, from: 0.5", _within(1, "no labels")),
    Expected(
        "spike",
        "change: spike, factor: 3, from: 0.5, over: 1d",
        _within(1, "more rows"),
        misled=of("duplicates"),
    ),
    Expected("outage", "change: outage, from: 0.5, over: 3d", _within(1, "fewer rows")),
)

PAGE = Path("docs/scenarios.md")
BEGIN, END = "<!-- made by tests.integration.measures.scenario_table -->", "<!-- end -->"


def rendered() -> str:
    """Return the table and the rules of its alarms as Markdown."""
    lines = ["| scenario | change | caught by, within windows | must stay silent |", "|---|---|---|---|"]
    for row in TABLE:
        caught = "; ".join(f"{signal} ({n})" for signal, n in row.caught.items()) or "nothing to catch"
        caught += "".join(f"; {signal} rings too, **misled**" for signal in row.misled)
        lines.append(f"| {row.name} | `{row.change or 'none'}` | {caught} | {_silence(row)} |")
    lines += ["", "An alarm rings:", ""]
    lines += [f"- {name}: {alarm.says}" for name, alarm in ALARMS.items()]
    return "\n".join(lines)


def _silence(row: Expected) -> str:
    loud = [str(signal) for signal in (*row.caught, *row.misled)]
    free = [str(signal) for signal in row.free]
    if not loud and not free:
        return "everything"
    return "everything else" + (f"; {', '.join(free)} may ring" if free else "")


def with_table(page: str) -> str:
    """Return the page with the table as it is now."""
    before, rest = page.split(BEGIN)
    return f"{before}{BEGIN}\n\n{rendered()}\n\n{END}{rest.split(END)[1]}"


if __name__ == "__main__":
    PAGE.write_text(with_table(PAGE.read_text()))
