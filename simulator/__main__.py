"""The command line: `prepare` makes the demo's data, `apply` applies a scenario, `send` sends rows."""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path
from typing import TextIO

from dotenv import dotenv_values

from service.errors import ConfigurationError, TidegaugeError
from simulator import flights
from simulator.datasets import DataSetMissingError


def main(arguments: list[str] | None = None) -> int:
    """Run one command; return its exit status: 0 done, 2 for a wrong scenario, 1 for any other failure."""
    parser = argparse.ArgumentParser(prog="simulator", description="Real data for trying Tidegauge.")
    commands = parser.add_subparsers(dest="command", required=True)
    prepare = commands.add_parser(
        "prepare", help="make the demo's files, unless they exist and are up to date"
    )
    prepare.add_argument("data_set", nargs="?", choices=["flights"], default="flights")
    prepare.add_argument("--into", type=Path, help="folder (default: demo in TIDEGAUGE_DATA_DIR)")
    apply = commands.add_parser("apply", help="apply a scenario to a data set: drift, defects, delays")
    apply.add_argument("scenario", help="a scenario file, or the name of an included one")
    apply.add_argument("--data", type=Path, required=True, help="the data set: a Parquet or CSV file")
    apply.add_argument(
        "--into", type=Path, required=True, help="the changed data set: a new Parquet file, for a replay"
    )
    _add_send(commands)
    chosen = parser.parse_args(arguments)
    if chosen.command == "send":
        return _send(chosen)
    if chosen.command == "apply":
        return _apply(chosen.scenario, chosen.data, chosen.into)
    return _prepare(chosen.into or _data_dir() / "demo")


def _add_send(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    send = commands.add_parser("send", help="send a file's rows, or a scenario's, to a running service")
    send.add_argument("data", type=Path, help="a Parquet or CSV file, such as one that `apply` made")
    send.add_argument("--monitor", required=True, help="the monitor, whose source is http")
    send.add_argument("--to", default="http://127.0.0.1:8000", metavar="URL", help="the service's address")
    send.add_argument("--labels", action="store_true", help="the file holds labels, not rows")
    send.add_argument("--rate", type=float, default=0.0, help="rows per second (default: as fast as it goes)")
    send.add_argument("--batch", type=int, default=100, metavar="ROWS", help="rows per request")
    send.add_argument("--connections", type=int, default=4, metavar="N", help="requests at once")
    send.add_argument("--now", metavar="COLUMN", help="give this column the time of sending")
    send.add_argument("--id", metavar="COLUMN", help="the column of ids, which the record adds up")
    send.add_argument(
        "--patience", type=float, default=60.0, metavar="SECONDS", help="to send a request again"
    )
    send.add_argument(
        "--record", type=Path, metavar="FILE", help="append what was acknowledged, for `tidegauge audit`"
    )


def _send(chosen: argparse.Namespace) -> int:
    # `prepare` runs before every start of the demo and must not wait for pandas.
    import asyncio  # noqa: PLC0415
    from contextlib import nullcontext  # noqa: PLC0415

    from simulator import scenario_data, send  # noqa: PLC0415

    options = send.SendOptions(
        url=chosen.to,
        monitor=chosen.monitor,
        identity=chosen.id,
        rate=chosen.rate,
        rows_per_request=chosen.batch,
        connections=chosen.connections,
        now_column=chosen.now,
        patience_seconds=chosen.patience,
        token=os.environ.get("TIDEGAUGE_INGEST_TOKEN") or dotenv_values(".env").get("TIDEGAUGE_INGEST_TOKEN"),
        what="labels" if chosen.labels else "rows",
    )
    try:
        rows = scenario_data.read(chosen.data)
        with chosen.record.open("a") if chosen.record else nullcontext() as record:
            result = asyncio.run(send.send(rows, options, record))
    except (OSError, TidegaugeError) as error:
        _say(f"{chosen.data}: could not be sent: {error}", to=sys.stderr)
        return 1
    for line in result.lines():
        _say(line)
    return 1 if result.refused else 0


def _data_dir() -> Path:
    # As the service finds it: the environment takes precedence over `.env`.
    name = "TIDEGAUGE_DATA_DIR"
    return Path(os.environ.get(name) or dotenv_values(".env").get(name) or ".data")


def _prepare(folder: Path) -> int:
    began = time.monotonic()
    try:
        made = flights.prepare(
            folder, starting=lambda: _say("preparing the flights demo (once, some seconds)")
        )
    except (OSError, DataSetMissingError) as error:
        _say(f"the flights demo could not be prepared in {folder}: {error}", to=sys.stderr)
        return 1
    if made:
        _say(f"the flights demo is ready in {folder} ({time.monotonic() - began:.1f} s)")
    return 0


def _apply(name: str, data: Path, into: Path) -> int:
    # `prepare` runs before every start of the demo and must not wait for pandas.
    from simulator import scenario, scenario_data, scenario_file  # noqa: PLC0415

    try:
        wanted = scenario_file.load(scenario_file.find(name))
        if into.exists() and data.exists() and into.samefile(data):
            raise ConfigurationError(f"{into}: --into is the same file as --data; expected another one")
        before = scenario_data.read(data)
        applied = scenario.apply(wanted, before)
        written = scenario_data.write(applied, into)
    except (OSError, TidegaugeError) as error:
        _say(f"the scenario could not be applied to {data}: {error}", to=sys.stderr)
        return 2 if isinstance(error, ConfigurationError) else 1
    _say(f"{len(before)} rows became {len(applied.rows)}: {', '.join(str(path) for path in written)}")
    if applied.labels is not None:
        _say(f"{len(applied.labels)} labels come later: {written[-1]}")
    return 0


def _say(text: str, *, to: TextIO | None = None) -> None:
    stream = to or sys.stdout
    stream.write(f"{text}\n")
    stream.flush()


if __name__ == "__main__":
    sys.exit(main())
