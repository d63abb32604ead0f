"""Sums by block do not depend on how rows were split, ordered or merged."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from service.core.blocks import reference as reference_blocks
from service.core.blocks import sums
from service.core.blocks.plan import DAYS, BlockPlan, BlockUnit
from service.core.profile import block_sums
from service.core.profile.spec.spec import ProfileSpec
from service.core.profile.stored_arrays import ArrayReader, ArrayWriter
from service.core.rows.batch import Batch, Labels, Numbers
from service.core.season.season import DAY
from tests.property.strategies import LABELS, SCHEMA, batches

RUNS = BlockPlan(BlockUnit.RUN, 3, 2)


def known(rows: int = 400) -> Batch:
    """Draw a reference that has every kind of component."""
    random = np.random.default_rng(1)
    rare = np.array([f"rare {i:03d}" for i in range(200)])
    size, guess = random.normal(0.0, 1.0, (2, rows))
    size[random.random(rows) < 0.2] = np.nan
    columns: dict[str, Numbers | Labels] = {
        "size": Numbers(size),
        "colour": Labels(random.integers(-1, 203, rows), np.concatenate((LABELS, rare))),
        "guess": Numbers(guess),
        "truth": Numbers(np.round(guess)),
    }
    return Batch(rows, np.arange(rows, dtype=np.int64) * DAY // 20, columns).numbered(0)


SPECS = [reference_blocks.fit(known(), SCHEMA.names, plan).spec for plan in (DAYS, RUNS)]
SPEC = st.sampled_from(SPECS)


@given(batches(), SPEC, st.data())
def test_the_sums_of_any_split_are_those_of_the_whole(
    batch: Batch, spec: sums.BlockSpec, data: st.DataObject
) -> None:
    """Cut anywhere, merged in any order and grouping, with the sums of no rows among them."""
    batch = batch.numbered(0)
    cuts = sorted(data.draw(st.lists(st.integers(0, batch.rows), max_size=4)))
    parts = [
        sums.of(batch.take(slice(start, end)), spec)
        for start, end in zip([0, *cuts], [*cuts, batch.rows], strict=True)
    ]
    parts = [*data.draw(st.permutations(parts)), sums.empty(spec)]
    whole = sums.of(batch, spec)
    assert sums.merge(parts) == whole
    middle = len(parts) // 2
    nested = [sums.merge(side) for side in (parts[:middle], parts[middle:]) if side]
    assert sums.merge(nested) == whole


@given(batches(), st.randoms(use_true_random=False))
def test_rows_in_another_order_have_the_same_sums(batch: Batch, shuffle: object) -> None:
    """A block of time is a set of rows."""
    order = np.arange(batch.rows)
    shuffle.shuffle(order)  # type: ignore[attr-defined]
    assert sums.of(batch.take(order), SPECS[0]) == sums.of(batch, SPECS[0])


@given(batches(), SPEC)
def test_stored_sums_come_back_as_they_were(batch: Batch, spec: sums.BlockSpec) -> None:
    """Bit by bit, those of no rows as well."""
    for found in (sums.of(batch.numbered(0), spec), sums.empty(spec), sums.mixed()):
        arrays = ArrayWriter()
        form = block_sums.PART.encode(found, arrays)
        reader = ArrayReader(memoryview(arrays.plain), memoryview(arrays.hashes))
        assert block_sums.PART.decode(form, reader) == found


@given(batches(), batches())
def test_sums_of_other_references_have_no_whole(one: Batch, other: Batch) -> None:
    """Merged in any order the result says so, and goes on saying so."""
    sides = [sums.of(batch.numbered(0), spec) for batch, spec in zip((one, other), SPECS, strict=True)]
    for pair in (sides, sides[::-1]):
        mixed = sums.merge(pair)
        assert mixed == sums.mixed()
        assert sums.merge([mixed, sides[0]]) == mixed


@given(batches(), st.data())
def test_late_labels_give_what_labels_at_once_would_have_given(batch: Batch, data: st.DataObject) -> None:
    """The labelled rows' sums less those of the same rows while they waited."""
    truth = batch.columns.get("truth")
    if not isinstance(truth, Numbers):
        return
    late = np.array(data.draw(st.lists(st.booleans(), min_size=batch.rows, max_size=batch.rows)), dtype=bool)
    waiting = batch.with_column("truth", Numbers(np.where(late, np.nan, truth.values)))
    spec, part = ProfileSpec(blocks=SPECS[0]), block_sums.PART
    assert part.late is not None
    before = part.of(waiting, SCHEMA, spec, 100)
    rows = np.flatnonzero(late)
    added = part.late(batch.take(rows), waiting.take(rows), SCHEMA, spec, 100)
    assert part.merge([before, added], 100) == part.of(batch, SCHEMA, spec, 100)
