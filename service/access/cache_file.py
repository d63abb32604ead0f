"""The hashes of the tokens on the disk, so that a service which starts while the database is away knows them.

The file is JSON, readable for its owner alone, and replaced as a whole. It holds no secret that could be
sent: a hash opens nothing.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from service.core.access import Grant, Token, scopes_of
from service.errors import CodecError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

VERSION = 1
MAX_BYTES = 64 << 20
_DIGEST_BYTES = 32


def encode(tokens: Iterable[Token]) -> bytes:
    """Return tokens as the file's content; the same tokens give the same bytes."""
    listed = [
        {
            "id": token.id,
            "digest": token.digest.hex(),
            "scopes": sorted(scope.value for scope in token.grant.scopes),
            "monitors": None if token.grant.monitors is None else sorted(token.grant.monitors),
        }
        for token in sorted(tokens, key=lambda token: token.id)
    ]
    return json.dumps({"version": VERSION, "tokens": listed}, indent=1).encode()


def decode(content: bytes) -> list[Token]:
    """Return the tokens of a file. Raises CodecError where anything of it is not as `encode` writes it."""
    try:
        found = json.loads(content)
        if not isinstance(found, dict) or found.get("version") != VERSION:
            raise CodecError(f"the tokens are not of version {VERSION}")
        return [_token(each) for each in found["tokens"]]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise CodecError(f"the tokens cannot be read: {error}") from error


def _token(found: dict[str, Any]) -> Token:
    digest, monitors, scopes = bytes.fromhex(found["digest"]), found["monitors"], found["scopes"]
    name = found["id"]
    texts = [name, *_texts(scopes), *_texts([] if monitors is None else monitors)]
    if len(digest) != _DIGEST_BYTES or not all(isinstance(text, str) for text in texts):
        raise CodecError("a token's hash, scopes or monitors are of another form")
    return Token(name, digest, Grant(scopes_of(scopes), None if monitors is None else frozenset(monitors)))


def _texts(found: object) -> list[object]:
    if not isinstance(found, list):
        raise CodecError("a token's scopes or monitors are no list")
    return found


def read(path: Path) -> list[Token]:
    """Return the tokens of a file, none where there is no file. Raises CodecError or OSError."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        return []
    if len(content) > MAX_BYTES:
        raise CodecError(f"the tokens take more than {MAX_BYTES >> 20} MB")
    return decode(content)


def write(path: Path, content: bytes) -> None:
    """Replace the file, whole or not at all. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    fresh.unlink(missing_ok=True)  # left by a process that died
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
