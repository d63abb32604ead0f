"""What a reference fixes for every profile that is compared with it: cells, segments, words and so on."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from service.core.blocks.sums import BlockSpec
    from service.core.profile.spec.cell_edges import CellEdges
    from service.core.profile.spec.pca_components import Components
    from service.core.profile.spec.segment_values import SegmentValues
    from service.core.profile.spec.vocabulary import Vocabulary
    from service.core.rows.label_form import LabelForm
    from service.core.season.season import Season


@dataclass(frozen=True, slots=True)
class ProfileSpec:
    """What profiles count by, and what they keep.

    Attributes:
        edges: The cells of a regression's errors, by column.
        sample_rows: How many rows a profile keeps as they are; 0 for none.
        components: What rows are reconstructed from; None where it was not asked for or could not be fitted.
        vocabularies: The words of the reference, by text column.
        segments: The values whose rows are measured separately, by column.
        forms: How the labels of each categorical column are written.
        season: The cells by which rows are counted; None for none.
        blocks: The scores that are summed by block; None where no calibrated alarms are asked for. No part of
            the fingerprint: sums that do not belong together say so themselves (`block_sums.py`).

    """

    edges: Mapping[str, CellEdges] = field(default_factory=dict)
    sample_rows: int = 0
    components: Components | None = None
    vocabularies: Mapping[str, Vocabulary] = field(default_factory=dict)
    segments: Mapping[str, SegmentValues] = field(default_factory=dict)
    forms: Mapping[str, LabelForm] = field(default_factory=dict)
    season: Season | None = None
    blocks: BlockSpec | None = None

    @property
    def fingerprint(self) -> str:
        """Sixteen hex digits that change with anything here: panes of another spec are never merged."""
        marks = "".join(f"{name}:{at.fingerprint};" for name, at in self.edges.items())
        marks += "".join(f"{name}:{known.fingerprint};" for name, known in self.vocabularies.items())
        marks += f"sample_rows:{self.sample_rows}"
        if self.components is not None:
            marks += f";components:{self.components.fingerprint}"
        marks += "".join(f";by {name}:{values.fingerprint}" for name, values in self.segments.items())
        marks += "".join(f";form {name}:{form.mark}" for name, form in self.forms.items() if form.mark)
        if self.season is not None:
            marks += f";season:{self.season.fingerprint}"
        return hashlib.sha256(marks.encode()).hexdigest()[:16]


NONE = ProfileSpec()  # of a profile that is compared with nothing
