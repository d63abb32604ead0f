"""The live demo in one command: `python -m simulator.live`, or `make live`.

Starts Tidegauge, a model's service and traffic against it, each as a process of its own, and starts again
whichever is killed. Ctrl-C stops them, Tidegauge last.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from service.config import settings
from service.errors import ConfigurationError

STOP_SECONDS = 20.0
SHORT_SECONDS, MAX_SHORT_LIVES = 10.0, 3
WRONG_CONFIGURATION = 2
ONE_THREAD = {"OMP_NUM_THREADS": "1"}  # threads of scikit-learn that wait for each other burn a busy machine
RECORD = Path("live/acknowledged.jsonl")  # in the data folder


@dataclass(frozen=True, slots=True)
class Part:
    """A process of the demo.

    - `name`: what it is called in messages
    - `command`: its arguments, after Python
    - `environment`: variables beyond the demo's own
    """

    name: str
    command: tuple[str, ...]
    environment: dict[str, str]


class PartFailedError(Exception):
    """A part of the demo ends whenever it is started."""


def parts(found: settings.Settings, rate: float, model_port: int) -> list[Part]:
    """Return the parts in the order in which they start."""
    tidegauge, model = f"http://127.0.0.1:{found.http_port}", f"http://127.0.0.1:{model_port}"
    to: tuple[str, ...] = ("--tidegauge", tidegauge, "--spool", str(found.data_dir / "client"))
    if found.ingest_token is not None:
        to = (*to, "--token", found.ingest_token.get_secret_value())
    flights = str(found.data_dir / "demo/flights.parquet")
    record = str(found.data_dir / RECORD)
    traffic = ("--model", model, "--data", flights, "--rate", str(rate), "--record", record)
    monitors = {"TIDEGAUGE_MONITORS_DIR": os.environ.get("TIDEGAUGE_MONITORS_DIR", "config/live")}
    return [
        Part("Tidegauge", ("service", "run"), monitors),
        Part(
            "the model's service",
            ("simulator.live.model_service", "--port", str(model_port), *to),
            ONE_THREAD,
        ),
        Part("the traffic", ("simulator.live.traffic", *traffic, *to), {}),
    ]


async def run(every: list[Part]) -> int:
    """Run the parts until a signal; return the exit status."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop.set)
    ends = [asyncio.Event() for _ in every]
    tasks = [asyncio.create_task(_keep_running(part, end)) for part, end in zip(every, ends, strict=True)]
    stopped = asyncio.create_task(stop.wait())
    await asyncio.wait([*tasks, stopped], return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    for end, task in reversed(list(zip(ends, tasks, strict=True))):  # who sends ends before who is sent to
        end.set()
        await asyncio.wait([task])
    failures = [error for task in tasks if (error := task.exception()) is not None]
    for error in failures:
        _say(f"stopped: {error}")
    return 1 if failures else 0


async def _keep_running(part: Part, end: asyncio.Event) -> None:
    """Run a part until `end`; start it again where it ends by itself."""
    lives = 0
    ending = asyncio.create_task(end.wait())
    while not end.is_set():
        began = time.monotonic()
        # A session of its own: Ctrl-C reaches this process alone, which stops the parts in their order.
        command = (sys.executable, "-m", *part.command)
        process = await asyncio.create_subprocess_exec(
            *command, env={**os.environ, **part.environment}, start_new_session=True
        )
        _say(f"{part.name} is process {process.pid}")
        ended = asyncio.create_task(process.wait())
        await asyncio.wait([ended, ending], return_when=asyncio.FIRST_COMPLETED)
        if end.is_set():
            await _stop(part, process)
            return
        status = await ended
        lives = lives + 1 if time.monotonic() - began < SHORT_SECONDS else 0
        if status == WRONG_CONFIGURATION or lives == MAX_SHORT_LIVES:
            raise PartFailedError(f"{part.name} ended with status {status}")
        _say(f"{part.name} ended with status {status}; it is started again")


async def _stop(part: Part, process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.terminate()
    try:
        await asyncio.wait_for(process.wait(), STOP_SECONDS)
    except TimeoutError:
        _say(f"{part.name} did not stop within {STOP_SECONDS:.0f} s and is killed")
        process.kill()
        await process.wait()


def _say(text: str) -> None:
    sys.stderr.write(f"live demo: {text}\n")
    sys.stderr.flush()


def main() -> int:
    """Run the demo; return its exit status."""
    parser = argparse.ArgumentParser(prog="python -m simulator.live", description=__doc__)
    parser.add_argument("--rate", type=float, default=50.0, help="flights per second")
    parser.add_argument("--model-port", type=int, default=8002, help="where the model's service listens")
    chosen = parser.parse_args()
    try:
        found = settings.load()
    except ConfigurationError as error:
        _say(str(error))
        return WRONG_CONFIGURATION
    if not Path(found.data_dir / "demo/flights.parquet").exists():
        _say("its data is missing; `python -m simulator prepare` makes it")
        return 1
    _say(f"watch http://127.0.0.1:{found.http_port}/ and ask http://127.0.0.1:{chosen.model_port}/docs")
    status = asyncio.run(run(parts(found, chosen.rate, chosen.model_port)))
    program = os.path.relpath(Path(sys.executable).with_name("tidegauge"))
    _say(f"was anything lost? `{program} audit flights_live --record {found.data_dir / RECORD}`")
    return status


if __name__ == "__main__":
    sys.exit(main())
