"""Show the progress of long work, and the time left, as a line on a terminal; nothing elsewhere."""

from __future__ import annotations

import logging
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    ReportShare = Callable[[float], None]  # takes the share done, 0 to 1

_LINE = "{desc} {percentage:3.0f} % |{bar:30}| {elapsed}, {remaining} left"


@contextmanager
def shown(label: str, *, stream: TextIO | None = None) -> Iterator[ReportShare]:
    """Show work on `stream` (standard error) where it is a terminal; the line disappears at the end.

    Yields what takes the share done, 0 to 1; any thread may call it.
    """
    target = stream or sys.stderr
    if not target.isatty():
        yield _ignore
        return
    from tqdm import tqdm  # noqa: PLC0415 - not needed without a terminal

    tqdm.monitor_interval = 0  # no thread of its own: each report redraws the line
    with tqdm(total=1.0, desc=label, file=target, leave=False, bar_format=_LINE) as bar:

        def report(share: float) -> None:
            if not bar.n:
                bar.initial = share  # exclude work done before a resume from the rate
            bar.update(min(share, 1.0) - bar.n)

        yield report


class AboveProgress(logging.StreamHandler[TextIO]):
    """Writes log lines above the progress lines that are shown on the same terminal."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line."""
        from tqdm import tqdm  # noqa: PLC0415 - as above

        with tqdm.external_write_mode(file=self.stream):
            super().emit(record)


def log_handler(stream: TextIO) -> logging.StreamHandler[TextIO]:
    """Return a handler that writes log lines to `stream` without breaking a progress line there."""
    return AboveProgress(stream) if stream.isatty() else logging.StreamHandler(stream)


def _ignore(_: float) -> None:
    pass
