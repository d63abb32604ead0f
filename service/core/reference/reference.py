"""What everything is compared with: the profile of the data that the model was validated on."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from service.core.profile import error_cells as cells
from service.core.profile import pca_reconstruction as reconstruction
from service.core.profile import profile, row_sample, segments, texts
from service.core.profile.codec import profile as codec
from service.core.profile.outcome.binary import BinaryOutcome
from service.core.profile.spec import ProfileSpec
from service.core.reference import answers, bins, loss_model, notes, score_calibration
from service.core.reference.loss_model import LossModel
from service.core.reference.score_calibration import ScoreCalibration
from service.core.rows import label_form
from service.core.rows.batch import Texts
from service.core.rows.schema import Kind, Role
from service.core.rows.task import Binary, Regression

if TYPE_CHECKING:
    from collections.abc import Sequence

    from service.core.profile.error_cells import CellEdges
    from service.core.profile.profile import Profile
    from service.core.profile.texts import Vocabulary
    from service.core.reference.bins import Bins
    from service.core.rows.batch import Batch
    from service.core.rows.schema import Column, Schema

# Inputs that move inside a cell count as a changed relation: 20 cells leave about a tenth of such a move.
PREDICTION_CELLS = 20

Estimator = LossModel | ScoreCalibration


@dataclass(frozen=True, slots=True)
class Reference:
    """A reference's profile, made once, what it fixes for others, and the fingerprint of all that.

    `schema` is the monitor's with the labels of its task settled by the reference; `notes` say what is worth
    knowing of its cells. `estimator` is what foretells the performance of rows without labels: None where it
    was not asked for or the task has none.
    """

    profile: Profile
    spec: ProfileSpec
    fingerprint: str
    schema: Schema
    bins: tuple[Bins, ...] = ()  # follow from the profile, so they are no part of the fingerprint
    estimator: Estimator | None = None
    notes: tuple[str, ...] = ()


def of(
    batch: Batch,
    schema: Schema,
    *,
    by: Sequence[str] = (),
    sample_rows: int = 0,
    components: bool = False,
    estimate: bool = True,
) -> Reference:
    """Make a reference of its rows; equal rows give equal fingerprints.

    At most `sample_rows` of them are kept as they are, and of every profile that is compared with it. With
    `components`, which need the rows in event-time order, every profile has its reconstruction error.

    A regression's errors are counted by the cells of every column but its target and texts, to tell where
    they came from; other tasks have no cells. A text column's words are the vocabulary of those that follow.
    The outcome of any task is kept by segment of the columns `by`. With `estimate` an estimator of the
    performance is fitted too. Raises ReferenceDataError where the task names a label that the rows have not.
    """
    forms = label_form.forms_of(batch, schema)
    noted = notes.notes_on(batch, schema, "reference")
    batch = label_form.in_form(batch, schema, forms)
    settled = answers.settle(batch, schema, forms)
    schema = settled.schema
    known = _vocabularies(batch, schema)
    plain = profile.of(batch, schema, ProfileSpec(vocabularies=known))
    edges: dict[str, CellEdges] = {}
    if isinstance(schema.task, Regression):
        edges = {c.name: _edges(plain, c) for c in schema.columns if _has_cells(c)}
    counted = cells.of_columns(batch.columns, profile.errors(batch, schema), edges)
    whole = replace(plain, cells=counted)
    fingerprint = hashlib.sha256(codec.encode(whole)).hexdigest()[:16]  # of all rows: the rest adds nothing
    fitted = reconstruction.fit(batch, schema, reference=fingerprint) if components else None
    values = {name: segments.values_of(plain.columns[name].distribution) for name in by}
    spec = ProfileSpec(edges, sample_rows, fitted, known, values, forms)
    complete = replace(
        whole,
        sample=row_sample.of(batch.numbered(0), schema, sample_rows),
        reconstruction=None if fitted is None else reconstruction.of(batch, fitted),
        segments=profile.segmented(batch, schema, spec),
    )
    return Reference(
        complete,
        spec,
        fingerprint,
        schema,
        bins.of_reference(whole, schema),
        _estimator(batch, schema, whole, edges) if estimate else None,
        (*settled.notes, *noted),
    )


def _has_cells(column: Column) -> bool:
    # What a text says is not in its length: errors told apart by it would claim to know more than they do.
    return column.role is not Role.TARGET and column.kind is not Kind.TEXT


def _vocabularies(batch: Batch, schema: Schema) -> dict[str, Vocabulary]:
    nothing = Texts(np.zeros(0, dtype=object))
    held = {c.name: batch.columns.get(c.name, nothing) for c in schema.columns if c.kind is Kind.TEXT}
    return {name: texts.vocabulary_of(data) for name, data in held.items() if isinstance(data, Texts)}


def _edges(whole: Profile, column: Column) -> cells.CellEdges:
    count = PREDICTION_CELLS if column.role is Role.PREDICTION else cells.QUANTILE_CELLS
    return cells.edges_of(whole.columns[column.name].distribution, column.kind, cells=count)


def _estimator(batch: Batch, schema: Schema, whole: Profile, edges: dict[str, CellEdges]) -> Estimator | None:
    if isinstance(schema.task, Regression):
        compared = set(schema.compared.names)  # how a model was served says nothing of its errors
        used = {name: at for name, at in edges.items() if name in compared}
        return loss_model.fit(batch, profile.errors(batch, schema), used)
    if isinstance(schema.task, Binary) and schema.task.score is not None:
        outcome = whole.outcome
        if isinstance(outcome, BinaryOutcome):
            return score_calibration.fit(outcome.positives, outcome.negatives)
    return None
