"""Run several processes of the service on this machine: `tidegauge run --workers N`.

All serve the same port; the kernel spreads connections among them. Each has a port of its own as well, its
number above that, for `/metrics`, whose counts are those of one process.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from typing import TYPE_CHECKING

import structlog

from service.api.server import reserve
from service.runtime.worker_group import WorkerGroup
from service.wiring.stop_signals import stop_signals

if TYPE_CHECKING:
    from collections.abc import Collection

    from service.config.settings import Settings

log = structlog.get_logger(__name__)


async def run_workers(settings: Settings, count: int, *, fatal: Collection[int]) -> int:
    """Run `count` processes until a signal; return the exit status.

    One that ends with a status of `fatal` ends them all. Raises ConfigurationError where the port is taken.
    """
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    with reserve(settings.http_host, settings.http_port) as reserved:
        port = reserved.getsockname()[1]
        # The processes read the settings from the environment, as this one did.
        os.environ |= {"TIDEGAUGE_HTTP_PORT": str(port), "TIDEGAUGE_WORKERS": str(count)}
        group = WorkerGroup(_command, count, fatal=fatal)
        log.info("workers", count=count, port=port, own_ports=f"{port + 1} to {port + count}")
        with stop_signals(stop):
            on_terminal = sys.stdin is not None and sys.stdin.isatty()

            def hung_up() -> None:
                if on_terminal and not sys.stdin.isatty():
                    stop.set()  # closed with its window: nobody could stop it any more
                else:
                    group.send(signal.SIGHUP)

            loop.add_signal_handler(signal.SIGHUP, hung_up)
            return await group.run(stop)


def _command(number: int) -> list[str]:
    return [sys.executable, "-m", "service", "run", "--worker", str(number)]
