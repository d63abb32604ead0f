"""Forks `tidegauge run` out of a process that has imported it: a start takes tenths of a second, not seconds.

Each line of the standard input is an order in JSON: `arguments`, `environment` and `log`, the file of the
child's standard error. The answer is a line with the child's process id. The child is a process like any
other: it has threads, files and locks of its own, and can be killed.
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import signal
import sys
import time
from importlib import import_module
from typing import Any

PR_SET_PDEATHSIG = 1

# What a running service has imported; one that is missing here is imported by each child.
MODULES = """
service.cli service.commands.run service.wiring.app service.wiring.monitor_cycles service.wiring.http.api
service.commands.environment pandas pyarrow pyarrow.ipc pyarrow.compute pyarrow.csv scipy.stats scipy.special
scipy.signal fastapi uvicorn asyncpg structlog yaml httpx apscheduler.schedulers.asyncio
pydantic.v1 service.sources.tables.from_pandas uvicorn.lifespan.off uvicorn.protocols.http.auto
uvicorn.protocols.http.h11_impl uvicorn.protocols.http.httptools_impl uvicorn.lifespan.on
uvicorn.loops.asyncio uvicorn.protocols.websockets.auto
"""


def main() -> None:
    """Serve orders until the standard input ends."""
    for name in MODULES.split():
        try:
            import_module(name)
        except ImportError:
            continue
    if "FAULTS_FSYNC_SECONDS" in os.environ:
        _slow_fsync(float(os.environ["FAULTS_FSYNC_SECONDS"]))
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # a child's end is seen by its descriptor
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    for line in sys.stdin:
        order = json.loads(line)
        child = os.fork()
        if not child:
            _become(order)
        sys.stdout.write(f"{child}\n")
        sys.stdout.flush()


def _slow_fsync(seconds: float) -> None:
    """Let every fsync of the children take longer, as on a slow disk."""
    sync = os.fsync

    def slowly(descriptor: int) -> None:
        time.sleep(seconds)
        sync(descriptor)

    os.fsync = slowly  # type: ignore[assignment]


def _become(order: dict[str, Any]) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)  # it does not outlive the run
    fake = {name: value for name, value in os.environ.items() if "FAKE" in name}  # libfaketime's
    os.environ.clear()
    os.environ.update(order["environment"] | fake)
    nothing = os.open(os.devnull, os.O_RDWR)
    log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for source, target in ((nothing, 0), (nothing, 1), (log, 2)):
        os.dup2(source, target)
    for limit in order.get("limits", []):
        import resource  # noqa: PLC0415  # in the child alone

        resource.setrlimit(limit[0], (limit[1], limit[1]))
    from service.cli import main as run  # noqa: PLC0415  # imported above

    status = 1
    try:
        status = run(order["arguments"])
    except SystemExit as left:
        status = left.code if isinstance(left.code, int) else 1
    except BaseException:  # noqa: BLE001  # the child must not go on with the orders
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stderr.flush()
        os._exit(status)


if __name__ == "__main__":
    main()
