"""What other libraries log: no secrets, and no page of frames for a lost connection."""

from __future__ import annotations

import io
import json
import logging
import sys
from collections.abc import Iterator

import asyncpg
import httpx
import pytest
import structlog

from service.runtime import logs


@pytest.fixture
def stream(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """Configure the log as a service does, into memory; afterwards it is as before."""
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    written = io.StringIO()
    monkeypatch.setattr(sys, "stderr", written)
    logs.configure(log_format="json", level="info")
    yield written
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()


def _logged(logger: str, error: Exception) -> None:
    text = "Future exception was never retrieved\nfuture: <Future>"
    logging.getLogger(logger).error(text, exc_info=error)


@pytest.mark.parametrize(
    "error",
    [asyncpg.ConnectionDoesNotExistError("connection was closed"), ConnectionRefusedError(111, "refused")],
)
def test_a_lost_connection_is_one_line(stream: io.StringIO, error: Exception) -> None:
    """An outage of the database logs what happened, without the driver's frames."""
    _logged("asyncio", error)
    (line,) = stream.getvalue().splitlines()
    assert json.loads(line)["event"] == f"Future exception was never retrieved: {error}"
    assert "exception" not in json.loads(line)


def test_a_fault_of_ours_keeps_its_frames(stream: io.StringIO) -> None:
    """Whatever is no lost connection may be a fault in the code, and is logged with where it happened."""
    _logged("asyncio", ZeroDivisionError("division by zero"))
    (line,) = stream.getvalue().splitlines()
    assert "ZeroDivisionError" in json.dumps(json.loads(line)["exception"])


@pytest.mark.parametrize("name", ["apscheduler.executors.default", "apscheduler.scheduler", "uvicorn.error"])
def test_a_wake_up_is_not_logged(stream: io.StringIO, name: str) -> None:
    """What libraries say of every timer and request stays out; what they warn of is logged."""
    logging.getLogger(name).info("Running job")
    logging.getLogger(name).warning("it is late")
    (line,) = stream.getvalue().splitlines()
    assert json.loads(line)["event"] == "it is late"


def test_a_webhooks_address_is_not_logged(stream: io.StringIO) -> None:
    """An address that holds a secret stays out of the log when it is posted to."""
    transport = httpx.MockTransport(lambda _: httpx.Response(204))
    with httpx.Client(transport=transport) as client:
        client.post("https://example.org/hook?token=s3cret")
    assert "s3cret" not in stream.getvalue()
