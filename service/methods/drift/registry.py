"""Every drift method by its name, the default ones, and a method's value, verdict and error bound.

`psi` is Evidently's definition, `psi:robust` the one that does not mislead where Evidently's does, and
`psi:season` that one against a season-matched reference, which no bare name means. A name with a single
definition otherwise needs none. The methods themselves are in `families`.
"""

from __future__ import annotations

import difflib
import math
from types import MappingProxyType, ModuleType
from typing import TYPE_CHECKING

import numpy as np

from service.core.measurement import Worse
from service.core.rows.schema import Kind
from service.errors import ConfigurationError
from service.methods.drift import families
from service.methods.drift.method import Compression, Definition, Method
from service.methods.stats.alignment import union_distinct
from service.methods.stats.unmeasurable import Unmeasurable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from service.core.profile.distribution import Distribution
    from service.core.reference.seasonal.weighted import Weighted

DEFAULT = "default"  # names the choice that `default_method` makes
SMALL_REFERENCE = 1000
FEW_VALUES = 5
COMPRESSED = "the column has too many distinct values to keep each one, and this method needs every value"


def _registered() -> Mapping[tuple[str, Definition], Method]:
    found: dict[tuple[str, Definition], Method] = {}
    for family in vars(families).values():
        if not isinstance(family, ModuleType):
            continue
        methods: tuple[Method, ...] = family.METHODS
        for method in methods:
            if (method.name, method.definition) in found or ":" in method.name or method.name == DEFAULT:
                raise ValueError(f"{family.__name__}: {method.full_name}: expected a name that is not taken")
            found[method.name, method.definition] = method
    return MappingProxyType(found)


_BY_NAME = _registered()
ALL = tuple(_BY_NAME.values())
METHODS: Mapping[tuple[str, Definition], Method] = MappingProxyType(  # of two distributions, in this process
    {key: method for key, method in _BY_NAME.items() if method.compute}
)


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
    """Return a method's name with its definition; a bare name is Evidently's, or else the only one."""
    if ":" in name:
        return name
    definitions = [definition for definition in _definitions(name) if definition is not Definition.SEASON]
    return f"{name}:{definitions[0] if len(definitions) == 1 else Definition.EVIDENTLY}"


def named(name: str) -> Method:
    """Return the method called `psi`, `psi:robust` or `kuiper`.

    Raises ConfigurationError with the nearest known name.
    """
    whole = full_name(name)
    method = next((method for method in ALL if method.full_name == whole), None)
    if method is None:
        raise ConfigurationError(_unknown(name))
    return method


def find(name: str, kind: Kind) -> Method:
    """Return the method called `name` for a column of `kind`.

    Raises ConfigurationError with the nearest known name, or with what would suit `kind`.
    """
    method = named(name)
    if not method.suits(kind):
        suited = ", ".join(dict.fromkeys(method.name for method in ALL if method.suits(kind)))
        raise ConfigurationError(
            f"the method {name!r} does not measure {kind} columns; expected one of: {suited}"
        )
    return method


def compute(method: Method, kind: Kind, reference: Distribution, current: Distribution) -> float:
    """Return the method's value for a column of `kind`; always finite.

    Raises Unmeasurable with the reason where there is none, and always of compressed numbers where the method
    refuses them.
    """
    if not reference.finite:
        raise Unmeasurable("no value in the reference")
    if not current.finite:
        raise Unmeasurable("no value in the window")
    if method.compression is Compression.REFUSES and (reference.dropped_bits or current.dropped_bits):
        raise Unmeasurable(COMPRESSED)
    with np.errstate(all="ignore"):
        value = method.compute[kind.counted](reference, current)
    if not math.isfinite(value):
        raise Unmeasurable(f"{method.name} is beyond what a number can hold for these values")
    return value


def compute_matched(method: Method, kind: Kind, reference: Weighted, current: Distribution) -> float:
    """Return the value of a `matched` method, with the promises of `compute`."""
    if not current.finite:
        raise Unmeasurable("no value in the window")
    if not reference.finite:
        raise Unmeasurable("no value in the reference")
    if method.compression is Compression.REFUSES and current.dropped_bits:
        raise Unmeasurable(COMPRESSED)
    with np.errstate(all="ignore"):
        value = method.matched[kind.counted](reference, current)
    if not math.isfinite(value):
        raise Unmeasurable(f"{method.name} is beyond what a number can hold for these values")
    return value


def matched_error_bound(
    method: Method, reference: Weighted, current: Distribution, value: float
) -> float | None:
    """Return how far the exact value of a `matched` method may lie from `value`; None where it is exact."""
    if method.draws_error is not None:
        return method.draws_error(value)
    if not current.dropped_bits or method.matched_bound is None:
        return None
    with np.errstate(all="ignore"):
        bound = method.matched_bound(reference, current, value)
    if not math.isfinite(bound):
        raise Unmeasurable("the values were compressed and the error of the result has no bound")
    return bound


def error_bound(method: Method, reference: Distribution, current: Distribution, value: float) -> float | None:
    """Return how far the exact value may lie from `value`; None where `value` is exact.

    Raises Unmeasurable where no bound can be given: such a value must not be shown.
    """
    if method.draws_error is not None:
        return method.draws_error(value)
    if not (reference.dropped_bits or current.dropped_bits) or method.bound is None:
        return None
    with np.errstate(all="ignore"):
        bound = method.bound(reference, current, value)
    if not math.isfinite(bound):
        raise Unmeasurable("the values were compressed and the error of the result has no bound")
    return bound


def _definitions(name: str) -> list[Definition]:
    return [method.definition for method in ALL if method.name == name]


def _unknown(name: str) -> str:
    base = name.partition(":")[0]
    expected = [method.full_name for method in ALL if method.name == base]
    known = expected
    if not expected:
        expected = [DEFAULT, *dict.fromkeys(method.name for method in ALL)]
        known = [*expected, *(method.full_name for method in ALL)]
    spelled = {each.lower(): each for each in known}
    nearest = difflib.get_close_matches(name.lower(), spelled, n=1)
    hint = f"did you mean {spelled[nearest[0]]!r}?" if nearest else f"expected one of: {', '.join(expected)}"
    return f"no drift method {name!r}; {hint}"
