"""The demo's model: gradient boosting on the schedule alone, trained in January.

It knows carrier, origin, distance and hour, but not the winds of summer: aircraft on the same routes then
reach the west sooner, and the error doubles while every feature stays as it was.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd
from sklearn.ensemble import HistGradientBoostingRegressor

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FEATURES = ["carrier", "origin", "distance", "hour"]
TARGET = "air_time"
SEED = 2013


@dataclass(frozen=True, slots=True)
class FlightModel:
    """A trained model.

    - `regressor`: predicts minutes in the air
    - `categories`: the values of each categorical feature in the training rows; any other is missing
    """

    regressor: HistGradientBoostingRegressor
    categories: dict[str, pd.CategoricalDtype]

    def predict(self, rows: pd.DataFrame) -> NDArray[np.float64]:
        """Predict minutes in the air, rounded to a hundredth; float64, shape (n,)."""
        features = rows[FEATURES].astype(self.categories)
        minutes: NDArray[np.float64] = self.regressor.predict(features)
        return minutes.round(2)


def train(training: pd.DataFrame) -> FlightModel:
    """Train on the labelled rows of `training`; the same rows give the same model."""
    labelled = training[training[TARGET].notna()]
    categories = {
        name: pd.CategoricalDtype(sorted(labelled[name].unique()))
        for name in FEATURES
        if not pd.api.types.is_numeric_dtype(labelled[name])
    }
    regressor = HistGradientBoostingRegressor(
        categorical_features="from_dtype", early_stopping=False, random_state=SEED
    )
    regressor.fit(labelled[FEATURES].astype(categories), labelled[TARGET])
    return FlightModel(regressor, categories)


def predictions(training: pd.DataFrame, rows: pd.DataFrame) -> NDArray[np.float64]:
    """Train on `training` and predict `rows`: minutes in the air, float64, shape (n,).

    The same rows give the same predictions. They are rounded to a hundredth of a minute, so that machines
    that differ in the last bits agree.
    """
    model = train(training)
    # A year of flights has few distinct schedules: each is predicted once.
    schedules = rows[FEATURES].drop_duplicates(ignore_index=True)
    schedules["predicted"] = model.predict(schedules)
    joined = rows[FEATURES].merge(schedules, on=FEATURES, how="left", validate="many_to_one")
    return joined["predicted"].to_numpy()
