"""The outcome of rows of which each is repeated a number of times, for weighted means of outcomes."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

from service.core.profile.distribution import Distribution

if TYPE_CHECKING:
    from service.core.profile.outcome.outcome import Outcome

_O = TypeVar("_O", bound="Outcome")


def repeated(outcome: _O, times: int) -> _O:
    """Return the outcome of the same rows, each of them `times` times: exact, as its counts and sums are."""
    found: _O = _times(outcome, times)
    return found


def _times(held: Any, times: int) -> Any:
    if isinstance(held, Distribution):
        return Distribution(
            held.values,
            held.counts * times,
            held.missing * times,
            held.positive_infinite * times,
            held.negative_infinite * times,
            held.dropped_bits,
        )
    if is_dataclass(held) and not isinstance(held, type):
        return replace(held, **{each.name: _times(getattr(held, each.name), times) for each in fields(held)})
    if isinstance(held, tuple):
        return tuple(_times(each, times) for each in held)
    return held * times if isinstance(held, int) else held  # a largest error and a label stay
