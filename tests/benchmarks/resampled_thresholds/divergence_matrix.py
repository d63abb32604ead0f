"""Distances of many windows' shares from the reference's at once: the formulas of `distance`, row by row.

All take the reference's shares, float64, shape (cells,) or (1, cells), and the windows', shape (w, cells);
they return shape (w,).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Divergence = Callable[[Floats, Floats], Floats]


def _psi(reference: Floats, shares: Floats) -> Floats:
    return np.asarray(((reference - shares) * np.log(reference / shares)).sum(axis=1))


def _jensenshannon(reference: Floats, shares: Floats) -> Floats:
    from scipy.special import rel_entr  # noqa: PLC0415 - a service starts without SciPy

    middle = (reference + shares) / 2.0
    both = rel_entr(reference, middle).sum(axis=1) + rel_entr(shares, middle).sum(axis=1)
    return np.asarray(np.sqrt(np.maximum(both / 2.0, 0.0)))


def _kl_div(reference: Floats, shares: Floats) -> Floats:
    from scipy.special import rel_entr  # noqa: PLC0415 - a service starts without SciPy

    both = [side / side.sum(axis=-1, keepdims=True) for side in (reference, shares)]
    return np.asarray(rel_entr(both[0], both[1]).sum(axis=1))


def _hellinger(reference: Floats, shares: Floats) -> Floats:
    affinity = np.sqrt(reference * shares).sum(axis=1)
    return np.asarray(np.sqrt(1.0 - np.minimum(affinity, 1.0)))


# Those that Evidently gives a stand-in for zero.
FILLED = ("psi", "kl_div")
DIVERGENCES: Mapping[str, Divergence] = {
    "psi": _psi,
    "jensenshannon": _jensenshannon,
    "kl_div": _kl_div,
    "hellinger": _hellinger,
}
