"""One cycle's rows as typed arrays: what the pure middle sees of a data frame."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    Values = NDArray[np.float64] | NDArray[np.str_]

TEXT_TIMES = "times as texts"
CLOCKS_DIFFER = 60_000_000  # microseconds that a sender's clock may be ahead


@dataclass(frozen=True, slots=True)
class Numbers:
    """A numerical column: `values` float64, shape (n,), NaN where missing or not a number at all.

    `unparsable` marks the latter (bool, shape (n,)), None where every value was a number or missing.
    """

    values: NDArray[np.float64]
    unparsable: NDArray[np.bool_] | None = None

    def take(self, rows: NDArray[np.intp] | slice) -> Numbers:
        """Return the column of the rows chosen."""
        marks = None if self.unparsable is None else self.unparsable[rows]
        return Numbers(self.values[rows], marks)


class LabelType(StrEnum):
    """As what a column's labels were typed where they came from; TEXT where they were of several types.

    MASKED ones are hashes in their column's form already, and stay as they are.
    """

    TEXT = "text"
    NUMBER = "number"
    TRUTH = "truth value"
    MASKED = "hash"


@dataclass(frozen=True, slots=True)
class Labels:
    """A categorical column: `codes` (integers, shape (n,), -1 if missing) into sorted distinct `labels`.

    The labels are canonical texts (`label_text.py`), shape (k,); `typed` is what they were before.
    """

    codes: NDArray[np.integer]
    labels: NDArray[np.str_]
    typed: LabelType = LabelType.TEXT

    def take(self, rows: NDArray[np.intp] | slice) -> Labels:
        """Return the column of the rows chosen."""
        return Labels(self.codes[rows], self.labels, self.typed)


@dataclass(frozen=True, slots=True)
class Texts:
    """A text column: `texts` (str or None where missing, as objects, shape (n,)), an empty one among them."""

    texts: NDArray[np.object_]

    @property
    def lengths(self) -> NDArray[np.float64]:
        """How many characters each text has (float64, shape (n,)), NaN where it is missing."""
        counted = (np.nan if text is None else len(text) for text in self.texts.tolist())
        return np.fromiter(counted, dtype=np.float64, count=len(self.texts))

    def take(self, rows: NDArray[np.intp] | slice) -> Texts:
        """Return the column of the rows chosen."""
        return Texts(self.texts[rows])


ColumnRows = Numbers | Labels | Texts


@dataclass(frozen=True, slots=True)
class Misfit:
    """A column that holds something else than its kind, in some or in all of its cells.

    column: its name.
    holds: what is in it: texts, times, lists, structs ...
    example: one of those cells.
    proposal: options of the column that read such cells, as in a monitor file; empty where there are none.
    """

    column: str
    holds: str
    example: str = ""
    proposal: str = ""


@dataclass(frozen=True, slots=True)
class Arrival:
    """How rows came, as far as their source knows; None where it does not.

    unwatched: the columns that came and are neither watched, nor the time, nor the id.
    identity: each row's id as a hash (uint64, shape (n,), 0 where it is missing).
    check: a second hash of each id, likewise, where the schema asks for exact ids.
    backwards: the rows whose time lies before that of the row right before them in the source's order.
    future: the rows whose time had not come yet when they were taken (both bool, shape (n,)).
    received: when rows that are new were taken (UTC microseconds).
    misfits: the columns of the whole table that hold something else than their kind.
    example_id: one of the table's ids as people write it, with its type.
    remarks: what else its reader noticed of the whole table, in words and without a cell's content.
    """

    unwatched: tuple[str, ...] | None = None
    identity: NDArray[np.uint64] | None = None
    backwards: NDArray[np.bool_] | None = None
    future: NDArray[np.bool_] | None = None
    received: int | None = None
    misfits: tuple[Misfit, ...] = ()
    example_id: str | None = None
    remarks: tuple[str, ...] = ()
    check: NDArray[np.uint64] | None = None

    def take(self, rows: NDArray[np.intp] | slice) -> Arrival:
        """Return the arrival of the rows chosen."""
        return Arrival(
            self.unwatched,
            None if self.identity is None else self.identity[rows],
            None if self.backwards is None else self.backwards[rows],
            None if self.future is None else self.future[rows],
            self.received,
            self.misfits,
            self.example_id,
            self.remarks,
            None if self.check is None else self.check[rows],
        )


UNKNOWN = Arrival()


@dataclass(frozen=True, slots=True)
class Batch:
    """`rows` rows; `event_time` int64 UTC microseconds, shape (rows,); a column that never came is absent.

    `ordinal` counts the rows of a monitor's stream, or of its reference, from its first (int64, shape
    (rows,)); None until they are numbered. A row keeps its ordinal whatever batch it comes in.
    """

    rows: int
    event_time: NDArray[np.int64]
    columns: Mapping[str, ColumnRows]
    arrival: Arrival = UNKNOWN
    ordinal: NDArray[np.int64] | None = None

    def take(self, rows: NDArray[np.intp] | slice) -> Batch:
        """Return the batch of the rows chosen (indices or a slice)."""
        times = self.event_time[rows]
        chosen: dict[str, ColumnRows] = {name: column.take(rows) for name, column in self.columns.items()}
        ordinal = None if self.ordinal is None else self.ordinal[rows]
        return Batch(len(times), times, chosen, self.arrival.take(rows), ordinal)

    def numbered(self, first: int) -> Batch:
        """Return the batch with its rows numbered from `first`."""
        return replace(self, ordinal=np.arange(first, first + self.rows, dtype=np.int64))

    def with_column(self, name: str, column: Numbers | Labels) -> Batch:
        """Return the batch with another content of one column."""
        return replace(self, columns={**self.columns, name: column})

    def taken(self, instant: int, *, live: bool) -> Batch:
        """Return the batch with what taking it at `instant` (UTC microseconds) says of its rows.

        Only of rows that are `live`, not replayed, does the instant say when they came.
        """
        future = self.event_time > instant + CLOCKS_DIFFER
        return replace(self, arrival=replace(self.arrival, future=future, received=instant if live else None))


def steps_back(times: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Mark the rows, in a source's order, whose time lies before that of the row right before them."""
    marks = np.zeros(len(times), dtype=np.bool_)
    np.less(times[1:], times[:-1], out=marks[1:])
    return marks


def no_rows() -> Batch:
    """Return the batch of no rows and no columns."""
    return Batch(0, np.zeros(0, dtype=np.int64), {})
