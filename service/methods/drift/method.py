"""A drift method: what it computes for which kind of column, its threshold, and what it promises.

The functions below make one by the kind of its value: `distance` and `p_value`, and `numbers`, `labels` and
`either` for the kinds of column that it measures.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING

from service.core.measurement import Worse
from service.core.rows.schema import Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from service.core.profile.distribution import Distribution
    from service.core.reference.seasonal.weighted import Weighted
    from service.methods.stats.error_bounds import Bound
    from service.methods.stats.matched.bounds import MatchedBound

    Compute = Callable[[Distribution, Distribution], float]
    MatchedCompute = Callable[[Weighted, Distribution], float]


class Definition(StrEnum):
    """Whose definition a value follows."""

    EVIDENTLY = "evidently"  # equal to Evidently's on the raw rows
    ROBUST = "robust"  # of the same name, without the traps of Evidently's
    OWN = "own"  # of a method that Evidently does not have
    SEASON = "season"  # the robust one, against a reference with the window's own mix of hours or days


class Compression(StrEnum):
    """What a method promises of numbers that were compressed.

    Each allows a reason in place of the value; none allows a value that is wrong without saying so.
    """

    BOUND = "bound"  # the exact value lies within the error bound that is written with it
    EXACT = "exact"  # the value is the one of the rows as they came
    REFUSES = "refuses"  # there is no value, and the reason says so


@dataclass(frozen=True, slots=True)
class InWorker:
    """How a method is asked of the worker process: for which kinds of column, on how many rows per side.

    Of more than `max_rows` an even sample is taken.
    """

    kinds: frozenset[Kind]
    max_rows: int
    min_rows: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """One way to compare a column with its reference. One that contradicts itself raises ValueError.

    name, definition: together the method's key.
    compute: takes (reference, current), by kind of column; empty where the worker process is asked.
    unit, worse: the value's unit, and on which side of the threshold a column has drifted.
    threshold, inclusive: Evidently's default, and whether a value equal to it counts as drift.
    compression: what is promised of compressed numbers.
    bound: takes (reference, current, value) of compressed numbers; there where `compression` is BOUND.
    draws_error: how far a value that rests on random draws may lie from that of all possible ones.
    in_worker: how the worker process is asked (`in_worker.py`); None where `compute` gives the value.
    matched: takes (season-matched reference, current), by kind of column; in place of `compute`.
    matched_bound: bounds its values of compressed numbers; takes (reference, current, value).
    by_choice: kinds that it measures only where `default` or the column's own entry chooses it.
    """

    name: str
    definition: Definition
    compute: Mapping[Kind, Compute]
    unit: str
    worse: Worse
    threshold: float
    inclusive: bool
    compression: Compression
    bound: Bound | None = None
    draws_error: Callable[[float], float] | None = None
    in_worker: InWorker | None = None
    matched: Mapping[Kind, MatchedCompute] = field(default_factory=dict)
    matched_bound: MatchedBound | None = None
    by_choice: frozenset[Kind] = frozenset()

    def __post_init__(self) -> None:
        """Refuse a promise without what keeps it, and a method that has no value or two ways to it."""
        bound = self.matched_bound if self.matched else self.bound
        if self.compression is Compression.BOUND and bound is None:
            raise ValueError(f"{self.full_name}: its compression is `bound`; expected a function `bound`")
        if self.compression is not Compression.BOUND and bound is not None:
            raise ValueError(
                f"{self.full_name}: its compression is `{self.compression}`, which has no use for a `bound`; "
                "expected none, or the compression `bound`"
            )
        if [bool(self.compute), bool(self.matched), self.in_worker is not None].count(True) != 1:
            raise ValueError(f"{self.full_name}: expected one of `compute`, `matched` and `in_worker`")

    @property
    def kinds(self) -> frozenset[Kind]:
        """The kinds of column that it measures."""
        return (
            frozenset(self.compute) | frozenset(self.matched)
            if self.in_worker is None
            else self.in_worker.kinds
        )

    def suits(self, kind: Kind) -> bool:
        """Say whether it measures columns of `kind`; what measures numbers measures the lengths of texts."""
        return kind in self.kinds or kind.counted in self.kinds

    def suits_unchosen(self, kind: Kind) -> bool:
        """Say whether it measures columns of `kind` where it is named for all columns."""
        return self.suits(kind) and kind.counted not in self.by_choice

    @property
    def full_name(self) -> str:
        """Its name with the definition, as in `psi:robust`."""
        return f"{self.name}:{self.definition}"


def distance(
    name: str, definition: Definition, unit: str, compute: Mapping[Kind, Compute], bound: Bound
) -> Method:
    """Return a method whose value rises with the difference, with an error bound for compressed numbers."""
    return Method(
        name=name,
        definition=definition,
        compute=compute,
        unit=unit,
        worse=Worse.HIGHER,
        threshold=0.1,
        inclusive=True,
        compression=Compression.BOUND,
        bound=bound,
    )


def p_value(
    name: str,
    definition: Definition,
    compute: Mapping[Kind, Compute],
    compression: Compression,
    bound: Bound | None = None,
    *,
    threshold: float = 0.05,
    inclusive: bool = False,
    draws_error: Callable[[float], float] | None = None,
    in_worker: InWorker | None = None,
    by_choice: frozenset[Kind] = frozenset(),
) -> Method:
    """Return a method whose value is the p-value of a two-sample test."""
    return Method(
        name=name,
        definition=definition,
        compute=compute,
        unit="p-value",
        worse=Worse.LOWER,
        threshold=threshold,
        inclusive=inclusive,
        compression=compression,
        bound=bound,
        draws_error=draws_error,
        in_worker=in_worker,
        by_choice=by_choice,
    )


def numbers(compute: Compute) -> Mapping[Kind, Compute]:
    """Return what measures numerical columns by `compute`."""
    return MappingProxyType({Kind.NUMERICAL: compute})


def labels(compute: Compute) -> Mapping[Kind, Compute]:
    """Return what measures categorical columns by `compute`."""
    return MappingProxyType({Kind.CATEGORICAL: compute})


def either(numerical: Compute, categorical: Compute) -> Mapping[Kind, Compute]:
    """Return what measures both kinds of column, each by its own function."""
    return MappingProxyType({Kind.NUMERICAL: numerical, Kind.CATEGORICAL: categorical})
