"""The hash of a monitor file's content, by which replicas see that they have the same file."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from service.config.monitor import Monitor

DIGITS = 16


def content_hash(monitor: Monitor, data_dir: str, key: Callable[[], bytes]) -> str:
    """Return the hash of what a file says, as hexadecimal digits; comments and the data folder play no part.

    The `key` by which sensitive columns are hashed plays one where there are any: with another key the same
    row would be other values.
    """
    content = monitor.model_dump_json(exclude_defaults=True).replace(data_dir, "{data_dir}")
    digest = hashlib.sha256(content.encode())
    if monitor.sensitive:
        digest.update(hashlib.sha256(key()).digest())
    return digest.hexdigest()[:DIGITS]
