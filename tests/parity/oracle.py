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

from service.core.schema import Kind

if TYPE_CHECKING:
    from service.methods.registry import Method
    from tests.distributions import Sample

TOLERANCE = 1e-9
ROOTS = {"jensenshannon", "hellinger"}
WORST_CONDITION = 1e6


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
        except (ValueError, IndexError, ZeroDivisionError, OverflowError):
            return None, None
    score = float(result.drift_score)
    return (score, bool(result.drifted)) if math.isfinite(score) else (None, None)


def is_arbitrary(name: str, reference: Sample, current: Sample) -> bool:
    """Whether rounding, or the order of a set, decides Evidently's number, so that there is none to equal.

    Up to 20 rows a side its Cramér-von Mises test counts in half precision, or fails, on NumPy 2.
    """
    if name == "cramer_von_mises":
        return max(len(reference), len(current)) <= 20
    distinct = len(np.unique(np.concatenate((reference, current))))
    if name == "es":
        return distinct > 1 and _condition(reference, current) > WORST_CONDITION
    return (name == "fisher_exact" and distinct > 2) or (name == "t_test" and distinct == 1)


def _condition(reference: Any, current: Any) -> float:
    # Of the covariance that the Epps-Singleton test inverts: times a double's, the relative error.
    sigma = stats.iqr(np.concatenate((reference, current))) / 2.0
    if sigma == 0.0 or min(len(reference), len(current)) < 2:
        return 0.0
    points = np.array([[0.4], [0.8]]) / sigma
    waves = (np.concatenate((np.cos(points * side), np.sin(points * side))) for side in (reference, current))
    return float(np.linalg.cond(sum(np.cov(side, ddof=0) / side.shape[1] for side in waves)))


def agree(name: str, ours: float, theirs: float) -> bool:
    """Whether two values are equal to 1e-9 (relative above one).

    Two distances are roots: near zero the root turns the last bit of a sum into 1e-8, in Evidently's own
    value as well, so there their squares are compared to the last bits.
    """
    if math.isclose(ours, theirs, rel_tol=TOLERANCE, abs_tol=TOLERANCE):
        return True
    return name in ROOTS and abs(ours * ours - theirs * theirs) <= 1e-14


def cleaned(sample: Any) -> Any:
    """Return what Evidently tests: NaN and infinities are dropped before any test."""
    return pd.Series(sample).replace([-np.inf, np.inf], np.nan).dropna().to_numpy()
