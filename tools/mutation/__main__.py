"""Run the mutants of the files that are named, or of all that `docs/testing.md` answers for."""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tools.mutation.session import Result
    from tools.mutation.sites import Site, Source

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "docs" / "testing.md"
# Without reports and the edges: the tests of what is mutated.
TESTS = (
    "tests/unit/core", "tests/unit/methods", "tests/unit/cycle", "tests/unit/status", "tests/property",
    "tests/contract",
)  # fmt: skip
FILES = (
    "service/methods/alarm.py", "service/core/windows", "service/cycle", "service/core/labels",
    "service/methods/drift", "service/core/profile",
)  # fmt: skip
FAST = "not (slow or postgres or browser or compose)"
KILLED_AT_LEAST = 0.9


def main(arguments: Sequence[str]) -> int:
    """Run the mutants, print the table and the survivors; return 1 where too few were killed."""
    asked = _parser().parse_args(arguments)
    # One thread per process: a forked child has none of its parent's others.
    os.environ |= {"CI": "1", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    import pytest

    from tools.mutation.session import Session

    wanted = [(source, _matching(source, asked.only)) for source in _sources(asked.paths)]
    started = time.monotonic()
    saved = asked.save.open("w", buffering=1) if asked.save else None
    session = Session(wanted, asked.jobs, lambda result: saved.write(_line(result)) if saved else None)
    tests = [str(ROOT / name) for name in asked.tests or TESTS]
    status = pytest.main(["-q", "-s", "-p", "no:cacheprovider", "-m", FAST, *tests], plugins=[session])
    if status or session.failed or not session.results:
        return int(status) or 1
    minutes = (time.monotonic() - started) / 60
    return _report(session.results, minutes)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tools.mutation", description=__doc__)
    parser.add_argument("paths", nargs="*", default=FILES, help="files and folders to mutate")
    parser.add_argument("--tests", nargs="*", help="folders of tests; by default those of the middle")
    parser.add_argument("--only", help="a pattern that the mutant's name must hold")
    parser.add_argument("--jobs", type=int, default=2, help="mutants that run at a time")
    parser.add_argument("--save", type=Path, help="a file for the results, one JSON object per line")
    return parser


def _sources(paths: Sequence[str]) -> list[Source]:
    from tools.mutation.sites import read

    found: list[Source] = []
    statements = 0
    for path in paths:
        full = ROOT / path
        for file in [full] if full.is_file() else sorted(full.rglob("*.py")):
            module = file.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".")
            found.append(read(file, module, statements))
            statements += len(found[-1].statements)
    return found


def _matching(source: Source, pattern: str | None) -> list[Site]:
    return [site for site in source.sites if pattern is None or re.search(pattern, site.name)]


def _report(results: Sequence[Result], minutes: float) -> int:
    from tools.mutation.session import Outcome

    known = DOCUMENT.read_text() if DOCUMENT.exists() else ""
    alive = [r for r in results if r.outcome in {Outcome.SURVIVED, Outcome.UNREACHED}]
    for result in sorted(alive, key=lambda r: r.site.name):
        word = "equivalent" if result.site.name in known else str(result.outcome)
        sys.stdout.write(f"{word}  {result.site.name}  ({result.tests} tests)\n")
    counts = {outcome: sum(r.outcome is outcome for r in results) for outcome in Outcome}
    share = 1 - len(alive) / len(results)
    words = ", ".join(f"{count} {outcome}" for outcome, count in counts.items())
    sys.stdout.write(f"{len(results)} mutants: {words}; {share:.1%} killed in {minutes:.1f} minutes\n")
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
