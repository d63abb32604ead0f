"""Run the mutants of rooms of the service with the rooms' own fast tests, and say which survive."""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import time
from multiprocessing import Process
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import pytest

from tools.mutation.rooms import ROOMS
from tools.mutation.session import Outcome, Session
from tools.mutation.sites import read

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tools.mutation.rooms import Room
    from tools.mutation.session import Result
    from tools.mutation.sites import Source

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "docs" / "testing.md"
RESULTS = ROOT / "mutants"
FAST = "not (slow or postgres or browser or compose)"
KILLED_AT_LEAST = 0.9


def main(arguments: Sequence[str]) -> int:
    """Run the mutants of the rooms asked for, one room after another; return 1 where too few were killed."""
    asked = _parser().parse_args(arguments)
    # One thread per process: a forked child has none of its parent's others.
    os.environ |= {"CI": "1", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    RESULTS.mkdir(exist_ok=True)
    worst = 0
    for name in asked.rooms or ROOMS:
        # A process for each: a session of pytest leaves its modules and fixtures behind.
        room = Process(target=_run, args=(name, ROOMS[name], asked.only, asked.jobs))
        room.start()
        room.join()
        worst = max(worst, abs(room.exitcode or 0))
    return worst


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tools.mutation", description=__doc__)
    parser.add_argument("rooms", nargs="*", metavar="room", choices=[[], *ROOMS], help=", ".join(ROOMS))
    parser.add_argument("--only", help="a pattern that the mutant's name must hold")
    parser.add_argument("--jobs", type=int, default=2, help="mutants that run at a time")
    return parser


def _run(name: str, room: Room, only: str | None, jobs: int) -> NoReturn:
    wanted = [
        (source, [site for site in source.sites if only is None or re.search(only, site.name)])
        for source in _sources(room.files)
    ]
    started = time.monotonic()
    tests = [str(ROOT / path) for path in room.tests]
    tests += [f"--ignore={ROOT / path}" for path in room.without]
    with (RESULTS / f"{name}.jsonl").open("w", buffering=1) as kept:
        session = Session(wanted, jobs, lambda result: kept.write(_line(result)))
        quiet = ["-q", "-s", "-p", "no:cacheprovider", "-m", FAST]
        status = pytest.main([*quiet, *tests], plugins=[session])
    if status or session.failed or not session.results:
        raise SystemExit(int(status) or 2)
    raise SystemExit(_report(name, session.results, (time.monotonic() - started) / 60))


def _sources(paths: Sequence[str]) -> list[Source]:
    found: list[Source] = []
    statements = 0
    for path in paths:
        full = ROOT / path
        for file in [full] if full.is_file() else sorted(full.rglob("*.py")):
            module = file.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".")
            found.append(read(file, module, statements))
            statements += len(found[-1].statements)
    return found


def _report(name: str, results: Sequence[Result], minutes: float) -> int:
    known = DOCUMENT.read_text() if DOCUMENT.exists() else ""
    alive = [r for r in results if r.outcome in {Outcome.SURVIVED, Outcome.UNREACHED, Outcome.BROKEN}]
    sys.stdout.write("\n")
    for result in sorted(alive, key=lambda r: r.site.name):
        word = "equivalent" if result.site.name in known else str(result.outcome)
        sys.stdout.write(f"{word}  {result.site.name}  ({result.tests} tests)\n")
    counts = {outcome: sum(r.outcome is outcome for r in results) for outcome in Outcome}
    share = 1 - len(alive) / len(results)
    words = ", ".join(f"{count} {outcome}" for outcome, count in counts.items())
    sys.stdout.write(f"{name}: {len(results)} mutants: {words}; ")
    sys.stdout.write(f"{share:.1%} killed in {minutes:.1f} minutes\n")
    return 0 if share >= KILLED_AT_LEAST else 1


def _line(result: Result) -> str:
    fields = {
        "name": result.site.name,
        "outcome": result.outcome,
        "tests": result.tests,
        "seconds": round(result.seconds, 3),
    }
    return json.dumps(fields, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
