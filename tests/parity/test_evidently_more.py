"""Evidently's further tests on real flights, and its values that counts cannot reproduce."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings

import numpy as np
import pandas as pd
import pytest

from service.core.rows.schema import Kind
from service.methods.drift.registry import ALL, Definition, compute, find
from service.methods.stats.category_tests import draws_error
from service.methods.stats.unmeasurable import Unmeasurable
from tests.parity.flights import LABELS, NUMBERS, january, window
from tests.parity.oracle import evidently
from tests.parity.test_evidently_methods import check, counted

RANKED = ["mannw", "anderson", "cramer_von_mises", "ed", "es", "t_test"]


@pytest.mark.parametrize("name", RANKED)
@pytest.mark.parametrize("column", NUMBERS)
@pytest.mark.parametrize("rows", [25, 200, 5_000])
def test_flights_equal_evidently(name: str, column: str, rows: int) -> None:
    """On each numerical flight column, January against February, value and verdict are Evidently's."""
    sides = (side[column].to_numpy(dtype=np.float64) for side in (january(), window(rows)))
    check(find(name, Kind.NUMERICAL), Kind.NUMERICAL, *sides)


@pytest.mark.parametrize("name", ["g_test", "fisher_exact"])
@pytest.mark.parametrize("column", LABELS)
@pytest.mark.parametrize("rows", [30, 2_000])
def test_flight_labels_equal_evidently(name: str, column: str, rows: int) -> None:
    """On each label column, as many rows on both sides, value and verdict are Evidently's."""
    sides = (side[column].to_numpy(dtype=np.str_) for side in (january().head(rows), window(rows)))
    check(find(name, Kind.CATEGORICAL), Kind.CATEGORICAL, *sides)


@pytest.mark.parametrize("size", [1, 2, 3, 20, 21, 40, 700])
@pytest.mark.parametrize("name", ["g_test", "fisher_exact"])
def test_two_labels_of_equal_sizes_equal_evidently(name: str, size: int) -> None:
    """With as many rows on both sides the tests that need it give Evidently's p-value."""
    draw = np.random.default_rng(size)
    sides = (draw.choice(np.array(["no", "yes"]), size, p=[share, 1.0 - share]) for share in (0.6, 0.4))
    check(find(name, Kind.CATEGORICAL), Kind.CATEGORICAL, *sides)


@pytest.mark.parametrize("name", RANKED)
@pytest.mark.parametrize(("n", "m"), [(5, 30), (21, 5), (2, 21), (1, 40), (60, 1), (8, 60), (9, 9)])
@pytest.mark.parametrize("ties", [False, True])
def test_small_samples_equal_evidently(name: str, n: int, m: int, *, ties: bool) -> None:
    """Around the sizes at which a test changes its way, value and verdict are Evidently's."""
    draw = np.random.default_rng(n * 100 + m)
    sides = [draw.normal(size=size) for size in (n, m)]
    if ties:
        sides = [(side * 3.0).round() for side in sides]
    check(find(name, Kind.NUMERICAL), Kind.NUMERICAL, *sides)


def test_every_univariate_test_of_evidently_is_accounted_for() -> None:
    """Each has a form with Evidently's number, from counts or in the worker."""
    ours = {method.name for method in ALL if method.definition is Definition.EVIDENTLY}
    assert set(evidently().tests) == ours


def test_evidently_counts_few_rows_in_half_precision() -> None:
    """Its Cramér-von Mises p-value of five rows a side has three digits, so there is none here."""
    reference, current = np.array([0.0, 0.0, 0.0, 1.0, 1.0]), np.zeros(5)
    known = evidently()
    kind = known.kinds[Kind.NUMERICAL]
    theirs = known.tests["cramer_von_mises"][kind](pd.Series(reference), pd.Series(current), kind, None)
    assert theirs.drift_score == float(np.float16(92 / 252)) != 92 / 252
    with pytest.raises(Unmeasurable):
        compute(
            find("cramer_von_mises", Kind.NUMERICAL),
            Kind.NUMERICAL,
            counted(reference, Kind.NUMERICAL),
            counted(current, Kind.NUMERICAL),
        )


TVD_OF_ROWS = """
import warnings
warnings.simplefilter("ignore")
import numpy as np, pandas as pd
from evidently.legacy.calculations.stattests.tvd_stattest import _tvd_stattest
draw = np.random.default_rng(5)
sides = [pd.Series(np.sort(draw.choice(list("abcde"), size))) for size in (100, 70)]
print(_tvd_stattest(*sides, None, 0.1)[0])
"""


def test_evidently_s_tvd_depends_on_the_hash_seed() -> None:
    """The same rows in the same order give other p-values under other hash seeds: there is none to equal."""
    theirs = set()
    for seed in range(4):
        environment = {**os.environ, "DO_NOT_TRACK": "1", "PYTHONHASHSEED": str(seed)}
        run = subprocess.run(
            [sys.executable, "-c", TVD_OF_ROWS], capture_output=True, text=True, check=True, env=environment
        )
        theirs.add(float(run.stdout))
        if len(theirs) > 1:
            break
    assert len(theirs) > 1


@pytest.mark.parametrize("share", [0.25, 0.35, 0.5])
def test_total_variation_is_near_evidently_s(share: float) -> None:
    """Of two categories, ties being rare, it differs from Evidently's by no more than both draws' errors."""
    draw = np.random.default_rng(int(share * 100))
    sides = [
        draw.choice(np.array(["a", "b"]), size, p=[p, 1.0 - p]) for size, p in ((256, 0.3), (128, share))
    ]
    method = find("TVD:robust", Kind.CATEGORICAL)
    ours = compute(method, Kind.CATEGORICAL, *(counted(side, Kind.CATEGORICAL) for side in sides))
    known = evidently()
    kind = known.kinds[Kind.CATEGORICAL]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        score = known.tests["TVD"][kind](*(pd.Series(side) for side in sides), kind, None).drift_score
    assert abs(ours - score) <= 2.5 * draws_error(max(ours, 0.001)) + 0.002
