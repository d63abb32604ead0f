"""The arrays of a stored part, apart from its JSON: each is found by its offset.

Numbers are little-endian. Hashes are kept apart, because compressing them costs time and saves nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from service.core.profile.distribution import Distribution

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

Json = Any  # what json.loads returns; a part's decode reads its own form and nothing else


class ArrayWriter:
    """Collects the arrays of one part."""

    def __init__(self) -> None:
        self._plain: list[bytes] = []
        self._hashes: list[bytes] = []
        self._ends = [0, 0]

    def put(self, array: NDArray[Any]) -> int:
        """Keep numbers of one dimension; return their offset."""
        return self._put(0, self._plain, array)

    def put_hashes(self, array: NDArray[np.uint64]) -> int:
        """Keep hashes (uint64) of one dimension, which are never compressed; return their offset."""
        return self._put(1, self._hashes, array)

    @property
    def plain(self) -> bytes:
        """All numbers."""
        return b"".join(self._plain)

    @property
    def hashes(self) -> bytes:
        """All hashes."""
        return b"".join(self._hashes)

    def _put(self, area: int, held: list[bytes], array: NDArray[Any]) -> int:
        offset = self._ends[area]
        data = array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes()
        held.append(data)
        self._ends[area] = offset + len(data)
        return offset


class ArrayReader:
    """Gives back the arrays of one part; raises ValueError where there are no such bytes."""

    def __init__(self, plain: memoryview, hashes: memoryview) -> None:
        self._plain = plain
        self._hashes = hashes

    def take(self, offset: int, dtype: str, size: int) -> NDArray[Any]:
        """Return `size` numbers of `dtype`, read-only."""
        if size <= 0:
            return _nothing(dtype, size)
        return np.frombuffer(self._plain, dtype, size, offset)

    def take_hashes(self, offset: int, size: int) -> NDArray[np.uint64]:
        """Return `size` hashes, read-only."""
        if size <= 0:
            return _nothing("<u8", size)
        return np.frombuffer(self._hashes, "<u8", size, offset)


def distribution_form(kept: Distribution, arrays: ArrayWriter) -> list[Json]:
    """Return a distribution as JSON; a profile has a hundred of them, so that fields go by place."""
    return [
        kept.distinct,
        arrays.put(kept.counts),
        arrays.put(kept.values) if kept.is_numeric else kept.values.tolist(),
        kept.missing,
        kept.positive_infinite,
        kept.negative_infinite,
        kept.dropped_bits,
    ]


def distribution_of(form: Json, arrays: ArrayReader) -> Distribution:
    """Return the distribution that `distribution_form` was given."""
    size, counts, values, missing, positive, negative, dropped_bits = form
    return Distribution(
        np.array(values, dtype=np.str_) if isinstance(values, list) else arrays.take(values, "<f8", size),
        arrays.take(counts, "<i8", size),
        missing,
        positive,
        negative,
        dropped_bits,
    )


def sums_form(sums: Iterable[int]) -> list[str]:
    """Return exact sums as hexadecimal: decimal text of 2,000 bits is slow, and Python bounds its length."""
    return [f"{value:x}" for value in sums]


def sums_of(form: Iterable[str]) -> tuple[int, ...]:
    """Return the sums that `sums_form` was given."""
    sums = [int(text, 16) for text in form]  # a list takes half the time of a generator
    return tuple(sums)


def _nothing(dtype: str, size: int) -> NDArray[Any]:
    # From no bytes numpy reads no array, and to it a negative size is all that is left.
    if size:
        raise ValueError(f"an array of {size} values")
    return np.zeros(0, dtype)
