"""Calibrate drift thresholds for a target false-alarm rate.

Windows of the real size are drawn from the reference itself, in blocks (`block_resampling`), and compared
with it by each method: the method's own null distribution. A window alarms when any test of any column is
beyond its threshold. All tests get the same marginal rate, the one at which the share of drawn windows with
at least one test beyond it is the rate asked for: the single-step min-p procedure of P. H. Westfall and S. S.
Young (1993). It uses how the columns go together, where Bonferroni assumes the worst, and a column may be
tested by several methods without more false alarms.

What is promised: windows drawn in the same way with another seed alarm at the rate asked for, to about a
fifth of it at one in 100. That reaches as far as drawn windows resemble real ones, and no farther; so every
calibration is tried on consecutive rows of the reference and says how often they alarm. The windows are drawn
from the reference's own rows: the reference's own sampling error and whatever it never saw are left out.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from service.core.measurement import Worse
from service.errors import ConfigurationError
from service.methods.drift.columns import deciding, methods_of
from service.methods.stats.unmeasurable import Unmeasurable
from tests.benchmarks.resampled_thresholds import block_resampling, null_distribution, tail

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from service.core.rows.batch import Batch
    from service.core.rows.schema import Schema
    from service.methods.drift.columns import DriftPlan
    from service.methods.drift.method import Method
    from tests.benchmarks.resampled_thresholds.block_resampling import Resampling
    from tests.benchmarks.resampled_thresholds.null_distribution import Coded, Form

    Test = tuple[str, str]  # a column and the full name of a method
    Progress = Callable[[float], None]

VERSION = 2
LARGEST_RATE = 0.5
MAX_DRAWS, MIN_DRAWS, ROWS_DRAWN = 8_000, 2_000, 40_000_000
CELLS_AT_ONCE = 200_000  # a matrix of 1.6 MB stays in the processor's cache
NEVER = -1.0  # a p-value threshold that no p-value reaches
CHECKED = 1_000  # windows in one piece that a calibration is tried on
MIN_PIECES = 2.0  # a reference of fewer windows than that has no sample of them
_STEADY, _UNMEASURED = "the drawn windows do not differ", "no drawn window could be measured"


@dataclass(frozen=True, slots=True)
class Calibration:
    """Thresholds for windows of `rows` rows: `rate` false alarms per window over all its columns together.

    draws, seed, block: how many windows were drawn, from which seed, in blocks of how many rows.
    thresholds: by column and full method name, on the method's own scale.
    uncalibrated: why a test kept its plan's threshold.
    alarmed: the share of the drawn windows that these thresholds alarm on.
    consecutive: that share of windows cut from the reference in one piece; far above `rate`, drawn windows
        did not resemble real ones. None where the reference is shorter than two windows.
    reference: the reference's fingerprint, as the caller gave it.
    """

    rate: float
    rows: int
    draws: int
    seed: int
    block: int
    thresholds: Mapping[Test, float]
    uncalibrated: Mapping[Test, str] = field(default_factory=dict)
    alarmed: float = 0.0
    consecutive: float | None = None
    reference: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return plain lists, numbers and texts, from which `from_json` makes an equal calibration."""
        return {
            "version": VERSION,
            "rate": self.rate,
            "rows": self.rows,
            "draws": self.draws,
            "seed": self.seed,
            "block": self.block,
            "thresholds": [[*test, value] for test, value in self.thresholds.items()],
            "uncalibrated": [[*test, reason] for test, reason in self.uncalibrated.items()],
            "alarmed": self.alarmed,
            "consecutive": self.consecutive,
            "reference": self.reference,
        }


def from_json(content: Mapping[str, Any]) -> Calibration:
    """Return what `as_json` was made of.

    Raises ConfigurationError for another version: calibrate again.
    """
    if content.get("version") != VERSION:
        raise ConfigurationError(
            f"calibration: stored in version {content.get('version')}, expected {VERSION}; calibrate again"
        )
    return Calibration(
        content["rate"],
        content["rows"],
        content["draws"],
        content["seed"],
        content["block"],
        {(column, method): value for column, method, value in content["thresholds"]},
        {(column, method): reason for column, method, reason in content["uncalibrated"]},
        content["alarmed"],
        content["consecutive"],
        content["reference"],
    )


def calibrate(
    reference: Batch,
    schema: Schema,
    plan: DriftPlan,
    *,
    rows: int,
    rate: float,
    seed: int,
    block: int | None = None,
    period: int | None = None,
    draws: int | None = None,
    fingerprint: str = "",
    progress: Progress | None = None,
) -> Calibration:
    """Find the thresholds for windows of `rows` rows, at `rate` false alarms per window over all columns.

    `reference` holds the reference's rows in event-time order. A column is tested by those of its methods
    that decide by `plan`; what is measured over all columns together is one test more, of the column "".
    `block` is how many consecutive rows are drawn together. None takes short blocks where the reference's own
    consecutive windows alarm no oftener than chance allows, and else windows in one piece. `period`: see
    `block_resampling.plan`. A window larger than the reference draws rows more than once; its thresholds are
    those of a reference that goes on as it was. `progress` is called with the share done. Equal arguments
    give equal results. Raises ConfigurationError for a rate outside (0, 0.5], no rows, no draws, and names
    that `plan` got wrong.
    """
    count = _draws(rate, rows, draws)
    lengths = (block,) if block is not None else (block_resampling.short(max(rows, 1)), rows)
    drawings = [block_resampling.plan(reference.event_time, rows, block=b, period=period) for b in lengths]
    coded = {column.name: null_distribution.code(reference, column) for column in schema.columns}
    chosen = _tests(coded, plan)
    forms, unmeasurable = _forms(chosen, coded, rows)
    joint: dict[str, Any] = {}
    report = progress or (lambda _: None)

    def drawn_as(part: int) -> tuple[NDArray[np.float64], list[float | None], float | None]:
        random = np.random.default_rng([seed, rows, drawings[part].block])
        own = _part(report, part, len(drawings))
        scores = _scores(forms, coded, joint, drawings[part], draws=count, random=random, progress=own)
        marks = tail.marks(scores, rate)
        pieces = _pieces(reference, rows)
        if pieces is None:
            return scores, marks, None
        cut = _scores(forms, coded, joint, pieces, draws=CHECKED, random=random, progress=_no_progress)
        return scores, marks, tail.alarmed(cut, _limits(marks))

    part = 0
    scores, marks, consecutive = drawn_as(part)
    if len(drawings) > 1 and (consecutive or 0.0) > _acceptable(rate, rows, reference.rows):
        part = 1
        scores, marks, consecutive = drawn_as(part)
    report(1.0)
    beyond = dict(zip([*forms, *(("", metric) for metric in joint)], marks, strict=True))
    thresholds = {
        test: _threshold(method, forms, beyond, plan, test)
        for test, method in chosen.items()
        if method.in_worker is None  # the plan's own holds
    }
    thresholds |= {test: mark for test, mark in beyond.items() if not test[0] and mark is not None}
    steady = {
        test: _UNMEASURED if np.isnan(column).all() else _STEADY
        for (test, mark), column in zip(beyond.items(), scores.T, strict=True)
        if mark is None
    }
    alarmed = tail.alarmed(scores, _limits(marks))
    return Calibration(
        rate,
        rows,
        count,
        seed,
        drawings[part].block,
        thresholds,
        unmeasurable | steady,
        alarmed,
        consecutive,
        fingerprint,
    )


def _draws(rate: float, rows: int, asked: int | None) -> int:
    if not 0.0 < rate <= LARGEST_RATE:
        raise ConfigurationError(f"calibration: the rate is {rate}; expected more than 0, at most 0.5")
    if asked is not None and asked < 1:
        raise ConfigurationError(f"calibration: draws is {asked}; expected 1 or more")
    return asked or min(MAX_DRAWS, max(MIN_DRAWS, ROWS_DRAWN // max(rows, 1)))


def _part(progress: Progress, part: int, parts: int) -> Progress:
    return lambda done: progress((part + done) / parts)


def _limits(marks: Sequence[float | None]) -> list[float]:
    return [math.inf if mark is None else mark for mark in marks]


def _acceptable(rate: float, rows: int, reference_rows: int) -> float:
    # The rate and two standard errors of it over as many windows as fit into the reference.
    return rate + 2.0 * math.sqrt(rate * (1.0 - rate) * rows / reference_rows)


def _pieces(reference: Batch, rows: int) -> Resampling | None:
    if reference.rows < MIN_PIECES * rows:
        return None
    return block_resampling.plan(reference.event_time, rows, block=rows, period=0)


def _no_progress(_: float) -> None:
    pass


def _tests(coded: Mapping[str, Coded], plan: DriftPlan) -> dict[Test, Method]:
    tests = {}
    for name, column in coded.items():
        methods = methods_of(plan, column.column, column.reference, column.reference)
        for method in deciding(plan, methods):
            if not method.matched:
                tests[name, method.full_name] = method
    return tests


def _forms(
    tests: Mapping[Test, Method], coded: Mapping[str, Coded], rows: int
) -> tuple[dict[Test, Form], dict[Test, str]]:
    forms, reasons = {}, {}
    for test, method in tests.items():
        try:
            forms[test] = null_distribution.form_of(method, coded[test[0]], rows)
        except Unmeasurable as reason:
            reasons[test] = str(reason)
    return forms, reasons


def _scores(
    forms: Mapping[Test, Form],
    coded: Mapping[str, Coded],
    joint: Mapping[str, Any],
    resampling: Resampling,
    *,
    draws: int,
    random: np.random.Generator,
    progress: Progress,
) -> NDArray[np.float64]:
    widest = max([resampling.rows, *(column.width for column in coded.values())])
    at_once = max(1, CELLS_AT_ONCE // widest)
    scores = np.full((draws, len(forms) + len(joint)), np.nan)
    for start in range(0, draws, at_once):
        stop = min(start + at_once, draws)
        drawn = block_resampling.draw(resampling, stop - start, random)
        for name, column in coded.items():
            mine = [(index, test) for index, test in enumerate(forms) if test[0] == name]
            if not mine:
                continue
            counts = column.counted(drawn)
            for index, test in mine:
                scores[start:stop, index] = forms[test].scores(counts)
        for index, score in enumerate(joint.values(), len(forms)):
            scores[start:stop, index] = score(drawn)
        progress(stop / draws)
    return scores


def _threshold(
    method: Method,
    forms: Mapping[Test, Form],
    beyond: Mapping[Test, float | None],
    plan: DriftPlan,
    test: Test,
) -> float:
    mark = beyond.get(test)
    if mark is None:
        # Its scatter is unknown, as that of a constant column: the plan's threshold holds.
        named = plan.thresholds.get(method.full_name, plan.thresholds.get(method.name))
        return method.threshold if named is None else named
    value = forms[test].value(mark)
    if method.worse is Worse.LOWER and value <= null_distribution.SMALLEST_P:
        return NEVER
    return value
