"""The names of what a monitor will measure, read off a window without rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.core.profile import profile
from service.methods.concept import error_split
from service.methods.drift import registry as drift
from service.methods.drift.method import Definition
from service.methods.measure_window import measure
from service.methods.performance import registry
from service.methods.quality.late_labels import UNMATCHED_SHARE
from service.methods.quality.limits import REJECTED
from service.methods.quality.reference_rows import MOVING_ROWS
from service.status.known_names import DeclaredNames

# Of labels that come later, moving references, refused rows and segments: a window without rows has none.
FURTHER = (*error_split.METRICS, UNMATCHED_SHARE.metric, MOVING_ROWS.metric, REJECTED, "row_share")

_METHODS = frozenset(method.name for method in drift.ALL)  # `default` chooses among them by the rows
_DEFINITIONS = (*Definition, error_split.PREDICTION_CELLS, error_split.COLUMN_CELLS)

if TYPE_CHECKING:
    from service.config.monitor import Monitor


def declared_names(monitor: Monitor) -> DeclaredNames:
    """Return the columns, metrics and definitions that a monitor's file makes it measure."""
    schema = monitor.schema_
    nothing = profile.empty(schema)
    series = [each.series for each in measure(nothing, nothing, schema, monitor.measure_plan)]
    return DeclaredNames(
        frozenset(schema.names),
        frozenset({*FURTHER, *_METHODS, *(each.metric for each in series), *_estimated(monitor)}),
        frozenset({*_DEFINITIONS, *(each.definition for each in series)}),
    )


def _estimated(monitor: Monitor) -> set[str]:
    task = monitor.schema_.task
    return set() if task is None else {metric.name for metric in registry.estimated_metrics_of(task)}
