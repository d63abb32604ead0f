"""The secret by which sensitive columns are hashed: the settings' own, or one made for this installation."""

from __future__ import annotations

import os
import secrets
from typing import TYPE_CHECKING

from service.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

    from service.config.settings import Settings

FILE_NAME = "hash.key"
KEY_BYTES = 32


def hash_key(settings: Settings, *, create: bool = True) -> bytes:
    """Return the key of the settings, else the one that the data folder keeps, readable for its owner alone.

    Where there is none yet it is made, or, without `create`, one that is good for this process only.
    Raises ConfigurationError where it can neither be read nor made.
    """
    if settings.hash_key is not None:
        return settings.hash_key.get_secret_value().encode()
    path = settings.data_dir / FILE_NAME
    try:
        return _kept(path, create=create)
    except OSError as error:
        raise ConfigurationError(
            f"{path}: the key of sensitive columns can neither be read nor made: {error.strerror}; set "
            "TIDEGAUGE_HASH_KEY, or make the folder of TIDEGAUGE_DATA_DIR writable"
        ) from error


def _kept(path: Path, *, create: bool) -> bytes:
    if not path.exists():
        fresh = secrets.token_hex(KEY_BYTES)
        if not create:
            return fresh.encode()
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_name(f".{FILE_NAME}.{os.getpid()}")
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(fresh)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(beside, path)  # whole or not at all, and of two starters' keys only the first
        except FileExistsError:
            pass
        finally:
            beside.unlink()
    kept = path.read_bytes().strip()
    if len(kept) < KEY_BYTES:
        raise ConfigurationError(
            f"{path}: holds no key; restore it from a backup, or remove it: a new one is made"
        )
    return kept
