"""How far long work has come, and how long it will still take: a line on a terminal, nothing elsewhere."""

from __future__ import annotations

import logging
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol, TextIO

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    Told = Callable[[float], None]  # takes the share done, 0 to 1

_LINE = "{desc} {percentage:3.0f} % |{bar:30}| {elapsed}, {remaining} left"


class Shown(Protocol):
    """Shows work under a label while the context lasts; gives what is to be told the share done."""

    def __call__(self, label: str) -> AbstractContextManager[Told]:
        """Begin to show; any thread may tell."""
        ...


@contextmanager
def shown(label: str, *, stream: TextIO | None = None) -> Iterator[Told]:
    """Show work on `stream` (standard error) where it is a terminal; the line is gone at the end."""
    target = stream or sys.stderr
    if not target.isatty():
        yield _untold
        return
    from tqdm import tqdm  # noqa: PLC0415 - a service without a terminal need not wait for it

    tqdm.monitor_interval = 0  # no thread beside ours: what is told redraws the line
    with tqdm(total=1.0, desc=label, file=target, leave=False, bar_format=_LINE) as bar:

        def tell(share: float) -> None:
            if not bar.n:
                bar.initial = share  # resumed work is no quicker for what was done before
            bar.update(min(share, 1.0) - bar.n)

        yield tell


class AboveProgress(logging.StreamHandler[TextIO]):
    """Writes log lines above the progress lines that are shown on the same terminal."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line."""
        from tqdm import tqdm  # noqa: PLC0415 - as above

        with tqdm.external_write_mode(file=self.stream):
            super().emit(record)


def log_handler(stream: TextIO) -> logging.StreamHandler[TextIO]:
    """Return what writes log lines to `stream` without breaking a progress line there."""
    return AboveProgress(stream) if stream.isatty() else logging.StreamHandler(stream)


def _untold(_: float) -> None:
    pass
