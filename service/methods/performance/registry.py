"""The table of performance metrics: a row each, grouped by the state that a metric is computed from.

To add a metric, write the function that computes it and add its row here. Thresholds in monitor files, the
headline on overviews, the metrics of segments and the docs' table follow from the row, or are checked by it.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from service.core.measurement import Worse
from service.core.profile.outcome.row_losses import ABSOLUTE_ERROR, LOG_LOSS, SQUARED_DISTANCE, WRONG
from service.core.rows.task import Binary, Regression
from service.methods.performance import classification, matthews, regression, scores
from service.methods.performance.estimated import binary as estimated_binary
from service.methods.performance.estimated import ranking as estimated_ranking
from service.methods.performance.estimated import regression as estimated_regression
from service.methods.performance.metric import NOT_NEGATIVE, SHARE, Metric

if TYPE_CHECKING:
    from service.core.profile.outcome.binary import BinaryOutcome
    from service.core.profile.outcome.multiclass import MulticlassOutcome
    from service.core.profile.outcome.regression import RegressionOutcome
    from service.core.rows.task import Task
    from service.methods.performance.classification import ClassCounts, Classes
    from service.methods.performance.estimated.binary import Chances
    from service.methods.performance.estimated.regression import ExpectedLoss
    from service.methods.performance.metric import AnyMetric
    from service.methods.performance.scores import Scored

LOWER, BOTH = Worse.LOWER, Worse.BOTH

# Regression, from the errors of the labelled rows.
OF_ERRORS: tuple[Metric[RegressionOutcome], ...] = (
    Metric("mae", regression.mae, within=NOT_NEGATIVE, headline=1, loss=ABSOLUTE_ERROR),
    Metric("rmse", regression.rmse, within=NOT_NEGATIVE),
    Metric("mean_error", regression.mean_error, BOTH),
    Metric("mape", regression.mape, unit="share", within=NOT_NEGATIVE),
    Metric("r2", regression.r2, LOWER, within=(-math.inf, 1.0)),
    Metric("max_error", regression.max_error, within=NOT_NEGATIVE, of_blocks=False),
    Metric("absolute_error_p50", regression.absolute_error_quantile(0.5), within=NOT_NEGATIVE),
    Metric("absolute_error_p90", regression.absolute_error_quantile(0.9), within=NOT_NEGATIVE),
    Metric("absolute_error_p99", regression.absolute_error_quantile(0.99), within=NOT_NEGATIVE),
    Metric(
        "mape_left_out_rows",
        regression.mape_left_out_rows,
        unit="rows",
        within=NOT_NEGATIVE,
        of_blocks=False,
    ),
)
# Two classes, from the confusion counts and the rows that wait for their label.
OF_LABELS: tuple[Metric[BinaryOutcome], ...] = (
    Metric("accuracy", classification.accuracy, LOWER, "share", SHARE, headline=5, loss=WRONG),
    Metric("mcc", matthews.mcc, LOWER, within=(-1.0, 1.0)),
    Metric(
        "positive_rate",
        classification.positive_rate,
        BOTH,
        "share",
        SHARE,
        from_reference=True,
        needs_labels=False,
    ),
    Metric(
        "observed_positive_rate",
        classification.observed_positive_rate,
        BOTH,
        "share",
        SHARE,
        from_reference=True,
    ),
)
# One class, from its counts: the positive one of two classes, and each of several.
OF_ONE_CLASS: tuple[Metric[ClassCounts], ...] = (
    Metric("precision", classification.precision, LOWER, "share", SHARE),
    Metric("recall", classification.recall, LOWER, "share", SHARE),
    Metric("f1", classification.f1, LOWER, within=SHARE, headline=3),
)
# Two classes, from the scores of the labelled rows.
OF_SCORES: tuple[Metric[Scored], ...] = (
    Metric("roc_auc", scores.roc_auc, LOWER, within=SHARE, headline=2),
    Metric("pr_auc", scores.pr_auc, LOWER, within=SHARE),
    Metric("log_loss", scores.log_loss, unit="nats", within=NOT_NEGATIVE, loss=LOG_LOSS),
    Metric("brier", scores.brier, within=SHARE, loss=SQUARED_DISTANCE),
    Metric("calibration_error", scores.calibration_error, unit="share", within=SHARE, of_blocks=False),
)
# Several classes, from the confusion table.
OF_CLASSES: tuple[Metric[Classes], ...] = (
    Metric("accuracy", classification.multiclass_accuracy, LOWER, "share", SHARE, headline=5, loss=WRONG),
    Metric("f1_macro", classification.f1_macro, LOWER, within=SHARE, headline=4),
    Metric("f1_weighted", classification.f1_weighted, LOWER, within=SHARE),
)
# Several classes, from the scores of the true class.
OF_CLASS_SCORES: tuple[Metric[MulticlassOutcome], ...] = (
    Metric("log_loss", scores.multiclass_log_loss, unit="nats", within=NOT_NEGATIVE),
)
# Regression before labels come, from the reference's loss model.
OF_LOSS_MODEL: tuple[Metric[ExpectedLoss], ...] = (
    Metric("estimated_mae", estimated_regression.mae, within=NOT_NEGATIVE, needs_labels=False),
    Metric("estimated_rmse", estimated_regression.rmse, within=NOT_NEGATIVE, needs_labels=False),
)
# Two classes before labels come, from calibrated scores.
OF_CHANCES: tuple[Metric[Chances], ...] = (
    Metric("estimated_accuracy", estimated_binary.accuracy, LOWER, "share", SHARE, needs_labels=False),
    Metric("estimated_precision", estimated_binary.precision, LOWER, "share", SHARE, needs_labels=False),
    Metric("estimated_recall", estimated_binary.recall, LOWER, "share", SHARE, needs_labels=False),
    Metric("estimated_f1", estimated_binary.f1, LOWER, within=SHARE, needs_labels=False),
    Metric(
        "estimated_observed_positive_rate",
        estimated_binary.observed_positive_rate,
        BOTH,
        "share",
        SHARE,
        from_reference=True,
        needs_labels=False,
    ),
    Metric("estimated_roc_auc", estimated_ranking.roc_auc, LOWER, within=SHARE, needs_labels=False),
    Metric("estimated_pr_auc", estimated_ranking.pr_auc, LOWER, within=SHARE, needs_labels=False),
    Metric(
        "estimated_log_loss", estimated_binary.log_loss, unit="nats", within=NOT_NEGATIVE, needs_labels=False
    ),
    Metric("estimated_brier", estimated_binary.brier, within=SHARE, needs_labels=False),
)

ALL: tuple[AnyMetric, ...] = (
    *OF_ERRORS,
    *OF_LABELS,
    *OF_ONE_CLASS,
    *OF_SCORES,
    *OF_CLASSES,
    *OF_CLASS_SCORES,
    *OF_LOSS_MODEL,
    *OF_CHANCES,
)


def metrics_of(task: Task) -> tuple[AnyMetric, ...]:
    """Return what is measured of a task, each metric once; of several classes `OF_ONE_CLASS` of each."""
    if isinstance(task, Regression):
        return OF_ERRORS
    if isinstance(task, Binary):
        return (*OF_LABELS, *OF_ONE_CLASS, *(OF_SCORES if task.score is not None else ()))
    return (*OF_CLASSES, *(OF_CLASS_SCORES if task.scores else ()), *OF_ONE_CLASS)


def metrics_of_all_rows(task: Task) -> tuple[AnyMetric, ...]:
    """Return the metrics of a task that have one value of a window: of several classes, not those of each."""
    found = metrics_of(task)
    if isinstance(task, Regression | Binary):
        return found
    return tuple(metric for metric in found if metric not in OF_ONE_CLASS)


def judged_by_default(task: Task) -> tuple[str, ...]:
    """Return the metrics that the reference's own blocks judge where the monitor file says nothing.

    The one that represents the model, and a second one for what it cannot see: bias, or calibration.
    """
    if isinstance(task, Regression):
        return ("mae", "mean_error")
    if isinstance(task, Binary):
        return ("roc_auc", "brier") if task.score is not None else ("f1", "accuracy")
    return ("f1_macro", "accuracy")


def estimated_metrics_of(task: Task) -> tuple[AnyMetric, ...]:
    """Return what is estimated of a task: nothing of several classes or without a score."""
    if isinstance(task, Regression):
        return OF_LOSS_MODEL
    return OF_CHANCES if isinstance(task, Binary) and task.score is not None else ()
