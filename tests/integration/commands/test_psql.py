"""Looking around in the embedded database by psql."""

from __future__ import annotations

from typing import TYPE_CHECKING

import asyncpg
import pytest

from tests.service_process import Place, lay_out

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """Lay out a folder with an embedded server of its own."""
    return lay_out(tmp_path / "place", days=12)


def test_psql_reads_and_writes_nothing(place: Place) -> None:
    """Statements come as the reader, in our schema; a write is refused, and psql's status is ours."""
    assert place.command("run", "--max-cycles", "3").returncode == 0
    read = place.command("psql", "-XAtc", "SELECT current_user, count(*) > 0 FROM metrics")
    assert (read.returncode, read.stdout) == (0, "tidegauge_reader|t\n"), read.stderr
    written = place.command("psql", "--", "-Xv", "ON_ERROR_STOP=1", "-c", "CREATE TABLE mine ()")
    assert written.returncode == 1
    assert "read-only transaction" in written.stderr
    printed = place.command("psql", "--print")
    assert printed.returncode == 1
    assert "does not run" in printed.stderr


async def test_a_running_server_s_url_is_printed(place: Place) -> None:
    """While the service runs, `--print` gives a URL that a client can use."""
    service = place.start()
    try:
        place.until('"watching"', service)
        printed = place.command("psql", "--print")
        connection = await asyncpg.connect(printed.stdout.strip())
        assert await connection.fetchval("SELECT current_user") == "tidegauge_reader"
        await connection.close()
    finally:
        service.terminate()
        service.wait(60)


def test_a_database_of_one_s_own_is_told_apart(place: Place) -> None:
    """With a URL there is no embedded server; the SQL of the reader names the URL's database and role."""
    url = "postgresql://writer:se%40cret@127.0.0.1:1/gauge"
    opened = place.command("psql", TIDEGAUGE_DATABASE_URL=url)
    assert (opened.returncode, opened.stdout) == (2, "")
    assert "migrate --reader-sql" in opened.stderr
    printed = place.command("migrate", "--reader-sql", TIDEGAUGE_DATABASE_URL=url)
    assert printed.returncode == 0
    assert "GRANT CONNECT ON DATABASE gauge TO tidegauge_reader" in printed.stdout
    assert "FOR ROLE writer IN SCHEMA tidegauge" in printed.stdout
    assert "cret" not in printed.stdout
