"""A band covers what very many rows give in about 95 of 100 windows, and is wide where a window is small."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy import stats

from service.core.rows.task import Binary, Multiclass, Regression
from service.methods.stats import confidence_bands
from tests.unit.methods.build import performance

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from service.core.rows.task import Task

    Draw = Callable[[np.random.Generator, int], Mapping[str, NDArray]]

WINDOWS = 400
MANY = 400_000
# Order statistics of few rows leave a side open; the calibration error's band counts noise twice.
OPEN_OR_LONG = {"absolute_error_p90", "absolute_error_p99", "calibration_error"}
REGRESSION = Regression("guess", "truth")
BINARY = Binary("truth", score="score")


def normal_errors(draw: np.random.Generator, rows: int) -> Mapping[str, NDArray]:
    """Draw from a model that explains most of its target."""
    truth = draw.normal(10.0, 2.0, rows)
    return {"guess": truth + draw.normal(0.2, 1.0, rows), "truth": truth}


def regressed_errors(draw: np.random.Generator, rows: int) -> Mapping[str, NDArray]:
    """Draw from a weak model that predicts towards the mean: large errors stand at the ends of the target."""
    cause = draw.normal(size=rows)
    return {"guess": 50.0 + cause, "truth": 50.0 + cause + draw.normal(0, 2.0, rows)}


def skewed_errors(draw: np.random.Generator, rows: int) -> Mapping[str, NDArray]:
    """Draw whole minutes with a tail, and errors that grow with them."""
    truth = np.round(draw.gamma(3.0, 40.0, rows)) + 20.0
    return {"guess": truth * draw.normal(1.02, 0.08, rows), "truth": truth}


def scored(*, share: float, distance: float, spread: float = 1.0, steps: int = 0) -> Draw:
    """Return two normal classes, their scores calibrated where `spread` is 1, of `steps` values if any."""

    def draw_rows(draw: np.random.Generator, rows: int) -> Mapping[str, NDArray]:
        truth = draw.uniform(size=rows) < share
        place = draw.normal(size=rows) * np.where(truth, spread, 1.0) + distance * truth
        odds = place * distance - distance**2 / 2 + math.log(share / (1 - share))
        score = 1.0 / (1.0 + np.exp(-odds))
        return {
            "truth": truth.astype(float),
            "score": (np.floor(score * steps) + 0.5) / steps if steps else score,
        }

    return draw_rows


def overconfident(draw: np.random.Generator, rows: int) -> Mapping[str, NDArray]:
    """Draw scores further out than the shares that come true."""
    chance = draw.beta(2.0, 2.0, rows)
    score = np.clip(0.5 + 1.6 * (chance - 0.5), 0.01, 0.99)
    return {"truth": (draw.uniform(size=rows) < chance).astype(float), "score": score}


def several_classes(draw: np.random.Generator, rows: int) -> Mapping[str, NDArray]:
    """Draw three classes, one of them rare."""
    truth = draw.choice([0.0, 1.0, 2.0], rows, p=[0.6, 0.3, 0.1])
    other = draw.choice([0.0, 1.0, 2.0], rows)
    return {"truth": truth, "guess": np.where(draw.uniform(size=rows) < 0.7, truth, other)}


CASES: dict[str, tuple[Task, Draw, int]] = {
    "normal errors": (REGRESSION, normal_errors, 60),
    "errors against the target": (REGRESSION, regressed_errors, 150),
    "skewed errors": (REGRESSION, skewed_errors, 200),
    "scores": (BINARY, scored(share=0.4, distance=1.5), 120),
    "rare positives": (BINARY, scored(share=0.1, distance=1.5), 300),
    "strong scores": (BINARY, scored(share=0.5, distance=3.0), 80),
    "positives far more alike": (BINARY, scored(share=0.6, distance=0.7, spread=0.4), 150),
    "few distinct scores": (BINARY, scored(share=0.4, distance=1.5, steps=5), 150),
    "overconfident scores": (BINARY, overconfident, 250),
    "several classes": (Multiclass("truth", "guess"), several_classes, 150),
}


@pytest.mark.parametrize("name", CASES)
def test_bands_cover_what_many_rows_give(name: str) -> None:
    """Of 400 windows 90 to 99.5 in 100 have the long-run value in their band, metric by metric."""
    task, draw_rows, rows = CASES[name]
    draw = np.random.default_rng(20130105)
    truth = {metric: m.value for metric, m in performance(task, draw_rows(draw, MANY)).items()}
    hits, tries = Counter[str](), Counter[str]()
    for _ in range(WINDOWS):
        for metric, m in performance(task, draw_rows(draw, rows)).items():
            if m.low is None and m.high is None:
                continue
            tries[metric] += 1
            hits[metric] += (m.low is None or m.low <= truth[metric]) and (
                m.high is None or truth[metric] <= m.high
            )
    shares = {metric: hits[metric] / tries[metric] for metric in tries}
    assert all(share >= 0.9 for share in shares.values()), shares
    too_long = {metric for metric, share in shares.items() if share > 0.995}
    assert too_long <= OPEN_OR_LONG, shares


@pytest.mark.parametrize("name", CASES)
def test_a_small_window_reads_as_one(name: str) -> None:
    """With a sixteenth of the rows every band is more than twice as wide, and the value is in its band."""
    task, draw_rows, rows = CASES[name]
    draw = np.random.default_rng(20130106)
    large = performance(task, draw_rows(draw, 64 * rows))
    small = performance(task, draw_rows(draw, 4 * rows))
    for metric, m in large.items():
        if m.low is not None and m.high is not None:
            few = small[metric]
            assert m.low <= m.value <= m.high, (metric, m)
            assert few.high is None or few.high - few.low > 2.0 * (m.high - m.low), (metric, m, few)


@pytest.mark.parametrize("columns", [{"guess": [3.0], "truth": [1.0]}])
def test_one_row_has_no_band_of_a_mean(columns: dict[str, list[float]]) -> None:
    """A spread cannot be had from one row: no band rather than one of no width."""
    got = performance(REGRESSION, columns)
    for metric in ("mae", "rmse", "mean_error", "mape"):
        assert (got[metric].low, got[metric].high) == (None, None)


def test_perfect_scores_have_a_band() -> None:
    """All right in a few rows does not read as certain."""
    got = performance(BINARY, {"truth": [0.0, 0.0, 1.0, 1.0], "score": [0.1, 0.2, 0.8, 0.9]})
    for metric in ("accuracy", "precision", "recall", "f1", "roc_auc", "pr_auc"):
        assert got[metric].value == 1.0
        assert got[metric].high == pytest.approx(1.0)
        assert got[metric].low is not None
        assert got[metric].low < 0.75


@pytest.mark.parametrize("freedom", [2, 3, 5, 10, 30, 100, 1_000])
def test_student_s_point_is_scipy_s(freedom: int) -> None:
    """The series is within 1 % of SciPy's quantile from two degrees on."""
    assert confidence_bands.student(freedom) == pytest.approx(stats.t.ppf(0.975, freedom), rel=0.01)


def test_a_share_s_band_is_scipy_s() -> None:
    """Wilson's interval is SciPy's."""
    expected = stats.binomtest(7, 50).proportion_ci(method="wilson")
    assert confidence_bands.share_band(0.14, 50) == pytest.approx((expected.low, expected.high))
