"""Evidently's tests on raw rows in a process of their own: `python -m` this, cases in, scores out (JSON).

Hash seed, random seed and the rows' order are what a worker process has; nothing else is shared with it.
"""

from __future__ import annotations

import json
import sys
import warnings
from importlib import import_module

import numpy as np
import pandas as pd


def main() -> None:
    warnings.simplefilter("ignore")
    import_module("evidently.legacy.calculations.stattests")
    tests = import_module("evidently.legacy.calculations.stattests.registry")._registered_stat_tests
    kinds = import_module("evidently.legacy.core").ColumnType
    scores = []
    for name, kind, reference, current, threshold in json.load(sys.stdin):
        np.random.seed(0)  # noqa: NPY002 - what Evidently draws from
        column_type = kinds(kind)
        result = tests[name][column_type](pd.Series(reference), pd.Series(current), column_type, threshold)
        scores.append([float(result.drift_score), bool(result.drifted)])
    json.dump(scores, sys.stdout)


if __name__ == "__main__":
    main()
