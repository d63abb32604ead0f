"""Tables of drawn references and windows: false alarms, and what is declared detectable."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from service.core.rows.batch import Batch, Labels, Numbers
from service.core.season.season import DAY
from tests.benchmarks.alarms import rules
from tests.benchmarks.alarms.draws import CASES, Case, stretch
from tests.benchmarks.alarms.rules import parts
from tests.benchmarks.alarms.text import over_references, percent, table

SHARES = (0.02, 0.1, 0.5, 1.0)
HEAD = ["", *(f"{share:g} of the reference" for share in SHARES)]
SEED = 20_130_901  # of references that the method was not made on


@dataclass(frozen=True, slots=True)
class Size:
    """How many references are drawn: per row, for a range, for other rules, and for the resampled one."""

    references: int
    ranged: int
    others: int
    resampled: int

    def of(self, references: int) -> Size:
        """Return the same shares of another number of references."""
        part = references / self.references
        counts = (round(each * part) for each in (self.ranged, self.others, self.resampled))
        return Size(references, *(max(count, least) for count, least in zip(counts, (4, 10, 1), strict=True)))


def false_alarms(size: Size, note: Callable[[str], None]) -> str:
    """Return the table of the block test: every case, one fresh stretch per reference, and the range."""
    lines = []
    for case in CASES:
        note(case.name)
        random = np.random.default_rng([SEED, len(case.name)])
        count = max(round(case.most * size.references), 10)
        found = [_judged(rules.block_test, case, random) for _ in range(count)]
        within = [_range(case, random) for _ in range(max(round(case.most * size.ranged), 4))]
        lines.append(
            [
                case.name if case.most == 1.0 else f"{case.name} ({count})",
                *(percent(alarms) for alarms in zip(*found, strict=True)),
                over_references([each[0] for each in within]),
                over_references([each[1] for each in within]),
            ]
        )
    lines += [["always alarm", *["100"] * 6], ["never alarm", *["0"] * 6]]
    return (
        "The block test. Reference: 31 days of 100 rows, 5 columns, a tenth of the variance between days, "
        "unless the row says otherwise; a window is a part of as many fresh days. Per cent of windows that "
        f"alarm, of {size.references:,} references (or as the row says), one window each, from a seed that "
        "the method was not made on. The last two columns: the share of one reference's windows (20 each) "
        f"lies between these for 90 % of {size.ranged} references.\n\n"
        + table([*HEAD, "one reference, at 0.1", "at 1"], lines)
    )


def _judged(rule: Callable[[Batch], rules.Alarms], case: Case, random: np.random.Generator) -> list[bool]:
    alarms = rule(stretch(case, random))
    return [alarms(window) for window in parts(stretch(case, random), SHARES)]


def _range(case: Case, random: np.random.Generator) -> list[float]:
    alarms = rules.block_test(stretch(case, random))
    found = []
    for _ in range(20):
        small, large = parts(stretch(case, random), (0.1, 1.0))
        found.append((alarms(small), alarms(large)))
    return np.mean(found, axis=0).tolist()


def seconds() -> str:
    """Return how long a reference of 100,000 rows and 50 columns, ten of labels, takes to be ready."""
    random = np.random.default_rng(SEED)
    rows = 100_000
    times = np.sort(random.integers(0, 60 * DAY, rows))
    names = np.array([f"{i:02d}" for i in range(30)])
    columns: dict[str, Numbers | Labels] = {f"n{i}": Numbers(random.normal(size=rows)) for i in range(40)}
    columns |= {f"l{i}": Labels(random.integers(0, 30, rows), names) for i in range(10)}
    batch = Batch(rows, times, columns).numbered(0)
    taken = []
    for _ in range(3):
        began = time.process_time()
        made, model = rules.fitted(batch)
        taken.append(time.process_time() - began)
    rules.alarming(made, model, batch.take(slice(0, 5_000)))
    began = time.process_time()
    rules.alarming(made, model, batch.take(slice(0, 5_000)))
    window = time.process_time() - began
    return (
        f"A reference of 100,000 rows and 50 columns (ten of 30 labels; {len(model.components)} scores) is "
        f"ready in {min(taken):.2f} to {max(taken):.2f} s of CPU (three runs), a window of 5,000 rows is "
        f"summed and judged in {1e3 * window:.0f} ms."
    )
