"""Object stores: which objects match a pattern now, and their bytes, by fsspec."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple

from service.errors import SourceError
from service.sources.files.folder import Found, is_visible, matcher, partitions, split_pattern
from service.sources.hindrance import missing_package

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

EXTRAS = {"s3": "tidegauge[s3]", "gs": "gcsfs", "gcs": "gcsfs", "abfs": "adlfs", "az": "adlfs"}
_VERSIONS = ("ETag", "etag", "md5Hash", "generation", "LastModified", "last_modified", "mtime")
_TIMES = ("LastModified", "last_modified", "mtime", "updated", "created")
AHEAD_BYTES = 32 << 20
SMALL_BYTES = 1 << 20
_LIMITS = {
    "max_pool_connections": 32,
    "connect_timeout": 10,
    "read_timeout": 60,
    "retries": {"max_attempts": 2},
}


def missing_filesystem(protocol: str) -> str | None:
    """Return that the package which reads a protocol's objects is not installed; None where it is."""
    install, what = EXTRAS.get(protocol, "fsspec"), f"files in {protocol}://"
    missing = missing_package("fsspec", install, what)
    if missing is not None:
        return missing
    import fsspec  # noqa: PLC0415 - an extra

    try:
        fsspec.get_filesystem_class(protocol)
    except ImportError:
        return f"{what} need a package that is not installed here: pip install '{install}'"
    except ValueError:
        return None  # fsspec knows no such protocol: the cycle says so
    return None


class StoreAwayError(SourceError):
    """An object store that cannot be reached, or does not let this user in; no fault of an object."""


class _Ahead(NamedTuple):
    """A small object that was fetched ahead: its mark as it was listed, and its bytes."""

    mark: str
    content: bytes


class RemoteFolder:
    """Objects below a prefix. An object is whole when it is there, and is copied to be read.

    Small ones are fetched many at once: each takes one request instead of several, and waits for none.
    """

    def __init__(self, pattern: str, options: Mapping[str, Any]) -> None:
        """Take an address such as `s3://bucket/captured/**/*.jsonl`; nothing is asked yet."""
        self._protocol, _, rest = pattern.partition("://")
        self._root, names = split_pattern(rest)
        self._matches = matcher(names)
        self._options = dict(options)
        self._system: Any = None
        self._copy: tuple[str, Path] | None = None
        self._ahead: dict[str, _Ahead] = {}
        self._folder: Path | None = None

    def look(self) -> list[Found]:
        """Return the objects that match now."""
        self._ahead = {}
        try:
            with self._asking("list its objects"):
                listed = self._opened().find(self._root, detail=True)
        except FileNotFoundError as error:
            raise StoreAwayError(f"{self._protocol}://{self._root}: list its objects: {error}") from error
        found = []
        for path, info in listed.items():
            name = path.removeprefix(self._root).lstrip("/")
            if name and info.get("type") == "file" and is_visible(name) and self._matches.fullmatch(name):
                size, changed = int(info.get("size") or 0), _changed(info)
                found.append(Found(name, _mark(info), size, changed, True, partitions(name)))
        return found

    def mark(self, name: str) -> str | None:
        """Return an object's mark now; None where it is gone."""
        if name in self._ahead:
            return self._ahead[name].mark  # its bytes are here, and change no more
        try:
            with self._asking(f"look at {name}"):
                system = self._opened()
                system.invalidate_cache()
                return _mark(system.info(f"{self._root}/{name}"))
        except FileNotFoundError:
            return None

    @contextmanager
    def open(self, name: str) -> Iterator[IO[bytes]]:
        """Open an object's copy, which is made where there is none of it."""
        with self._copied(name).open("rb") as stream:
            yield stream

    @contextmanager
    def path(self, found: Found) -> Iterator[Path]:
        """Give an object's copy."""
        yield self._copied(found.name)

    def read_ahead(self, files: Sequence[Found]) -> None:
        """Fetch the small ones among objects that are read next; those that cannot be are read one by one."""
        self._ahead, left = {}, AHEAD_BYTES
        chosen = list[Found]()
        for each in files:
            left -= each.size
            if 0 < each.size <= SMALL_BYTES and left >= 0:
                chosen.append(each)
        if len(chosen) < 2:  # noqa: PLR2004 - one is read as it is
            return
        paths = [f"{self._root}/{each.name}" for each in chosen]
        ends = [each.size + 1 for each in chosen]  # a byte more: one that has grown is seen
        with self._asking("read its objects"):
            fetched = self._opened().cat_ranges(paths, [0] * len(paths), ends, on_error="return")
        for each, content in zip(chosen, fetched, strict=True):  # an error where it could not be fetched
            if isinstance(content, bytes) and len(content) == each.size:
                self._ahead[each.name] = _Ahead(each.mark, content)

    def _copied(self, name: str) -> Path:
        version = f"{name}:{self.mark(name)}"
        if self._copy is None or self._copy[0] != version:
            if self._folder is None:
                self._folder = Path(tempfile.mkdtemp(prefix="tidegauge-files-"))
            path = self._folder / "object"
            self._copy = None
            if name in self._ahead:
                path.write_bytes(self._ahead[name].content)
            else:
                with self._asking(f"copy {name}"):
                    self._opened().get_file(f"{self._root}/{name}", str(path))
            self._copy = version, path
        return self._copy[1]

    def _opened(self) -> Any:
        if self._system is None:
            try:
                import fsspec  # noqa: PLC0415 - an extra

                options = self._options
                if self._protocol == "s3":
                    options = {"config_kwargs": _LIMITS, **options}
                self._system = fsspec.filesystem(
                    self._protocol, skip_instance_cache=True, use_listings_cache=False, **options
                )
            except ImportError as error:
                extra = EXTRAS.get(self._protocol, "fsspec")
                raise SourceError(
                    f"files in {self._protocol}:// need a package that is not installed ({error}); "
                    f"write: pip install '{extra}'"
                ) from error
        return self._system

    @contextmanager
    def _asking(self, what: str) -> Iterator[None]:
        try:
            yield
        except (SourceError, FileNotFoundError):
            raise
        except _failures() as error:
            reason = " ".join(str(error).split()) or type(error).__name__
            raise StoreAwayError(f"{self._protocol}://{self._root}: {what}: {reason}") from error

    def close(self) -> None:
        """Remove the copy."""
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
        self._folder = self._copy = None
        self._ahead = {}


def _mark(info: Mapping[str, Any]) -> str:
    version = next((str(info[key]) for key in _VERSIONS if info.get(key)), "")
    return f"{version.strip(chr(34))}:{info.get('size')}"


def _changed(info: Mapping[str, Any]) -> int:
    found = next((info[key] for key in _TIMES if info.get(key)), None)
    if isinstance(found, str):
        found = datetime.fromisoformat(found)
    if isinstance(found, datetime):
        aware = found if found.tzinfo else found.replace(tzinfo=UTC)
        return int(aware.timestamp() * 1_000_000)
    return int(float(found or 0) * 1_000_000)


def _failures() -> tuple[type[Exception], ...]:
    found: list[type[Exception]] = [OSError, ValueError, RuntimeError, TimeoutError]
    try:
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - an extra
    except ImportError:
        return tuple(found)
    return (*found, BotoCoreError, ClientError)
