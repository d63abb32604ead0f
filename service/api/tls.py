"""The certificate of https: read from files, and again when they change."""

from __future__ import annotations

import asyncio
import ssl
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import structlog

from service.errors import ConfigurationError
from service.runtime.background_task import background

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

log = structlog.get_logger(__name__)

LOOK_SECONDS = 10.0  # from one look at the files to the next


def tls_context(certificate: Path, key: Path) -> ssl.SSLContext:
    """Return a context of a server. Raises ConfigurationError where the files are no pair."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        # An encrypted key would be asked for on the terminal: an empty password is a wrong one.
        context.load_cert_chain(certificate, key, password="")
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        said = error.strerror or str(error) if isinstance(error, OSError) else str(error)
        raise ConfigurationError(
            f"TIDEGAUGE_TLS_CERT={certificate}, TIDEGAUGE_TLS_KEY={key}: cannot be used: {said}; expected a "
            "certificate with its chain, and its key without a password, both as PEM"
        ) from error
    return context


@asynccontextmanager
async def renewing(
    context: ssl.SSLContext | None, files: tuple[Path, Path] | None, *, look_seconds: float = LOOK_SECONDS
) -> AsyncIterator[None]:
    """Take renewed files into `context` while this lasts; connections that are open keep the old ones."""
    if context is None or files is None:
        yield
        return
    async with background(_renew(context, files, look_seconds), name="certificate"):
        yield


async def _renew(context: ssl.SSLContext, files: tuple[Path, Path], look_seconds: float) -> None:
    taken = None  # the first look reads them again: they may have changed since the context was made
    while True:
        await asyncio.sleep(look_seconds)
        marks = await asyncio.to_thread(_marks, files)
        if marks == taken:
            continue
        is_first, taken = taken is None, marks
        try:
            await asyncio.to_thread(tls_context, *files)  # half a renewal must not reach the running server
            context.load_cert_chain(*files, password="")
        except (ConfigurationError, OSError, ValueError) as error:
            log.warning("certificate not renewed", error=str(error), hint="the one before is used")
        else:
            if not is_first:
                log.info("certificate renewed", file=str(files[0]))


def _marks(files: tuple[Path, Path]) -> tuple[tuple[int, int, int] | None, ...]:
    """Return what changes when a file is replaced or written; None for one that is not there."""
    found = list[tuple[int, int, int] | None]()
    for path in files:
        try:
            entry = path.stat()
        except OSError:
            found.append(None)
        else:
            found.append((entry.st_ino, entry.st_mtime_ns, entry.st_size))
    return tuple(found)
