"""Who this replica is, and which replicas of the same folder have died: their leases need not run out.

A replica holds a lock on a file in its data folder while it lives, paused or not; the kernel frees it when
the process dies. Only replicas of the same start of the same machine are judged by it.
"""

from __future__ import annotations

import fcntl
import os
import socket
import uuid
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from service.store.leases.leases import Identity

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

log = structlog.get_logger(__name__)

FOLDER = "replicas"
SUFFIX = ".lock"
_BOOT = Path("/proc/sys/kernel/random/boot_id")


@contextmanager
def identity(data_dir: Path) -> Iterator[Identity]:
    """Give this replica's identity, with its lock held while the context lasts."""
    own = Identity(uuid.uuid4().hex, f"{socket.gethostname()}:{os.getpid()}", _machine())
    path = data_dir / FOLDER / f"{own.id}{SUFFIX}"
    descriptor = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        log.debug("no lock of this replica", hint="after a crash its leases run out", error=str(error))
    try:
        yield own
    finally:
        if descriptor is not None:
            path.unlink(missing_ok=True)
            os.close(descriptor)


def died(data_dir: Path, replicas: Iterable[str]) -> list[str]:
    """Return those of `replicas`, of this start of this machine, whose processes do not live any more."""
    return [replica for replica in replicas if _is_free(data_dir / FOLDER / f"{replica}{SUFFIX}")]


def forget(data_dir: Path, replicas: Iterable[str]) -> None:
    """Remove the locks of replicas that died."""
    for replica in replicas:
        (data_dir / FOLDER / f"{replica}{SUFFIX}").unlink(missing_ok=True)


def _is_free(path: Path) -> bool:
    try:
        descriptor = os.open(path, os.O_RDWR)
    except OSError:
        return False  # of another folder: nothing is known of it
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return True


def _machine() -> str:
    try:
        return _BOOT.read_text().strip()
    except OSError:
        return ""
