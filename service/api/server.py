"""Serve the HTTP API in the event loop of the cycles."""

from __future__ import annotations

import asyncio
import errno
import socket
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any

import structlog
import uvicorn

from service.access.rules import SAFE_METHODS
from service.api.tls import renewing, tls_context
from service.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from fastapi import FastAPI

log = structlog.get_logger(__name__)

SHUTDOWN_SECONDS = 3


class _Server(uvicorn.Server):
    """Leaves signals to the service, which drains its cycles before it stops serving."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def serving(
    app: FastAPI,
    *,
    host: str,
    port: int,
    tls: tuple[Path, Path] | None = None,
    own_port: int | None = None,
) -> AsyncIterator[str]:
    """Serve `app` while the context lasts, by https where there are files for it; yields its address.

    `tls` are the files of the certificate (with its chain) and of its key. With `own_port`, `port` is shared
    with other processes, among which the kernel spreads connections; the address is that of `own_port`, which
    is this process's alone, else of another port where it is taken. Raises ConfigurationError where the files
    cannot be used, `port` is taken or the host is not an address of this machine.
    """
    context = None if tls is None else await asyncio.to_thread(tls_context, *tls)
    listeners = [_listen(host, port, shared=own_port is not None)]
    if own_port is not None:
        listeners.append(_own(host, own_port))
    config = uvicorn.Config(
        app,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,  # the gate has to know who connected, and anyone can send X-Forwarded-For
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
    )
    await asyncio.to_thread(config.load)  # imports the protocol: cycles run meanwhile
    config.http_protocol_class = _answering(config.http_protocol_class)
    config.ssl = context
    server = _Server(config)
    task = asyncio.create_task(server.serve(sockets=listeners), name="http")
    shown = f"[{host}]" if ":" in host else host
    try:
        async with renewing(context, tls):
            yield f"{'http' if tls is None else 'https'}://{shown}:{listeners[-1].getsockname()[1]}"
    finally:
        server.should_exit = True
        await asyncio.wait_for(task, SHUTDOWN_SECONDS * 2)


def _answering(protocol: type[Any]) -> type[Any]:
    """Return a protocol that also answers a sender who has closed its own side of the connection.

    Its rows were taken, and without an answer it would send them again.
    """

    class Answering(protocol):  # type: ignore[misc]
        def eof_received(self) -> bool | None:
            cycle = self.cycle
            is_asked = cycle is not None and not cycle.more_body and not cycle.response_complete
            if not is_asked or cycle.scope["method"] in SAFE_METHODS or self.scheme != "http":
                return None  # the connection is closed; so it always is by https
            cycle.keep_alive = False
            return True

    return Answering


def _own(host: str, port: int) -> socket.socket:
    try:
        return _listen(host, port)
    except ConfigurationError as error:
        log.warning("own port taken", hint="another one is used", error=str(error))
        return _listen(host, 0)


def reserve(host: str, port: int) -> socket.socket:
    """Return a socket that keeps `port` (0: a free one) for processes that share it, and does not listen.

    Raises ConfigurationError where the port is taken or the host is not an address of this machine.
    """
    with _listen(host, port) as alone:  # another service may share the port among its own processes
        port = alone.getsockname()[1]
    return _listen(host, port, shared=True, backlog=None)


def _listen(host: str, port: int, *, shared: bool = False, backlog: int | None = 128) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        socket.getaddrinfo(host, port, family, socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError) as error:
        raise ConfigurationError(_not_ours(host, error)) from error
    try:
        listener = _bound(host, port, family, shared=shared, backlog=backlog)
    except OSError as error:
        if error.errno == errno.EADDRNOTAVAIL:
            raise ConfigurationError(_not_ours(host, error)) from error
        raise ConfigurationError(
            f"TIDEGAUGE_HTTP_PORT={port}: cannot listen on {host}: {error.strerror}; choose another port, or "
            "stop what uses it, which may be another `tidegauge run`"
        ) from error
    # Its connections take it over. Without it the second part of an answer waits 40 ms for the first
    # one's acknowledgement; asyncio sets it for sockets alone that name their protocol.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def _bound(
    host: str, port: int, family: socket.AddressFamily, *, shared: bool, backlog: int | None
) -> socket.socket:
    if backlog is not None:
        return socket.create_server((host, port), family=family, reuse_port=shared, backlog=backlog)
    try:
        return _kept(host, port, family, reuse=False)
    except OSError:  # connections of a service that ended a moment ago
        return _kept(host, port, family, reuse=True)


def _kept(host: str, port: int, family: socket.AddressFamily, *, reuse: bool) -> socket.socket:
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, reuse)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        bound.bind((host, port))
    except OSError:
        bound.close()
        raise
    return bound


def _not_ours(host: str, error: OSError | UnicodeError) -> str:
    reason = error.strerror if isinstance(error, OSError) else str(error)
    return (
        f"TIDEGAUGE_HTTP_HOST={host}: not an address of this machine: {reason}; "
        "expected one such as 127.0.0.1, or 0.0.0.0 for all of them"
    )
