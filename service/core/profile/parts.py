"""The parts of every profile: one line each, and its import."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from service.core.profile import (
    block_sums,
    error_cells,
    pca_reconstruction,
    row_counts,
    row_sample,
    season_rows,
    segments,
    texts,
)
from service.core.profile.outcome import outcome, outcome_days

if TYPE_CHECKING:
    from service.core.profile.part import Part

PARTS: tuple[Part[Any], ...] = (
    outcome.PART,
    row_counts.PART,
    texts.PART,
    error_cells.PART,
    row_sample.PART,
    pca_reconstruction.PART,
    segments.PART,
    block_sums.PART,
    outcome_days.PART,
    season_rows.PART,
)
