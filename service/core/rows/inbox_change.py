"""What a committed take changes in its monitor's inbox."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from service.core.rows.id_sums import NO_ROWS, IdSums


@dataclass(frozen=True, slots=True)
class LabelAhead:
    """A label that came ahead of its row.

    - `identity`: the id's hash, signed
    - `labelled_at`, `received`: when it was known, and when it came (UTC microseconds)
    - `content`: the id and the label as they are shown, JSON-able
    - `id`: of a stored one
    """

    identity: int
    labelled_at: int
    received: int
    content: dict[str, Any]
    id: int = 0


@dataclass(frozen=True, slots=True)
class HalfEvent:
    """An event that waits for its other half.

    - `pair`: the id that both halves have
    - `received`: when it came (UTC microseconds)
    - `payload`: its content, as the source encoded it
    - `id`: of a stored one
    """

    pair: str
    received: int
    payload: bytes
    id: int = 0


@dataclass(frozen=True, slots=True)
class TakenFile:
    """A file that a source took, or a part of it.

    - `name`: its name in the folder or object store
    - `mark`: what is said there of the version that was taken, such as its size, time and etag
    - `size`: that version's bytes
    - `done`: how far it was taken: bytes of lines (decompressed), else rows
    - `is_whole`: nothing of that version is left
    - `content`: a hash of the version's beginning and end
    - `reason`: why it was refused; empty where it was not
    """

    name: str
    mark: str
    size: int
    done: int
    is_whole: bool
    content: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class InboxChange:
    """What a take changes in its monitor's inbox, in the transaction that commits it.

    - `taken`: the batches that it took, which are forgotten
    - `ahead`: labels that wait for their rows from now on
    - `met`: stored labels, by id, that wait no longer
    - `measured`, `rejected`, `duplicates`: the sums of the rows that it measured, of those that it rejected,
      and of those whose ids had been counted before; of events where these were sent
    - `attached_labels`, `rejected_labels`: those of the labels that found their row, and of the others
    - `halves`: events that wait for their other halves from now on
    - `paired`: stored ones, by id, that wait no longer
    - `waiting_events`: how many wait after the take; None where the source pairs none
    - `unpaired_events`: how many the take gave up waiting for
    - `files`: those of a folder that the take took, or parts of them
    - `is_first_look`: the folder is read from its start: what was taken before is forgotten
    - `forgets_halves`: events that waited before are forgotten, since they are read again
    """

    taken: tuple[int, ...] = ()
    ahead: tuple[LabelAhead, ...] = ()
    met: tuple[int, ...] = ()
    measured: IdSums = NO_ROWS
    rejected: IdSums = NO_ROWS
    duplicates: IdSums = NO_ROWS
    attached_labels: IdSums = NO_ROWS
    rejected_labels: IdSums = NO_ROWS
    halves: tuple[HalfEvent, ...] = ()
    paired: tuple[int, ...] = ()
    waiting_events: int | None = None
    unpaired_events: int | None = None
    files: tuple[TakenFile, ...] = ()
    is_first_look: bool = False
    forgets_halves: bool = False

    @property
    def counts_events(self) -> bool:
        """Whether the sums are of events, each of which may make several rows."""
        return self.waiting_events is not None
