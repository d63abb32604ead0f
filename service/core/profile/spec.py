"""What a reference fixes for every profile that is compared with it: cells, segments, words, rows kept."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from service.core.profile.error_cells import CellEdges
    from service.core.profile.pca_reconstruction import Components
    from service.core.profile.segments import SegmentValues
    from service.core.profile.texts import Vocabulary
    from service.core.rows.label_form import LabelForm


@dataclass(frozen=True, slots=True)
class ProfileSpec:
    """What profiles count by, for each column that has some, and what they keep.

    `edges` are the cells of a regression's errors, `segments` the values whose rows are measured separately.
    `sample_rows` is how many rows a profile keeps as they are (`row_sample.py`); 0 for none. `components`
    are what its rows are reconstructed from (`reconstruction.py`); None where nobody asked or nothing fits.
    `vocabularies` are the words that each text column's reference has, `forms` how the labels of each
    categorical column are written.
    """

    edges: Mapping[str, CellEdges] = field(default_factory=dict)
    sample_rows: int = 0
    components: Components | None = None
    vocabularies: Mapping[str, Vocabulary] = field(default_factory=dict)
    segments: Mapping[str, SegmentValues] = field(default_factory=dict)
    forms: Mapping[str, LabelForm] = field(default_factory=dict)

    @property
    def fingerprint(self) -> str:
        """Sixteen hex digits that change with anything fixed: panes made with other anchors never merge."""
        marks = "".join(f"{name}:{at.fingerprint};" for name, at in self.edges.items())
        marks += "".join(f"{name}:{known.fingerprint};" for name, known in self.vocabularies.items())
        marks += f"sample_rows:{self.sample_rows}"
        if self.components is not None:
            marks += f";components:{self.components.fingerprint}"
        marks += "".join(f";by {name}:{values.fingerprint}" for name, values in self.segments.items())
        marks += "".join(f";form {name}:{form.mark}" for name, form in self.forms.items() if form.mark)
        return hashlib.sha256(marks.encode()).hexdigest()[:16]


NONE = ProfileSpec()  # of a profile that is compared with nothing, such as the reference's own first one
