"""How many rows, and the sums of two hashes of their ids: equal sums mean equal rows, in any order.

Two sets of rows that differ have the same sums with a chance of about one in 2**64, so that a row that was
lost is noticed even where another was counted twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from service.core.rows.row_hash import of_ordinal, of_ordinals

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

MODULUS = 2**64
_SEED = 0x51DE


@dataclass(frozen=True, slots=True)
class IdSums:
    """`rows` rows; the sums of their ids' hashes (`ids`) and of these mixed (`mixed`), modulo 2**64."""

    rows: int = 0
    ids: int = 0
    mixed: int = 0

    def __add__(self, other: IdSums) -> IdSums:
        return IdSums(
            self.rows + other.rows, (self.ids + other.ids) % MODULUS, (self.mixed + other.mixed) % MODULUS
        )

    def __sub__(self, other: IdSums) -> IdSums:
        return IdSums(
            self.rows - other.rows, (self.ids - other.ids) % MODULUS, (self.mixed - other.mixed) % MODULUS
        )


NO_ROWS = IdSums()


def sums_of(identity: NDArray[np.uint64] | None, rows: int) -> IdSums:
    """Return the sums of `rows` rows; `identity` holds their ids' hashes, None where they have no ids."""
    if identity is None:
        return IdSums(rows)
    mixed = of_ordinals(identity.view(np.int64), _SEED)
    return IdSums(rows, _sum(identity), _sum(mixed))


def sums_of_hashes(identity: Sequence[int]) -> IdSums:
    """Return the sums of a few rows by their ids' hashes, as `sums_of` does, without an array."""
    mixed = sum(of_ordinal(each, _SEED) for each in identity)
    return IdSums(len(identity), sum(identity) % MODULUS, mixed % MODULUS)


def _sum(hashes: NDArray[np.uint64]) -> int:
    return int(np.add.reduce(hashes, dtype=np.uint64)) if len(hashes) else 0
