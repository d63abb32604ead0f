"""Appends one random row per cycle to a table of its own and reads it back.

It exercises the whole service without data of one's own and, being random, is the negative control: nothing
drifts. A row's values depend on the seed and its position alone, and its time is kept with it in the table,
so that a position read again gives the same row.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from service.core.rows.batch import Arrival, Batch, Labels, Numbers, steps_back
from service.core.rows.take import Take
from service.core.time_units import to_datetime, to_microseconds

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from service.sources.context import DummyRow, DummyTable

TEXTS = ("amber", "green", "red")
_REFERENCE_STREAM = 2**63  # no cycle ever reaches this position


class DummySource:
    """Draws, stores and returns one row per take."""

    def __init__(self, table: DummyTable, *, seed: int, now: Callable[[], int]) -> None:
        self._table = table
        self._seed = seed
        self._now = now

    async def take(self, position: dict[str, Any] | None) -> Take:
        """Return the next row."""
        index = position["row"] if position else 0
        when = to_datetime(self._now())
        values = draw(1, [self._seed, index])
        kept = await self._table.append((index, when, *values[0]))
        return Take(to_batch([kept]), {"row": index + 1}, lag_seconds=0.0)  # no row is newer

    async def close(self) -> None:
        """Do nothing: the table belongs to the store."""


def draw(rows: int, seed: int | Sequence[int]) -> list[tuple[int, str, float]]:
    """Draw `rows` rows: an integer from 0 to 1000, one of three texts, a float from 0 to 1."""
    random = np.random.default_rng(seed)
    integers = random.integers(0, 1001, rows).tolist()
    texts = random.choice(TEXTS, rows).tolist()
    return list(zip(integers, texts, random.random(rows).tolist(), strict=True))


def reference_batch(rows: int, seed: int) -> Batch:
    """Draw the rows that windows are compared with."""
    start = datetime(2000, 1, 1, tzinfo=UTC)
    drawn = draw(rows, [seed, _REFERENCE_STREAM])
    return to_batch([(index, start, *values) for index, values in enumerate(drawn)])


def to_batch(rows: Sequence[DummyRow]) -> Batch:
    """Return rows as typed columns `value1`, `value2` and `value3`."""
    _, times, integers, texts, floats = zip(*rows, strict=True)
    labels, codes = np.unique(np.array(texts, dtype=np.str_), return_inverse=True)
    micros = np.array([to_microseconds(when) for when in times], dtype=np.int64)
    return Batch(
        len(rows),
        micros,
        {
            "value1": Numbers(np.array(integers, dtype=np.float64)),
            "value2": Labels(codes, labels),
            "value3": Numbers(np.array(floats, dtype=np.float64)),
        },
        Arrival(unwatched=(), backwards=steps_back(micros)),
    )
