"""Convert sampled rows to Evidently's data set: columns, kinds and roles."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from evidently import BinaryClassification, DataDefinition, MulticlassClassification, Regression

from service.core.rows.batch import Numbers, Texts
from service.core.rows.class_labels import class_labels, is_one_of
from service.core.rows.schema import Kind
from service.core.rows.task import Binary, Multiclass
from service.core.rows.task import Regression as RegressionTask

if TYPE_CHECKING:
    from service.core.rows.batch import Batch, ColumnRows
    from service.core.rows.schema import Schema
    from service.core.rows.task import Task

CLASSES = ("negative", "positive")
TRUE_CLASS, PREDICTED_CLASS = "class: true", "class: predicted"


def frame(batch: Batch, schema: Schema) -> pd.DataFrame:
    """Return rows as Evidently reads them: numbers as floats without infinities, labels as text."""
    columns = {name: _plain(batch.columns.get(name), batch.rows) for name in schema.names}
    table = pd.DataFrame(columns)
    task = schema.task
    if isinstance(task, Binary):
        table[TRUE_CLASS] = _classes(batch, task.target, task)
        table[PREDICTED_CLASS] = _predicted(batch, task)
    elif isinstance(task, Multiclass):
        for name, column in ((TRUE_CLASS, task.target), (PREDICTED_CLASS, task.prediction)):
            found = class_labels(batch.columns.get(column), batch.rows)
            table[name] = _named(found.codes, tuple(found.names))
    return table


def usable(schema: Schema, *frames: pd.DataFrame) -> list[str]:
    """Return the columns with a value on every side: Evidently's report fails on any other."""
    return [name for name in schema.names if all(table[name].notna().any() for table in frames)]


def definition(schema: Schema, names: list[str], *, performance: bool) -> DataDefinition:
    """Say what each of the columns `names` is, and with `performance` what the model was asked for."""
    kinds = {column.name: column.kind for column in schema.columns}
    classes = [TRUE_CLASS, PREDICTED_CLASS] if performance and _classifies(schema.task) else []
    return DataDefinition(
        numerical_columns=[name for name in names if kinds[name] is Kind.NUMERICAL],
        categorical_columns=[*(name for name in names if kinds[name] is Kind.CATEGORICAL), *classes],
        text_columns=[name for name in names if kinds[name] is Kind.TEXT],
        regression=_regression(schema.task) if performance else None,
        classification=_classification(schema.task) if performance else None,
    )


def unlabelled(table: pd.DataFrame, task: Task) -> int:
    """Return how many rows have no label."""
    target = task.target if isinstance(task, RegressionTask) else TRUE_CLASS
    return int(table[target].isna().sum())


def _classifies(task: Task | None) -> bool:
    return isinstance(task, Binary | Multiclass)


def _regression(task: Task | None) -> list[Regression] | None:
    if not isinstance(task, RegressionTask):
        return None
    return [Regression(target=task.target, prediction=task.prediction)]


def _classification(task: Task | None) -> list[BinaryClassification | MulticlassClassification] | None:
    sides = {"target": TRUE_CLASS, "prediction_labels": PREDICTED_CLASS}
    if isinstance(task, Binary):
        return [BinaryClassification(**sides, prediction_probas=task.score, pos_label=CLASSES[1])]
    return [MulticlassClassification(**sides)] if isinstance(task, Multiclass) else None


def _plain(column: ColumnRows | None, rows: int) -> pd.Series:
    if column is None:
        return pd.Series(np.full(rows, None), dtype=object)
    if isinstance(column, Texts):
        return pd.Series(column.texts, dtype=object)
    if isinstance(column, Numbers):
        return pd.Series(np.where(np.isfinite(column.values), column.values, np.nan))
    return _named(column.codes, tuple(str(label) for label in column.labels.tolist()))


def _named(codes: np.ndarray, names: tuple[str, ...]) -> pd.Series:
    texts = np.array([*names, None], dtype=object)
    return pd.Series(texts[np.where(codes < 0, len(names), codes)], dtype=object)


def _classes(batch: Batch, column: str, task: Binary) -> pd.Series:
    return _named(is_one_of(class_labels(batch.columns.get(column), batch.rows), task.positive), CLASSES)


def _predicted(batch: Batch, task: Binary) -> pd.Series:
    if task.prediction is not None:
        return _classes(batch, task.prediction, task)
    score = batch.columns.get(task.score or "")
    if not isinstance(score, Numbers):
        return pd.Series(np.full(batch.rows, None), dtype=object)
    return _named(
        np.where(np.isfinite(score.values), np.greater_equal(score.values, task.threshold), -1), CLASSES
    )
