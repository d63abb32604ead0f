"""The principal components of the reference, and how far a row is from what they reconstruct of it.

Reconstruction by principal components (I. T. Jolliffe, "Principal component analysis", 2002) as NannyML's
`DataReconstructionDriftCalculator` uses it: numbers standardised, a label replaced by its share of the
reference's rows, as many components as explain more than 65 % of the variance, and the Euclidean distance of
a row from what they reconstruct. Different here, on purpose:

- A value beyond the reference's range counts as the end of that range, so that one absurd row is no drift.
- A missing label, like a missing number, counts as the reference's mean; NannyML takes the commonest label.
- A column without two different values in the reference has no scale and is left out.
- At least one component is left over. Of two columns that hardly correlate NannyML keeps both
  and sees nothing.

A row's error is computed element by element, never by a matrix product, whose last digits depend on the rows
next to it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from service.core.rows.batch import Numbers, Texts
from service.core.rows.schema import Kind, Role
from service.errors import ProfileError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from service.core.rows.batch import Batch, ColumnRows
    from service.core.rows.schema import Column, Schema

    Floats = NDArray[np.float64]
    Marks = NDArray[np.bool_]

VERSION = 1
VARIANCE_SHARE = 0.65
MIN_COLUMNS = 2  # one column has no relation to others
MIN_WINDOWS = 8  # as many as say how windows of a size differ
_ROWS_AT_ONCE = 2_048  # as many as stay in the processor's cache


@dataclass(frozen=True, slots=True)
class Encoding:
    """How a column's values become numbers of mean 0 and deviation 1 in the reference.

    Attributes:
        name: The column's name.
        kind: Whether it holds numbers or labels.
        mean: The reference's mean.
        deviation: The reference's standard deviation.
        low: The reference's smallest value; a smaller one counts as this.
        high: The reference's largest value; a larger one counts as this.
        shares: What each label counts as: its share of the reference's rows; any other counts as 0.

    """

    name: str
    kind: Kind
    mean: float
    deviation: float
    low: float
    high: float
    shares: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Components:
    """What was fitted to the reference.

    Attributes:
        encodings: The columns' encodings.
        left_out: The components that were left out (float64, shape (m, columns), orthonormal); a row's error
            is its length along them.
        kept: How many components were kept.
        explained: Which share of the variance they explain.
        fingerprint: Sixteen hex digits that change with the reference and the columns.
        spread: How the mean errors of the reference's own consecutive windows scatter: pairs of a window's
            rows and their standard deviation, rising.

    """

    encodings: tuple[Encoding, ...]
    left_out: Floats
    kept: int
    explained: float
    fingerprint: str
    spread: tuple[tuple[int, float], ...] = ()


def fit(batch: Batch, schema: Schema, *, reference: str = "") -> Components | None:
    """Fit a reference's features, `batch` in event-time order; None where fewer than two columns vary.

    `reference` is the reference's fingerprint. Equal arguments give equal results on one machine; on another
    one the last digits may differ, which the fingerprint does not see.
    """
    encodings = tuple(found for c in schema.columns if (found := _encoding(c, batch)) is not None)
    if len(encodings) < MIN_COLUMNS:
        return None
    product = np.zeros((len(encodings), len(encodings)))
    for block, _ in _encoded(batch, encodings):
        product += block @ block.T
    variances, vectors = np.linalg.eigh(product / batch.rows)  # rising
    explained = np.cumsum(variances[::-1]) / variances.sum()
    kept = min(int(np.searchsorted(explained, VARIANCE_SHARE, side="right")) + 1, len(encodings) - 1)
    left_out = np.ascontiguousarray(vectors[:, : len(encodings) - kept].T)
    names = [(encoding.name, encoding.kind.value) for encoding in encodings]
    marks = repr((VERSION, VARIANCE_SHARE, reference, names))
    fingerprint = hashlib.sha256(marks.encode(errors="surrogatepass")).hexdigest()[:16]
    fitted = Components(encodings, left_out, kept, float(explained[kept - 1]), fingerprint)
    return replace(fitted, spread=_spread(errors(batch, fitted)))


def errors(batch: Batch, fitted: Components) -> Floats:
    """Return each row's error (float64, shape (rows,)), NaN for a row without a value in any column."""
    blocks = error_blocks(batch, fitted)
    return np.concatenate([np.zeros(0), *(np.where(known, error, np.nan) for error, known, _ in blocks)])


def error_blocks(batch: Batch, fitted: Components) -> Iterator[tuple[Floats, Marks, NDArray[np.intp]]]:
    """Yield, block by block, the rows' errors, which rows have one, and how many values each row lacks."""
    for block, lacking in _encoded(batch, fitted.encodings):
        yield _lengths(block, fitted.left_out), lacking < len(block), lacking


def _encoding(column: Column, batch: Batch) -> Encoding | None:
    data = batch.columns.get(column.name)
    if column.role is not Role.FEATURE or data is None or isinstance(data, Texts):
        return None  # a text's length says little about it
    shares: dict[str, float] = {}
    if isinstance(data, Numbers):
        values = data.values
    else:
        counts = np.bincount(data.codes[data.codes >= 0], minlength=len(data.labels))
        by_code = counts / max(int(counts.sum()), 1)
        shares = dict(zip(data.labels.tolist(), by_code.tolist(), strict=True))
        values = np.append(by_code, np.nan)[data.codes]  # code -1, missing, is the last
    finite = values[np.isfinite(values)]
    if not len(finite) or finite.min() == finite.max():
        return None
    low, high = float(finite.min()), float(finite.max())
    with np.errstate(over="ignore", invalid="ignore"):
        mean = float(finite.mean())
        apart = np.where(np.isnan(values), 0.0, np.clip(values, low, high) - mean)
        deviation = float(np.sqrt(np.mean(apart * apart)))
        usable = deviation > 0.0 and np.isfinite((high - low) / deviation)
    if not usable:
        return None
    kind = Kind.NUMERICAL if isinstance(data, Numbers) else Kind.CATEGORICAL
    return Encoding(column.name, kind, mean, deviation, low, high, shares)


def _encoded(batch: Batch, encodings: Sequence[Encoding]) -> Iterator[tuple[Floats, NDArray[np.intp]]]:
    # Block by block: the encoded columns, shape (columns, rows), and how many values each row lacks.
    readers = [_reader(batch.columns.get(encoding.name), encoding) for encoding in encodings]
    for start in range(0, batch.rows, _ROWS_AT_ONCE):
        stop = min(start + _ROWS_AT_ONCE, batch.rows)
        block = np.full((len(encodings), stop - start), np.nan)
        for place, (encoding, read) in enumerate(zip(encodings, readers, strict=True)):
            if read is not None:
                block[place] = (read(slice(start, stop)) - encoding.mean) / encoding.deviation
        lacks = np.isnan(block)
        block[lacks] = 0.0
        yield block, lacks.sum(axis=0)


def _reader(column: ColumnRows | None, encoding: Encoding) -> Callable[[slice], Floats] | None:
    if column is None:
        return None
    if isinstance(column, Texts) or isinstance(column, Numbers) is not (encoding.kind is Kind.NUMERICAL):
        raise ProfileError(
            f"{encoding.name} holds {type(column).__name__}; the reference's is {encoding.kind}"
        )
    if isinstance(column, Numbers):
        values = column.values
        return lambda rows: np.clip(values[rows], encoding.low, encoding.high)
    codes, texts = column.codes, column.labels.tolist()
    by_code = np.array([*(encoding.shares.get(text, 0.0) for text in texts), np.nan])
    return lambda rows: by_code[codes[rows]]  # code -1, missing, is the last


def _lengths(block: Floats, left_out: Floats) -> Floats:
    # The length of each column of `block` along the components. One product and one sum at a time: a row's
    # digits must not depend on its place.
    along = np.zeros((len(left_out), block.shape[1]))
    for weights, values in zip(left_out.T, block, strict=True):
        along += weights[:, None] * values
    total = np.zeros(block.shape[1])
    for values in along:
        total += values * values
    return np.sqrt(total)


def _spread(error: Floats) -> tuple[tuple[int, float], ...]:
    # Of windows of 1, 2, 4 ... rows in a row, while there are enough to tell how they differ.
    error = error[~np.isnan(error)]
    found, rows = [], 1
    while len(error) >= MIN_WINDOWS * rows:
        windows = error[: len(error) // rows * rows].reshape(-1, rows).mean(axis=1)
        found.append((rows, float(windows.std(ddof=1))))
        rows *= 2
    return tuple(found)
