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
