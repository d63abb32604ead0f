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
class InboxChange:
    """What a take changes in its monitor's inbox, in the transaction that commits it.

    - `taken`: the batches that it took, which are forgotten
    - `ahead`: labels that wait for their rows from now on
    - `met`: stored labels, by id, that wait no longer
    - `measured`, `rejected`, `duplicates`: the sums of the rows that it measured, of those that it rejected,
      and of those whose ids had been counted before
    """

    taken: tuple[int, ...] = ()
    ahead: tuple[LabelAhead, ...] = ()
    met: tuple[int, ...] = ()
    measured: IdSums = NO_ROWS
    rejected: IdSums = NO_ROWS
    duplicates: IdSums = NO_ROWS
