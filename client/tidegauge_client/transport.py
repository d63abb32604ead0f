"""Post batches over one connection that is kept open."""

from __future__ import annotations

import http.client
import json
import math
import os
import time
from contextlib import suppress
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

if TYPE_CHECKING:
    import ssl

    from tidegauge_client.batch import Batch

MAX_ANSWER_BYTES = 4 << 20
MAX_RETRY_SECONDS = 300.0


class NoAnswerError(Exception):
    """The service could not be reached, or its answer did not come."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the service answered.

    - `status`: the status of HTTP
    - `retry_after`: in how many seconds to send again; None where the service does not say
    - `body`: the JSON document; None where there is none
    - `location`: where it says to go instead
    """

    status: int
    retry_after: float | None
    body: Any
    location: str | None = None


class Transport:
    """Posts to one service; used by one thread."""

    def __init__(self, url: str, token: str | None, timeout: float, tls: ssl.SSLContext | None) -> None:
        """Raise ValueError for an address, a token or a time that cannot be used."""
        parts = urlsplit(url)
        if "@" in parts.netloc:
            raise ValueError("the address names a user; expected none, and the service's token as `token`")
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
            raise ValueError(f"{url!r}: expected the service's address, such as http://127.0.0.1:8000")
        if token is not None and not (token and token.isascii() and token.isprintable() and " " not in token):
            raise ValueError("the token is empty, or has a space, a line break or a letter that is not ASCII")
        if timeout <= 0:
            raise ValueError(f"timeout: {timeout!r}; expected more than 0 seconds")
        self._https = parts.scheme == "https"
        self._host, self._port = parts.hostname, parts.port
        self._prefix = parts.path.rstrip("/")
        self._headers = {"Content-Type": "application/x-ndjson", "User-Agent": "tidegauge-client"}
        if token is not None:
            self._headers["Authorization"] = f"Bearer {token}"
        self._timeout, self._tls = timeout, tls
        self._connection: http.client.HTTPConnection | None = None

    def post(self, batch: Batch) -> Answer:
        """Send a batch and return the answer. Raises NoAnswerError."""
        was_open = self._connection is not None
        try:
            try:
                return self._post(batch)
            except (http.client.RemoteDisconnected, ConnectionError):
                if not was_open:
                    raise
                self.close()  # the service had closed the idle connection: no failure of this batch
                return self._post(batch)
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise NoAnswerError(f"{type(error).__name__}: {error}") from error

    def close(self) -> None:
        """Close the connection; the next post opens one."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def forget(self) -> None:
        """In a forked child: close its copy of the socket, and nothing else.

        The parent's thread may have been reading, and the lock of its reader is held for ever in the child.
        """
        if self._connection is not None and self._connection.sock is not None:
            os.close(self._connection.sock.detach())
        self._connection = None

    def _post(self, batch: Batch) -> Answer:
        if self._connection is None:
            self._connection = self._open()
        connection = self._connection
        path = f"{self._prefix}/v1/monitors/{quote(batch.monitor, safe='')}/{batch.kind}"
        body = b"".join(batch.lines)
        connection.request("POST", path, body, {**self._headers, "Idempotency-Key": batch.key})
        response = connection.getresponse()
        content = response.read(MAX_ANSWER_BYTES)
        if response.will_close or not response.isclosed():
            self.close()
        document = None
        with suppress(ValueError):
            document = json.loads(content)
        retry_after, location = response.getheader("Retry-After"), response.getheader("Location")
        return Answer(response.status, _seconds(retry_after), document, location)

    def _open(self) -> http.client.HTTPConnection:
        if self._https:
            return http.client.HTTPSConnection(
                self._host, self._port, timeout=self._timeout, context=self._tls
            )
        return http.client.HTTPConnection(self._host, self._port, timeout=self._timeout)


def _seconds(retry_after: str | None) -> float | None:
    """Return a Retry-After header, seconds or a date, as seconds from now; None where it says neither."""
    if retry_after is None:
        return None
    try:
        seconds = float(retry_after)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(retry_after).timestamp() - time.time()
        except ValueError:
            return None
    if math.isnan(seconds):  # no moment would be late enough
        return None
    return min(max(seconds, 0.0), MAX_RETRY_SECONDS)
