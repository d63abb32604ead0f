"""A server on a real socket that keeps what it is sent and answers as a test says."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Posted:
    """A request."""

    path: str
    key: str
    headers: dict[str, str]
    rows: list[dict[str, Any]]


@dataclass(frozen=True)
class Reply:
    """An answer."""

    status: int
    body: Any
    headers: dict[str, str] = field(default_factory=dict)


def accept(posted: Posted) -> Reply:
    """Accept every row."""
    return Reply(202, {"accepted": len(posted.rows), "rejected": 0, "rejects": [], "repeated": False})


@dataclass
class ScriptedServer:
    """Answers by `script`, which a test may change, and knows every request."""

    url: str = ""
    script: Any = accept
    posted: list[Posted] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)

    def until(self, requests: int) -> None:
        """Wait until so many requests have come."""
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.posted) >= requests, timeout=30)

    def counted(self) -> list[dict[str, Any]]:
        """Return the rows that the service counts: those of each key once."""
        return [row for posted in {each.key: each for each in self.posted}.values() for row in posted.rows]


@contextmanager
def serving(port: int = 0, script: Any = accept) -> Iterator[ScriptedServer]:
    """Run a server while the context lasts."""
    server = ScriptedServer(script=script)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers["Content-Length"]))
            rows = [json.loads(line) for line in content.splitlines()]
            posted = Posted(self.path, self.headers["Idempotency-Key"], dict(self.headers), rows)
            with server.changed:
                reply = server.script(posted)
                server.posted.append(posted)
                server.changed.notify_all()
            body = json.dumps(reply.body).encode()
            self.send_response(reply.status)
            for name, value in {"Content-Length": str(len(body)), **reply.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    listening = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.url = f"http://127.0.0.1:{listening.server_port}"
    thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        listening.shutdown()
        listening.server_close()
        thread.join()
