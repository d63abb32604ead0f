"""A number that the cycle does not compute itself: what is asked of the worker process, and its answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True, eq=False)
class Call:
    """A function of the worker process by its import path, `package.module:name`, and what it is given."""

    function: str
    arguments: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Question:
    """One number of a call's answers: the one called `key`. Questions may share a call."""

    call: Call
    key: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """A number with its 95 % band, or the reason why there is none.

    `threshold` replaces the one that was asked with, where a test finds its own for the rows at hand.
    """

    value: float | None = None
    reason: str = ""
    threshold: float | None = None
    low: float | None = None
    high: float | None = None


class Worker(Protocol):
    """Where the measures run that would take too long, or need too much, in this process."""

    async def run(self, function: str, *arguments: Any) -> Any:
        """Return what the function, `package.module:name`, returns; raise WorkerError where it does not."""
        ...
