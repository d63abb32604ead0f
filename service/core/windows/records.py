"""Panes and measured windows in the form in which they are stored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from service.core.measurement import Measurement
    from service.core.reference.bins import Binned


@dataclass(frozen=True, slots=True)
class PaneRecord:
    """One pane's profile as bytes.

    - `key`: counts panes from the grid's origin
    - `start`, `end`: its bounds in event time
    - `rows`: how many it counts
    - `payload`: its profile
    - `ids`, `mixed`: the sums of its rows' ids, by which an audit knows them: see `IdSums`
    """

    key: int
    start: int
    end: int
    rows: int
    payload: bytes
    ids: int = 0
    mixed: int = 0


@dataclass(frozen=True, slots=True)
class WindowRun:
    """One measurement of one window, as it is stored; instants are UTC microseconds.

    - `layout`: fingerprint of what its panes depend on
    - `first_pane`, `last_pane`: keys of its outer panes
    - `start`, `end`: the window's bounds in event time
    - `revision`: 1 for the first measurement of this window, then counted up
    - `rows`: how many were measured
    - `computed_at`: when it was stored
    """

    id: int
    monitor: str
    layout: str
    first_pane: int
    last_pane: int
    start: int
    end: int
    revision: int
    rows: int
    computed_at: int


@dataclass(frozen=True, slots=True)
class WindowRecord:
    """One measured window.

    `first`, `last`: the keys of its first and last pane.
    `start`, `end`: its bounds in event time (UTC microseconds, half-open).
    `panes`: how many of its panes hold rows.
    `rows`: how many rows it holds.
    `measurements`: what was measured of it.
    `distributions`: its columns by the reference's bins, one per column or none at all.
    `labelled`: how many rows have a label.
    `pending`: how many rows have a prediction and wait for their label.
    """

    first: int
    last: int
    start: int
    end: int
    panes: int
    rows: int
    measurements: tuple[Measurement, ...]
    distributions: tuple[Binned, ...] = ()
    labelled: int = 0
    pending: int = 0
