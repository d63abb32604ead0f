"""Serve the HTTP API in the event loop of the cycles."""

from __future__ import annotations

import asyncio
import errno
import socket
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING

import uvicorn

from service.api.tls import renewing, tls_context
from service.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from fastapi import FastAPI

SHUTDOWN_SECONDS = 3


class _Server(uvicorn.Server):
    """Leaves signals to the service, which drains its cycles before it stops serving."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def serving(
    app: FastAPI, *, host: str, port: int, tls: tuple[Path, Path] | None = None
) -> AsyncIterator[str]:
    """Serve `app` while the context lasts, by https where there are files for it; yields its address.

    `tls` are the files of the certificate (with its chain) and of its key. Raises ConfigurationError where
    they cannot be used, the port is taken or the host is not an address of this machine.
    """
    context = None if tls is None else await asyncio.to_thread(tls_context, *tls)
    listener = _listen(host, port)
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
    config.ssl = context
    server = _Server(config)
    task = asyncio.create_task(server.serve(sockets=[listener]), name="http")
    shown = f"[{host}]" if ":" in host else host
    try:
        async with renewing(context, tls):
            yield f"{'http' if tls is None else 'https'}://{shown}:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await asyncio.wait_for(task, SHUTDOWN_SECONDS * 2)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        socket.getaddrinfo(host, port, family, socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError) as error:
        raise ConfigurationError(_not_ours(host, error)) from error
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        if error.errno == errno.EADDRNOTAVAIL:
            raise ConfigurationError(_not_ours(host, error)) from error
        raise ConfigurationError(
            f"TIDEGAUGE_HTTP_PORT={port}: cannot listen on {host}: {error.strerror}; choose another port"
        ) from error


def _not_ours(host: str, error: OSError | UnicodeError) -> str:
    reason = error.strerror if isinstance(error, OSError) else str(error)
    return (
        f"TIDEGAUGE_HTTP_HOST={host}: not an address of this machine: {reason}; "
        "expected one such as 127.0.0.1, or 0.0.0.0 for all of them"
    )
