from __future__ import annotations

from dataclasses import replace

from service.core.rows.schema import Role, Schema
from service.methods.drift.columns import DriftPlan
from service.methods.measure_window import MeasurePlan, measure
from service.methods.target_unit import IN_UNIT_OF_TARGET
from tests.unit.methods.build import SCHEMA, rows

ROWS = rows(size=[1.0, 2.0, 3.0], colour="rgb", guess=[1.0, 2.0, 4.0], truth=[1.0, 3.0, 3.0])
PLAN = MeasurePlan(DriftPlan(("default",)), {"mae": 2.0}, min_rows=1)


def test_errors_are_in_the_unit_of_the_target() -> None:
    """A declared unit is that of every error and of nothing else; no value changes by it."""
    columns = [
        replace(column, unit="minutes") if column.role is Role.TARGET else column for column in SCHEMA.columns
    ]
    plain = measure(ROWS, ROWS, SCHEMA, PLAN)
    said = measure(ROWS, ROWS, Schema(tuple(columns)), PLAN)
    units = {each.series.metric: each.series.unit for each in said if each.series.unit == "minutes"}
    assert set(units) <= IN_UNIT_OF_TARGET
    assert {"mae", "rmse", "mean_error", "max_error", "absolute_error_p90"} <= set(units)
    assert not {"r2", "mape", "mape_left_out_rows"} & set(units)
    own = [
        replace(each, series=replace(each.series, unit=before.series.unit))
        for each, before in zip(said, plain, strict=True)
    ]
    assert own == list(plain)


def test_a_unit_changes_no_layout() -> None:
    """Panes that were stored before a unit was declared are still used."""
    said = Schema(tuple(replace(column, unit="minutes") for column in SCHEMA.columns))
    assert said.fingerprint == SCHEMA.fingerprint
