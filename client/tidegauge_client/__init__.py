"""Sends a model's predictions to Tidegauge: in the background, never in the way of the caller."""

from tidegauge_client.asynchronous import AsyncClient
from tidegauge_client.client import Client, Monitor
from tidegauge_client.delivery import Reject
from tidegauge_client.tally import Stats

__all__ = ["AsyncClient", "Client", "Monitor", "Reject", "Stats"]
