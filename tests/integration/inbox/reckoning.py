"""What rows and labels that were acknowledged must come to, reckoned row by row."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np

from service.core.rows.id_sums import NO_ROWS, IdSums, sums_of
from service.core.rows.row_hash import of_texts

MINUTE = 60_000_000
MIN_ROWS = 2


@dataclass
class Pane:
    """The rows of a minute.

    - `rows`: how many
    - `ids`: the sum of their ids' hashes
    - `errors`: the absolute errors of those that have a label
    """

    rows: int = 0
    ids: int = 0
    errors: list[float] = field(default_factory=list)


@dataclass
class Reckoned:
    """What is expected.

    - `panes`: the rows by minute
    - `rejected`: the sums of the rows that are refused or come too late
    - `attached`, `not_attached`: those of the labels that find a row, and of all others
    """

    panes: dict[int, Pane] = field(default_factory=dict)
    rejected: IdSums = NO_ROWS
    attached: IdSums = NO_ROWS
    not_attached: IdSums = NO_ROWS

    def rows_of(self, minute: int) -> int:
        """Return how many rows a window of one minute has."""
        return self.panes[minute].rows if minute in self.panes else 0

    def mae_of(self, minute: int) -> float | None:
        """Return the mean absolute error of a window; None where it has too few rows or labels."""
        pane = self.panes.get(minute)
        if pane is None or pane.rows < MIN_ROWS or not pane.errors:
            return None
        return float(np.mean(pane.errors))


@dataclass
class Reckoning:
    """Keeps what was acknowledged, in order; instants in UTC microseconds.

    - `start`: of minute 0
    - `ahead`: how far a row's time may lie ahead of its arrival
    - `lateness`: how far it may lie behind the newest row
    """

    start: int
    ahead: int
    lateness: int
    accepted: list[tuple[str, list[dict[str, Any]], int]] = field(default_factory=list)
    keys: set[tuple[str, str]] = field(default_factory=set)

    def accept(self, what: str, key: str, content: list[dict[str, Any]], *, received: int) -> None:
        """Keep a request, once under its key."""
        if (what, key) not in self.keys:
            self.keys.add((what, key))
            self.accepted.append((what, content, received))

    def has_usable(self, what: str, content: list[dict[str, Any]], *, received: int) -> bool:
        """Say whether any of a request's rows or labels can be used."""
        return what == "labels" or any(self._time(each, received) is not None for each in content)

    @property
    def acknowledged(self) -> tuple[int, int]:
        """How many rows and labels were acknowledged."""
        counts = {"rows": 0, "labels": 0}
        for what, content, _ in self.accepted:
            counts[what] += len(content)
        return counts["rows"], counts["labels"]

    def reckoned(self) -> Reckoned:
        """Return what all of it comes to, once everything has come to rest."""
        found, guesses = Reckoned(), dict[str, tuple[int, float]]()
        watermark: int | None = None
        for what, content, received in self.accepted:
            if what == "labels":
                continue
            taken = []
            for each in content:
                at = self._time(each, received)
                if at is None or (watermark is not None and at < watermark - self.lateness):
                    found.rejected += _sums(each["key"])
                if at is not None:
                    taken.append((at, each, watermark is not None and at < watermark - self.lateness))
            for at, each, is_late in taken:
                if not is_late:
                    minute = (at - self.start) // MINUTE
                    pane = found.panes.setdefault(minute, Pane())
                    pane.rows += 1
                    pane.ids = (pane.ids + _sums(each["key"]).ids) % 2**64
                    guesses[each["key"]] = minute, each["guess"]
            on_time = [at for at, _, is_late in taken if not is_late]
            if on_time:
                newest = min(max(on_time), received)
                watermark = newest if watermark is None else max(watermark, newest)
        self._label(found, guesses)
        return found

    def _label(self, found: Reckoned, guesses: dict[str, tuple[int, float]]) -> None:
        labelled = set()
        for what, content, _ in self.accepted:
            for each in content if what == "labels" else ():
                key, truth = each["key"] or "", each["truth"]
                if key not in guesses or truth is None or key in labelled:
                    found.not_attached += _sums(key)
                    continue
                labelled.add(key)
                minute, guess = guesses[key]
                found.panes[minute].errors.append(abs(truth - guess))
                found.attached += _sums(key)

    def _time(self, each: dict[str, Any], received: int) -> int | None:
        # None where the row is refused when it comes.
        if each["at"] is None:
            return received
        try:
            at = round(datetime.fromisoformat(each["at"]).timestamp() * 1_000_000)
        except ValueError:
            return None
        return None if at > received + self.ahead else at


def _sums(key: str) -> IdSums:
    return sums_of(of_texts(np.array([key], dtype=np.str_)), 1)
