"""A sender in a process of its own: `python -m tests.benchmarks.ingest.sender` with a `Plan` on its stdin.

It speaks HTTP/1.1 over plain sockets and reads no more of an answer than its status, so that on a machine of
two cores the service, and not its client, is measured. What it found goes to its stdout as JSON.
"""

from __future__ import annotations

import asyncio
import json
import resource
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator

ACCEPTED = b"202"
HEADER_END = b"\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Plan:
    """What is sent.

    - `url`: where to, with the path
    - `bodies`: a file of bodies, each behind its length (8 bytes, little-endian); sent one after the other
    - `content_type`: theirs
    - `requests`: how many are sent in all
    - `connections`: how many are under way at once
    - `rate`: requests per second; 0 is as fast as they are answered
    """

    url: str
    bodies: str
    content_type: str
    requests: int
    connections: int
    rate: float = 0.0


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of it.

    - `accepted`: how many requests were answered 202
    - `refused`: the first answer that was another one; empty where there was none
    - `seconds`: from the first request to the last answer
    - `cpu_seconds`: that the sender's own process took meanwhile
    - `latencies`: of each answer (seconds): from the instant at which its request was due
    """

    accepted: int
    refused: str
    seconds: float
    cpu_seconds: float
    latencies: list[float]


def send(plan: Plan) -> Sent:
    """Run the sender in a process of its own, to its end."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.ingest.sender"],
        input=json.dumps(asdict(plan)),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return Sent(**json.loads(done.stdout))


def written(bodies: list[bytes], path: Path) -> str:
    """Write bodies to a file as a `Plan` names it."""
    path.write_bytes(b"".join(len(body).to_bytes(8, "little") + body for body in bodies))
    return str(path)


def _read(path: str) -> list[bytes]:
    content, bodies, at = Path(path).read_bytes(), [], 0
    while at < len(content):
        size = int.from_bytes(content[at : at + 8], "little")
        bodies.append(content[at + 8 : at + 8 + size])
        at += 8 + size
    return bodies


class _Connection(asyncio.Protocol):
    """One connection: it sends, waits for the answer, and sends the next."""

    def __init__(self, sending: _Sending) -> None:
        self._sending = sending
        self._buffer = b""
        self._due = 0.0
        self._transport: asyncio.Transport
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._next()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, found, rest = self._buffer.partition(HEADER_END)
        if not found:
            return
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0])
        if len(rest) < length:
            return
        self._buffer = rest[length:]
        self._sending.answered(head, rest[:length], time.perf_counter() - self._due)
        self._next()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(exc or ConnectionError("the service closed the connection"))

    def _next(self) -> None:
        place = next(self._sending.places, None)
        if place is None:
            self.done.set_result(None)
            self._transport.close()
            return
        self._due = self._sending.due(place)
        wait = self._due - time.perf_counter()
        if wait > 0:
            asyncio.get_running_loop().call_later(wait, self._write, place)
        else:
            self._write(place)

    def _write(self, place: int) -> None:
        self._transport.write(self._sending.request(place))


class _Sending:
    """What the connections share: the requests, and what became of them."""

    def __init__(self, plan: Plan) -> None:
        where = urlsplit(plan.url)
        head = (
            f"POST {where.path} HTTP/1.1\r\nhost: {where.netloc}\r\naccept: */*\r\n"
            f"content-type: {plan.content_type}\r\ncontent-length: "
        ).encode()
        self._requests = [head + str(len(body)).encode() + HEADER_END + body for body in _read(plan.bodies)]
        self._rate = plan.rate
        self.places: Iterator[int] = iter(range(plan.requests))
        self.began = time.perf_counter()
        self.accepted, self.refused, self.latencies = 0, "", list[float]()

    def request(self, place: int) -> bytes:
        return self._requests[place % len(self._requests)]

    def due(self, place: int) -> float:
        # At a rate, a request that had to wait for a connection counts from when it was due.
        return self.began + place / self._rate if self._rate else time.perf_counter()

    def answered(self, head: bytes, body: bytes, seconds: float) -> None:
        self.latencies.append(seconds)
        if head.split(b" ", 2)[1] == ACCEPTED:
            self.accepted += 1
        elif not self.refused:
            self.refused = (head.partition(b"\r\n")[0] + b" " + body[:300]).decode(errors="replace")


async def _run(plan: Plan) -> Sent:
    where = urlsplit(plan.url)
    sending, loop = _Sending(plan), asyncio.get_running_loop()
    before = resource.getrusage(resource.RUSAGE_SELF)
    sending.began = time.perf_counter()
    made = [
        await loop.create_connection(lambda: _Connection(sending), where.hostname, where.port)
        for _ in range(min(plan.connections, plan.requests))
    ]
    await asyncio.gather(*(connection.done for _, connection in made))
    seconds = time.perf_counter() - sending.began
    after = resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Sent(sending.accepted, sending.refused, seconds, cpu, sending.latencies)


def main() -> None:
    """Send what the plan on stdin says."""
    given: dict[str, Any] = json.load(sys.stdin)
    json.dump(asdict(asyncio.run(_run(Plan(**given)))), sys.stdout)


if __name__ == "__main__":
    main()
