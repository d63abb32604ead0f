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

from service.core.schema import Kind

if TYPE_CHECKING:
    from service.methods.registry import Method
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
        except (ValueError, ZeroDivisionError, OverflowError):
            return None, None
    score = float(result.drift_score)
    return (score, bool(result.drifted)) if math.isfinite(score) else (None, None)


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
