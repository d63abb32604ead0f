"""Inspect cells that can hold any object: which are missing, and what the others hold."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pandas as pd

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def content_of(cells: NDArray[np.object_]) -> str:
    """Return what pandas finds in the cells that are not missing: string, integer, floating, mixed ..."""
    try:
        return pd.api.types.infer_dtype(cells, skipna=True)
    except ArithmeticError:  # a signalling NaN of Decimal, which may not even be compared
        return "mixed"


def is_missing(value: Any) -> bool:
    """Say whether a cell holds nothing: None, NaN, NaT, NA, also among Decimals."""
    if isinstance(value, Decimal):
        return value.is_nan()
    return pd.api.types.is_scalar(value) and bool(pd.isna(value))
