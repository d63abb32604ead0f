"""Small data sets for scenarios, and scenarios from lines of YAML."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from simulator.scenario import Applied, Scenario, apply
from simulator.scenario_file import parse

START = pd.Timestamp("2026-01-01", tz="UTC")
HEAD = "timestamp: at\nprediction: guess\ntarget: truth\n"


def frame(rows: int = 200, *, seed: int = 0) -> pd.DataFrame:
    """Return `rows` rows, one an hour: numbers, whole numbers, text, categories, a guess and the truth."""
    random = np.random.default_rng(seed)
    size = random.normal(10.0, 2.0, rows)
    return pd.DataFrame(
        {
            "at": pd.date_range(START, periods=rows, freq="1h").as_unit("us"),
            "size": size,
            "miles": random.integers(100, 2_000, rows),
            "colour": random.choice(["red", "green", "blue"], rows),
            "kind": pd.Categorical(random.choice(["x", "y"], rows)),
            "guess": 2.0 * size,
            "truth": 2.0 * size + random.normal(0.0, 1.0, rows),
        }
    )


def scenario(*changes: str, seed: int = 7, head: str = "") -> Scenario:
    """Return a scenario of changes, each the inside of a YAML mapping."""
    listed = "\n".join(f"  - {{{change}}}" for change in changes)
    return parse(f"{HEAD}seed: {seed}\n{head}changes:\n{listed}\n", "try.yaml")


def applied(data: pd.DataFrame, *changes: str, seed: int = 7, head: str = "") -> Applied:
    """Apply changes to `data`."""
    return apply(scenario(*changes, seed=seed, head=head), data)


def moved(before: pd.DataFrame, after: pd.DataFrame, column: str) -> list[int]:
    """Return the places of the rows whose cell differs; both missing is no difference."""
    old, new = (part[column].astype(object) for part in (before, after))
    differs = (old != new) & ~(old.isna() & new.isna())
    return [int(place) for place in np.flatnonzero(differs.to_numpy())]


def same(before: pd.DataFrame, after: pd.DataFrame, columns: list[Any]) -> bool:
    """Say whether the columns hold the same values in the same order."""
    return len(before) == len(after) and not any(moved(before, after, name) for name in columns)
