"""Blocks of one day beside blocks of the automatic length of Politis and White, on days that go together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from service.core.blocks import sums
from service.core.blocks.plan import DAY_HOURS, DAYS, MIN_BLOCKS, BlockPlan
from service.core.blocks.reference import ReferenceBlocks, fit
from service.core.blocks.scores import Aim
from service.core.rows.batch import Batch, Numbers
from service.methods.block_test import model as block_model
from service.methods.block_test.detectable import detectable
from service.methods.block_test.verdict import judge
from tests.benchmarks.alarms.draws import Case, numbers, stretch
from tests.benchmarks.alarms.rules import RATE, parts
from tests.benchmarks.alarms.simulated import SEED, Size
from tests.benchmarks.alarms.text import percent, table

SHARES = (0.1, 0.5, 1.0)
MOVED, MOVED_SHIFT = 1 / 3, 1.0
CASES = ((0.3, 31), (0.6, 31), (0.6, 60))


def optimal_length(series: np.ndarray) -> int:
    """Return the block length of D. N. Politis and H. White (2004), as corrected in 2009, circular blocks."""
    n, apart = len(series), series - series.mean()
    reach = max(5, int(np.ceil(np.sqrt(np.log10(n)))))
    most = int(np.ceil(np.sqrt(n))) + reach
    covariance = np.array([(apart[: n - k] * apart[k:]).sum() / n for k in range(most + 1)])
    small = np.abs(covariance / covariance[0]) < 2.0 * np.sqrt(np.log10(n) / n)
    quiet = [k for k in range(most - reach + 1) if small[k + 1 : k + 1 + reach].all()]
    large = np.flatnonzero(~small[1:])
    first = quiet[0] if quiet else int(large.max(initial=0)) + 1
    width = min(2 * max(first, 1), most)
    lags = np.arange(-width, width + 1)
    window = np.minimum(1.0, 2.0 * (1.0 - np.abs(lags) / width))
    level = float((window * covariance[np.abs(lags)]).sum())
    slope = float((window * np.abs(lags) * covariance[np.abs(lags)]).sum())
    if level <= 0.0:
        return 1
    length = (2.0 * slope**2 / (4.0 / 3.0 * level**2)) ** (1.0 / 3.0) * n ** (1.0 / 3.0)
    return int(np.clip(round(length), 1, np.ceil(min(3.0 * np.sqrt(n), n / 3.0))))


def compared(size: Size, note: Callable[[str], None]) -> str:
    """Return the table: false alarms, what is found, and what is declared, by both lengths."""
    lines = []
    for lag, days in CASES:
        note(f"block length, AR(1) {lag}, {days} days")
        case, random = (
            Case("", numbers(lag=lag), days=days),
            np.random.default_rng([SEED, 9, int(10 * lag), days]),
        )
        found: dict[str, list[tuple[list[bool], bool, float]]] = {}
        lengths = []
        for _ in range(max(size.references // 5, 10)):
            reference, fresh = stretch(case, random), stretch(case, random)
            one = fit(reference, list(reference.columns), DAYS)
            lengths.append(min(_length(one), days // MIN_BLOCKS))
            longer = replace(DAYS, parts=DAY_HOURS * lengths[-1])
            for name, plan in (("one day", DAYS), ("Politis and White", longer)):
                found.setdefault(name, []).append(_judged(reference, fresh, plan, lengths[-1]))
        for name, of in found.items():
            alarms, moved, declared = zip(*of, strict=True)
            lines.append(
                [
                    f"AR(1) {lag}, {days} days: {name} ({len(of)})",
                    "1" if name == "one day" else f"{np.mean(lengths):.1f}",
                    *(percent(each) for each in zip(*alarms, strict=True)),
                    percent(moved),
                    f"{np.median(declared):.2f}",
                ]
            )
    head = [
        "",
        "days of a block",
        *(f"{share:g} of the reference" for share in SHARES),
        "found: 1.0",
        "declared",
    ]
    return (
        "The length is the median over the columns' daily mean scores, at most an eighth of the reference. "
        "*Found* is how often a shift of one standard deviation is found in a window of a third of the "
        "reference, *declared* the smallest shift that is declared for it (median). The test takes the "
        "dependence of days into account itself, by their lag, and of shorter blocks it has more to know "
        "their scatter by.\n\n" + table(head, lines)
    )


def _length(one: ReferenceBlocks) -> int:
    rows, found = block_model.by_block(one.sums, DAYS)
    places = [i for i, each in enumerate(one.spec.components) if each.aim is Aim.LOCATION]
    return int(np.median([optimal_length(found[:, place] / rows) for place in places]))


def _judged(reference: Batch, fresh: Batch, plan: BlockPlan, length: int) -> tuple[list[bool], bool, float]:
    made = fit(reference, list(reference.columns), plan)
    model = block_model.fit(made)

    def named(window: Batch) -> list[str]:
        return [name for name, each in judge(model, sums.of(window, made.spec)).items() if each.p <= RATE]

    alarms = [bool(named(window)) for window in parts(fresh, SHARES)]
    (window,) = parts(fresh, [MOVED])
    column = window.columns["c0"]
    assert isinstance(column, Numbers)
    moved = "c0" in named(window.with_column("c0", Numbers(column.values + MOVED_SHIFT)))
    days = len(np.unique(made.sums.sub_blocks // DAY_HOURS)) * MOVED
    blocks = max(round(days if plan is DAYS else days / length), 1)
    said = detectable(model, made.spec.columns, RATE, rows=model.typical, blocks=blocks, parts=model.full)[
        "c0"
    ]
    return alarms, moved, np.inf if said.shift is None else said.shift
