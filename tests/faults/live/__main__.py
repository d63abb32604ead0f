"""`make faults`: all fault runs, one after the other, with what the auditor adds up in each.

Results are kept in a file, a line for each run: what was green is not run again by the next call, until
`--again`. Ends with a summary, and with status 1 where a run was red.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.faults.live.cases import ALL, Told, in_peace
from tests.faults.live.ground import ground

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.faults.live.cases import Case
    from tests.faults.live.ground import Ground
    from tests.faults.live.scene import Outcome

RESULTS = Path(".data/faults.jsonl")


def main() -> int:
    """Run what was not green before; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.live", description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0, help="start no run after so long")
    parser.add_argument("--only", default="", metavar="TEXT", help="runs whose name has this text")
    parser.add_argument("--again", action="store_true", help="run what was green before too")
    options = parser.parse_args()
    chosen = [case for case in ALL if options.only in case.name]
    RESULTS.parent.mkdir(exist_ok=True)
    if options.again:
        RESULTS.unlink(missing_ok=True)
    asyncio.run(_run(chosen, options.minutes * 60))
    return _summary(chosen)


async def _run(cases: Sequence[Case], seconds: float) -> None:
    began, done = time.monotonic(), _results()
    expected: dict[str, Outcome] = {}
    left = [case for case in cases if not done.get(case.name, {}).get("green")]
    if not left:
        return
    # A Postgres that is killed keeps what it committed.
    async with ground(synchronous_commit="on") as place:
        for case in left:
            if time.monotonic() - began > seconds:
                break
            if case.peace not in expected:
                expected[case.peace] = await in_peace(place, case.peace)
            result = await _one(place, case, expected[case.peace])
            _keep(result)


async def _one(place: Ground, case: Case, expected: Outcome) -> dict[str, Any]:
    told, began = Told(), time.monotonic()
    audit: list[str] = []
    try:
        outcome = await case.run(place, told)
    except (Exception, TimeoutError) as error:  # noqa: BLE001  # the other runs go on
        found = [f"{type(error).__name__}: {error}", *traceback.format_exc().splitlines()[-6:]]
    else:
        found, audit = outcome.differences(expected), outcome.audit
    seconds = time.monotonic() - began
    verdict = "red" if found else "green"
    _say(f"{verdict:<6} {case.name} ({told.kills} kills, {seconds:.0f} s)")
    _say(*(f"       {each[:2_000]}" for each in (*found, *audit)))
    return {
        "name": case.name,
        "green": not found,
        "kills": told.kills,
        "seconds": round(seconds, 1),
        "differences": found,
        "audit": audit,
        "places": told.places,
    }


def _keep(result: dict[str, Any]) -> None:
    with RESULTS.open("a") as file:
        file.write(json.dumps(result) + "\n")


def _say(*lines: str) -> None:
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()


def _results() -> dict[str, Any]:
    if not RESULTS.exists():
        return {}
    lines = [json.loads(line) for line in RESULTS.read_text().splitlines()]
    return {line["name"]: line for line in lines}


def _summary(cases: Sequence[Case]) -> int:
    results = _results()
    found = [results[case.name] for case in cases if case.name in results]
    red = [each["name"] for each in found if not each["green"]]
    kills = sum(each["kills"] for each in found)
    minutes = sum(each["seconds"] for each in found) / 60
    _say(f"{len(found) - len(red)} of {len(cases)} runs green, {kills} kills, {minutes:.0f} minutes")
    _say(*(f"red: {name}" for name in red))
    missing = len(cases) - len(found)
    if missing:
        _say(f"{missing} runs are left: call again to go on")
    return 1 if red or missing else 0


if __name__ == "__main__":
    sys.exit(main())
