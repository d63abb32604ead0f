"""The service as its own process, with a monitor to which rows are sent."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import asyncpg

from service.store.embedded.cluster import free_port
from tests.integration.inbox.live import lay_out
from tests.service_process import Place, end

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path
    from signal import Signals


@dataclass
class LiveService:
    """A service that can be started and ended again, always at the same address.

    - `place`: its folder
    - `database_url`: its database
    - `port`: where it listens
    """

    place: Place
    database_url: str
    port: int
    process: subprocess.Popen[str] | None = field(default=None)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self, *, until: str = '"event": "watching"', **variables: str) -> None:
        """Start the service and wait until it takes rows: until its log has a text."""
        self.process = self.place.start(
            TIDEGAUGE_DATABASE_URL=self.database_url,
            TIDEGAUGE_HTTP_PORT=str(self.port),
            TIDEGAUGE_CYCLE_SECONDS="0.2",
            **variables,
        )
        self.place.until(until, self.process)

    def end(self, number: Signals) -> None:
        """End it with a signal."""
        if self.process is not None:
            end(self.process, number)
            self.process = None

    async def counted(self) -> int:
        """Return how many rows were measured or wait to be."""
        connection = await asyncpg.connect(self.database_url)
        try:
            found = await connection.fetchval(
                """SELECT (SELECT coalesce(sum(rows), 0) FROM tidegauge.pane)
                        + (SELECT coalesce(sum(rows), 0) FROM tidegauge.inbox_batch WHERE kind = 'rows')"""
            )
        finally:
            await connection.close()
        return int(found)


def laid_out(root: Path, database_url: str, monitors: dict[str, str] | None = None) -> LiveService:
    """Lay out a service, not started yet, with the given monitor files or with the monitor toy."""
    for name in ("data", "monitors"):
        (root / name).mkdir(parents=True)
    if monitors is None:
        lay_out(root, window={"size": "1s", "min_rows": 2}).rename(root / "monitors/toy.yaml")
    for name, text in (monitors or {}).items():
        (root / f"monitors/{name}.yaml").write_text(text)
    return LiveService(Place(root), database_url, free_port())
