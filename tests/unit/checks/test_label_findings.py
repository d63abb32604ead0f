"""What a source's labels, categories and ids say of its reference and of its late labels."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from service.checks.label_findings import repeated_ids, strange_categories
from service.checks.look import MonitorLook, RowsLook
from service.config import monitor_file
from service.core.reference import reference as references
from service.core.rows.batch import Arrival, Batch
from service.core.rows.label_text import coded
from service.core.rows.schema import Column, Kind, Role, Schema
from service.core.rows.task import Binary

if TYPE_CHECKING:
    from pathlib import Path

    from service.core.rows.batch import Labels

MONITOR = """\
source: {type: replay, path: rows.csv, timestamp: at, step: 1d}
reference: {path: rows.csv}
columns: {size: numerical, truth: numerical}
prediction: size
target: truth
id: key
labels: {path: labels.csv}
window: {size: 7d}
"""
SCHEMA = Schema(
    (
        Column("truth", Kind.CATEGORICAL, Role.TARGET),
        Column("guess", Kind.CATEGORICAL, Role.PREDICTION),
        Column("plan", Kind.CATEGORICAL),
    ),
    Binary("truth", "guess", positive=("yes",)),
)


def labels(*texts: str) -> Labels:
    return coded(np.arange(60) % len(texts), texts)


def rows(truth: Labels, plan: Labels) -> Batch:
    return Batch(60, np.zeros(60, dtype=np.int64), {"truth": truth, "guess": truth, "plan": plan})


def test_categories_that_the_reference_never_has() -> None:
    """Each column is said once, the target with what follows from it; usual ones are not."""
    usual = rows(labels("yes", "no"), labels("basic", "pro"))
    made = references.of(usual, SCHEMA)
    assert list(strange_categories(made, usual)) == []
    strange = list(strange_categories(made, rows(labels("YES", "NO"), labels("Basic", "pro", "Plus"))))
    assert [each.split(" labels")[0] for each in strange] == [
        "truth: 60 of 60",
        "guess: 60 of 60",
        "plan: 40 of 60",
    ]
    assert strange[0].endswith(': "NO", "YES"; write them as the reference does: no performance')


def test_ids_that_many_rows_share(tmp_path: Path) -> None:
    """By the id of a customer a label would go to all of their rows."""
    (tmp_path / "mine.yaml").write_text(MONITOR)
    monitor = monitor_file.load(tmp_path / "mine.yaml", tmp_path)
    ids = np.arange(1, 61, dtype=np.uint64)
    batch = Batch(60, np.zeros(60, dtype=np.int64), {}, Arrival((), ids))
    look = MonitorLook(monitor, RowsLook(batch))
    assert list(repeated_ids(look)) == []
    shared = replace(batch, arrival=Arrival((), ids // 3 + 1))
    (found,) = repeated_ids(replace(look, source=RowsLook(shared)))
    assert found.message.startswith(
        "key: 39 of 60 ids were there before; a label goes to every row of its id"
    )
