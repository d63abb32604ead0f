"""A Postgres cluster in a folder: its creation, its roles, and its stored port and passwords.

`<data_dir>/postgres/` holds the cluster, `connection.json` (port and passwords, readable for its owner alone)
and the lock files; `<data_dir>/postgres.log` what the server says.
"""

from __future__ import annotations

import errno
import json
import os
import secrets
import shutil
import socket
import subprocess
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from service.errors import EmbeddedServerError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from service.store.embedded.run_as import ServerUser

LONGEST_LOG = 10_000_000  # bytes; then a new log is begun and one old one kept
SETUP_SECONDS = 300.0
DATABASE = OWNER = "tidegauge"
READER = "tidegauge_reader"
ADMINISTRATOR = "postgres"

# One command per line. Run before the server ever listens, so that nobody needs the superuser's password.
_ROLES = f"""\
CREATE ROLE {OWNER} LOGIN
CREATE ROLE {READER} LOGIN
CREATE DATABASE {DATABASE} OWNER {OWNER}
"""


@dataclass(frozen=True, slots=True)
class Connection:
    """The server's port and its roles' passwords."""

    port: int
    passwords: dict[str, str] = field(repr=False)

    def dsn(self, role: str, database: str = DATABASE) -> str:
        """Return the URL by which `role` reaches `database`."""
        return f"postgresql://{role}:{self.passwords[role]}@127.0.0.1:{self.port}/{database}?sslmode=disable"


@dataclass(frozen=True, slots=True)
class Place:
    """The folders and files of an embedded server."""

    data_dir: Path

    @property
    def folder(self) -> Path:
        """Everything but the log."""
        return self.data_dir / "postgres"

    @property
    def cluster(self) -> Path:
        """What Postgres calls its data directory."""
        return self.folder / "cluster"

    @property
    def connection_file(self) -> Path:
        """Port and passwords."""
        return self.folder / "connection.json"

    @property
    def log(self) -> Path:
        """The server's log."""
        return self.data_dir / "postgres.log"

    def prepare(self) -> None:
        """Make the folders."""
        self.folder.mkdir(parents=True, exist_ok=True)

    def log_size(self) -> int:
        """Return the log's bytes so far."""
        return self.log.stat().st_size if self.log.exists() else 0

    def log_tail(self, since: int = 0) -> str:
        """Return the log's last lines, of what was written after `since` bytes."""
        try:
            with self.log.open("rb") as log:
                log.seek(max(since, self.log.stat().st_size - 4_000))
                return "\n".join(log.read().decode(errors="replace").splitlines()[-15:])
        except OSError:
            return "(no log)"

    def turn_log(self) -> None:
        """Begin a new log where the old one has grown too long."""
        if self.log_size() > LONGEST_LOG:
            self.log.replace(self.log.with_suffix(".log.1"))


def read_connection(place: Place) -> Connection | None:
    """Return the stored port and passwords, None where there are none.

    Raises EmbeddedServerError where the file is damaged.
    """
    try:
        found = json.loads(place.connection_file.read_text())
        passwords = {role: str(found["passwords"][role]) for role in (ADMINISTRATOR, OWNER, READER)}
        return Connection(int(found["port"]), passwords)
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise EmbeddedServerError(
            f"{place.connection_file} is damaged ({error!r}); remove it: the next start makes new passwords"
        ) from error


def write_connection(place: Place, connection: Connection) -> None:
    """Store port and passwords atomically, readable for the owner alone."""
    fresh = place.connection_file.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(asdict(connection), file)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(place.connection_file)


def new_connection() -> Connection:
    """Return a free port and new passwords."""
    passwords = {role: secrets.token_urlsafe(24) for role in (ADMINISTRATOR, OWNER, READER)}
    return Connection(free_port(), passwords)


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def is_free(port: int) -> bool:
    """Return whether a server could listen on `port` of 127.0.0.1."""
    with socket.socket() as probe:
        probe.setsockopt(
            socket.SOL_SOCKET, socket.SO_REUSEADDR, 1
        )  # as Postgres does: connections that end do not count
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def create(place: Place, user: ServerUser, binaries: Path, connection: Connection, lock: int) -> None:
    """Make the cluster with its roles and database; it appears whole or not at all.

    `lock` is inherited by everything started here. Raises EmbeddedServerError with what the program said.
    """
    fresh = place.folder / "cluster.new"
    if fresh.exists():
        shutil.rmtree(fresh)  # a starter was ended halfway
    fresh.mkdir(mode=0o700)
    user.own(fresh)
    with user.open_folder(fresh) as (path, inherited):
        command: list[str | Path] = [
            binaries / "initdb", "-D", path, "-U", ADMINISTRATOR, "-E", "UTF8", "--locale=C.UTF-8",
            "--auth-local=reject", "--auth-host=scram-sha-256", "--no-instructions", "--set=timezone=UTC",
        ]  # fmt: skip
        _run(command, "", user, (lock, *inherited))
    single_user(fresh, user, binaries, _ROLES + _passwords(connection), lock)
    fresh.rename(place.cluster)
    descriptor = os.open(place.folder, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)


def set_passwords(place: Place, user: ServerUser, binaries: Path, connection: Connection, lock: int) -> None:
    """Give the roles of a cluster that does not run new passwords."""
    single_user(place.cluster, user, binaries, _passwords(connection), lock)


def single_user(cluster: Path, user: ServerUser, binaries: Path, commands: str, lock: int) -> None:
    """Run SQL commands, one per line, as the superuser of a cluster that does not run."""
    with user.open_folder(cluster) as (path, inherited):
        command: list[str | Path] = [binaries / "postgres", "--single", "-D", path, ADMINISTRATOR]
        _run(command, commands, user, (lock, *inherited))


def _passwords(connection: Connection) -> str:
    return "".join(f"ALTER ROLE {role} PASSWORD '{word}'\n" for role, word in connection.passwords.items())


def _run(command: Sequence[str | Path], stdin: str, user: ServerUser, inherited: tuple[int, ...]) -> None:
    name = Path(command[0]).name
    try:
        done = subprocess.run(  # noqa: S603  # our own binaries, no shell
            command,
            input=stdin,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=SETUP_SECONDS,
            **user.spawn(*inherited),
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise EmbeddedServerError(f"{name} could not be run: {error}") from error
    wrong = [line for line in done.stderr.splitlines() if "ERROR:" in line or "FATAL:" in line]
    if done.returncode or wrong:
        said = "\n".join(wrong) or (done.stdout + done.stderr)[-2_000:]
        raise EmbeddedServerError(f"{name} failed (status {done.returncode}):\n{said}{_advice(said)}")


def _advice(said: str) -> str:
    if os.strerror(errno.ENOSPC) in said:
        return "\nfree space on that disk, 100 MB at least, or set TIDEGAUGE_DATA_DIR to a folder of another"
    return ""
