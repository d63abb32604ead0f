"""Evidently's own statistical tests on rows that come as counts. Imported in the worker process alone."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from evidently.legacy.calculations import stattests  # noqa: F401 - registers the tests
from evidently.legacy.calculations.stattests.registry import get_registered_stattest
from evidently.legacy.core import ColumnType

from service.core.question import Answer
from service.core.schema import Kind

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from service.core.distribution import Values

    Counted = tuple[Values, NDArray[np.int64]]

COLUMN_TYPES = {Kind.NUMERICAL: ColumnType.Numerical, Kind.CATEGORICAL: ColumnType.Categorical}


def score(name: str, kind: str, reference: Counted, current: Counted) -> dict[str, Answer]:
    """Return the score of Evidently's test `name`; a side is its sorted distinct values and their counts."""
    column_type = COLUMN_TYPES[Kind(kind)]
    before, now = (pd.Series(np.repeat(values, counts)) for values, counts in (reference, current))
    result = get_registered_stattest(name, column_type)(before, now, column_type, None)
    value = float(result.drift_score)
    if not math.isfinite(value):
        return {"": Answer(reason=f"Evidently's test gives {value} for these rows")}
    return {"": Answer(value)}
