"""The reference of a monitor, made as its file asks: the same for a run, a check and a single measurement."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.core.reference import reference as references
from service.methods.drift import pca

if TYPE_CHECKING:
    from collections.abc import Mapping

    from service.config.monitor import Monitor
    from service.core.blocks.kept import KeptBlocks
    from service.core.reference.reference import Reference
    from service.core.rows.batch import Batch
    from service.core.rows.label_form import LabelForm
    from service.core.rows.schema import Schema
    from service.core.season.season import AutoSeason, Season


def made_reference(
    monitor: Monitor,
    schema: Schema,
    rows: Batch,
    forms: Mapping[str, LabelForm] | None,
    *,
    season: Season | AutoSeason | None,
    estimate: bool,
    kept: KeptBlocks | None = None,
) -> Reference:
    """Make the reference of a monitor's rows; `forms` are those that its labels were read in.

    `season` is the one that the file names, or that was chosen before. With `estimate` an estimator of the
    performance is fitted, which takes longest. `kept` are scores of its drift alarms that were fitted before.
    Raises LabelError and ReferenceDataError as `reference.of`.
    """
    return references.of(
        rows,
        schema,
        by=monitor.by,
        sample_rows=monitor.sample_rows,
        components=pca.PCA in monitor.drift.multivariate,
        estimate=estimate,
        blocks=monitor.block_rules,
        forms=forms,
        outcome_rules=monitor.outcome_rules,
        season=season,
        kept=kept,
    )
