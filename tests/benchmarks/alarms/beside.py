"""The block test beside other rules on the same drawn references and windows, the slow rule resumable.

The calibration before this takes seconds to minutes for a reference. Each reference has a seed of its own,
and what the slow rule said of its windows is kept in a file, line by line: `rival` goes on where it was,
reference by reference over all rows of both tables, and the tables use what is there.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from service.core.rows.batch import Batch, Numbers
from service.methods.block_test.detectable import detectable
from tests.benchmarks.alarms import rules
from tests.benchmarks.alarms.draws import CASES, Case, numbers, stretch
from tests.benchmarks.alarms.rules import RATE, parts
from tests.benchmarks.alarms.simulated import HEAD, SEED, SHARES, Size
from tests.benchmarks.alarms.text import percent, table

Note = Callable[[str], None]
RIVAL = "the calibration before this"
COMPARED = ("independent rows", "days that differ", "days that go together, AR(1) 0.6", "300 labels")
BETWEEN = (0.0, 0.003, 0.01, 0.03, 0.1)
SHIFTS = (0.0, 0.1, 0.15, 0.2)
DAYS, LONG, ROWS, WINDOW = 31, 124, 400, 3


@dataclass(frozen=True, slots=True)
class Trial:
    """One reference with its windows, and what keeps its outcomes apart from others'.

    Attributes:
        key: What it is.
        reference: The reference.
        windows: The windows, by name.

    """

    key: str
    reference: Batch
    windows: dict[str, Batch]

    def said(self, rule: Callable[[Batch, int], Callable[[Batch], list[str]]]) -> dict[str, list[str]]:
        """Return which columns a rule names of each window; it is made once for each size of a window."""
        made = {rows: rule(self.reference, rows) for rows in {each.rows for each in self.windows.values()}}
        return {name: made[window.rows](window) for name, window in self.windows.items()}


def compared_trial(name: str, i: int) -> Trial:
    """Draw reference `i` of a row of the table of all rules."""
    (case,) = (each for each in CASES if each.name == name)
    random = np.random.default_rng([SEED, 1, COMPARED.index(name), i])
    reference, fresh = stretch(case, random), stretch(case, random)
    windows = dict(zip(HEAD[1:], parts(fresh, SHARES), strict=True))
    return Trial(f"compared: {name}: {i}", reference, windows)


def power_trial(between: float, days: int, i: int) -> Trial:
    """Draw reference `i` of a row of the tables of power: a window of three days, as it is and moved."""
    random = np.random.default_rng([SEED, 2, int(1e4 * between), days, i])
    reference = stretch(Case("", numbers(between=between), days=days, rows=ROWS), random)
    window = stretch(Case("", numbers(between=between), days=WINDOW, rows=ROWS), random)
    sign = random.choice([-1.0, 1.0])
    windows = {f"{shift:g}": moved(window, reference, sign * shift) for shift in SHIFTS}
    return Trial(f"power: {between:g} of {days} days: {i}", reference, windows)


def moved(window: Batch, reference: Batch, shift: float) -> Batch:
    """Move the first column by so many of the reference's standard deviations."""
    column, known = window.columns["c0"], reference.columns["c0"]
    assert isinstance(column, Numbers)
    assert isinstance(known, Numbers)
    return window.with_column("c0", Numbers(column.values + shift * float(np.std(known.values))))


def block_columns(reference: Batch, _: int) -> Callable[[Batch], list[str]]:
    """Return what names the columns that the block test alarms on."""
    made, model = rules.fitted(reference)
    return lambda window: rules.alarming(made, model, window)


def rival(size: Size, note: Note, kept: Path) -> None:
    """Ask the slow rule, reference by reference over all rows, and keep what it said."""
    there = _kept(kept)
    kept.parent.mkdir(parents=True, exist_ok=True)
    for i, draw in ((i, draw) for draw in (_first, _long, _then) for i in range(size.resampled)):
        note(f"{RIVAL}: reference {i}")
        for trial in draw(i):
            if trial.key not in there:
                said = trial.said(rules.resampled_columns)
                with kept.open("a") as file:
                    file.write(json.dumps({"trial": trial.key, "said": said}) + "\n")


def _first(i: int) -> Iterator[Trial]:
    yield power_trial(0.0, DAYS, i)
    yield from (compared_trial(name, i) for name in COMPARED)


def _long(i: int) -> Iterator[Trial]:
    yield power_trial(0.0, LONG, i)


def _then(i: int) -> Iterator[Trial]:
    yield from (power_trial(between, DAYS, i) for between in BETWEEN[1:])


def _kept(file: Path) -> dict[str, dict[str, list[str]]]:
    lines = file.read_text().splitlines() if file.exists() else []
    return {each["trial"]: each["said"] for each in map(json.loads, lines)}


def compared(size: Size, note: Note, kept: Path) -> str:
    """Return the table of all rules on the same references and windows."""
    slow, lines = _kept(kept), []
    for name in COMPARED:
        note(f"other rules: {name}")
        found: dict[str, list[list[bool]]] = {}
        for i in range(max(size.others, size.resampled)):
            trial = compared_trial(name, i)
            reference = trial.reference
            asked: dict[str, Callable[[int], rules.Alarms]] = {
                "the block test": lambda _, r=reference: rules.block_test(r),
                "Evidently's defaults": lambda _, r=reference: rules.evidently(r),
                "thresholds of chunks (NannyML's rule)": lambda n, r=reference: rules.chunk_thresholds(r, n),
            }
            for rule, make in asked.items():
                made = [make(window.rows)(window) for window in trial.windows.values()]
                found.setdefault(rule, []).append(made)
            if trial.key in slow:
                found.setdefault(RIVAL, []).append([bool(each) for each in slow[trial.key].values()])
        for rule, of in found.items():
            lines.append([f"{name}: {rule} ({len(of)})", *(percent(each) for each in zip(*of, strict=True))])
        lines.append([f"{name}: always alarm", *["100"] * len(SHARES)])
        lines.append([f"{name}: never alarm", *["0"] * len(SHARES)])
    return (
        "References per rule in brackets: the calibration before this takes seconds per window size, and "
        "is tried on fewer.\n\n" + table(HEAD, lines)
    )


def power(size: Size, note: Note) -> str:
    """Return, for windows of three days, what is declared detectable and how often that is found."""
    lines = []
    for between in BETWEEN:
        note(f"power, {between:g} of the variance between days")
        declared, at, beyond = [], [], []
        for i in range(max(size.references // 5, 20)):
            trial = power_trial(between, DAYS, i)
            made, model = rules.fitted(trial.reference)
            said = detectable(model, made.spec.columns, RATE, rows=ROWS, blocks=WINDOW, parts=24)["c0"]
            if said.shift is None:
                continue
            declared.append(said.shift)
            sign = 1.0 if i % 2 else -1.0
            window = moved(trial.windows["0"], trial.reference, sign * said.shift)
            at.append("c0" in rules.alarming(made, model, window))
            beyond.append("c0" in rules.alarming(made, model, trial.windows["0.2"]))
        lines.append(
            [
                f"{between:.1%}",
                f"{np.median(declared):.2f}" if declared else "none",
                percent(at) if at else "",
                percent(beyond) if beyond else "",
            ]
        )
    lines += [["always alarm", "", "100", "100"], ["never alarm", "", "0", "0"]]
    head = [
        "variance between days",
        "smallest declared shift (median)",
        "found where it is that",
        "found where it is 0.2",
    ]
    return (
        "Windows of three days of 400 rows, a reference of 31 such days, 5 columns; one moves up or down, "
        "in its own standard deviations. The declared shift is what `detectable_shift` says.\n\n"
        + table(head, lines)
    )


def power_beside(size: Size, note: Note, kept: Path) -> str:
    """Return what the block test and the slow rule find of the same shifts in the same windows."""
    slow, lines = _kept(kept), []
    for between, days in ((0.0, LONG), *((each, DAYS) for each in BETWEEN)):
        note(f"power beside {RIVAL}, {between:g}, {days} days")
        found: dict[str, list[list[bool]]] = {"the block test": [], RIVAL: []}
        for i in range(size.resampled):
            trial = power_trial(between, days, i)
            if trial.key in slow:
                found["the block test"].append(_found(trial.said(block_columns)))
                found[RIVAL].append(_found(slow[trial.key]))
        for rule, of in found.items():
            if of:
                name = f"{between:.1%} between days, {days} days: {rule} ({len(of)})"
                lines.append([name, *(percent(each) for each in zip(*of, strict=True))])
    lines += [["always alarm", *["100"] * len(SHIFTS)], ["never alarm", *["0"] * len(SHIFTS)]]
    return (
        "The same windows of three days by both rules: the share that alarms without a shift, on any "
        "column, and the share in which the column that was moved is named. Only where the first column "
        "keeps what was asked (1 %) are the others power. References in brackets.\n\n"
        + table(["", "no shift", *(f"{shift:g} found" for shift in SHIFTS[1:])], lines)
    )


def _found(said: dict[str, list[str]]) -> list[bool]:
    return [bool(names) if name == "0" else "c0" in names for name, names in said.items()]
