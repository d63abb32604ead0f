"""The label of each row's text: sorted, distinct, and such that every store keeps it unchanged."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

from service.core.rows.batch import Labels

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

LABEL_LENGTH = 200  # a longer one is cut and ends in a hash: an array of texts is as wide as its longest


def coded(codes: NDArray[np.integer], texts: Sequence[str | None]) -> Labels:
    """Return the column whose row of code c has the text `texts[c]`, which may repeat, in any order.

    Code -1, None and the empty text are missing.
    """
    labels, places = np.unique(np.array([text or "" for text in texts], dtype=np.str_), return_inverse=True)
    if len(labels) and not labels[0]:  # empty sorts first
        labels, places = labels[1:], places - 1
    return Labels(np.append(places, -1)[codes], labels)  # code -1, missing, is the last


def clean(text: str) -> str:
    """Return the text as numpy, UTF-8 and Postgres keep it."""
    if text.isascii() and "\0" not in text:  # neither Postgres nor numpy keeps a NUL, UTF-8 no surrogate
        return text
    return text.replace("\0", "\ufffd").encode(errors="replace").decode()


def storable(text: str) -> str:
    """Return the text as a label that every store keeps as it is, at most LABEL_LENGTH long."""
    text = clean(text)
    if len(text) <= LABEL_LENGTH:
        return text
    return f"{text[: LABEL_LENGTH - 17]}…{hashlib.sha256(text.encode()).hexdigest()[:16]}"
