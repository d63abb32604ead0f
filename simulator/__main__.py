"""The command line: `python -m simulator prepare` makes the demo's data, `apply` applies a scenario."""

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
    chosen = parser.parse_args(arguments)
    if chosen.command == "apply":
        return _apply(chosen.scenario, chosen.data, chosen.into)
    return _prepare(chosen.into or _data_dir() / "demo")


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
