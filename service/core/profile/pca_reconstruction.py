"""The sums of the rows' PCA reconstruction errors.

A commutative monoid over rows. A row's error does not depend on the rows next to it
(`spec/pca_components.py`) and sums are exact integers, so the sums of any split are those of the whole, bit
for bit, and every row counts, not only the sampled ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from service.core.exact.sums import exact_sums
from service.core.profile.part import Part
from service.core.profile.spec.pca_components import error_blocks
from service.core.profile.stored_arrays import sums_form, sums_of
from service.errors import ProfileError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from service.core.profile.spec.pca_components import Components
    from service.core.profile.spec.spec import ProfileSpec
    from service.core.profile.stored_arrays import ArrayReader, ArrayWriter, Json
    from service.core.rows.batch import Batch
    from service.core.rows.schema import Schema

    Floats = NDArray[np.float64]
    Marks = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Reconstruction:
    """The sums of some rows' errors, in units of 2**-1074.

    Attributes:
        components: The fingerprint of the components.
        rows: Rows with at least one value.
        imputed: Those of them that lack another.
        empty: Rows that lack every value and have no error.
        total: The sum of the errors.
        squares: The sum of their squares.

    """

    components: str
    rows: int = 0
    imputed: int = 0
    empty: int = 0
    total: int = 0
    squares: int = 0


def empty(fitted: Components) -> Reconstruction:
    """Return the sums of no rows: the identity of `merge`."""
    return Reconstruction(fitted.fingerprint)


def of(batch: Batch, fitted: Components) -> Reconstruction:
    """Sum a batch's errors."""
    parts = [_of_block(*block, fitted) for block in error_blocks(batch, fitted)]
    return merge([empty(fitted), *parts])


def merge(parts: Sequence[Reconstruction]) -> Reconstruction:
    """Return the sums over all rows of `parts` (one or more), which stay as they are.

    Raises ProfileError where parts were made with other components.
    """
    first = parts[0]
    for part in parts:
        if part.components != first.components:
            raise ProfileError(
                f"reconstruction errors of components {first.components} and {part.components} cannot be "
                "merged; expected parts made with the same reference"
            )
    return Reconstruction(
        first.components,
        sum(part.rows for part in parts),
        sum(part.imputed for part in parts),
        sum(part.empty for part in parts),
        sum(part.total for part in parts),
        sum(part.squares for part in parts),
    )


def _of_block(error: Floats, known: Marks, lacking: NDArray[np.intp], fitted: Components) -> Reconstruction:
    found = error[known]
    total, squares = exact_sums(np.stack((found, found * found)))
    imputed = int(np.count_nonzero(lacking[known]))
    return Reconstruction(fitted.fingerprint, len(found), imputed, len(known) - len(found), total, squares)


def _empty(_: Schema, spec: ProfileSpec) -> Reconstruction | None:
    return None if spec.components is None else empty(spec.components)


def _of(batch: Batch, _: Schema, spec: ProfileSpec, __: int) -> Reconstruction | None:
    return None if spec.components is None else of(batch, spec.components)


def _merge(sides: Sequence[Reconstruction | None], _: int) -> Reconstruction | None:
    summed = [side for side in sides if side is not None]
    if not summed:
        return None
    if len(summed) < len(sides):
        raise ProfileError(
            "profiles with and without reconstruction errors cannot be merged; "
            "expected profiles made with the same reference"
        )
    return merge(summed)


def _encode(summed: Reconstruction | None, _: ArrayWriter) -> Json:
    if summed is None:
        return None
    sums = sums_form((summed.total, summed.squares))
    return [summed.components, summed.rows, summed.imputed, summed.empty, *sums]


def _decode(form: Json, _: ArrayReader) -> Reconstruction | None:
    if form is None:
        return None
    components, rows, imputed, without, *sums = form
    return Reconstruction(components, rows, imputed, without, *sums_of(sums))


PART: Part[Reconstruction | None] = Part(
    "pca_reconstruction", _empty, _of, _merge, _encode, _decode
)  # None: no components were asked for, or none could be fitted
