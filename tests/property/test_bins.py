from __future__ import annotations

from hypothesis import given

from service.core.profile import profile
from service.core.reference import bins
from service.core.rows.batch import Batch
from tests.property.strategies import SCHEMA, batches


@given(reference=batches(), left=batches(), right=batches())
def test_every_row_is_in_one_bin_and_counts_add_up(reference: Batch, left: Batch, right: Batch) -> None:
    """Counting a merged window equals adding up its parts' counts, bin by bin, and loses no row."""
    spec = bins.of_reference(profile.of(reference, SCHEMA), SCHEMA)
    parts = [profile.of(part, SCHEMA) for part in (left, right)]
    whole = bins.counted(spec, profile.merge(parts))
    apart = [bins.counted(spec, part) for part in parts]
    for one, *others in zip(whole, *apart, strict=True):
        sides = zip(*(other.counts for other in others), strict=True)
        assert one.counts == tuple(sum(pair) for pair in sides)
        assert sum(one.counts) == left.rows + right.rows
        assert len(one.counts) == len(one.bins.labels) == len(one.bins.low) == len(one.bins.high)
