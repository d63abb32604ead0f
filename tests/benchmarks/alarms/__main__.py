"""Measure drift alarms and write docs/benchmarks/alarms.md: `python -m tests.benchmarks.alarms [--quick]`.

The page is written as each part is done; parts that are named (`power`) are measured again alone, and the
others stay as the page has them. `--references=300` draws so many per row in place of 1,000. `rival` asks the
calibration before this, which is slow, of `--rivals=40` references, and goes on where it was.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from tests.benchmarks.alarms import beside, block_length, flights, hostile, simulated
from tests.benchmarks.alarms.simulated import Size

ROOT = Path(__file__).parents[3]
PAGE, KEPT = ROOT / "docs" / "benchmarks" / "alarms.md", ROOT / ".data" / "alarms"
RIVAL = KEPT / "rival.jsonl"
FULL, QUICK = Size(1_000, 20, 60, 40), Size(100, 4, 10, 1)
TITLES = {
    "false_alarms": "False alarms: no drift by construction",
    "hostile": "False alarms: data that it was never made on",
    "compared": "The same windows by other rules",
    "power": "Power: what is declared is found",
    "power_beside": "Power beside the calibration before this",
    "block_length": "How long a block is",
    "interleaved": "Flights: days interleaved",
    "flights_power": "Flights: a shift of 0.2 standard deviations for five days",
    "january": "Flights: consecutive days of January",
    "seasons": "A day without its usual traffic",
    "speed": "Speed",
}
HEAD = """# Drift alarms: false alarms, power, speed

Made by `make bench-alarms` (`python -m tests.benchmarks.alarms`; `--quick` for fewer draws). Asked for: 1 %
of windows without drift, over all columns together, before 2 of 3 windows. In brackets the 95 % interval of
chance (Wilson). Every table has a rule that always alarms and one that never does: few false alarms are worth
nothing without the power further down.
"""


def main(arguments: list[str]) -> None:
    """Measure the named parts, all where none is named; `--quick` prints them and writes nothing."""
    quick = "--quick" in arguments
    size = QUICK if quick else FULL
    if references := _count(arguments, "references"):
        size = size.of(references)
    size = replace(size, resampled=_count(arguments, "rivals") or size.resampled)
    named = [each for each in arguments if not each.startswith("-")]
    began = time.monotonic()

    def note(what: str) -> None:
        sys.stderr.write(f"{time.monotonic() - began:6.0f} s  {what}\n")

    if not named or "rival" in named:
        beside.rival(size, note, RIVAL)
    measured = parts(size, note)
    for name in (each for each in named or measured if each != "rival"):
        text = f"## {TITLES[name]}\n\n{measured[name]()}"
        if quick:
            sys.stdout.write(f"{text}\n")
            sys.stdout.flush()
        else:
            PAGE.write_text(page(name, text))


def parts(size: Size, note: flights.Note) -> dict[str, Callable[[], str]]:
    """Return what measures each part, in the order of the page."""
    return {
        "false_alarms": partial(simulated.false_alarms, size, note),
        "hostile": partial(hostile.false_alarms, size, note),
        "compared": partial(beside.compared, size, note, RIVAL),
        "power": partial(beside.power, size, note),
        "power_beside": partial(beside.power_beside, size, note, RIVAL),
        "block_length": partial(block_length.compared, size, note),
        "interleaved": partial(flights.interleaved, size, note),
        "flights_power": partial(flights.power, size, note),
        "january": partial(flights.january, note),
        "seasons": partial(flights.seasons, note),
        "speed": simulated.seconds,
    }


def page(measured: str, text: str) -> str:
    """Return the page with one part measured again, the others as they are."""
    there = {each.partition("\n")[0]: f"## {each.rstrip()}\n" for each in PAGE.read_text().split("\n## ")[1:]}
    there[TITLES[measured]] = f"{text.rstrip()}\n"
    return "\n".join([HEAD, *(there[title] for title in TITLES.values() if title in there)])


def _count(arguments: list[str], name: str) -> int:
    asked = [each.partition("=")[2] for each in arguments if each.startswith(f"--{name}=")]
    return int(asked[0]) if asked else 0


if __name__ == "__main__":
    main(sys.argv[1:])
