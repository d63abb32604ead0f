"""The season-matched definition of every method: against a reference with the window's own mix of cells.

`ks:season` compares a window with sum over cells of (window's rows in the cell / all of them) * the
reference's distribution in that cell (`core/reference/seasonal`). Fisher's exact test has none: it counts the
tables of whole rows, and a weighted reference has none; `z:season` asks the same.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from service.core.measurement import Worse
from service.core.rows.schema import Kind
from service.methods.drift.families.category_tests import BY_CHOICE
from service.methods.drift.families.kuiper import tail
from service.methods.drift.method import Compression, Definition, Method
from service.methods.stats import category_tests
from service.methods.stats import distance as formula
from service.methods.stats.matched import bounds, distances, number_tests, share_tests
from service.methods.stats.matched.cells import known_cells, quantile_cells

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from service.core.profile.distribution import Distribution
    from service.core.reference.seasonal.weighted import Weighted
    from service.methods.drift.method import MatchedCompute
    from service.methods.stats.matched.bounds import MatchedBound
    from service.methods.stats.matched.sides import Doubles

_DEVIATIONS = "standard deviations"


def _numbers(matched: MatchedCompute) -> Mapping[Kind, MatchedCompute]:
    return MappingProxyType({Kind.NUMERICAL: matched})


def _labels(matched: MatchedCompute) -> Mapping[Kind, MatchedCompute]:
    return MappingProxyType({Kind.CATEGORICAL: matched})


def _either(numerical: MatchedCompute, categorical: MatchedCompute) -> Mapping[Kind, MatchedCompute]:
    return MappingProxyType({Kind.NUMERICAL: numerical, Kind.CATEGORICAL: categorical})


def _binned(divergence: Callable[[Doubles, Doubles], float]) -> Mapping[Kind, MatchedCompute]:
    return _either(distances.over(quantile_cells, divergence), distances.over(known_cells, divergence))


def _distance(
    name: str,
    unit: str,
    matched: Mapping[Kind, MatchedCompute],
    bound: MatchedBound,
    *,
    inclusive: bool = True,
) -> Method:
    return Method(
        name=name,
        definition=Definition.SEASON,
        compute={},
        unit=unit,
        worse=Worse.HIGHER,
        threshold=0.1,
        inclusive=inclusive,
        compression=Compression.BOUND,
        matched=matched,
        matched_bound=bound,
    )


def _p_value(
    name: str,
    matched: Mapping[Kind, MatchedCompute],
    bound: MatchedBound | None = None,
    *,
    threshold: float = 0.05,
    inclusive: bool = False,
    draws_error: Callable[[float], float] | None = None,
    by_choice: frozenset[Kind] = frozenset(),
) -> Method:
    return Method(
        name=name,
        definition=Definition.SEASON,
        compute={},
        unit="p-value",
        worse=Worse.LOWER,
        threshold=threshold,
        inclusive=inclusive,
        compression=Compression.REFUSES if bound is None else Compression.BOUND,
        matched=matched,
        matched_bound=bound,
        draws_error=draws_error,
        by_choice=by_choice,
    )


def _kuiper(reference: Weighted, current: Distribution) -> float:
    return _kuiper_tail(reference, current, number_tests.both_gaps(reference, current))


def _kuiper_tail(reference: Weighted, current: Distribution, gaps: float) -> float:
    return tail(reference.finite, current.finite, gaps * reference.finite * current.finite)


def _kuiper_bound(reference: Weighted, current: Distribution, value: float) -> float:
    # Either gap may be larger or smaller by the fullest bucket's share.
    gaps, moved = number_tests.both_gaps(reference, current), 2.0 * current.rank_displacement
    ends = [min(max(gaps + sign * moved, 0.0), 1.0) for sign in (-1, 1)]
    return max(abs(_kuiper_tail(reference, current, end) - value) for end in ends)


METHODS: tuple[Method, ...] = (
    _distance("wasserstein", _DEVIATIONS, _numbers(distances.wasserstein), bounds.wasserstein),
    _distance("psi", "nats", _binned(formula.psi), bounds.PSI),
    _distance("jensenshannon", "distance", _binned(formula.jensenshannon), bounds.JENSENSHANNON),
    _distance("kl_div", "nats", _binned(formula.kl_div), bounds.KL),
    _distance("hellinger", "distance", _binned(formula.hellinger), bounds.HELLINGER),
    _distance(
        "ed", "root of the column's unit", _numbers(distances.energy_distance), bounds.energy, inclusive=False
    ),
    _p_value("ks", _numbers(number_tests.ks), bounds.ks, inclusive=True),
    _p_value("kuiper", _numbers(_kuiper), _kuiper_bound, inclusive=True),
    _p_value("mannw", _numbers(number_tests.mannw)),
    _p_value("anderson", _numbers(number_tests.anderson), threshold=0.1),
    _p_value("cramer_von_mises", _numbers(number_tests.cramer_von_mises), threshold=0.1, inclusive=True),
    _p_value("es", _numbers(number_tests.epps_singleton)),
    _p_value("t_test", _numbers(number_tests.welch)),
    _p_value("chisquare", _either(share_tests.chisquare, share_tests.chisquare), by_choice=BY_CHOICE),
    _p_value("z", _either(share_tests.z, share_tests.z), by_choice=BY_CHOICE),
    _p_value("g_test", _labels(share_tests.g_test), threshold=0.1),
    _p_value(
        "TVD",
        _labels(share_tests.total_variation),
        threshold=0.1,
        draws_error=category_tests.draws_error,
    ),
)
