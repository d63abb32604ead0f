"""Which drift methods exist, for which kind of column, and which way is worse? One table says it.

A new method is one function and one line in `_METHODS`. `psi` is Evidently's definition, `psi:robust` the one
that does not mislead where Evidently's does. `_IN_WORKER` are Evidently's own tests where counts alone do not
give their number: they rest on random draws or on the texts themselves, and run in the worker process.
"""

from __future__ import annotations

import difflib
import math
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from service.core.measurement import Worse
from service.core.profile import row_sample
from service.core.rows.schema import Kind
from service.errors import ConfigurationError
from service.methods.stats import (
    binning,
    category_tests,
    cramer_von_mises,
    distance,
    energy,
    epps_singleton,
    error_bounds,
    hypothesis_tests,
    rank_tests,
    robust,
    t_test,
)
from service.methods.stats.alignment import union_distinct
from service.methods.stats.distance import over
from service.methods.stats.unmeasurable import Unmeasurable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from service.core.profile.distribution import Distribution
    from service.methods.stats.alignment import Counts
    from service.methods.stats.distance import Shares
    from service.methods.stats.error_bounds import Bound

    Compute = Callable[[Distribution, Distribution], float]
    ToShares = Callable[[Counts], Shares]
    Divergence = Callable[[Shares, Shares], float]

DEFAULT = "default"  # names the choice that `default_method` makes
SMALL_REFERENCE = 1000
FEW_VALUES = 5


class Definition(StrEnum):
    """Whose definition a number follows."""

    EVIDENTLY = "evidently"
    ROBUST = "robust"


@dataclass(frozen=True, slots=True)
class InWorker:
    """How a method is asked of the worker process: for which kinds of column, on how many rows a side.

    Of more than `most_rows` an even sample is taken.
    """

    kinds: frozenset[Kind]
    most_rows: int
    least_rows: int = 1


@dataclass(frozen=True, slots=True)
class Method:
    """One way to compare a column with its reference.

    `compute` takes (reference, current) for each kind of column that the method measures. At `threshold` and
    on the `worse` side of it a column has drifted; the threshold itself counts where `inclusive`. `bound`
    takes (reference, current, value) of compressed numbers; a method without it refuses them.
    `draws_error` is how far a value that rests on random draws may lie from that of all possible ones. With
    `in_worker` there is nothing to compute here: `methods/slow.py` asks the worker process.
    """

    name: str
    definition: Definition
    threshold: float
    worse: Worse
    inclusive: bool
    unit: str
    compute: Mapping[Kind, Compute]
    bound: Bound | None = None
    draws_error: Callable[[float], float] | None = None
    in_worker: InWorker | None = None

    @property
    def kinds(self) -> frozenset[Kind]:
        """The kinds of column that it measures."""
        return frozenset(self.compute) if self.in_worker is None else self.in_worker.kinds

    def suits(self, kind: Kind) -> bool:
        """Say whether it measures columns of `kind`; what measures numbers measures the lengths of texts."""
        return kind in self.kinds or kind.counted in self.kinds

    @property
    def full_name(self) -> str:
        """Its name with the definition, as in `psi:robust`."""
        return f"{self.name}:{self.definition}"


_E, _R = Definition.EVIDENTLY, Definition.ROBUST


def _distance(
    name: str, definition: Definition, unit: str, compute: Mapping[Kind, Compute], bound: Bound
) -> Method:
    return Method(name, definition, 0.1, Worse.HIGHER, True, unit, compute, bound)


def _test(
    name: str,
    definition: Definition,
    compute: Mapping[Kind, Compute],
    bound: Bound | None = None,
    *,
    threshold: float = 0.05,
    inclusive: bool = False,
    draws_error: Callable[[float], float] | None = None,
    in_worker: InWorker | None = None,
) -> Method:
    worse, unit = Worse.LOWER, "p-value"
    return Method(name, definition, threshold, worse, inclusive, unit, compute, bound, draws_error, in_worker)


def _text(name: str, *, threshold: float) -> Method:
    asked = InWorker(frozenset({Kind.TEXT}), row_sample.MAX_SIZE)
    return Method(name, _E, threshold, Worse.HIGHER, False, "ROC AUC", {}, in_worker=asked)


def _numbers(compute: Compute) -> Mapping[Kind, Compute]:
    return MappingProxyType({Kind.NUMERICAL: compute})


def _labels(compute: Compute) -> Mapping[Kind, Compute]:
    return MappingProxyType({Kind.CATEGORICAL: compute})


def _either(numerical: Compute, categorical: Compute) -> Mapping[Kind, Compute]:
    return MappingProxyType({Kind.NUMERICAL: numerical, Kind.CATEGORICAL: categorical})


def _binned(shares: ToShares, divergence: Divergence) -> Mapping[Kind, Compute]:
    return _either(
        over(binning.sturges_cells, shares, divergence), over(binning.value_cells, shares, divergence)
    )


def _fixed(divergence: Divergence) -> Mapping[Kind, Compute]:
    return _either(
        over(binning.quantile_cells, robust.smoothed, divergence),
        over(binning.known_cells, robust.smoothed, divergence),
    )


_METHODS = (
    _distance(
        "wasserstein", _E, "standard deviations", _numbers(distance.wasserstein), error_bounds.wasserstein
    ),
    _distance(
        "wasserstein",
        _R,
        "standard deviations",
        _numbers(robust.wasserstein),
        error_bounds.wasserstein_robust,
    ),
    _distance("psi", _E, "nats", _binned(distance.filled, distance.psi), error_bounds.PSI),
    _distance("psi", _R, "nats", _fixed(distance.psi), error_bounds.PSI_ROBUST),
    _distance(
        "jensenshannon", _E, "distance", _binned(distance.plain, distance.jensenshannon), error_bounds.JS
    ),
    _distance("jensenshannon", _R, "distance", _fixed(distance.jensenshannon), error_bounds.JS_ROBUST),
    _distance("kl_div", _E, "nats", _binned(distance.filled, distance.kl_div), error_bounds.KL),
    _distance("kl_div", _R, "nats", _fixed(distance.kl_div), error_bounds.KL_ROBUST),
    _distance(
        "hellinger",
        _E,
        "distance",
        _either(distance.hellinger_of_numbers, over(binning.value_cells, distance.plain, distance.hellinger)),
        error_bounds.HELLINGER,
    ),
    _distance("hellinger", _R, "distance", _fixed(distance.hellinger), error_bounds.HELLINGER_ROBUST),
    _test("ks", _E, _numbers(hypothesis_tests.ks), error_bounds.ks, inclusive=True),
    _test("chisquare", _E, _either(hypothesis_tests.chisquare, hypothesis_tests.chisquare)),
    _test("chisquare", _R, _either(robust.chisquare, robust.chisquare)),
    _test("z", _E, _either(hypothesis_tests.z, hypothesis_tests.z)),
    _test("z", _R, _either(robust.z, robust.z)),
    Method(
        "ed",
        _E,
        0.1,
        Worse.HIGHER,
        inclusive=False,
        unit="root of the column's unit",
        compute=_numbers(energy.energy_distance),
        bound=energy.energy_bound,
    ),
    _test("mannw", _E, _numbers(rank_tests.mannw)),
    _test("mannw", _R, _numbers(rank_tests.mannw_two_sided)),
    _test("anderson", _E, _numbers(rank_tests.anderson), threshold=0.1),
    _test(
        "cramer_von_mises",
        _E,
        _numbers(cramer_von_mises.cramer_von_mises),
        threshold=0.1,
        inclusive=True,
    ),
    _test(
        "cramer_von_mises",
        _R,
        _numbers(cramer_von_mises.cramer_von_mises_tied),
        threshold=0.1,
        inclusive=True,
    ),
    _test("es", _E, _numbers(epps_singleton.epps_singleton)),
    _test("es", _R, _numbers(epps_singleton.epps_singleton_ranked)),
    _test("t_test", _E, _numbers(t_test.t_test), t_test.t_test_bound),
    _test("t_test", _R, _numbers(t_test.welch), t_test.welch_bound),
    _test("g_test", _E, _labels(category_tests.g_test), threshold=0.1),
    _test("g_test", _R, _labels(category_tests.g_homogeneity), threshold=0.1),
    _test("fisher_exact", _E, _labels(category_tests.fisher_exact), threshold=0.1),
    _test(
        "TVD",
        _R,
        _labels(category_tests.total_variation),
        threshold=0.1,
        draws_error=category_tests.draws_error,
    ),
)
METHODS: Mapping[tuple[str, Definition], Method] = MappingProxyType(
    {(method.name, method.definition): method for method in _METHODS}
)

# Evidently's kernel test holds a matrix of (N + n)^2 and permutes it 100 times: two seconds at the most here.
# Its TVD draws 1,000 permutations of all rows: some ten seconds at the most. Its text tests train a
# classifier to tell both sides' sampled texts apart; the second's threshold is a percentile of random ones.
_IN_WORKER = (
    _test(
        "empirical_mmd",
        _E,
        {},
        threshold=0.1,
        draws_error=partial(category_tests.draws_error, draws=100),
        in_worker=InWorker(frozenset({Kind.NUMERICAL}), most_rows=1_000, least_rows=2),
    ),
    _test(
        "TVD",
        _E,
        {},
        threshold=0.1,
        draws_error=partial(category_tests.draws_error, draws=1_000),
        in_worker=InWorker(frozenset({Kind.CATEGORICAL}), most_rows=50_000),
    ),
    _text("abs_text_content_drift", threshold=0.55),
    _text("perc_text_content_drift", threshold=0.95),
)
IN_WORKER: Mapping[tuple[str, Definition], Method] = MappingProxyType(
    {(method.name, method.definition): method for method in _IN_WORKER}
)
ALL = (*_METHODS, *_IN_WORKER)


def drifted(method: Method, value: float, threshold: float) -> bool:
    """Return whether `value` lies at or beyond `threshold`, on the side where the method gets worse."""
    if value == threshold:
        return method.inclusive
    return value > threshold if method.worse is Worse.HIGHER else value < threshold


def default_method(reference: Distribution, current: Distribution, kind: Kind) -> Method:
    """Return Evidently's choice, by the reference's finite rows and the distinct values of both sides.

    Of a text column the one for its lengths: Evidently's choice for texts runs in the worker process.

    Over 1,000 rows: numbers with more than 5 distinct values wasserstein, everything else jensenshannon. Up
    to 1,000: such numbers ks, else chisquare with more than 2 distinct values, z with 2 or fewer.
    """
    distinct = union_distinct(reference, current, FEW_VALUES)
    many = kind.counted is Kind.NUMERICAL and distinct > FEW_VALUES
    if reference.finite > SMALL_REFERENCE:
        name = "wasserstein" if many else "jensenshannon"
    elif many:
        name = "ks"
    else:
        name = "chisquare" if distinct > 2 else "z"  # noqa: PLR2004 - two values make one share
    return METHODS[name, Definition.EVIDENTLY]


def full_name(name: str) -> str:
    """Return a method's name with its definition; without one it is Evidently's."""
    return name if ":" in name else f"{name}:{Definition.EVIDENTLY}"


def find(name: str, kind: Kind) -> Method:
    """Return the method called `psi` (Evidently's definition) or `psi:robust`.

    Raises ConfigurationError with the nearest known name, or with what would suit `kind`.
    """
    method = next((method for method in ALL if method.full_name == full_name(name)), None)
    if method is None:
        raise ConfigurationError(_unknown(name))
    if not method.suits(kind):
        suited = ", ".join(dict.fromkeys(method.name for method in ALL if method.suits(kind)))
        raise ConfigurationError(
            f"the method {name!r} does not measure {kind} columns; expected one of: {suited}"
        )
    return method


def compute(method: Method, kind: Kind, reference: Distribution, current: Distribution) -> float:
    """Return the method's value for a column of `kind`; always finite.

    Raises Unmeasurable with the reason where there is none.
    """
    if not reference.finite:
        raise Unmeasurable("no value in the reference")
    if not current.finite:
        raise Unmeasurable("no value in the window")
    with np.errstate(all="ignore"):
        value = method.compute[kind.counted](reference, current)
    if not math.isfinite(value):
        raise Unmeasurable(f"{method.name} is beyond what a number can hold for these values")
    return value


def _unknown(name: str) -> str:
    others = [method.full_name for method in ALL if method.name == name]
    if others:
        return (
            f"the drift method {name!r} has no form with Evidently's number; expected {' or '.join(others)}"
        )
    known = [DEFAULT, *(method.name for method in ALL if method.definition is _E)]
    known += [method.full_name for method in ALL]
    nearest = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {nearest[0]!r}?" if nearest else f"expected one of: {', '.join(known)}"
    return f"no drift method {name!r}; {hint}"
