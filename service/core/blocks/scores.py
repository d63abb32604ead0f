"""Scores of values: whole numbers whose sums say where a column lies, how wide it is, and what it holds.

A numerical column has two scores, functions of the mid-rank u of a value among the reference's values of its
cell of the season: sqrt(12) (u - 1/2) for its location and sqrt(5) (6 (u - 1/2)^2 - 1/2) for its spread. A
column of labels has an indicator of every label with a share of two per cent, buckets (by a hash) of the
others, how familiar a label is, and whether the reference has it at all. Missing values have an indicator,
where the reference has some, and count as the reference's mean for the other scores: a label that is still to
come moves no share. All are in units of 2**-20, so that sums are exact whatever their order. The reference
fixes the tables; it need not be ranked exactly, since any function of a value that is fixed by the reference
serves.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from service.core.rows.batch import Labels, Numbers, Texts

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from service.core.rows.batch import ColumnRows

    Ints = NDArray[np.int64]

UNIT = 2**20  # of a score's whole numbers
BUCKETS = 8
SHIFTS = (0.0, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.7, 1.0, 1.4, 2.0, 3.0)  # standard deviations


class Aim(StrEnum):
    """What a score tells of a column."""

    LOCATION = "location"
    SPREAD = "spread"
    MISSING = "missing"
    SHARE = "share"
    BUCKET = "bucket"
    FAMILIARITY = "familiarity"
    UNSEEN = "unseen"


class Component(NamedTuple):
    """One score of one column; `label` names the label of a share, or the bucket."""

    column: str
    aim: Aim
    label: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class NumberScores:
    """The scores of a numerical column, or of the lengths of texts; arrays are read-only.

    Attributes:
        column: The column's name.
        edges: Where one cell of values ends and the next begins, rising (float64, shape (k,)).
        table: The scores of each cell, by cell of the season: int32, shape (seasons, 2, k + 1).
        counts: The reference's rows in each cell (int64, shape (k + 1,)).
        missing: Whether missing values have an indicator.
        response: How the mean location score moves where the column moves by `SHIFTS` of its standard
            deviations, up and down (float64, shape (2, len(SHIFTS))); NaN where it has none.

    """

    column: str
    edges: NDArray[np.float64]
    table: NDArray[np.int32]
    counts: Ints
    missing: bool
    response: NDArray[np.float64]

    @property
    def components(self) -> tuple[Component, ...]:
        """What is summed, in this order."""
        both = (Component(self.column, Aim.LOCATION), Component(self.column, Aim.SPREAD))
        return (*both, Component(self.column, Aim.MISSING)) if self.missing else both

    def sums(
        self, data: ColumnRows | None, groups: NDArray[np.intp], size: int, season: NDArray[np.int16]
    ) -> Ints:
        """Return the sums of the rows' scores by group (int64, shape (size, components)).

        `season` is the cell of the season of each row.
        """
        found = np.zeros((size, len(self.components)), dtype=np.int64)
        values = _values(data, len(groups))
        absent = np.isnan(values)
        if absent.any():
            if self.missing:
                found[:, 2] = np.bincount(groups[absent], minlength=size) * UNIT
            values, groups, season = values[~absent], groups[~absent], season[~absent]
        cells = np.searchsorted(self.edges, values, side="right")
        for place in (0, 1):  # whole numbers below 2**53: a sum of doubles is exact
            scores = self.table[:, place].astype(np.float64)
            weights = scores[0][cells] if len(scores) == 1 else scores[season, cells]
            found[:, place] = np.bincount(groups, weights, minlength=size).astype(np.int64)
        return found

    def mark(self) -> bytes:
        """Return what makes the tables of two references equal."""
        return self.edges.astype("<f8").tobytes() + self.table.astype("<i8").tobytes()


@dataclass(frozen=True, slots=True, eq=False)
class LabelScores:
    """The scores of a column of labels; arrays are read-only.

    Attributes:
        column: The column's name.
        labels: The labels of the reference, sorted (str, shape (k,)).
        table: Their scores (int64, shape (k, components without missing)).
        buckets: The place of each bucket among the components, -1 where it has none (shape (BUCKETS,)).
        components: What is summed, in this order.
        neutral: What a missing label counts: the reference's mean scores (int64, shape (components without
            missing,)).

    """

    column: str
    labels: NDArray[np.str_]
    table: Ints
    buckets: NDArray[np.intp]
    components: tuple[Component, ...]
    neutral: Ints

    @property
    def missing(self) -> bool:
        """Whether missing values have an indicator."""
        return any(component.aim is Aim.MISSING for component in self.components)

    def sums(
        self,
        data: ColumnRows | None,
        groups: NDArray[np.intp],
        size: int,
        season: NDArray[np.int16],  # noqa: ARG002  # what cells add to a label's scores is taken off apart
    ) -> Ints:
        """Return the sums of the rows' scores by group (int64, shape (size, components))."""
        found = np.zeros((size, len(self.components)), dtype=np.int64)
        width = self.table.shape[1]
        scores = self.of_labels(data.labels) if isinstance(data, Labels) else self.table[:0]
        if isinstance(data, Labels) and len(scores):
            counts = np.bincount(
                groups * (len(scores) + 1) + data.codes + 1, minlength=size * (len(scores) + 1)
            ).reshape(size, -1)
            absent, held = counts[:, 0], counts[:, 1:]
            found[:, :width] = held @ scores
        else:
            absent = np.bincount(groups, minlength=size)
        found[:, :width] += absent[:, None] * self.neutral
        if self.missing:
            found[:, -1] = absent * UNIT
        return found

    def of_labels(self, labels: NDArray[np.str_]) -> Ints:
        """Return the scores of labels (int64, shape (n, components without missing))."""
        place = np.searchsorted(self.labels, labels)
        known = place < len(self.labels)
        known[known] = self.labels[place[known]] == labels[known]
        found = np.zeros((len(labels), self.table.shape[1]), dtype=np.int64)
        found[known] = self.table[place[known]]
        unseen = [at for at, component in enumerate(self.components) if component.aim is Aim.UNSEEN]
        for i in np.flatnonzero(~known).tolist():
            bucket = self.buckets[bucket_of(str(labels[i]))]
            if bucket >= 0:
                found[i, bucket] = UNIT
            found[i, unseen] = UNIT
        return found

    def mark(self) -> bytes:
        """Return what makes the tables of two references equal."""
        names = "\0".join(self.labels.tolist()).encode(errors="surrogatepass")
        numbers = (self.table, self.buckets, self.neutral)
        return names + b"".join(each.astype("<i8").tobytes() for each in numbers)


ColumnScores = NumberScores | LabelScores


def absent_rows(data: ColumnRows | None, rows: int) -> NDArray[np.bool_]:
    """Mark the rows without a value of a column (shape (rows,)); a column that never came has none."""
    return data.codes < 0 if isinstance(data, Labels) else np.isnan(_values(data, rows))


def bucket_of(label: str) -> int:
    """Return the bucket of a label without an indicator of its own: the same on every machine."""
    digest = hashlib.blake2b(label.encode(errors="surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest) % BUCKETS


def _values(data: ColumnRows | None, rows: int) -> NDArray[np.float64]:
    if isinstance(data, Numbers):
        return data.values
    if isinstance(data, Texts):
        return data.lengths
    return np.full(rows, np.nan)
