"""Simulate how often performance alarms are false, and how soon they find what is worse.

`python -m tests.benchmarks.performance_alarms` prints tables as Markdown, for the docs' page of that name;
with `few` that of few labels alone.
Every share has a 95 % interval: Wilson's, for as many independent windows as its variance over the references
amounts to.
"""

from __future__ import annotations

import math
import sys
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from service.core.measurement import Worse
from service.core.profile import profile
from service.core.profile.outcome import outcome
from service.core.profile.outcome.outcome_days import DAY
from service.core.reference import outcome_blocks, reference
from service.core.reference.outcome_blocks import OutcomeBlockRules
from service.core.rows.batch import Batch, Labels, Numbers
from service.core.rows.schema import Column, Kind, Role, Schema
from service.core.rows.task import Binary
from service.methods.performance.block_spread import Block, Spread, spread_of
from service.methods.performance.judge import Judging
from service.methods.performance.metric import MetricValue
from service.methods.performance.performance import values_by_name
from service.methods.performance.reference_limits import fit_limits
from service.methods.performance.registry import OF_ERRORS, OF_LABELS
from service.methods.performance.segments import measure_segments
from service.methods.performance.tolerance import Evidence, Tolerance, ToleranceTest, follow
from service.methods.stats.confidence_bands import share_band, student

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from service.methods.performance.metric import AnyMetric

    Floats = NDArray[np.float64]

RATE = 0.01
WINDOWS = 20  # per reference
ROWS = 100  # of a day
METRICS: dict[str, AnyMetric] = {each.name: each for each in (*OF_ERRORS, *OF_LABELS)}
UNITS = 1 << 1074


class Case(NamedTuple):
    """What is drawn: rows of a metric on days whose levels differ by `spread` and go together by `rho`.

    `heavy` errors are lognormal, with a sigma of 1.5.
    """

    metric: str
    days: int
    window: int
    rho: float = 0.0
    spread: float = 0.15
    rows: int = 100
    heavy: bool = False


def levels(draw: np.random.Generator, shape: tuple[int, int], rho: float) -> Floats:
    """Draw AR(1) levels of days, variance 1, one series per row."""
    noise = draw.normal(size=shape)
    found = np.empty(shape)
    found[:, 0] = noise[:, 0]
    for day in range(1, shape[1]):
        found[:, day] = rho * found[:, day - 1] + math.sqrt(1.0 - rho**2) * noise[:, day]
    return found


def values(draw: np.random.Generator, case: Case, level: Floats) -> Floats:
    """Draw each row's contribution to the metric; the rows of a day share its level."""
    shape = (*level.shape, case.rows)
    if case.metric == "accuracy":
        chance = 1.0 / (1.0 + np.exp(-(2.0 + 3.0 * case.spread * level)))
        return (draw.uniform(size=shape) < chance[..., None]).astype(np.float64)
    if case.metric == "mean_error":
        return draw.normal(size=shape) + 2.0 * case.spread * level[..., None]
    if case.heavy:
        return np.exp(1.5 * draw.normal(size=shape) + case.spread * level[..., None])
    return np.abs(draw.normal(size=shape)) * np.exp(case.spread * level)[..., None]


def band_of(case: Case, value: float, squares: float, rows: int) -> tuple[float, float]:
    """Return the metric's own 95 % band over independent rows."""
    if case.metric == "accuracy":
        return share_band(value, rows)
    half = student(rows - 1) * math.sqrt(max(squares / rows - value**2, 0.0) / (rows - 1))
    if case.metric == "mean_error":
        return value - half, value + half
    return value * math.exp(-half / value), value * math.exp(half / value)


def spread_in(case: Case, rows: Floats) -> Spread:
    """Return what the reference's days say of the metric."""
    sums, count = rows.sum(axis=-1), rows.size
    total = float(sums.sum())
    band = band_of(case, total / count, float((rows**2).sum()), count)
    whole = MetricValue(total / count, count, None, lambda: band)
    left = [Block(case.rows, (total - each) / (count - case.rows)) for each in sums.tolist()]
    found = spread_of(METRICS[case.metric], whole, count, left, [])
    assert isinstance(found, Spread)
    return found


def shown(shares: Floats) -> str:
    """Return the mean of the references' shares with its interval, in per cent, and their 90 % range."""
    mean, error = float(shares.mean()), float(shares.std()) / math.sqrt(len(shares))
    rows = mean * (1.0 - mean) / error**2 if error > 0.0 and 0.0 < mean < 1.0 else len(shares)
    low, high = share_band(mean, max(rows, 1.0))
    return f"{100 * mean:.1f} ({100 * low:.1f} to {100 * high:.1f})"


def share_of(found: int, count: int) -> str:
    """Return a share with Wilson's interval, in per cent."""
    low, high = share_band(found / count, count)
    return f"{100 * found / count:.1f} ({100 * low:.1f} to {100 * high:.1f})"


def own_limits(case: Case, references: int, seed: int) -> tuple[Floats, Floats, Floats]:
    """Return by reference the share of windows beyond its own limit, on the worse and on the better side.

    The third is the share on the worse side of windows whose losses are half as large again.
    """
    draw = np.random.default_rng(seed)
    worse, better, found = np.zeros(references), np.zeros(references), np.zeros(references)
    for place in range(references):
        spread = spread_in(case, values(draw, case, levels(draw, (1, case.days), case.rho)[0]))
        window = values(draw, case, levels(draw, (WINDOWS, case.window), case.rho)).mean(axis=(1, 2))
        both = 2.0 if case.metric == "mean_error" else 1.0
        low, high = spread.limits([case.rows] * case.window, RATE / both)
        above, below = (window >= high).mean(), (window <= low).mean()
        if case.metric == "mean_error":
            above, below = above + below, 0.0
        worse[place], better[place] = (below, above) if case.metric == "accuracy" else (above, below)
        found[place] = (1.5 * window >= high).mean()
    return worse, better, found


def few_labels(case: Case, rows: int, references: int, seed: int) -> tuple[Floats, Floats, Floats]:
    """Return by reference the share of windows that are worse, beyond the better limit, and said better.

    A window has so many labelled rows of a day, however many a day of the reference has.
    """
    draw, lower = np.random.default_rng(seed), case.metric == "accuracy"
    found = np.zeros((3, references))
    for place in range(references):
        spread = spread_in(case, values(draw, case, levels(draw, (1, case.days), case.rho)[0]))
        few = case._replace(rows=rows)
        ends = spread.limits([rows] * case.window, RATE)
        for window in values(draw, few, levels(draw, (WINDOWS, case.window), case.rho)):
            value = float(window.mean())
            low, high = band_of(few, value, float((window**2).sum()), window.size)
            worse, better = (
                (value <= ends[0], value > ends[1]) if lower else (value >= ends[1], value < ends[0])
            )
            sure = low > spread.value if lower else high < spread.value
            found[:, place] += [worse, better, better and sure]
    return found[0] / WINDOWS, found[1] / WINDOWS, found[2] / WINDOWS


def few_table(references: int) -> Iterator[str]:
    """Yield the lines of the table of few labels."""
    yield (
        "| metric | rows of a day: reference, window | window, days | worse, % | beyond the better limit, % "
        "| said to be better, % |"
    )
    yield "|---|---|---|---|---|---|"
    cases = [
        (Case(metric, 31, window, rows=own, heavy=heavy), rows)
        for metric, heavy, own, rows in (
            ("mae", False, 3, 3),
            ("accuracy", False, 5, 5),
            ("mae", False, 100, 5),
            ("accuracy", False, 100, 5),
            ("mae", True, 100, 100),
            ("mae", True, 10, 10),
            ("mae", True, 100, 5),
        )
        for window in (1, 7)
    ]
    for place, (case, rows) in enumerate(cases):
        shares = few_labels(case, rows, references, 500 + place)
        name = f"{case.metric}{', heavy errors' if case.heavy else ''}"
        yield f"| {name} | {case.rows}, {rows} | {case.window} | {' | '.join(map(shown, shares))} |"


SCORED = Schema(
    (Column("score", Kind.NUMERICAL, Role.PREDICTION), Column("label", Kind.CATEGORICAL, Role.TARGET)),
    Binary("label", None, "score", positive=("yes",)),
)


def scored(draw: np.random.Generator, days: int, first: int = 0) -> Batch:
    """Draw rows of a classifier whose scores tell the classes apart better on some days than on others."""
    truth = draw.integers(0, 2, (days, ROWS))
    apart = 0.8 * np.exp(0.3 * draw.normal(size=(days, 1)))
    score = 1.0 / (1.0 + np.exp(-(apart * (2 * truth - 1) + draw.normal(size=truth.shape))))
    times = (np.repeat(np.arange(days), ROWS) + first) * DAY
    labels = Labels(truth.ravel(), np.array(["no", "yes"]))
    return Batch(truth.size, times.astype(np.int64), {"score": Numbers(score.ravel()), "label": labels})


def ranked_limits(names: tuple[str, ...], days: int, window: int, references: int) -> dict[str, list[Floats]]:
    """Return by metric the shares of windows on the worse and on the better side, as `own_limits` does."""
    draw, task = np.random.default_rng(days + window), SCORED.task
    assert task is not None
    found = {name: [np.zeros(references), np.zeros(references)] for name in names}
    for place in range(references):
        batch = scored(draw, days)
        whole = outcome.of(batch, task, limit=batch.rows)
        limits = fit_limits(outcome_blocks.of(batch, SCORED, OutcomeBlockRules()), whole, task, names)
        for _ in range(WINDOWS):
            now = outcome.of(scored(draw, window), task, limit=batch.rows)
            for name, (metric, value) in values_by_name(task, now, frozenset(names)).items():
                spread = limits.metrics[name]
                assert isinstance(spread, Spread)
                assert value.value is not None
                low, high = spread.limits([ROWS] * window, RATE)
                sides = value.value <= low, value.value >= high
                worse, better = sides if metric.worse is Worse.LOWER else sides[::-1]
                found[name][0][place] += worse / WINDOWS
                found[name][1][place] += better / WINDOWS
    return found


def written_limits(case: Case, references: int, seed: int) -> tuple[Floats, Floats, Floats]:
    """Return by reference the share of windows that breach a limit at the truth.

    By the value alone, by the band over independent rows, and by the band for days that differ.
    """
    draw = np.random.default_rng(seed)
    truth = float(values(draw, case, levels(draw, (2_000, case.window), 0.0)).mean())
    found = np.zeros((3, references))
    for place in range(references):
        spread = spread_in(case, values(draw, case, levels(draw, (1, case.days), case.rho)[0]))
        rows = values(draw, case, levels(draw, (WINDOWS, case.window), case.rho))
        count = case.rows * case.window
        for window in rows:
            value = float(window.mean())
            low, high = band_of(case, value, float((window**2).sum()), count)
            times = Judging(RATE).band_multiplier(count)
            lower = case.metric == "accuracy"
            length = (high - value) if lower else (value - low)
            beyond = (truth - value) if lower else (value - truth)
            widened = times * spread.widening([case.rows] * case.window)
            found[:, place] += [beyond >= 0.0, beyond >= times * length, beyond >= widened * length]
    return found[0] / WINDOWS, found[1] / WINDOWS, found[2] / WINDOWS


def evidence(
    mean: float, rho: float, runs: int, *, seed: int, noise: float = 0.3, days: int = 365
) -> tuple[int, list[int]]:
    """Return how many runs ever alarm, and the day of each alarm; a day's mean loss is `mean` levels."""
    draw = np.random.default_rng(seed)
    test = ToleranceTest(METRICS["mae"], 0, Tolerance(0.1), RATE, 1.0)
    width = math.sqrt(math.log(1.0 + noise**2))
    losses = mean * np.exp(width * levels(draw, (runs, days), rho) - width**2 / 2.0)
    first = []
    for run in losses.tolist():
        found = Evidence()
        for day, loss in enumerate(run):
            found = follow(test, found, [{day: (1, int(loss * 2**60) * (UNITS >> 60))}], day)
            if found.raised:
                first.append(day + 1)
                break
    return len(first), first


SCHEMA = Schema(
    (
        Column("place", Kind.CATEGORICAL),
        Column("guess", Kind.NUMERICAL, Role.PREDICTION),
        Column("truth", Kind.NUMERICAL, Role.TARGET),
    )
)


def segments(worse: int, size: int, windows: int, seed: int) -> tuple[int, int, float, float]:
    """Return in how many windows a segment is named, how many are wrongly, the false share, the found share.

    Of 50 segments of `size` rows all have their true error at the threshold, `worse` of them 1.5 times that.
    """
    draw = np.random.default_rng(seed)
    places, level = 50, 10.0 / math.sqrt(2.0 / math.pi)
    names = np.array([f"p{place:02d}" for place in range(places)])

    def batch(errors: Floats) -> Batch:
        codes = np.tile(np.arange(places), errors.shape[0])
        times = np.zeros(errors.size, dtype=np.int64)
        columns = {"guess": Numbers(errors.ravel()), "truth": Numbers(np.zeros(errors.size))}
        return Batch(errors.size, times, {**columns, "place": Labels(codes, names)})

    made = reference.of(batch(np.ones((2, places))), SCHEMA, by=("place",))
    scale = np.where(np.arange(places) < worse, 1.5, 1.0) * level
    any_named = wrong = 0
    false, found = 0.0, 0.0
    for _ in range(windows):
        now = profile.of(batch(draw.normal(size=(size, places)) * scale), SCHEMA, made.spec)
        measured = measure_segments(made.profile, now, SCHEMA.task, {"mae": 10.0}, rate=RATE)
        named = [int(each.series.segment[-2:]) for each in measured if each.breached]
        mistaken = sum(place >= worse for place in named)
        any_named += bool(named)
        wrong += bool(mistaken)
        false += mistaken / max(len(named), 1)
        found += (len(named) - mistaken) / max(worse, 1)
    return any_named, wrong, false / windows, found / windows


def tables(references: int) -> Iterator[str]:
    """Yield the lines of the page."""
    yield "| metric | reference, days | window, days | rho | worse, % | better, % | found, % |"
    yield "|---|---|---|---|---|---|---|"
    cases = [
        Case("mae", days, window, rho) for days in (10, 31, 90) for window in (1, 7) for rho in (0, 0.3, 0.6)
    ]
    cases += [Case(name, 31, window) for name in ("accuracy", "mean_error") for window in (1, 7, 31)]
    cases += [Case("mae", 31, 7, spread=0.0), Case("mae", 31, 31), Case("mae", 31, 7, rows=10)]
    for place, case in enumerate(cases):
        worse, better, found = own_limits(case, references, place)
        name = (
            case.metric
            + (", equal days" if not case.spread else "")
            + (", 10 rows a day" if case.rows == 10 else "")
        )
        other = "-" if case.metric == "mean_error" else shown(better)
        power = f"{100 * found.mean():.0f}" if case.metric == "mae" else "-"
        yield f"| {name} | {case.days} | {case.window} | {case.rho} | {shown(worse)} | {other} | {power} |"
    for window in (1, 7):
        ranked = ranked_limits(("roc_auc", "brier", "f1", "log_loss"), 31, window, references // 5)
        for name, (worse, better) in ranked.items():
            yield f"| {name} | 31 | {window} | 0 | {shown(worse)} | {shown(better)} | - |"
    yield ""
    yield "| metric | days | window, days | by value, % | band of independent rows, % | of days, % |"
    yield "|---|---|---|---|---|---|"
    for name, spread in (("mae", 0.0), ("mae", 0.15), ("accuracy", 0.0), ("accuracy", 0.15)):
        for window in (1, 7):
            case = replace_spread(Case(name, 31, window), spread)
            alone, independent, days = written_limits(case, references // 2, 100 + window)
            differ = "differ" if spread else "are equal"
            yield f"| {name} | {differ} | {window} | {shown(alone)} | {shown(independent)} | {shown(days)} |"
    yield ""
    yield from few_table(references)
    yield ""
    yield "| mean loss, in levels | rho | ever an alarm in a year, % | days to the alarm: median, 90 % |"
    yield "|---|---|---|---|"
    for mean, rho in ((0.8, 0.0), (1.0, 0.0), (1.0, 0.3), (1.0, 0.6), (1.2, 0.0), (1.5, 0.0), (2.0, 0.0)):
        runs = references
        count, first = evidence(mean, rho, runs, seed=int(mean * 10 + rho * 100))
        spent = "-" if mean <= 1.0 else f"{np.median(first):.0f}, {np.quantile(first, 0.9):.0f}"
        yield f"| {mean} | {rho} | {share_of(count, runs)} | {spent} |"
    yield ""
    yield "| worse, of 50 | rows of each | windows with a wrong name, % | wrong of the named, % | found, % |"
    yield "|---|---|---|---|---|"
    for worse, size in ((0, 10), (0, 50), (5, 50), (25, 50), (5, 200)):
        windows = references // 4
        _, wrong, false, found = segments(worse, size, windows, worse + size)
        power = "-" if not worse else f"{100 * found:.0f}"
        yield f"| {worse} | {size} | {share_of(wrong, windows)} | {100 * false:.2f} | {power} |"


def replace_spread(case: Case, spread: float) -> Case:
    """Return the case with another spread of its days."""
    return case._replace(spread=spread)


if __name__ == "__main__":
    asked = [each for each in sys.argv[1:] if each != "few"]
    count = int(asked[0]) if asked else 1_000
    for line in few_table(count) if "few" in sys.argv else tables(count):
        sys.stdout.write(line + "\n")
        sys.stdout.flush()
