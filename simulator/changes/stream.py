"""The stream that changes are applied to: rows by event time, and when each row and its label arrive.

A change takes a stream and returns a new one; the one that it took stays as it was.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from service.sources.tables.pandas_time import event_times

if TYPE_CHECKING:
    from numpy.typing import NDArray

AT_ONCE = np.iinfo(np.int64).min  # the label comes with its row


class MisfitError(Exception):
    """A change does not fit the data; names the key that is wrong and what was expected."""

    def __init__(self, key: str, message: str) -> None:
        super().__init__(message)
        self.key = key


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns with a role; None where the data has none."""

    timestamp: str
    prediction: str | None = None
    target: str | None = None
    identity: str | None = None


@dataclass(frozen=True, slots=True)
class Stream:
    """Rows by event time; all instants are int64 UTC microseconds, shape (n,).

    - `rows`: the rows, in the order of `times`.
    - `times`: each row's event time.
    - `arrivals`: when each row arrives.
    - `label_times`: when each row's label arrives (AT_ONCE: with the row).
    - `extent`: the first row's event time and the instant after the last one's, as before any change, so that
      a moment of the stream is the same for all changes.
    - `columns`: the columns with a role.
    """

    rows: pd.DataFrame
    times: NDArray[np.int64]
    arrivals: NDArray[np.int64]
    label_times: NDArray[np.int64]
    extent: tuple[int, int]
    columns: Columns

    def take(self, places: NDArray[np.intp]) -> Stream:
        """Return the rows at `places`, in that order; a place may be repeated."""
        return replace(
            self,
            rows=self.rows.take(places).reset_index(drop=True),
            times=self.times[places],
            arrivals=self.arrivals[places],
            label_times=self.label_times[places],
        )

    def ordered(self) -> Stream:
        """Return the rows in the order of their event time; those of one instant keep their order."""
        if (np.diff(self.times) >= 0).all():
            return self
        return self.take(np.argsort(self.times, kind="stable"))

    def joined(self, other: Stream) -> Stream:
        """Return the rows of both in the order of event time, this one's first within an instant."""
        both = replace(
            self,
            rows=pd.concat([self.rows, other.rows], ignore_index=True),
            times=np.concatenate((self.times, other.times)),
            arrivals=np.concatenate((self.arrivals, other.arrivals)),
            label_times=np.concatenate((self.label_times, other.label_times)),
        )
        return both.ordered()

    def with_column(self, name: str, column: pd.Series[Any]) -> Stream:
        """Return the stream with one column replaced."""
        return replace(self, rows=self.rows.assign(**{name: column}))

    def retimed(self, times: NDArray[np.int64]) -> Stream:
        """Return the rows with other event times, in the column's own type; arrivals stay as they were."""
        name = self.columns.timestamp
        dtype = self.rows[name].dtype
        instants = pd.DatetimeIndex(pd.to_datetime(times, unit="us", utc=True))
        if isinstance(dtype, pd.DatetimeTZDtype):
            column = pd.Series(instants.tz_convert(dtype.tz).as_unit(dtype.unit))
        else:
            column = pd.Series(instants.tz_localize(None)).astype(dtype)
        kept = event_times(column).micros  # a coarser unit than microseconds rounds
        return replace(self.with_column(name, column), times=kept)


def of_frame(frame: pd.DataFrame, columns: Columns, *, arrival: str) -> Stream:
    """Return the frame's rows as a stream; a column `arrival`, where there is one, says when they arrive.

    Times that are text become UTC timestamps of microseconds. Raises ValueError where a row has no usable
    time or there is no row.
    """
    if not len(frame):
        raise ValueError("the data holds no rows")
    rows = frame.reset_index(drop=True)
    times = _instants(rows, columns.timestamp)
    if not _is_datetime(rows[columns.timestamp]):
        instants = pd.DatetimeIndex(pd.to_datetime(times, unit="us", utc=True)).as_unit("us")
        rows = rows.assign(**{columns.timestamp: instants})
    arrivals = _instants(rows, arrival) if arrival in rows.columns else times
    stream = Stream(
        rows=rows,
        times=times,
        arrivals=arrivals,
        label_times=np.full(len(rows), AT_ONCE, dtype=np.int64),
        extent=(int(times.min()), int(times.max()) + 1),
        columns=columns,
    )
    return stream.ordered()


def _is_datetime(column: pd.Series[Any]) -> bool:
    dtype = column.dtype
    return isinstance(dtype, pd.DatetimeTZDtype) or (isinstance(dtype, np.dtype) and dtype.kind == "M")


def _instants(rows: pd.DataFrame, name: str) -> NDArray[np.int64]:
    found = event_times(rows[name])
    if not found.usable.all():
        bad = np.flatnonzero(~found.usable)
        raise ValueError(
            f"{len(bad)} of {len(rows)} rows have no usable time in {name!r}, the first is row {bad[0] + 1} "
            f"({rows[name].iloc[int(bad[0])]!r}); expected ISO 8601 such as 2013-02-01T05:00:00Z"
        )
    return found.micros
