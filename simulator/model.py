"""The demo's model: gradient boosting on the schedule alone, trained in January.

It knows carrier, origin, distance and hour, but not the winds of summer: aircraft on the same routes then
reach the west sooner, and the error doubles while every feature stays as it was.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingRegressor

if TYPE_CHECKING:
    from numpy.typing import NDArray

FEATURES = ["carrier", "origin", "distance", "hour"]
TARGET = "air_time"
SEED = 2013


def predictions(training: pd.DataFrame, rows: pd.DataFrame) -> NDArray[np.float64]:
    """Train on `training` (its labelled rows) and predict `rows`: minutes in the air, float64, shape (n,).

    The same rows give the same predictions. They are rounded to a hundredth of a minute, so that machines
    that differ in the last bits agree.
    """
    labelled = training[training[TARGET].notna()]
    categories = {
        name: pd.CategoricalDtype(sorted(labelled[name].unique()))
        for name in FEATURES
        if not pd.api.types.is_numeric_dtype(labelled[name])
    }
    model = HistGradientBoostingRegressor(
        categorical_features="from_dtype", early_stopping=False, random_state=SEED
    )
    model.fit(labelled[FEATURES].astype(categories), labelled[TARGET])
    # A year of flights has few distinct schedules: each is predicted once.
    schedules = rows[FEATURES].drop_duplicates(ignore_index=True)
    schedules["predicted"] = np.round(model.predict(schedules.astype(categories)), 2)
    joined = rows[FEATURES].merge(schedules, on=FEATURES, how="left", validate="many_to_one")
    return joined["predicted"].to_numpy()
