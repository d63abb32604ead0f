"""What one call measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

    from service.core.measurement import Measurement

COLUMNS = (
    "aspect", "column_name", "segment", "metric", "definition", "value", "reference", "threshold", "breached",
    "decides", "low", "high", "error_bound", "unit", "worse", "rows", "reason", "headline",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Measured:
    """The measurements of some rows against a reference.

    - `measurements`: one per series, with its value or the reason why there is none.
    - `rows`, `reference_rows`: how many rows were compared, and with how many.
    - `notes`: what works, though perhaps not as meant.
    """

    measurements: tuple[Measurement, ...]
    rows: int
    reference_rows: int
    notes: tuple[str, ...] = ()

    @property
    def breached(self) -> tuple[Measurement, ...]:
        """Those beyond their threshold, without second opinions; empty where nothing is wrong."""
        return tuple(m for m in self.measurements if m.breached and m.decides)

    @property
    def judged(self) -> tuple[Measurement, ...]:
        """Those that a threshold could judge, breached or not."""
        return tuple(m for m in self.measurements if m.breached is not None and m.decides)

    @property
    def unjudged(self) -> tuple[Measurement, ...]:
        """Those that have a threshold but no value; the reason says why."""
        return tuple(m for m in self.measurements if m.threshold is not None and m.value is None)

    def records(self) -> list[dict[str, Any]]:
        """Return a dictionary per measurement, its keys as the database's view `metrics` names them."""
        return [_record(measurement) for measurement in self.measurements]

    def to_frame(self) -> pd.DataFrame:
        """Return a pandas frame with a row per measurement and the columns COLUMNS."""
        import pandas as pd  # noqa: PLC0415 - half a second that a caller with Arrow tables need not wait

        return pd.DataFrame(self.records(), columns=list(COLUMNS))


def _record(measurement: Measurement) -> dict[str, Any]:
    series = measurement.series
    return {
        "aspect": str(series.aspect),
        "column_name": series.column,
        "segment": series.segment,
        "metric": series.metric,
        "definition": series.definition,
        "value": measurement.value,
        "reference": measurement.reference,
        "threshold": measurement.threshold,
        "breached": measurement.breached,
        "decides": measurement.decides,
        "low": measurement.low,
        "high": measurement.high,
        "error_bound": measurement.error_bound,
        "unit": series.unit,
        "worse": str(series.worse),
        "rows": measurement.rows,
        "reason": measurement.reason,
        "headline": series.headline,
    }
