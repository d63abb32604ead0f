"""Distances between a column and its reference: Evidently's, and the robust ones of the same names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.core.measurement import Worse
from service.methods.drift.method import Compression, Definition, Method, distance, either, numbers
from service.methods.stats import binning, energy, error_bounds, robust
from service.methods.stats import distance as formula
from service.methods.stats.distance import over

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from service.core.rows.schema import Kind
    from service.methods.drift.method import Compute
    from service.methods.stats.alignment import Counts
    from service.methods.stats.distance import Shares

    ToShares = Callable[[Counts], Shares]
    Divergence = Callable[[Shares, Shares], float]

_E, _R = Definition.EVIDENTLY, Definition.ROBUST
_DEVIATIONS = "standard deviations"


def _binned(shares: ToShares, divergence: Divergence) -> Mapping[Kind, Compute]:
    return either(
        over(binning.sturges_cells, shares, divergence), over(binning.value_cells, shares, divergence)
    )


def _fixed(divergence: Divergence) -> Mapping[Kind, Compute]:
    return either(
        over(binning.quantile_cells, robust.smoothed, divergence),
        over(binning.known_cells, robust.smoothed, divergence),
    )


_HELLINGER = either(formula.hellinger_of_numbers, over(binning.value_cells, formula.plain, formula.hellinger))

METHODS: tuple[Method, ...] = (
    distance("wasserstein", _E, _DEVIATIONS, numbers(formula.wasserstein), error_bounds.wasserstein),
    distance("wasserstein", _R, _DEVIATIONS, numbers(robust.wasserstein), error_bounds.wasserstein_robust),
    distance("psi", _E, "nats", _binned(formula.filled, formula.psi), error_bounds.PSI),
    distance("psi", _R, "nats", _fixed(formula.psi), error_bounds.PSI_ROBUST),
    distance("jensenshannon", _E, "distance", _binned(formula.plain, formula.jensenshannon), error_bounds.JS),
    distance("jensenshannon", _R, "distance", _fixed(formula.jensenshannon), error_bounds.JS_ROBUST),
    distance("kl_div", _E, "nats", _binned(formula.filled, formula.kl_div), error_bounds.KL),
    distance("kl_div", _R, "nats", _fixed(formula.kl_div), error_bounds.KL_ROBUST),
    distance("hellinger", _E, "distance", _HELLINGER, error_bounds.HELLINGER),
    distance("hellinger", _R, "distance", _fixed(formula.hellinger), error_bounds.HELLINGER_ROBUST),
    Method(
        name="ed",
        definition=_E,
        compute=numbers(energy.energy_distance),
        unit="root of the column's unit",
        worse=Worse.HIGHER,
        threshold=0.1,
        inclusive=False,
        compression=Compression.BOUND,
        bound=energy.energy_bound,
    ),
)
