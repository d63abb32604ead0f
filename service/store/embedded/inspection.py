"""Look for an embedded server without starting one or leaving a trace."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from service.store.embedded import cluster, file_lock, postmaster
from service.store.embedded.cluster import OWNER, Place

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class EmbeddedLook:
    """An embedded server's place.

    - `folder`: where its data are, or would be.
    - `exists`: whether it was created.
    - `dsn`: how the service reaches it, None where it does not run.
    """

    folder: Path
    exists: bool
    dsn: str | None = field(default=None, repr=False)


def find_embedded(data_dir: Path) -> EmbeddedLook:
    """Return what there is in `data_dir`; raises EmbeddedServerError where its notes are damaged."""
    place = Place(data_dir.resolve())
    look = EmbeddedLook(place.folder, place.cluster.is_dir())
    lock = place.folder / "server.lock"
    running = postmaster.read(place)
    if running is None or not running.ready or not lock.exists() or not file_lock.is_held(lock):
        return look
    connection = cluster.read_connection(place)
    if connection is None:
        return look
    return replace(look, dsn=replace(connection, port=running.port).dsn(OWNER))
