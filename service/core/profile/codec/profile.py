"""A profile's bytes: named parts, each with its length, in any order.

Layout, numbers big-endian: four magic bytes, a format version (uint16) and the CRC-32 of all that follows.
Then a zlib stream of frames: the lengths of a part's name (uint16), body and hashes (uint32), its name and
its body. The body is the length of a JSON head (uint32), the head, and the arrays that it names. Behind the
stream lie the parts' hashes, in the order of the frames. Equal profiles give equal bytes.

A part that is not among the bytes reads as not kept. A part that this build does not know is carried along
unchanged, and dropped where profiles are merged: how to add it up is not known here. So a build reads the
panes of earlier and of later ones, and the version stays as it is while parts come and go.
"""

from __future__ import annotations

import hashlib
import json
import struct
import zlib
from typing import TYPE_CHECKING, Any

from service.core.profile import columns
from service.core.profile.part import StoredPart
from service.core.profile.parts import PARTS
from service.core.profile.profile import Profile
from service.core.profile.stored_arrays import ArrayReader, ArrayWriter
from service.errors import CodecError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from service.core.profile.part import Part
    from service.core.profile.stored_arrays import Json

MAGIC = b"TDGP"
VERSION = 5
ROWS, COLUMNS = "rows", "columns"  # what makes bytes a profile; every other part may be absent
_PREFIX = struct.Struct(">4sHI")
_FRAME = struct.Struct(">HII")
_LENGTH = struct.Struct(">I")
_COMPRESSION = 1  # panes are written in every cycle: speed over the last tenth of size


def encode(profile: Profile, parts: Sequence[Part[Any]] = PARTS) -> bytes:
    """Return the profile as bytes; `parts` are those that this build knows."""
    stored = _stored(profile, parts)
    stored |= {name: profile.unknown[name] for name in sorted(profile.unknown)}
    frames: list[bytes] = []
    for name, part in stored.items():
        label = name.encode()
        frames += [_FRAME.pack(len(label), len(part.body), len(part.hashes)), label, part.body]
    content = [zlib.compress(b"".join(frames), _COMPRESSION), *(part.hashes for part in stored.values())]
    rest = b"".join(content)
    return _PREFIX.pack(MAGIC, VERSION, zlib.crc32(rest)) + rest


def decode(payload: bytes, parts: Sequence[Part[Any]] = PARTS) -> Profile:
    """Return the profile that `payload` was made of; `parts` are those that this build knows.

    Raises CodecError where the bytes are no profile, are cut short or damaged, or of a format that is not
    known here.
    """
    stored = _opened(payload)
    schema, rows = _read(ROWS, stored, lambda form, _: (form["schema"], form["rows"]))
    own = _read(COLUMNS, stored, columns.decode)
    known = {part.name: _read(part.name, stored, part.decode) for part in parts if part.name in stored}
    unknown = {name: part for name, part in stored.items() if name not in {ROWS, COLUMNS, *known}}
    return Profile(schema, rows, own, known, unknown)


def rows_in(payload: bytes) -> int:
    """Return how many rows a profile's bytes hold, without what else they hold; raises as `decode` does."""
    rows: int = _read(ROWS, _opened(payload), lambda form, _: form["rows"])
    return rows


def fingerprint(profile: Profile, parts: Iterable[Part[Any]]) -> str:
    """Return sixteen hex digits that change with the rows, the columns and each of `parts`.

    The same on every machine and in every build, whatever other parts a profile has.
    """
    digest = hashlib.sha256()
    for name, part in _stored(profile, parts).items():
        digest.update(name.encode() + b"\0" + part.body + part.hashes)
    return digest.hexdigest()[:16]


def _opened(payload: bytes) -> dict[str, StoredPart]:
    if len(payload) < _PREFIX.size:
        raise CodecError(f"a profile of {len(payload)} bytes is cut short; expected {_PREFIX.size} or more")
    magic, version, checksum = _PREFIX.unpack_from(payload)
    if magic != MAGIC or version != VERSION:
        raise CodecError(
            f"bytes that start with {magic!r} version {version} are no profile that this build reads; "
            f"expected {MAGIC!r} version {VERSION}"
        )
    rest = memoryview(payload)[_PREFIX.size :]
    if zlib.crc32(rest) != checksum:
        raise CodecError(f"a profile of {len(payload)} bytes is damaged or cut short: its checksum differs")
    try:
        return _frames(rest)
    except (zlib.error, struct.error, ValueError) as error:
        raise CodecError(f"a profile of {len(payload)} bytes is damaged: {error}") from error


def _stored(profile: Profile, parts: Iterable[Part[Any]]) -> dict[str, StoredPart]:
    return {
        ROWS: _written({"schema": profile.schema, "rows": profile.rows}, ArrayWriter()),
        COLUMNS: _encoded(profile.columns, columns.encode),
        **{
            part.name: _encoded(profile.parts[part.name], part.encode)
            for part in parts
            if part.name in profile.parts
        },
    }


def _encoded(value: Any, form: Callable[[Any, ArrayWriter], Json]) -> StoredPart:
    arrays = ArrayWriter()
    return _written(form(value, arrays), arrays)


def _written(form: Json, arrays: ArrayWriter) -> StoredPart:
    head = json.dumps(form, separators=(",", ":"), ensure_ascii=False).encode(errors="surrogatepass")
    return StoredPart(b"".join((_LENGTH.pack(len(head)), head, arrays.plain)), arrays.hashes)


def _frames(rest: memoryview) -> dict[str, StoredPart]:
    stream = zlib.decompressobj()
    frames = stream.decompress(rest) + stream.flush()
    if not stream.eof:
        raise ValueError("the compressed parts are cut short")
    hashes, stored, offset, used = stream.unused_data, dict[str, StoredPart](), 0, 0
    while offset < len(frames):
        label, body, apart = _FRAME.unpack_from(frames, offset)
        start = offset + _FRAME.size + label
        name = frames[offset + _FRAME.size : start].decode()
        part = StoredPart(frames[start : start + body], hashes[used : used + apart])
        if (len(part.body), len(part.hashes)) != (body, apart) or name in stored:
            raise ValueError(f"part {name!r} is cut short or there twice")
        stored[name] = part
        offset, used = start + body, used + apart
    if used != len(hashes):
        raise ValueError(f"{len(hashes) - used} bytes belong to no part")
    return stored


def _read(name: str, stored: Mapping[str, StoredPart], of: Callable[[Json, ArrayReader], Any]) -> Any:
    if name not in stored:
        raise CodecError(f"bytes without a part {name!r} are no profile; there are {', '.join(stored)}")
    body, hashes = stored[name]
    try:
        (length,) = _LENGTH.unpack_from(body)
        end = _LENGTH.size + length
        form = json.loads(body[_LENGTH.size : end].decode(errors="surrogatepass"))
        return of(form, ArrayReader(memoryview(body)[end:], memoryview(hashes)))
    except (struct.error, ValueError, LookupError, TypeError, AttributeError, ArithmeticError) as error:
        raise CodecError(
            f"part {name!r} of a profile is damaged, or of a form that this build does not know: {error!r}"
        ) from error
