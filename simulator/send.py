"""Send a file's rows to a running service at a given rate, and keep a record of what was acknowledged."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections import Counter
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import IO, TYPE_CHECKING, Any, NamedTuple

import httpx
import numpy as np
import pyarrow as pa

from service.core.rows.id_sums import sums_of
from service.core.rows.label_text import text_of
from service.core.rows.row_hash import of_texts

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

AGAIN = {408, 429, 502, 503, 504}
LONGEST_PAUSE_SECONDS = 10.0  # that a service asks for
LONGEST_BACKOFF_SECONDS = 1.0
TIMEOUT_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class SendOptions:
    """How rows are sent.

    - `url`: the service's address
    - `monitor`: to which monitor
    - `identity`: the column of ids, whose hashes the record adds up; None where there are none
    - `rate`: rows per second; 0 is as fast as it goes
    - `rows_per_request`: how many rows a request has
    - `connections`: how many requests are under way at once
    - `now_column`: the column that gets the time of sending; None: rows keep their times
    - `patience_seconds`: for how long a request is sent again and again
    - `token`: that requests bear; None where none is asked for
    - `what`: rows or labels
    """

    url: str
    monitor: str
    identity: str | None = None
    rate: float = 0.0
    rows_per_request: int = 100
    connections: int = 4
    now_column: str | None = None
    patience_seconds: float = 60.0
    token: str | None = None
    what: str = "rows"


@dataclass(slots=True)
class SendResult:
    """What became of what was sent; latencies in seconds, of requests that were acknowledged."""

    accepted: int = 0
    rejected: int = 0
    repeated: int = 0
    refused: Counter[str] = field(default_factory=Counter)  # rows that were not acknowledged, by the reason
    retries: int = 0
    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)

    def lines(self) -> list[str]:
        """Return the summary that is printed."""
        done = self.accepted + self.rejected
        rate = done / self.seconds if self.seconds else 0.0
        lines = [f"{done:,} rows acknowledged in {self.seconds:.1f} s ({rate:,.0f} rows/s)"]
        outcome = f"accepted {self.accepted:,}, rejected {self.rejected:,}"
        lines.append(f"{outcome}, sent again {self.retries:,} times")
        if self.latencies:
            p50, p99 = np.quantile(self.latencies, [0.5, 0.99]) * 1_000
            lines.append(f"latency p50 {p50:.1f} ms, p99 {p99:.1f} ms")
        lines += [f"not acknowledged: {rows:,} rows: {reason}" for reason, rows in self.refused.items()]
        return lines


async def send(frame: pd.DataFrame, options: SendOptions, record: IO[str] | None = None) -> SendResult:
    """Send every row of a table; a line of `record` is written for each request that is acknowledged."""
    result, began = SendResult(), time.monotonic()
    requests = iter(_requests(frame, options))
    headers = {"content-type": "application/vnd.apache.arrow.stream"}
    if options.token is not None:
        headers["authorization"] = f"Bearer {options.token}"
    limits = httpx.Limits(max_connections=options.connections)
    async with httpx.AsyncClient(
        base_url=options.url, headers=headers, timeout=TIMEOUT_SECONDS, limits=limits, trust_env=False
    ) as client:
        sending = _Sending(client, requests, options, result, record, began)
        await asyncio.gather(*(_sender(sending) for _ in range(options.connections)))
    result.seconds = time.monotonic() - began
    return result


def _requests(frame: pd.DataFrame, options: SendOptions) -> Iterator[tuple[int, pd.DataFrame]]:
    for first in range(0, len(frame), options.rows_per_request):
        yield first, frame.iloc[first : first + options.rows_per_request]


class _Sending(NamedTuple):
    """What the connections share: each takes the next request."""

    client: httpx.AsyncClient
    requests: Iterator[tuple[int, pd.DataFrame]]
    options: SendOptions
    result: SendResult
    record: IO[str] | None
    began: float


async def _sender(sending: _Sending) -> None:
    options, result = sending.options, sending.result
    for first, part in sending.requests:
        if options.rate:
            await asyncio.sleep(max(0.0, sending.began + first / options.rate - time.monotonic()))
        key = str(uuid.uuid4())
        answer = await _until_answered(sending.client, _content(part, options), key, options, result)
        if not isinstance(answer, dict):
            result.refused[answer] += len(part)
            continue
        result.accepted += answer["accepted"]
        result.rejected += answer["rejected"]
        result.repeated += answer["repeated"]
        if sending.record is not None:
            sums = sums_of(_identity(part, options.identity), len(part))
            line = {"monitor": options.monitor, "what": options.what, "key": key, **asdict(sums)}
            sending.record.write(f"{json.dumps(line)}\n")
            sending.record.flush()


async def _until_answered(
    client: httpx.AsyncClient, content: bytes, key: str, options: SendOptions, result: SendResult
) -> dict[str, Any] | str:
    path, until, pause = f"/v1/monitors/{options.monitor}/{options.what}", time.monotonic(), 0.1
    until += options.patience_seconds
    while True:
        asked = time.monotonic()
        try:
            answer = await client.post(path, content=content, headers={"idempotency-key": key})
        except httpx.TransportError as error:
            reason, wait = type(error).__name__, pause
        else:
            if answer.status_code == httpx.codes.ACCEPTED:
                result.latencies.append(time.monotonic() - asked)
                found: dict[str, Any] = answer.json()
                return found
            reason = f"{answer.status_code} {answer.text[:300]}"
            if answer.status_code not in AGAIN:
                return reason
            wait = float(answer.headers.get("retry-after", pause))
        if time.monotonic() + wait > until:
            return reason
        result.retries += 1
        await asyncio.sleep(min(wait, LONGEST_PAUSE_SECONDS))
        pause = min(pause * 2, LONGEST_BACKOFF_SECONDS)


def _content(part: pd.DataFrame, options: SendOptions) -> bytes:
    if options.now_column is not None:
        part = part.assign(**{options.now_column: datetime.now(UTC)})
    table, sink = pa.Table.from_pandas(part, preserve_index=False), pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    content: bytes = sink.getvalue().to_pybytes()
    return content


def _identity(part: pd.DataFrame, column: str | None) -> np.ndarray[Any, np.dtype[np.uint64]] | None:
    if column is None:
        return None
    return of_texts(np.array([text_of(value) or "" for value in part[column].tolist()], dtype=np.str_))
