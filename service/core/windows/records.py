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
