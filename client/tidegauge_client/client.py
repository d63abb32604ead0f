"""The client: `Client(url).monitor(name).log(row)`."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Self

from tidegauge_client.batch import is_monitor
from tidegauge_client.encoding import rows_of
from tidegauge_client.options import Options, default_spool, spool_of
from tidegauge_client.pipeline import Pipeline
from tidegauge_client.transport import Transport

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Mapping

    from tidegauge_client.delivery import Reject
    from tidegauge_client.tally import Stats

DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class Monitor:
    """A monitor of the service, to which rows and labels are sent.

    - `name`: its name
    - `timestamp`: the column that gets the time at which a row is logged, where the row has none
    - `pipeline`: where rows go
    """

    name: str
    timestamp: str | None
    pipeline: Pipeline

    def log(self, rows: object) -> None:
        """Log a row (a mapping), many of them, or a data frame; never blocks, never raises."""
        if self.timestamp is None:
            self.pipeline.add(self.name, "rows", rows)
        else:
            self.pipeline.add(self.name, "rows", _Stamped(rows, self.timestamp))

    def labels(self, rows: object) -> None:
        """Send labels: rows of the id and the label; never blocks, never raises."""
        self.pipeline.add(self.name, "labels", rows)

    def skip(self, reason: str) -> None:
        """Count a prediction of which no row could be made, with the reason."""
        self.pipeline.skip(reason)


class Client:
    """Sends rows to one Tidegauge, in the background.

    - `url`: the service's address
    - `ca_file`: the certificates (PEM) by which https trusts the service; None for those of this machine
    - `tls`: a context of the module ssl, where https needs more than that
    - `token`: the service's token, where it asks for one
    - `spool`: the folder where batches wait while the service is away; None keeps them in memory
    - `spool_mb`, `memory_mb`: how much may wait on the disk and in memory, for each process
    - `interval`, `batch_rows`: a batch is sent after so many seconds, or when it has so many rows
    - `max_wait`: how many seconds `log` may wait for room, for each row: 0 in a service, more in a job
    - `timeout`: how many seconds the service may take to answer
    - `exit_seconds`: how long the end of the process may be delayed to send what is left
    - `journal`: whether `log` writes rows to a file of the spool, so that a killed process loses none
    - `fsync`: whether `log` waits for the disk, so that a power cut loses none either
    """

    def __init__(
        self,
        url: str,
        *,
        token: str | None = None,
        spool: str | os.PathLike[str] | None = DEFAULT,
        spool_mb: int = 256,
        memory_mb: int = 16,
        interval: float = 1.0,
        batch_rows: int = 500,
        max_wait: float = 0.0,
        timeout: float = 10.0,
        exit_seconds: float = 5.0,
        journal: bool = True,
        fsync: bool = False,
        ca_file: str | os.PathLike[str] | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """Raise ValueError for an address or a number that cannot be used; nothing is sent yet."""
        if fsync and (spool is None or not journal):
            raise ValueError("fsync needs the journal; expected a folder as `spool`, and journal=True")
        if ca_file is not None:
            if tls is not None:
                raise ValueError("ca_file and tls say the same twice; expected one of them")
            tls = ssl.create_default_context(cafile=ca_file)
        root = None if spool is None else default_spool() if spool == DEFAULT else Path(spool)
        options = Options(
            None if root is None else spool_of(root, url),
            spool_mb << 20,
            memory_mb << 20,
            interval,
            batch_rows,
            max_wait,
            exit_seconds,
            journal,
            fsync,
        )
        self._pipeline = Pipeline(options, partial(Transport, url, token, timeout, tls))

    def monitor(self, name: str, *, timestamp: str | None = None) -> Monitor:
        """Return the monitor of that name; `timestamp` is a column that gets the time of logging."""
        if not is_monitor(name):
            raise ValueError(f"{name!r}: expected the name of a monitor, as text")
        return Monitor(name, timestamp, self._pipeline)

    def flush(self, timeout: float = 5.0) -> bool:
        """Send what was logged so far; return whether all of it was answered within `timeout` seconds."""
        return self._pipeline.flush(timeout)

    def close(self, timeout: float = 5.0) -> bool:
        """Flush and stop; what could not be sent stays on the disk. The next logged row starts again."""
        return self._pipeline.close(timeout)

    def stats(self) -> Stats:
        """Return what became of the rows so far."""
        return self._pipeline.stats()

    def rejects(self) -> list[Reject]:
        """Return the newest rows that the service refused, with the reasons; at most 100."""
        return self._pipeline.tally.rejects

    def start(self) -> None:
        """Begin to send what earlier processes have left on the disk; the first logged row does so too."""
        self._pipeline.start()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Stamped:
    """Rows, each with the time of logging where it has none."""

    def __init__(self, rows: object, column: str) -> None:
        self._rows, self._column = rows, column

    def __iter__(self) -> Iterator[Mapping[str, object]]:
        now = datetime.now(UTC).isoformat()
        for row in rows_of(self._rows):
            yield row if row.get(self._column) is not None else {**row, self._column: now}
