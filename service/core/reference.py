"""What everything is compared with: the profile of the data that the model was validated on."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from service.core import bins, cells, codec, profile, reconstruction, row_sample
from service.core.anchors import Anchors
from service.core.schema import Role
from service.core.task import Regression

if TYPE_CHECKING:
    from service.core.batch import Batch
    from service.core.bins import Bins
    from service.core.cells import CellEdges
    from service.core.profile import Profile
    from service.core.schema import Column, Schema

# Inputs that move inside a cell count as a changed relation: 20 cells leave about a tenth of such a move.
PREDICTION_CELLS = 20


@dataclass(frozen=True, slots=True)
class Reference:
    """A reference's profile, made once, what it fixes for others, and the fingerprint of all that."""

    profile: Profile
    anchors: Anchors
    fingerprint: str
    bins: tuple[Bins, ...] = ()  # follow from the profile, so they are no part of the fingerprint


def of(batch: Batch, schema: Schema, *, sample_rows: int = 0, components: bool = False) -> Reference:
    """Make a reference of its rows; equal rows give equal fingerprints.

    At most `sample_rows` of them are kept as they are, and of every profile that is compared with it. With
    `components`, which need the rows in event-time order, every profile has its reconstruction error.

    A regression's errors are counted by the cells of every column but its target, to tell where they came
    from; other tasks have no cells.
    """
    plain = profile.of(batch, schema)
    edges: dict[str, CellEdges] = {}
    if isinstance(schema.task, Regression):
        edges = {c.name: _edges(plain, c) for c in schema.columns if c.role is not Role.TARGET}
    counted = cells.of_columns(batch.columns, profile.errors(batch, schema), edges)
    whole = replace(plain, cells=counted)
    fingerprint = hashlib.sha256(codec.encode(whole)).hexdigest()[:16]  # of all rows: a sample adds nothing
    fitted = reconstruction.fit(batch, schema, reference=fingerprint) if components else None
    whole = replace(
        whole,
        sample=row_sample.of(batch.numbered(0), schema, sample_rows),
        reconstruction=None if fitted is None else reconstruction.of(batch, fitted),
    )
    return Reference(
        whole, Anchors(edges, sample_rows, fitted), fingerprint, bins.of_reference(whole, schema)
    )


def _edges(whole: Profile, column: Column) -> cells.CellEdges:
    count = PREDICTION_CELLS if column.role is Role.PREDICTION else cells.QUANTILE_CELLS
    return cells.edges_of(whole.columns[column.name].distribution, column.kind, cells=count)
