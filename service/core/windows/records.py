"""Panes and measured windows in the form in which they are stored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from service.core.measurement import Measurement
    from service.core.reference.bins import Binned


@dataclass(frozen=True, slots=True)
class PaneRecord:
    """One pane's profile as bytes; `key` counts panes from the grid's origin."""

    key: int
    start: int
    end: int
    rows: int
    payload: bytes


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
    """One measured window: panes `first` to `last`, of which `panes` hold rows.

    `distributions` are its columns by the reference's bins, one a column or none at all.
    Of its `rows` `labelled` have a label, and `pending` ones have a prediction and wait for theirs.
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
