"""`python -m tests.benchmarks.detector_page` writes docs/benchmarks/detectors.md: delay and false alarms."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field
from importlib import metadata
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from service.core.profile import distribution, error_cells
from service.core.profile.spec import cell_edges
from service.core.rows.batch import Numbers
from service.core.rows.schema import Kind
from service.methods.concept.detectors import DETECTORS, feed, start
from service.methods.concept.error_split import split
from tests.benchmarks.change_streams import CHANGE, ROWS, STREAMS, Stream, errors_of, moved_inputs

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from service.methods.concept.error_split import ErrorPart, Split

PAGE = Path(__file__).parents[2] / "docs/benchmarks/detectors.md"
REPETITIONS = 20
WINDOW = 500
DEVIATIONS = 3.0
WINDOWED: dict[str, Callable[[Split], ErrorPart]] = {
    f"error change, windows of {WINDOW}": lambda found: found.total,
    f"concept part, windows of {WINDOW}": lambda found: found.concept,
}
CELLS = (5, 10, 20, 50)
CONTROLS = {"inputs moved, same relation", "steady"}


@dataclass(slots=True)
class Tally:
    """What one method did on one stream: delays in rows where it found the change, and alarms before it."""

    delays: list[int] = field(default_factory=list)
    early: int = 0
    runs: int = 0

    def add(self, alarms: Sequence[int]) -> None:
        """Add a run's alarms, as the rows after which they came."""
        self.runs += 1
        self.early += sum(row < CHANGE for row in alarms)
        self.delays += [row - CHANGE for row in alarms if row >= CHANGE][:1]


def alarms_of(stream: Stream) -> dict[str, list[int]]:
    """Return the rows of a stream after which each method speaks."""
    times = np.arange(ROWS, dtype=np.int64)
    found = {name: [c.row for c in feed(start(name), stream.error, times)[1]] for name in DETECTORS}
    return found | windowed(stream)


def windowed(stream: Stream) -> dict[str, list[int]]:
    """Return after which rows a window's error change, and its concept part, lies three deviations up."""
    every = splits(stream)
    return {
        name: [row for row, found in every if alarming(chosen(found))] for name, chosen in WINDOWED.items()
    }


def splits(stream: Stream, wanted: int = cell_edges.QUANTILE_CELLS) -> list[tuple[int, Split]]:
    """Return each window's last row and its split, over about `wanted` cells of the model's score."""
    edges = cell_edges.edges_of(distribution.of_numbers(stream.reference_score), Kind.NUMERICAL, cells=wanted)
    reference = error_cells.of(Numbers(stream.reference_score), stream.reference_error, edges)
    found = []
    for first in range(0, ROWS, WINDOW):
        rows = slice(first, first + WINDOW)
        current = error_cells.of(Numbers(stream.score[rows]), stream.error[rows], edges)
        found.append((first + WINDOW - 1, split(reference, current)))
    return found


def alarming(part: ErrorPart) -> bool:
    """Return whether a part lies three of its standard errors above zero."""
    return part.deviation is not None and part.value > DEVIATIONS * part.deviation


def measured(repetitions: int = REPETITIONS) -> dict[tuple[str, str], Tally]:
    """Run every method on every stream, `repetitions` seeds each."""
    tallies: dict[tuple[str, str], Tally] = {}
    for (name, make), run in product(STREAMS.items(), range(repetitions)):
        for method, alarms in alarms_of(errors_of(make, 100 * run + 1)).items():
            tallies.setdefault((name, method), Tally()).add(alarms)
    return tallies


def _cell(tally: Tally, *, control: bool) -> str:
    late = len(tally.delays)
    if control:
        return f"{late} of {tally.runs}"
    if not late:
        return f"0 of {tally.runs}"
    ordered = sorted(tally.delays)
    return f"{late} of {tally.runs}, {statistics.median(ordered):.0f} ({ordered[-1]})"


def by_cells(wanted: int, repetitions: int = REPETITIONS) -> list[Split]:
    """Split every window after the inputs moved, over about `wanted` cells of the score."""
    found = []
    for run in range(repetitions):
        stream = errors_of(moved_inputs, 100 * run + 1)
        found += [at for row, at in splits(stream, wanted) if row >= CHANGE]
    return found


def _bias(wanted: int, found: Sequence[Split]) -> str:
    total = statistics.fmean(each.total.value for each in found)
    concept = [each.concept.value for each in found]
    errors = [each.concept.deviation for each in found if each.concept.deviation is not None]
    alarms = sum(alarming(each.concept) for each in found)
    figures = [statistics.fmean(concept), statistics.fmean(concept) / total]
    figures += [statistics.stdev(concept), statistics.fmean(errors)]
    text = " | ".join(f"{figure:.4f}" for figure in figures)
    return f"| {wanted} | {total:.4f} | {text} | {alarms} of {len(found)} |"


def page(tallies: dict[tuple[str, str], Tally], cell_lines: Sequence[str]) -> str:
    """Return the page as Markdown."""
    methods = [*DETECTORS, *WINDOWED]
    lines = [HEAD.format(runs=REPETITIONS, river=metadata.version("river"), window=WINDOW), ""]
    lines += ["| method | " + " | ".join([*STREAMS, "false alarms"]) + " |"]
    lines += ["|---" * (len(STREAMS) + 2) + "|"]
    for method in methods:
        chosen = [(name, tallies[name, method]) for name in STREAMS]
        early = sum(tally.early for _, tally in chosen)
        rows = sum(tally.runs for _, tally in chosen) * CHANGE
        found = [_cell(tally, control=name in CONTROLS) for name, tally in chosen]
        lines.append(f"| {method} | " + " | ".join([*found, f"{early / rows * 1e4:.2f}"]) + " |")
    lines += ["", "The streams:", ""]
    lines += [f"- **{name}**: {make.__doc__}" for name, make in STREAMS.items()]
    return "\n".join([*lines, "", READING, "", BIAS, *cell_lines, ""])


HEAD = """# Change-point detectors beside the windowed measures

Made by `python -m tests.benchmarks.detector_page` (seeded: the same numbers again). Errors of a fixed
classifier; river {river} generates the streams, every detector has river's default parameters, which are
one-sided for ddm, eddm, hddm_a and hddm_w. {runs} runs a stream; the change is at row 5,000 of 10,000.

Of the first three streams: in how many runs an alarm came after the change, its median delay in rows and, in
brackets, the longest. Of the two controls: in how many runs an alarm came in the last 5,000 rows, where the
relation between inputs and label is the old one. False alarms: per 10,000 rows before the change, over all
streams. The windowed measures compare windows of {window} rows with the reference, over cells of the model's
score, and alarm where the number lies three standard errors above zero; their delay ends with a window."""

READING = """## Reading it

- A detector says *that* the error changed. Where only the inputs moved, to rows that are harder by nature,
  nearly all of them speak, and so does the windowed error change; of the measures here the concept part alone
  tells the two apart.
- A delay counts only beside the false alarms. Eddm is quick because it rings every 450 rows anyway;
  its delay on a slow change is mostly the wait for its next false alarm, and it should not page anybody.
- A window cannot speak before it is full: on a large jump detectors are quicker, on a small or slow change a
  window of this size is about as quick as the best of those that seldom ring without cause.
- Kswin compares 30 rows with 30: with errors of 0 and 1 it sees large jumps only. It is meant for errors of
  any size.
- A detector takes rows as independent. Errors that share a day's weather are not: expect more false alarms on
  such data than here."""

BIAS = """## How many cells?

The stream whose inputs moved and whose relation did not: the concept part should be 0. What is left is
movement inside the cells. The windows after the change, all runs together: the mean error change, the mean
concept part, its share of the change, its standard deviation over the windows, the mean of the standard error
that is written beside it, and alarms. More cells take away bias and hardly add variance.

| cells asked for | error change | concept part | share | deviation | standard error | alarms |
|---|---|---|---|---|---|---|"""

if __name__ == "__main__":
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text(page(measured(), [_bias(wanted, by_cells(wanted)) for wanted in CELLS]))
