"""Tables of the flights of 2013: real days, interleaved so that there is no drift, and in their order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd

from service.config.time_zone import zone_of
from service.core.blocks import sums
from service.core.blocks.plan import DAYS
from service.core.blocks.reference import ReferenceBlocks, fit
from service.core.blocks.sums import BlockSums
from service.core.rows.batch import Batch, Numbers
from service.core.rows.schema import Column, Kind, Schema
from service.core.season.season import DAY, Season, SeasonKind
from service.methods.block_test import model as block_model
from service.methods.block_test.detectable import detectable
from service.methods.block_test.model import BlockModel
from service.methods.block_test.verdict import Verdict, judge
from service.methods.block_test.words import spoken
from service.sources.tables.from_pandas import to_batch
from simulator.flights import tables
from tests.benchmarks.alarms import rules
from tests.benchmarks.alarms.rules import RATE
from tests.benchmarks.alarms.simulated import SEED, Size
from tests.benchmarks.alarms.text import percent, table

Note = Callable[[str], None]
LABELS = ("carrier", "origin")
NUMBERS = (
    "distance", "hour", "temp", "humid", "wind_speed", "precip", "pressure", "visib", "dep_delay",
    "predicted_air_time", "air_time",
)  # fmt: skip
SCHEMA = Schema(
    (*(Column(n, Kind.NUMERICAL) for n in NUMBERS), *(Column(n, Kind.CATEGORICAL) for n in LABELS))
)
SIZES = (1, 5, 22, 45)
QUARTER = 90
SHIFT, LENGTH = 0.2, 5
NEW_YORK = "America/New_York"
SHOWN = 8
WEATHER = ("temp", "humid", "wind_speed", "precip", "visib")


@cache
def frame() -> pd.DataFrame:
    """Return the flights from 22 January on, in order of their scheduled departure."""
    reference, replay = tables()
    return pd.concat((reference, replay), ignore_index=True)


@cache
def year() -> Batch:
    """Return them typed."""
    return to_batch(frame()[["scheduled_departure", *SCHEMA.names]], SCHEMA, "scheduled_departure").batch


@cache
def local_days() -> np.ndarray:
    """Return the day in New York of each flight."""
    return Season(SeasonKind.NONE, zone_of(NEW_YORK)).days(year().event_time)


def _known(batch: Batch, kind: SeasonKind) -> tuple[ReferenceBlocks, BlockModel]:
    plan = replace(DAYS, season=Season(kind, zone_of(NEW_YORK)))
    made = fit(batch, SCHEMA.names, plan)
    return made, block_model.fit(made)


def _of_days(found: BlockSums, days: Sequence[int]) -> BlockSums:
    held = np.isin(np.floor_divide(found.sub_blocks, 24), days)
    return BlockSums(found.mark, found.sub_blocks[held], found.rows[held], found.sums[held])


def _named(model: BlockModel, found: BlockSums) -> dict[str, Verdict]:
    return {name: each for name, each in judge(model, found).items() if each.p <= RATE}


def interleaved(size: Size, note: Note) -> str:
    """Return the false alarms of random halves of a quarter's days against the other half."""
    random = np.random.default_rng([SEED, 3])
    first = int(local_days()[0])
    quarter = year().take(np.flatnonzero(local_days() < first + QUARTER))
    of_row, days = local_days()[: quarter.rows], np.arange(first, first + QUARTER)
    lines = []
    draws = max(size.references // 4, 10)
    for kind in (SeasonKind.NONE, SeasonKind.HOUR):
        note(f"flights, interleaved days, season {kind}")
        found: list[list[bool]] = []
        for _ in range(draws):
            known = np.sort(random.permutation(days)[: QUARTER // 2])
            made, model = _known(quarter.take(np.isin(of_row, known)), kind)
            other = np.setdiff1d(days, known)
            held = sums.of(quarter.take(np.isin(of_row, other)), made.spec)
            start = int(random.integers(0, len(other) - SIZES[0]))
            row = []
            for length in SIZES:
                at = min(start, len(other) - length)
                row.append(bool(_named(model, _of_days(held, other[at : at + length]))))
            found.append(row)
        name = "the block test" if kind is SeasonKind.NONE else "the block test, hour by hour"
        lines.append([f"{name} ({draws})", *(percent(each) for each in zip(*found, strict=True))])
    lines += _others(size, note, quarter, of_row, days)
    lines += [["always alarm", *["100"] * len(SIZES)], ["never alarm", *["0"] * len(SIZES)]]
    return (
        f"A random half of {QUARTER} days is the reference, consecutive days of the other half are the "
        "windows: no drift by construction, with real days. 13 columns. Draws of one quarter are not "
        "independent, so that the intervals are too narrow. That a spread which goes with its location is "
        "not judged was chosen on these flights. References in brackets.\n\n"
        + table(["", *(f"{length} days" for length in SIZES)], lines)
    )


def _others(size: Size, note: Note, quarter: Batch, of_row: np.ndarray, days: np.ndarray) -> list[list[str]]:
    random = np.random.default_rng([SEED, 4])
    found: dict[str, list[list[bool]]] = {}
    for i in range(max(size.others // 3, 3)):
        note(f"flights, other rules, {i}")
        known = np.sort(random.permutation(days)[: QUARTER // 2])
        reference = quarter.take(np.isin(of_row, known))
        other = np.setdiff1d(days, known)
        windows = [quarter.take(np.isin(of_row, other[:length])) for length in SIZES]
        asked: dict[str, Callable[[int], rules.Alarms]] = {
            "Evidently's defaults": lambda _, r=reference: rules.evidently(r),
            "thresholds of chunks (NannyML's rule)": lambda n, r=reference: rules.chunk_thresholds(r, n),
        }
        for name, rule in asked.items():
            found.setdefault(name, []).append([rule(window.rows)(window) for window in windows])
    return [
        [f"{name} ({len(of)})", *(percent(each) for each in zip(*of, strict=True))]
        for name, of in found.items()
    ]


def power(size: Size, note: Note) -> str:
    """Return how often a shift of five days is declared and found, by column."""
    random = np.random.default_rng([SEED, 5])
    first = int(local_days()[0])
    quarter = year().take(np.flatnonzero(local_days() < first + QUARTER))
    of_row, days = local_days()[: quarter.rows], np.arange(first, first + QUARTER)
    names = list(NUMBERS)
    declared: dict[tuple[str, SeasonKind], list[bool]] = {}
    found: dict[tuple[str, SeasonKind], list[bool]] = {}
    kept: dict[SeasonKind, list[bool]] = {}
    said: dict[str, list[float]] = {}
    for trial in range(max(size.references // 10, 6)):
        if trial % 20 == 0:
            note(f"flights, power, {trial}")
        known = np.sort(random.permutation(days)[: QUARTER // 2])
        other = np.setdiff1d(days, known)
        at = int(random.integers(0, len(other) - LENGTH))
        reference = quarter.take(np.isin(of_row, known))
        window = quarter.take(np.isin(of_row, other[at : at + LENGTH]))
        for kind in (SeasonKind.NONE, SeasonKind.HOUR):
            made, model = _known(reference, kind)
            seen = detectable(
                model, made.spec.columns, RATE, rows=window.rows / LENGTH, blocks=LENGTH, parts=model.full
            )
            for name in names:
                each = seen.get(name)
                is_said = each is not None and each.blocks is not None and each.blocks <= LENGTH
                moved = _shifted(window, reference, name, random.choice([-SHIFT, SHIFT]))
                is_found = name in _named(model, sums.of(moved, made.spec))
                declared.setdefault((name, kind), []).append(is_said)
                found.setdefault((name, kind), []).append(is_found)
                if is_said:
                    kept.setdefault(kind, []).append(is_found)
                if each is not None and kind is SeasonKind.HOUR:
                    said.setdefault(name, []).append(each.needed or each.blocks or np.nan)
                    said.setdefault(f"{name} never", []).append(each.blocks is None)
    lines = []
    for name in names:
        line = [name]
        for kind in (SeasonKind.NONE, SeasonKind.HOUR):
            line += [f"{100 * np.mean(declared[name, kind]):.0f}", percent(found[name, kind])]
        never = np.mean(said.get(f"{name} never", [True])) > 0.5
        days_said = [each for each in said.get(name, []) if np.isfinite(each)]
        median = f"{np.median(days_said):,.0f}" if days_said else ""
        would = f"; a reference of about {median} days would do" if median else ""
        line.append(f"never{would}" if never else median)
        lines.append(line)
    both = [
        percent(kept.get(kind, [])) if kept.get(kind) else "" for kind in (SeasonKind.NONE, SeasonKind.HOUR)
    ]
    lines.append(["**where declared, found**", "", both[0], "", both[1], ""])
    lines += [["always alarm", "", "100", "", "100", ""], ["never alarm", "", "0", "", "0", ""]]
    head = ["column", "declared %", "found %", "declared %, hour by hour", "found %", "days for 0.2 (median)"]
    return (
        "The same halves; one column of five consecutive days is moved up or down. An alarm counts for the "
        "column that was moved.\n\n" + table(head, lines)
    )


def _shifted(window: Batch, reference: Batch, name: str, shift: float) -> Batch:
    column, known = window.columns[name], reference.columns[name]
    assert isinstance(column, Numbers)
    assert isinstance(known, Numbers)
    deviation = float(np.nanstd(known.values))
    return window.with_column(name, Numbers(column.values + shift * deviation))  # noqa: PD011 - no data frame


def january(note: Note) -> str:
    """Return the alarms of consecutive days of the winter, with the weather of each."""
    note("flights, consecutive days")
    from simulator.datasets import read_flights  # noqa: PLC0415 - all of January, without the predictions

    rows = read_flights()
    schema = Schema(tuple(c for c in SCHEMA.columns if c.name != "predicted_air_time"))
    batch = to_batch(rows[["scheduled_departure", *schema.names]], schema, "scheduled_departure").batch
    season = Season(SeasonKind.NONE, zone_of(NEW_YORK))
    day = season.days(batch.event_time)
    first = int(day[0])
    usual = {name: rows[name][day < first + 15].mean() for name in WEATHER}
    half = batch.take(np.flatnonzero(day < first + 15))
    lines: list[tuple[float, list[str]]] = []
    counts = {"the block test": 0, "Evidently's defaults": 0, "thresholds of chunks": 0}
    made = fit(half, schema.names, replace(DAYS, season=season))
    model = block_model.fit(made)
    alarms = rules.evidently(half), rules.chunk_thresholds(half, half.rows // 15)
    for at, length in [(last, days) for days in (1, 5) for last in range(14 + days, 31)]:
        window = batch.take(np.flatnonzero((day > first + at - length) & (day <= first + at)))
        found = judge(model, sums.of(window, made.spec))
        name, least = min(found.items(), key=lambda each: each[1].p)
        if length == 1:
            counts["the block test"] += least.p <= RATE
            counts["Evidently's defaults"] += alarms[0](window)
            counts["thresholds of chunks"] += alarms[1](window)
        during = (day > first + at - length) & (day <= first + at)
        now = {each: rows[each][during].mean() for each in WEATHER}
        weather = ", ".join(f"{each} {now[each]:.2g} (usually {usual[each]:.2g})" for each in WEATHER)
        days = f"{at + 1} January" if length == 1 else f"{at + 2 - length} to {at + 1} January"
        lines.append((least.p, [days, f"{least.p:.2g}", f"{name}: {spoken(least, model)}", weather]))
    counts |= {"always alarm": 16, "never alarm": 0}
    shares = table(["rule", "of 16 days"], [[name, f"{count}"] for name, count in counts.items()])
    return (
        "Reference: 1 to 15 January; windows: each day from the 16th to the 31st, and each five days. "
        "The second table has the windows with the least p-values (an alarm at 0.01), with their mean "
        "weather: of fifteen days too little is known to call the storm of the 30th and 31st drift.\n\n"
        + shares
        + "\n"
        + table(["days", "p-value", "what moved", "weather"], [line for _, line in sorted(lines)[:SHOWN]])
    )


def seasons(note: Note) -> str:
    """Return what each rule says of a day off, a night and a weekend of days like any other."""
    note("flights, seasons")
    first = int(local_days()[0])
    known = year().take(np.flatnonzero(local_days() < first + 56))
    hours = np.floor_divide(zone_of(NEW_YORK).local(year().event_time) % DAY, DAY // 24)
    day, frame_days = local_days(), pd.to_datetime(local_days(), unit="D")
    weekend = frame_days.dayofweek >= 5
    late = day >= first + 56
    soon = late & (day < first + 84)
    cases = {
        "a whole week": soon & (day < first + 63),
        "a week without its weekend": soon & (day < first + 63) & ~weekend,
        "a weekend": soon & weekend & (day < first + 63),
        "a morning (until 9)": soon & (day == first + 57) & (hours < 9),
        "an evening (from 18)": soon & (day == first + 57) & (hours >= 18),
        "4 July": frame_days == pd.Timestamp("2013-07-04"),
        "Thanksgiving": frame_days == pd.Timestamp("2013-11-28"),
    }
    tests = {kind: _known(known, kind) for kind in (SeasonKind.NONE, SeasonKind.HOUR)}
    evident = rules.evidently(known)
    lines = []
    for name, rows in cases.items():
        window = year().take(np.flatnonzero(np.asarray(rows)))
        line = [name, f"{window.rows:,}"]
        for made, model in tests.values():
            named = _named(model, sums.of(window, made.spec))
            schedule = {n: v for n, v in named.items() if n not in WEATHER and n != "pressure"}
            line.append("; ".join(f"{n}: {spoken(v, model)}" for n, v in schedule.items()) or "no alarm")
        chunk = rules.chunk_thresholds(known, window.rows)
        line += ["alarm" if evident(window) else "no alarm", "alarm" if chunk(window) else "no alarm"]
        lines.append([*line, "alarm", "no alarm"])
    head = [
        "window", "rows", "block test", "block test, hour by hour", "Evidently's defaults",
        "thresholds of chunks", "always alarm", "never alarm",
    ]  # fmt: skip
    return (
        "Reference: the 56 days from 22 January. Columns of the schedule and the outcome; the weather of "
        "July and November is not that of winter, and alarms rightly.\n\n" + table(head, lines)
    )
