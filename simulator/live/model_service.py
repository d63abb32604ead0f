"""A small service that predicts flight times and logs what it predicts.

`python -m simulator.live.model_service` trains the demo's model and serves it.
"""

from __future__ import annotations

import argparse
from contextlib import asynccontextmanager
from functools import lru_cache
from typing import TYPE_CHECKING

import pandas as pd
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel
from tidegauge_client import AsyncClient

from simulator.datasets import read_flights
from simulator.flights import is_training
from simulator.model import FEATURES, train

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from simulator.model import FlightModel


class Flight(BaseModel):
    """A flight whose time in the air is asked for, with the weather at its departure."""

    flight_id: str
    carrier: str
    origin: str
    distance: float
    hour: int
    temp: float | None = None
    humid: float | None = None
    wind_speed: float | None = None
    precip: float | None = None
    pressure: float | None = None
    visib: float | None = None


class Prediction(BaseModel):
    """The answer: minutes in the air."""

    flight_id: str
    predicted_air_time: float


def build(model: FlightModel, client: AsyncClient, name: str) -> FastAPI:
    """Return the service of a model that logs its predictions to the monitor of that name."""
    monitor = client.monitor(name, timestamp="predicted_at")

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with (
            client
        ):  # uvicorn ends by the signal that stopped it, without Python's functions of the exit
            yield

    @lru_cache(maxsize=100_000)  # schedules repeat
    def predict(carrier: str, origin: str, distance: float, hour: int) -> float:
        row = pd.DataFrame([[carrier, origin, distance, hour]], columns=FEATURES)
        return float(model.predict(row)[0])

    app = FastAPI(title="Flight times", lifespan=lifespan)

    @app.post("/predict")
    def predict_flight(flight: Flight) -> Prediction:
        minutes = predict(flight.carrier, flight.origin, flight.distance, flight.hour)
        monitor.log({**flight.model_dump(), "predicted_air_time": minutes})
        return Prediction(flight_id=flight.flight_id, predicted_air_time=minutes)

    @app.get("/healthz")
    def healthz() -> dict[str, str]:
        return {"status": "alive"}

    return app


def main() -> None:
    """Train the model and serve it until a signal."""
    parser = argparse.ArgumentParser(prog="python -m simulator.live.model_service", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8002)
    parser.add_argument("--tidegauge", default="http://127.0.0.1:8000", metavar="URL")
    parser.add_argument("--monitor", default="flights_live")
    parser.add_argument("--spool", help="the folder where rows wait while Tidegauge is away")
    parser.add_argument("--token", help="Tidegauge's token, where it asks for one")
    chosen = parser.parse_args()
    flights = read_flights()
    model = train(flights[is_training(flights)])
    del flights
    where = {} if chosen.spool is None else {"spool": chosen.spool}
    client = AsyncClient(chosen.tidegauge, token=chosen.token or None, **where)
    uvicorn.run(build(model, client, chosen.monitor), host=chosen.host, port=chosen.port, log_level="warning")


if __name__ == "__main__":
    main()
