"""The table of changes: name, keys, function.

A new change is a class of keys, a function of a stream and one line in `CHANGES`.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from simulator.changes import concept, defects, delivery, drift

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy as np

    from simulator.changes.span import Since
    from simulator.changes.stream import Stream


@dataclass(frozen=True, slots=True)
class Change:
    """A kind of change: its keys, and the pure function `apply(stream, options, random)`."""

    options: type[Since]
    apply: Callable[[Stream, Any, np.random.Generator], Stream]


CHANGES: Mapping[str, Change] = MappingProxyType(
    {
        "sudden": Change(drift.Sudden, drift.sudden),
        "gradual": Change(drift.Gradual, drift.gradual),
        "incremental": Change(drift.Incremental, drift.incremental),
        "recurring": Change(drift.Recurring, drift.recurring),
        "concept": Change(concept.Concept, concept.concept),
        "missing": Change(defects.Missing, defects.missing),
        "outlier": Change(defects.Outlier, defects.outlier),
        "unit": Change(defects.Unit, defects.unit),
        "new_category": Change(defects.NewCategory, defects.new_category),
        "vanished": Change(defects.Vanished, defects.vanished),
        "duplicated": Change(delivery.Duplicated, delivery.duplicated),
        "late": Change(delivery.Late, delivery.late),
        "label_delay": Change(delivery.LabelDelay, delivery.label_delay),
        "spike": Change(delivery.Spike, delivery.spike),
        "outage": Change(delivery.Outage, delivery.outage),
    }
)
