"""Calls to the worker process: functions, answers, and the port that makes them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol


class WorkerFunction(StrEnum):
    """What the worker process can be asked to do. The value is what messages call it."""

    STATISTICAL_TEST = "Evidently's statistical test"
    TEXT_TEST = "Evidently's text test"
    DOMAIN_CLASSIFIER = "the domain classifier"
    MAKE_REPORT = "Evidently's report"
    KEEP_REPORT = "Evidently's report of a breach"
    FIND_REPORT = "the search for a kept report"


@dataclass(frozen=True, slots=True, eq=False)
class Call:
    """One call of the worker process: a function and its arguments, which can be pickled."""

    function: WorkerFunction
    arguments: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Question:
    """One of the values that a call returns: the one under `key`. Questions may share a call."""

    call: Call
    key: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """A value with its 95 % band, or the reason why there is none.

    `threshold` replaces the one that was asked with, where a test finds its own for the rows at hand.
    """

    value: float | None = None
    reason: str = ""
    threshold: float | None = None
    low: float | None = None
    high: float | None = None


class Worker(Protocol):
    """Runs functions in another process: those that take too long, or need too much memory, for this one."""

    async def run(self, function: WorkerFunction, *arguments: Any) -> Any:
        """Return what the function returns; raise WorkerError where it fails."""
        ...
