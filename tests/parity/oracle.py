"""Evidently's own numbers, and how closely ours have to agree with them."""

from __future__ import annotations

import math
import os
import warnings
from functools import cache
from importlib import import_module
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy import stats

from service.core.rows.schema import Kind
from service.methods.stats.epps_singleton import SINGULAR

if TYPE_CHECKING:
    from service.methods.drift.registry import Method
    from tests.distributions import Sample

TOLERANCE = 1e-9
ROOTS = {"jensenshannon", "hellinger"}


@cache
def evidently() -> SimpleNamespace:
    """Import Evidently once; it takes seconds and warns about its own dependencies."""
    os.environ.setdefault("DO_NOT_TRACK", "1")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        evidently, presets = import_module("evidently"), import_module("evidently.presets")
        registry = import_module("evidently.legacy.calculations.stattests.registry")
        kinds = import_module("evidently.legacy.core").ColumnType
    return SimpleNamespace(
        tests=registry._registered_stat_tests,
        default=registry._get_default_stattest,
        report=lambda: evidently.Report([presets.DataDriftPreset()]),
        dataset=evidently.Dataset.from_pandas,
        definition=evidently.DataDefinition,
        kinds={Kind.NUMERICAL: kinds.Numerical, Kind.CATEGORICAL: kinds.Categorical},
    )


def verdict(
    method: Method, kind: Kind, reference: Sample, current: Sample
) -> tuple[float | None, bool | None]:
    """Return Evidently's score and whether it says drift; None where it raises or gives no number."""
    known = evidently()
    kinds = known.tests[method.name]
    test = kinds.get(known.kinds[kind]) or next(iter(kinds.values()))
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            result = test(pd.Series(reference), pd.Series(current), known.kinds[kind], None)
        except (ValueError, IndexError, ZeroDivisionError, OverflowError, TypeError):
            return None, None
    score = float(result.drift_score)
    return (score, bool(result.drifted)) if math.isfinite(score) else (None, None)


def is_arbitrary(name: str, reference: Sample, current: Sample) -> bool:
    """Whether something else than the rows decides Evidently's number: a reason may stand in its place.

    It never excuses a number of ours that differs:

    - `cramer_von_mises`, up to 20 rows a side: it counts in half precision, or fails, on NumPy 2.
    - `es`, where the covariance that it inverts has no digit left: rounding decides the rank, and the order
      of the rows the number.
    - `fisher_exact` of three and more categories: the order of a set says which two are compared.
    - `t_test` of one value alone: the rounding of its mean is all the variance there is.
    """
    if name == "cramer_von_mises":
        return max(len(reference), len(current)) <= 20
    if name == "es":
        return condition(reference, current) > 0.5 / SINGULAR
    distinct = len(np.unique(np.concatenate((reference, current))))
    return (name == "fisher_exact" and distinct > 2) or (name == "t_test" and distinct == 1)


def slack(name: str, reference: Sample, current: Sample) -> float:
    """Return by how much rounding alone parts two numbers: of `es` by the condition of what it inverts."""
    return 4.0 * float(np.finfo(np.float64).eps) * condition(reference, current) if name == "es" else 0.0


def condition(reference: Any, current: Any) -> float:
    """Return the condition of the covariance that the Epps-Singleton test inverts, 0 where there is none."""
    sigma = stats.iqr(np.concatenate((reference, current))) / 2.0
    if sigma == 0.0 or min(len(reference), len(current)) < 2:
        return 0.0
    points = np.array([[0.4], [0.8]]) / sigma
    waves = (np.concatenate((np.cos(points * side), np.sin(points * side))) for side in (reference, current))
    return float(np.linalg.cond(sum(np.cov(side, ddof=0) / side.shape[1] for side in waves)))


def agree(name: str, ours: float, theirs: float, slack: float = 0.0) -> bool:
    """Whether two values are equal to 1e-9 (relative above one), or to `slack` where that is more.

    Two distances are roots: near zero the root turns the last bit of a sum into 1e-8, in Evidently's own
    value as well, so there their squares are compared to the last bits.
    """
    if math.isclose(ours, theirs, rel_tol=TOLERANCE, abs_tol=max(TOLERANCE, slack)):
        return True
    return name in ROOTS and abs(ours * ours - theirs * theirs) <= 1e-14


def cleaned(sample: Any) -> Any:
    """Return what Evidently tests: NaN and infinities are dropped before any test."""
    return pd.Series(sample).replace([-np.inf, np.inf], np.nan).dropna().to_numpy()
