"""ASGI middleware that logs a route's requests and responses as rows, for FastAPI, Starlette and others."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tidegauge_client.client import Monitor

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]
Row = Mapping[str, object]
ToRows = Callable[[Any, Any], "Row | Iterable[Row] | None"]

MAX_BODY_BYTES = 256 << 10


def merged(request: Any, response: Any) -> Row | list[Row]:
    """Return the keys of request and response as one row; of two lists of the same length, a row per pair.

    A request without a body, None, adds nothing to the response's keys. Raises ValueError where they are of
    another form.
    """
    if request is None and isinstance(response, Mapping):
        return response
    if isinstance(request, Mapping) and isinstance(response, Mapping):
        return {**request, **response}
    if isinstance(request, list) and isinstance(response, list) and len(request) == len(response):
        pairs = list(zip(request, response, strict=True))
        if all(isinstance(each, Mapping) for pair in pairs for each in pair):
            return [{**asked, **answered} for asked, answered in pairs]
    raise ValueError(
        "request and response are neither two objects nor two lists of as many objects; give `to_rows`"
    )


class LoggingMiddleware:
    """Logs what one route is asked and answers; the response is never changed.

    A row is logged before the last part of its response is sent, so that what was answered was logged,
    whatever becomes of the process. At the end of the application it sends what is left.

    - `app`: the application
    - `monitor`: where rows go
    - `path`: the route's path, as it is requested; with or without the application's `root_path`
    - `to_rows`: makes a row, several, or None of the request's JSON (None without a body) and the response's
    - `method`: the route's method
    - `max_body_bytes`: a longer request or response is not logged, but counted as invalid
    - `statuses`: which answers are logged
    """

    def __init__(
        self,
        app: App,
        *,
        monitor: Monitor,
        path: str,
        to_rows: ToRows = merged,
        method: str = "POST",
        max_body_bytes: int = MAX_BODY_BYTES,
        statuses: Iterable[int] = (HTTPStatus.OK, HTTPStatus.CREATED),
    ) -> None:
        self._app, self._monitor = app, monitor
        self._path, self._method = path, method.upper()
        self._to_rows = to_rows
        self._limit = max_body_bytes
        self._statuses = frozenset(statuses)

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Run the application, listening in where the route is the one that is logged."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, self._closing(send))
            return
        if scope["type"] != "http" or scope["method"] != self._method or not self._is_path(scope):
            await self._app(scope, receive, send)
            return
        exchange = _Exchange(self._limit)

        async def receive_and_note() -> Message:
            message = await receive()
            exchange.note_request(message)
            return message

        async def note_and_send(message: Message) -> None:
            exchange.note_response(message)
            if exchange.is_whole:
                self._log_once(exchange)
            await send(message)

        await self._app(scope, receive_and_note, note_and_send)
        self._log_once(exchange)  # a response whose body did not pass here is counted, with the reason

    def _is_path(self, scope: MutableMapping[str, Any]) -> bool:
        # Behind a proxy that serves the application below a path of its own, that is in front of the route's.
        path: str = scope["path"]
        return self._path in {path, path.removeprefix(scope.get("root_path", ""))}

    def _closing(self, send: Send) -> Send:
        # uvicorn ends by the signal that stopped it, without Python's functions of the exit.
        async def close_and_send(message: Message) -> None:
            if message["type"] == "lifespan.startup.complete":
                self._monitor.pipeline.start()
            elif message["type"].startswith("lifespan.shutdown."):
                pipeline = self._monitor.pipeline
                await asyncio.to_thread(pipeline.close, pipeline.exit_seconds)
            await send(message)

        return close_and_send

    def _log_once(self, exchange: _Exchange) -> None:
        if exchange.status in self._statuses and not exchange.is_logged:
            exchange.is_logged = True
            self._log(exchange)

    def _log(self, exchange: _Exchange) -> None:
        try:
            asked = exchange.request.document() if exchange.request.size else None
            rows = self._to_rows(asked, exchange.response.document())
        except Exception as error:  # noqa: BLE001  # the response was sent: nothing of the caller may fail now
            self._monitor.skip(f"{self._path}: {type(error).__name__}: {error}"[:300])
            return
        if rows is not None:
            self._monitor.log(rows)


@dataclass(slots=True)
class _Body:
    """A body as far as it is kept.

    - `limit`: how many bytes are kept at most
    - `name`: request or response
    - `encoding`: its Content-Encoding
    - `parts`, `size`: what has come
    """

    limit: int
    name: str
    encoding: str = ""
    parts: list[bytes] = field(default_factory=list)
    size: int = 0

    def add(self, part: bytes) -> None:
        """Keep a part, or forget everything where the body is too long."""
        self.size += len(part)
        if self.size <= self.limit:
            self.parts.append(part)
        else:
            self.parts.clear()

    def document(self) -> Any:
        """Return the JSON document. Raises ValueError."""
        if self.size > self.limit:
            raise ValueError(f"the {self.name} is longer than {self.limit:,} bytes (max_body_bytes)")
        if self.encoding:
            raise ValueError(f"the {self.name} is compressed: add this middleware after the one that does it")
        try:
            return json.loads(b"".join(self.parts))
        except ValueError as error:
            raise ValueError(f"the {self.name} is no JSON") from error


class _Exchange:
    """A request and its response, as far as they have passed."""

    def __init__(self, limit: int) -> None:
        self.status = 0
        self.is_whole = False
        self.is_logged = False
        self.request = _Body(limit, "request")
        self.response = _Body(limit, "response")

    def note_request(self, message: Message) -> None:
        """Keep what a message brings of the request."""
        if message["type"] == "http.request":
            self.request.add(message.get("body", b""))

    def note_response(self, message: Message) -> None:
        """Keep what a message brings of the response."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = {name.lower(): value for name, value in message.get("headers", ())}
            encoding = headers.get(b"content-encoding", b"").decode("latin-1")
            self.response.encoding = "" if encoding.lower() == "identity" else encoding
        elif message["type"] == "http.response.body":
            self.response.add(message.get("body", b""))
            self.is_whole = not message.get("more_body", False)
