"""Ids of rows and of labels as hashes: as they are written, whatever the column's other values are."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from service.core.rows import row_hash
from service.core.rows.label_text import described
from service.core.rows.missing_words import NULL_WORDS
from service.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from service.core.rows.batch import LabelType

_NO_IDS = frozenset(NULL_WORDS)
_WHOLE = 2.0**53  # from which a double has no neighbour at a distance of one


class Identities(NamedTuple):
    """Hashes (uint64, shape (n,), 0 where an id is missing), None where there is no column of ids.

    `example` is one id as people write it, with its type. `check` is a second hash, where it was asked for.
    """

    hashes: NDArray[np.uint64] | None
    example: str | None
    check: NDArray[np.uint64] | None = None


NO_IDENTITIES = Identities(None, None)  # of rows that have no column of ids


def identities_of(texts: Sequence[str | None], typed: LabelType, *, exact: bool = False) -> Identities:
    """Return ids, given by their canonical texts; a word for a missing value, such as NULL, is no id.

    With `exact` they have a second hash too.
    """
    known = [known_id(text) for text in texts]
    first = next((text for text in known if text), None)
    example = None if first is None else described(first, typed)
    held = np.array(known, dtype=np.str_)
    check = row_hash.of_texts(held, second=True) if exact else None
    return Identities(row_hash.of_texts(held), example, check)


def are_rounded(cells: Iterable[object]) -> bool:
    """Say whether any of these is a float so large that its neighbours are the same number."""
    return any(isinstance(cell, float) and abs(cell) >= _WHOLE for cell in cells)


def refuse_rounded(values: NDArray[np.floating]) -> None:
    """Raise SourceError where ids are floats so large that neighbouring ids are one number."""
    with np.errstate(invalid="ignore"):
        rounded = np.abs(values) >= 2.0 ** (np.finfo(values.dtype).nmant + 1)
    if rounded.any():
        shown = f"{float(values[np.argmax(rounded)]):.0f}"
        raise SourceError(
            f"the ids are {values.dtype.itemsize * 8}-bit floats such as {shown}, in which neighbouring ids "
            "are one number; write them as integers or texts (pandas makes floats of integers where one is "
            "missing: dtype Int64 keeps them)"
        )


def known_id(text: str | None) -> str:
    """Return an id's canonical text, empty where there is none or a word for a missing value."""
    return "" if text is None or text in _NO_IDS else text
