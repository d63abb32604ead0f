"""Labels and ids of a pandas frame, by their canonical texts.

A column's distinct values are turned into texts, not each cell, wherever pandas can tell the values apart:
True, 1 and 1.0 are one key of a hash table, so cells of several types are turned one by one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from service.core.rows.batch import Labels, LabelType
from service.core.rows.label_text import coded, common_type, text_of, type_of
from service.sources.tables.cell import content_of, is_missing
from service.sources.tables.identity import Identities, are_rounded, identities_of, refuse_rounded

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pandas.api.extensions import ExtensionDtype

ONE_TYPE = {"string", "bytes", "integer", "floating", "boolean"}  # a NaN of Decimal may not be hashed


def labels(column: pd.Series[Any]) -> Labels:
    """Return a column as codes into its sorted distinct canonical texts."""
    dtype = column.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        categories = list(dtype.categories)
        typed = _typed(categories)
        return coded(column.cat.codes.to_numpy(), [_text(category) for category in categories], typed)
    plain = _plain_number(dtype)
    if plain is None:
        return _of_objects(np.asarray(column, dtype=object))
    missing = column.isna().to_numpy(dtype=np.bool_)
    values = column.to_numpy(dtype=plain, na_value=0) if missing.any() else column.to_numpy(dtype=plain)
    codes, distinct = pd.factorize(values)
    typed = LabelType.TRUTH if plain.kind == "b" else LabelType.NUMBER
    return coded(np.where(missing, -1, codes), [text_of(value) for value in distinct], typed)


def identities(column: pd.Series[Any], *, exact: bool = False) -> Identities:
    """Return a column of ids as hashes: 5, 5.0 and "5" are one id, 5 and "05" are two.

    Integers of any size are told apart; they are never rounded to a double.
    """
    if isinstance(column.dtype, pd.CategoricalDtype):
        found = labels(column)
        return identities_of(np.append(found.labels, "")[found.codes].tolist(), found.typed, exact=exact)
    plain = _plain_number(column.dtype)
    if plain is not None and plain.kind == "f":
        refuse_rounded(column.to_numpy(dtype=plain, na_value=np.nan))
    if plain is None or column.isna().any():
        objects = np.asarray(column, dtype=object)
        cells = objects.tolist()
        if plain is None and are_rounded(cells):
            refuse_rounded(np.array([cell for cell in cells if isinstance(cell, float)]))
        typed = LabelType.TEXT if content_of(objects) == "string" else _typed(cells)
        return identities_of([_text(cell) for cell in cells], typed, exact=exact)
    values = column.to_numpy(dtype=plain)
    cells = values.tolist() if plain.kind in "biu" else list(values)
    return identities_of([text_of(cell) for cell in cells], _typed(cells[:1]), exact=exact)


def _plain_number(dtype: np.dtype[Any] | ExtensionDtype) -> np.dtype[Any] | None:
    # The numpy type that holds a column's numbers or truth values exactly, None where there is none.
    if isinstance(dtype, pd.SparseDtype):
        return None
    found = dtype if isinstance(dtype, np.dtype) else getattr(dtype, "numpy_dtype", None)
    return found if isinstance(found, np.dtype) and found.kind in "biuf" else None


def _of_objects(objects: NDArray[np.object_]) -> Labels:
    content = content_of(objects)
    # pandas' table of texts takes a NUL for a text's end.
    if content in ONE_TYPE and not (content == "string" and _has_nul(objects)):
        codes, found = pd.factorize(objects)
        cells = found.tolist()
        return coded(codes, [_text(cell) for cell in cells], _typed(cells))
    values = objects.tolist()
    # Texts first: True, 1 and 1.0 are one key of a hash table, and which one stays depends on the order.
    codes, distinct = pd.factorize(np.array([_text(value) for value in values], dtype=object))
    return coded(codes, distinct.tolist(), _typed(values))


def _has_nul(texts: NDArray[np.object_]) -> bool:
    return "\0" in "".join(texts[pd.notna(texts)].tolist())


def _typed(values: list[Any]) -> LabelType:
    return common_type({type_of(value) for value in values if not is_missing(value)})


def _text(value: Any) -> str | None:
    return text_of(value) if isinstance(value, str) or not is_missing(value) else None
