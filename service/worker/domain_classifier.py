"""A classifier that learns which side a row comes from. Imported in the worker process alone.

Histogram gradient boosting (scikit-learn) in five folds: each row is scored by a classifier that has not seen
it. It takes missing values as they are, so that a column that goes missing tells the sides apart as well.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.inspection import permutation_importance
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold

from service.core.measurement import TWO_SIDED_95
from service.core.rows.batch import Labels, Numbers
from service.core.worker_call import Answer

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from numpy.typing import NDArray

    from service.core.rows.batch import ColumnRows

    Floats = NDArray[np.float64]

SEED = 20_130_101
FOLDS, ITERATIONS, LEAVES, SHUFFLES = 5, 60, 15, 3
MAX_CATEGORIES = 250  # the classifier takes 255; the rarer ones are one
MIN_THRESHOLD = 0.55  # Evidently's for its own domain classifier
DEVIATIONS = 3.0
NO_SKILL = 0.5


def tell_apart(
    columns: Mapping[str, tuple[ColumnRows, ColumnRows]], own_threshold: bool
) -> dict[str, Answer]:
    """Return the AUC under the empty key, and under each column's name what it loses without the column.

    A column comes as the reference's rows and the window's. The AUC is the mean over the folds, its band that
    of one test on all rows. With `own_threshold` the answer brings one: see `threshold_for`.
    """
    given = [_feature(*sides) for sides in columns.values()]
    features = np.column_stack(given)
    before = len(_numbers(next(iter(columns.values()))[0]))
    after = len(features) - before
    sides = np.repeat([0, 1], [before, after])
    coded = [isinstance(reference, Labels) for reference, _ in columns.values()]
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=SEED).split(features, sides)
    scored = [_scored(features, sides, coded, seen, unseen) for seen, unseen in folds]
    value = float(np.mean([auc for auc, _ in scored]))
    losses = np.mean([lost for _, lost in scored], axis=0)
    error = TWO_SIDED_95 * standard_error(value, before, after)
    whole = Answer(
        value,
        threshold=threshold_for(before, after) if own_threshold else None,
        low=max(0.0, value - error),
        high=min(1.0, value + error),
    )
    return {"": whole} | {name: Answer(float(lost)) for name, lost in zip(columns, losses, strict=True)}


def standard_error(auc: float, negatives: int, positives: int) -> float:
    """Return the standard error of an AUC (J. A. Hanley and B. J. McNeil, Radiology 143, 1982)."""
    square = auc * auc
    first, second = auc / (2.0 - auc) - square, 2.0 * square / (1.0 + auc) - square
    variance = auc * (1.0 - auc) + (positives - 1) * first + (negatives - 1) * second
    return math.sqrt(max(variance, 0.0) / (negatives * positives))


def threshold_for(negatives: int, positives: int) -> float:
    """Return from where sides differ: 0.55, or three standard errors above 0.5 where that is more."""
    return max(MIN_THRESHOLD, NO_SKILL + DEVIATIONS * standard_error(NO_SKILL, negatives, positives))


def _scored(
    features: Floats, sides: NDArray[np.intp], coded: list[bool], seen: Any, unseen: Any
) -> tuple[float, Floats]:
    # The classifier refuses a column without any value to learn from: that one is the same for every row.
    silent = np.isnan(features[seen]).all(axis=0)
    features = np.where(silent, 0.0, features)
    model = HistGradientBoostingClassifier(
        max_iter=ITERATIONS,
        max_leaf_nodes=LEAVES,
        categorical_features=coded,
        early_stopping=False,
        random_state=SEED,
    ).fit(features[seen], sides[seen])
    auc = roc_auc_score(sides[unseen], model.predict_proba(features[unseen])[:, 1])
    shuffled = permutation_importance(
        model, features[unseen], sides[unseen], scoring="roc_auc", n_repeats=SHUFFLES, random_state=SEED
    )
    return float(auc), shuffled.importances_mean


def _feature(reference: ColumnRows, current: ColumnRows) -> Floats:
    if isinstance(reference, Labels) and isinstance(current, Labels):
        return _categories(reference, current)
    values = np.concatenate([_numbers(reference), _numbers(current)])
    # By rank: a tree asks for no more, and infinities are numbers like others.
    _, ranks = np.unique(values, return_inverse=True)
    return np.where(np.isnan(values), np.nan, ranks.astype(np.float64))


def _numbers(column: ColumnRows) -> Floats:
    if isinstance(column, Labels):
        return column.codes.astype(np.float64)
    return column.values if isinstance(column, Numbers) else column.lengths


def _categories(reference: Labels, current: Labels) -> Floats:
    # One code a category over both sides, the most frequent first; -1, missing, is NaN.
    texts = [side.labels for side in (reference, current)]
    names, places = np.unique(np.concatenate(texts), return_inverse=True)
    start = len(texts[0])
    codes = np.concatenate(
        [
            np.append(own, -1)[side.codes]
            for side, own in ((reference, places[:start]), (current, places[start:]))
        ]
    )
    counts = np.bincount(codes[codes >= 0], minlength=len(names))
    rank: Floats = np.empty(len(names) + 1)
    rank[:-1][np.argsort(-counts, kind="stable")] = np.minimum(np.arange(len(names)), MAX_CATEGORIES)
    rank[-1] = np.nan
    found: Floats = rank[codes]
    return found
