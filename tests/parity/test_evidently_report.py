"""Whole windows of real flights against Evidently's own report: default choices, values, dataset drift."""

from __future__ import annotations

import re
import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest

from service.core.profile import profile
from service.core.rows.schema import Column, Kind, Schema
from service.methods.drift.columns import DriftPlan, measure_drift
from service.sources.tables.from_pandas import to_batch
from tests.distributions import CATEGORICAL, NUMERIC
from tests.parity.flights import LABELS, NUMBERS, SCHEMA, january, window
from tests.parity.oracle import agree, evidently


def report(reference: pd.DataFrame, current: pd.DataFrame, schema: Schema) -> dict[str, float]:
    """Return Evidently's score by column, and `drifted_columns` and `drift_share` of the data set."""
    known = evidently()
    names = {kind: [c.name for c in schema.columns if c.kind is kind] for kind in Kind}
    definition = known.definition(
        numerical_columns=names[Kind.NUMERICAL], categorical_columns=names[Kind.CATEGORICAL]
    )
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # of its own use of pandas and NumPy
        sides = [
            known.dataset(side[[*schema.names]], data_definition=definition) for side in (current, reference)
        ]
        return scores(known.report().run(*sides).dict())


def scores(result: dict[str, Any]) -> dict[str, float]:
    """Read the scores from a report's dictionary."""
    found: dict[str, float] = {}
    for metric in result["metrics"]:
        column = re.match(r"ValueDrift\(column=(.*?),", metric["metric_name"])
        if column:
            found[column[1]] = float(metric["value"])
        elif metric["metric_name"].startswith("DriftedColumnsCount"):
            found["drifted_columns"] = float(metric["value"]["count"])
            found["drift_share"] = float(metric["value"]["share"])
    return found


def ours(
    reference: pd.DataFrame, current: pd.DataFrame, schema: Schema
) -> dict[str, tuple[str, float | None]]:
    """Return our method and value by column, and the two numbers of the data set."""
    sides = [profile.of(to_batch(side, schema, None).batch, schema) for side in (reference, current)]
    measured = measure_drift(*sides, schema, DriftPlan())
    return {m.series.column or m.series.metric: (m.series.metric, m.value) for m in measured}


def check(reference: pd.DataFrame, current: pd.DataFrame, schema: Schema) -> None:
    """Assert that every number of the report is ours too."""
    expected, got = report(reference, current, schema), ours(reference, current, schema)
    assert set(expected) == set(got)
    for name, score in expected.items():
        method, value = got[name]
        assert value is not None
        assert agree(method, value, score), f"{name}: {value!r} is not Evidently's {score!r}"


@pytest.mark.parametrize(("rows", "month"), [(200, 2), (5_000, 2), (3_000, 7), (1, 9)])
def test_flights_equal_evidently_s_report(rows: int, month: int) -> None:
    """A window of flights against January gives the report's values, count and share of drifted columns."""
    check(january(), window(rows, month), SCHEMA)


def test_a_small_reference_equals_evidently_s_report() -> None:
    """Against 800 flights the defaults are tests, and their p-values are the report's."""
    check(january().head(800), window(700), SCHEMA)


def test_missing_and_infinite_rows_equal_evidently_s_report() -> None:
    """NaN, missing labels and infinities are dropped as the report drops them."""
    draw = np.random.default_rng(4)
    sides = [january().head(2_000).copy(), window(900).copy()]
    for side in sides:
        for column in NUMBERS:
            side[column] = side[column].astype(np.float64)
            side.loc[draw.random(len(side)) < 0.1, column] = np.nan
            side.loc[draw.random(len(side)) < 0.02, column] = draw.choice([np.inf, -np.inf])
        for column in LABELS:
            side.loc[draw.random(len(side)) < 0.1, column] = None
    check(*sides, SCHEMA)


def test_drifted_columns_equal_evidently_s_report() -> None:
    """Where half of the columns have drifted the report's count and share are ours."""
    moved = window(2_000).copy()
    for column in NUMBERS[:6]:
        moved[column] += 300.0
    moved["dest"] = "XXX"
    check(january(), moved, SCHEMA)


SAFE = [name for name in NUMERIC if "12" not in name and "outlier" not in name]


@pytest.mark.parametrize("name", SAFE)
def test_named_samples_equal_evidently_s_report(name: str) -> None:
    """Named samples beside a column of labels, as frames, give the report's values."""
    reference, current = NUMERIC[name]
    letters = CATEGORICAL["labels"][0]
    frames = [
        pd.DataFrame({"number": side, "label": np.resize(letters, len(side))})
        for side in (reference, current)
    ]
    check(*frames, Schema((Column("number", Kind.NUMERICAL), Column("label", Kind.CATEGORICAL))))
