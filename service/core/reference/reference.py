"""The reference: the profile of the data that the model was validated on, and what it fixes for others."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from service.core.blocks import kept as kept_blocks
from service.core.blocks import plan as block_plan
from service.core.blocks import reference as reference_blocks
from service.core.blocks.copies import note_on_copied_blocks
from service.core.profile import block_sums, error_cells, profile, row_counts, texts
from service.core.profile.codec import profile as codec
from service.core.profile.outcome import outcome
from service.core.profile.outcome.binary import BinaryOutcome
from service.core.profile.outcome.row_errors import absolute_errors
from service.core.profile.spec import cell_edges, pca_components, segment_values, vocabulary
from service.core.profile.spec.spec import ProfileSpec
from service.core.reference import (
    answers,
    bins,
    loss_model,
    notes,
    outcome_blocks,
    plausible,
    score_calibration,
)
from service.core.reference.loss_model import LossModel
from service.core.reference.score_calibration import ScoreCalibration
from service.core.reference.seasonal import seasonal
from service.core.reference.seasonal.choice import choose, note_on_thin
from service.core.rows import label_form
from service.core.rows.batch import Texts
from service.core.rows.schema import Kind, Role
from service.core.rows.task import Binary, Regression
from service.core.season.season import AutoSeason, Season
from service.errors import ReferenceDataError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from service.core.blocks.kept import KeptBlocks
    from service.core.blocks.plan import BlockPlan, BlockRules
    from service.core.blocks.reference import ReferenceBlocks
    from service.core.profile.columns import ColumnProfile
    from service.core.profile.part import Part
    from service.core.profile.profile import Profile
    from service.core.profile.spec.cell_edges import CellEdges
    from service.core.profile.spec.pca_components import Components
    from service.core.profile.spec.vocabulary import Vocabulary
    from service.core.reference.bins import Bins
    from service.core.reference.outcome_blocks import OutcomeBlockRules, OutcomeBlocks
    from service.core.reference.seasonal.choice import Choice
    from service.core.reference.seasonal.seasonal import SeasonalReference
    from service.core.rows.batch import Batch
    from service.core.rows.label_form import LabelForm
    from service.core.rows.schema import Column, Schema

# Inputs that move inside a cell count as a changed relation: 20 cells leave about a tenth of such a move.
PREDICTION_CELLS = 20

# What the fingerprint covers, for good: a build with more parts must find the thresholds of an earlier one.
FINGERPRINTED: tuple[Part[Any], ...] = (outcome.PART, row_counts.PART, texts.PART, error_cells.PART)

Estimator = LossModel | ScoreCalibration


@dataclass(frozen=True, slots=True)
class Reference:
    """A reference, made once.

    Attributes:
        profile: The profile of its rows.
        spec: What it fixes for the profiles that are compared with it.
        fingerprint: Sixteen hex digits that change with its rows.
        schema: The monitor's schema, with the labels of its task settled by the rows.
        bins: The bins of its columns. They follow from the profile and are no part of the fingerprint.
        estimator: What foretells the performance of rows without labels; None where it was not asked for or
            the task has none.
        notes: What is worth knowing of its labels and cells.
        outcome_blocks: Its outcome by block; None where it was not asked for or there is no task.
        seasonal: Its rows by season cell; None without a season.
        choice: How the season was chosen; None where it was given.
        blocks: Its rows by block; None where no calibrated alarms are asked for.
        blocks_made_of: What they were fitted to (`blocks/kept.py`); empty where there are none.

    """

    profile: Profile
    spec: ProfileSpec
    fingerprint: str
    schema: Schema
    bins: tuple[Bins, ...] = ()
    estimator: Estimator | None = None
    notes: tuple[str, ...] = ()
    outcome_blocks: OutcomeBlocks | None = None
    seasonal: SeasonalReference | None = None
    choice: Choice | None = None
    blocks: ReferenceBlocks | None = None
    blocks_made_of: str = ""


def of(
    batch: Batch,
    schema: Schema,
    *,
    by: Sequence[str] = (),
    sample_rows: int = 0,
    components: bool = False,
    estimate: bool = True,
    blocks: BlockRules | None = None,
    forms: Mapping[str, LabelForm] | None = None,
    outcome_rules: OutcomeBlockRules | None = None,
    season: Season | AutoSeason | None = None,
    kept: KeptBlocks | None = None,
) -> Reference:
    """Make a reference of its rows; equal rows give equal fingerprints.

    At most `sample_rows` of them are kept as they are, and of every profile that is compared with it. With
    `components`, which need the rows in event-time order, every profile has its reconstruction error.

    A regression's errors are counted by the cells of every column but its target and texts, to tell where
    they came from; other tasks have no cells. A text column's words are the vocabulary of those that follow.
    The outcome of any task is kept by segment of the columns `by`. With `estimate` an estimator of the
    performance is fitted too, with `outcome_rules` the outcome is kept by block, with `blocks` the scores of
    drift alarms, with a `season` all of it by season cell. `kept` are scores that were fitted
    before: they are taken where they were fitted to these rows, and to nothing else. `forms` are those of its
    labels where they were fixed already, as for masked rows. Raises LabelError where the task names a label
    that no row has, ReferenceDataError where rows without a time are asked for a season.
    """
    forms = label_form.forms_of(batch, schema) if forms is None else forms
    noted = notes.notes_on(batch, schema, "reference")
    batch = label_form.in_form(batch, schema, forms)
    settled = answers.settle(batch, schema, forms)
    schema = settled.schema
    season, choice = _season(batch, schema, season)
    thin = [] if season is None or choice is not None else filter(None, [note_on_thin(batch, season)])
    batch, words = batch.numbered(0), _vocabularies(batch, schema)
    first = profile.of(batch, schema, ProfileSpec(vocabularies=words), parts=FINGERPRINTED)
    edges: dict[str, CellEdges] = {}
    if isinstance(schema.task, Regression):
        edges = {c.name: _edges(first.columns, c) for c in schema.columns if _has_cells(c)}
    cells = error_cells.of_columns(batch.columns, absolute_errors(batch, schema), edges)
    first = first.with_part(error_cells.PART, cells)
    fingerprint = codec.fingerprint(first, FINGERPRINTED)
    fitted = pca_components.fit(batch, schema, reference=fingerprint) if components else None
    values = {name: segment_values.values_of(first.columns[name].distribution) for name in by}
    by_block, made_of, copied = None, "", None
    if blocks is not None:
        plan = block_plan.plan_of(batch, blocks if season is None else replace(blocks, season=season))
        by_block, made_of = _by_block(batch, schema.compared.names, plan, fitted, kept)
        copied = note_on_copied_blocks(batch, schema.compared.names, plan)
    scores = None if by_block is None else by_block.spec
    spec = ProfileSpec(edges, sample_rows, fitted, words, values, forms, season, scores)
    whole = profile.completed(first, batch, schema, spec)
    doubted = plausible.doubts(batch, schema.task, whole.get(outcome.PART))
    return Reference(
        whole,
        spec,
        fingerprint,
        schema,
        bins.of_reference(whole, schema),
        _estimator(batch, schema, whole, edges) if estimate else None,
        (
            *settled.notes,
            *noted,
            *notes.note_on_copies(batch, schema),
            *doubted,
            *thin,
            *filter(None, [copied]),
        ),
        None if outcome_rules is None else outcome_blocks.of(batch, schema, outcome_rules, spec.season),
        None if season is None else seasonal.of(batch, schema, season),
        choice,
        by_block,
        made_of,
    )


def _by_block(
    batch: Batch,
    names: Sequence[str],
    plan: BlockPlan,
    components: Components | None,
    kept: KeptBlocks | None,
) -> tuple[ReferenceBlocks, str]:
    # The scores of drift alarms, and what they are fitted to.
    joint = "" if components is None else components.fingerprint
    made_of = kept_blocks.made_of(batch, names, plan, joint)
    if kept is not None and kept.made_of == made_of:
        return kept.with_plan(plan), made_of
    fitted = reference_blocks.fit(
        block_sums.with_joint(batch, components), [*names, *([block_sums.JOINT] if joint else [])], plan
    )
    return fitted, made_of


def _season(
    batch: Batch, schema: Schema, asked: Season | AutoSeason | None
) -> tuple[Season | None, Choice | None]:
    if asked is None:
        return None, None
    if not batch.event_time.any():
        raise ReferenceDataError(
            "the reference's rows have no times, and a season is by their hours and days; expected "
            "reference.timestamp, or season: none"
        )
    if isinstance(asked, Season):
        return asked, None
    choice = choose(batch, schema, asked.zone)
    return choice.season, choice


def _has_cells(column: Column) -> bool:
    # What a text says is not in its length: errors split by it would claim to know more than they do.
    return column.role is not Role.TARGET and column.kind is not Kind.TEXT


def _vocabularies(batch: Batch, schema: Schema) -> dict[str, Vocabulary]:
    nothing = Texts(np.zeros(0, dtype=object))
    held = {c.name: batch.columns.get(c.name, nothing) for c in schema.columns if c.kind is Kind.TEXT}
    return {name: vocabulary.vocabulary_of(data) for name, data in held.items() if isinstance(data, Texts)}


def _edges(columns: Mapping[str, ColumnProfile], column: Column) -> CellEdges:
    count = PREDICTION_CELLS if column.role is Role.PREDICTION else cell_edges.QUANTILE_CELLS
    return cell_edges.edges_of(columns[column.name].distribution, column.kind, cells=count)


def _estimator(batch: Batch, schema: Schema, whole: Profile, edges: dict[str, CellEdges]) -> Estimator | None:
    if isinstance(schema.task, Regression):
        compared = set(schema.compared.names)  # how a model was served says nothing of its errors
        used = {name: at for name, at in edges.items() if name in compared}
        return loss_model.fit(batch, absolute_errors(batch, schema), used)
    if isinstance(schema.task, Binary) and schema.task.score is not None:
        found = whole[outcome.PART]
        if isinstance(found, BinaryOutcome):
            return score_calibration.fit(found.positives, found.negatives)
    return None
