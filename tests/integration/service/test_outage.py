"""An outage of the database under a running service: few lines, no frames, and it goes on by itself."""

from __future__ import annotations

import json
import re
import signal
import socket
import threading
import time
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from tests.service_process import end, lay_out

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DUMMY = """\
source: {type: dummy}
reference: {type: dummy, rows: 500}
columns: {value1: numerical, value2: categorical, value3: numerical}
window: {size_rows: 5, min_rows: 5}
drift: {thresholds: evidently}
"""
RETRY_SECONDS = 5.0
EXPECTED = {"cycle failed", "cycle", "cycles skipped"}  # a busy machine skips cycles, outage or not


class Line:
    """A network line to the database that can be cut and mended."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._sockets: list[socket.socket] = []
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self._serve()

    def _serve(self) -> None:
        threading.Thread(target=self._accept, args=(self._listening,), daemon=True).start()

    def _accept(self, listening: socket.socket) -> None:
        with suppress(OSError):
            while True:
                near, _ = listening.accept()
                far = socket.create_connection(self._target)
                self._sockets += [near, far]
                for source, sink in ((near, far), (far, near)):
                    threading.Thread(target=_copy, args=(source, sink), daemon=True).start()

    def cut(self) -> None:
        """End every connection; no new one is accepted."""
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        for each in self._sockets:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
        self._sockets = []

    def mend(self) -> None:
        """Accept connections again."""
        self._listening = socket.create_server(("127.0.0.1", self.port))
        self._serve()


def _copy(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65_536):
            sink.sendall(data)
    for each in (source, sink):
        with suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def line(database_url: str) -> Iterator[Line]:
    """Lay a line to the test's database."""
    parts = urlsplit(database_url)
    opened = Line(parts.hostname or "127.0.0.1", parts.port or 5432)
    yield opened
    opened.cut()


def _lines(event: str, log: str) -> list[dict[str, Any]]:
    lines = [json.loads(text) for text in log.splitlines() if text.endswith("}")]
    return [line for line in lines if line["event"] == event]


def _began(line: dict[str, Any]) -> float:
    ended: float = datetime.fromisoformat(line["timestamp"]).timestamp()
    return ended - float(line["ms"]) / 1_000


def test_an_outage_is_a_line_per_failed_cycle(tmp_path: Path, database_url: str, line: Line) -> None:
    """Each failed cycle is one line, no driver's frames among them; the first good one comes soon after."""
    place = lay_out(tmp_path / "place", days=2)
    (place.root / "monitors/toy.yaml").unlink()
    for name in ("one", "two"):
        (place.root / f"monitors/{name}.yaml").write_text(DUMMY)
    url = re.sub(r":\d+/", f":{line.port}/", database_url)
    process = place.start(TIDEGAUGE_DATABASE_URL=url, TIDEGAUGE_CYCLE_SECONDS="0.5")
    try:
        for _ in range(6):
            place.until('"event": "cycle"', process)
        before = len(place.log.splitlines())
        line.cut()
        for _ in range(6):
            place.until('"event": "cycle failed"', process)
        lines = [json.loads(text) for text in place.log.splitlines()[before:]]
        line.mend()
        mended, began = len(place.log), time.time()
        while {each["monitor"] for each in _lines("cycle", place.log[mended:])} != {"one", "two"}:
            place.until('"event": "cycle",', process)
        tries = [_began(each) - began for each in _lines("cycle", place.log[mended:])]
    finally:
        assert end(process, signal.SIGTERM) == 0
    failed = [each for each in lines if each["event"] == "cycle failed"]
    assert "Traceback" not in place.log
    assert not any("exception" in each for each in lines)
    others = [(each["event"], each.get("monitor")) for each in lines if each["event"] not in EXPECTED]
    assert len(failed) >= 6
    assert min(tries) < RETRY_SECONDS + 1.0  # the wait is five seconds at most; a busy machine comes later
    assert len(others) == len(set(others)), others  # each other part says once that it waits
    assert {event for event, _ in others} <= {"cycle not journalled", "leases not renewed", "tokens not read"}
