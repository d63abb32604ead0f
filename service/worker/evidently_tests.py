"""Evidently's own statistical tests on rows that come as counts. Imported in the worker process alone."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from evidently.legacy.calculations import stattests  # noqa: F401 - registers the tests
from evidently.legacy.calculations.stattests.registry import get_registered_stattest
from evidently.legacy.core import ColumnType
from evidently.legacy.utils.data_drift_utils import roc_auc_random_classifier_percentile
from sklearn.model_selection import train_test_split

from service.core.rows.schema import Kind
from service.core.worker_call import Answer

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from service.core.rows.batch import Values

    Counted = tuple[Values, NDArray[np.int64]]

PERCENTILE = "perc_text_content_drift"
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


def score_texts(name: str, threshold: float, reference: list[str], current: list[str]) -> dict[str, Answer]:
    """Return the score of Evidently's text test `name`: how well a classifier tells both sides' texts apart.

    Of the percentile test the threshold is a share of random classifiers: what their ROC AUC reaches on the
    test's own half of the rows is the threshold of its score.
    """
    before, now = pd.Series(reference), pd.Series(current)
    result = get_registered_stattest(name, ColumnType.Text)(before, now, ColumnType.Text, threshold)
    value = float(result.drift_score)
    if not math.isfinite(value):
        return {"": Answer(reason=f"Evidently's test gives {value} for these texts")}
    if name != PERCENTILE:
        return {"": Answer(value)}
    sides = np.repeat([0, 1], [len(reference), len(current)])
    _, tested = train_test_split(sides, test_size=0.5, random_state=42, shuffle=True)  # as the test splits
    reached = roc_auc_random_classifier_percentile(tested, p_value=1.0 - threshold)
    return {"": Answer(value, threshold=float(reached))}
