"""What a reference fixes for the profiles that are compared with it."""

from __future__ import annotations

import numpy as np

from service.core.profile import row_sample
from service.core.reference import reference
from service.core.rows.batch import Batch, Numbers
from service.core.rows.schema import Column, Kind, Schema

SCHEMA = Schema((Column("size", Kind.NUMERICAL),))
BATCH = Batch(90, np.arange(90, dtype=np.int64), {"size": Numbers(np.arange(90.0))})


def test_another_sample_is_another_layout_of_the_same_reference() -> None:
    """Panes of another sample size never merge, while what was calibrated on the rows still holds."""
    none, few, more = (reference.of(BATCH, SCHEMA, sample_rows=size) for size in (0, 10, 200))
    assert [made.profile[row_sample.PART].rows for made in (none, few, more)] == [0, 10, 90]
    assert len({made.spec.fingerprint for made in (none, few, more)}) == 3
    assert none.fingerprint == few.fingerprint == more.fingerprint
    assert few.profile[row_sample.PART].ordinals.tolist() == few.profile[row_sample.PART].event_time.tolist()
