"""Which data set is made ready, and where? `python -m simulator prepare [--into DIR] [flights]`."""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path
from typing import TextIO

from simulator import flights
from simulator.datasets import DataSetMissingError


def main(arguments: list[str] | None = None) -> int:
    """Run one command; return its exit status: 0 done, 1 failed."""
    parser = argparse.ArgumentParser(prog="simulator", description="Real data for trying Tidegauge.")
    commands = parser.add_subparsers(dest="command", required=True)
    prepare = commands.add_parser(
        "prepare", help="make a data set's files, unless they are there and current"
    )
    prepare.add_argument("data_set", nargs="?", choices=["flights"], default="flights")
    prepare.add_argument("--into", type=Path, help="folder (default: demo in TIDEGAUGE_DATA_DIR)")
    chosen = parser.parse_args(arguments)
    data_dir = Path(os.environ.get("TIDEGAUGE_DATA_DIR") or ".data")
    return _prepare(chosen.into or data_dir / "demo")


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


def _say(text: str, *, to: TextIO = sys.stdout) -> None:
    to.write(f"{text}\n")
    to.flush()


if __name__ == "__main__":
    sys.exit(main())
