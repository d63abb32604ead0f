from __future__ import annotations

import asyncio

import numpy as np

from service.core.rows.batch import Labels, Numbers
from service.sources.dummy.config import DummyConfig
from service.sources.dummy.reference import DummyReference
from tests.unit.sources.context import SCHEMA, MemoryDummyTable, context

SECOND = 1_000_000


def _config(seed: int) -> DummyConfig:
    return DummyConfig(type="dummy", seed=seed)


def test_a_position_taken_again_gives_the_row_that_was_kept() -> None:
    """A row's time is that of its first take, even where the clock and the seed have changed since."""
    table = MemoryDummyTable()
    first = asyncio.run(_config(1).build(context(table=table, now=lambda: SECOND)).take(None))
    again = asyncio.run(_config(2).build(context(table=table, now=lambda: 9 * SECOND)).take(None))
    assert first.batch.event_time.tolist() == again.batch.event_time.tolist() == [SECOND]
    for name in ("value1", "value3"):
        ours, theirs = first.batch.columns[name], again.batch.columns[name]
        assert isinstance(ours, Numbers)
        assert isinstance(theirs, Numbers)
        assert np.array_equal(ours.values, theirs.values)
    assert first.position == again.position == {"row": 1}


def test_each_take_goes_on_where_the_last_one_ended() -> None:
    """Positions count rows, one per take, and no take is the last."""
    table = MemoryDummyTable()
    source = _config(1).build(context(table=table, now=lambda: SECOND))
    position = None
    for row in range(3):
        take = asyncio.run(source.take(position))
        assert (take.batch.rows, take.position, take.exhausted) == (1, {"row": row + 1}, False)
        position = take.position
    assert list(table.rows) == [0, 1, 2]


def test_the_reference_is_drawn_with_the_sources_seed() -> None:
    """The same seed draws the same reference; its rows lie within the ranges that the source draws from."""
    reference = DummyReference(type="dummy", rows=500)
    one, same, other = (reference.load(_config(seed), SCHEMA) for seed in (1, 1, 2))
    values = [batch.columns["value1"] for batch in (one, same, other)]
    assert all(isinstance(column, Numbers) for column in values)
    assert np.array_equal(values[0].values, values[1].values)
    assert not np.array_equal(values[0].values, values[2].values)
    assert 0 <= values[0].values.min() <= values[0].values.max() <= 1_000
    texts = one.columns["value2"]
    assert isinstance(texts, Labels)
    assert texts.labels.tolist() == ["amber", "green", "red"]
