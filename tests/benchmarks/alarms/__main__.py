"""Measure drift alarms and write docs/benchmarks/alarms.md: `python -m tests.benchmarks.alarms [--quick]`.

Each part is kept in `.data/alarms` as it is done; parts that are named (`power`) are measured again alone,
and the page is written of what is there. `--references=300` draws so many per row in place of 1,000.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from tests.benchmarks.alarms import flights, simulated
from tests.benchmarks.alarms.simulated import Size

ROOT = Path(__file__).parents[3]
PAGE, KEPT = ROOT / "docs" / "benchmarks" / "alarms.md", ROOT / ".data" / "alarms"
FULL, QUICK = Size(1_000, 20, 60, 3), Size(100, 4, 10, 1)
TITLES = {
    "false_alarms": "False alarms: no drift by construction",
    "compared": "The same windows by other rules",
    "power": "Power: what is declared is found",
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
    wanted = [each.partition("=")[2] for each in arguments if each.startswith("--references=")]
    size = QUICK if quick else FULL.of(int(wanted[0])) if wanted else FULL
    named = [each for each in arguments if not each.startswith("-")]
    began = time.monotonic()

    def note(what: str) -> None:
        sys.stderr.write(f"{time.monotonic() - began:6.0f} s  {what}\n")

    measured = parts(size, note)
    for name in named or measured:
        text = f"## {TITLES[name]}\n\n{measured[name]()}"
        if quick:
            sys.stdout.write(f"{text}\n")
            sys.stdout.flush()
        else:
            KEPT.mkdir(parents=True, exist_ok=True)
            (KEPT / f"{name}.md").write_text(text)
            PAGE.write_text(page())


def parts(size: Size, note: flights.Note) -> dict[str, Callable[[], str]]:
    """Return what measures each part, in the order of the page."""
    return {
        "false_alarms": partial(simulated.false_alarms, size, note),
        "compared": partial(simulated.compared, size, note),
        "power": partial(simulated.power, size, note),
        "interleaved": partial(flights.interleaved, size, note),
        "flights_power": partial(flights.power, size, note),
        "january": partial(flights.january, note),
        "seasons": partial(flights.seasons, note),
        "speed": simulated.seconds,
    }


def page() -> str:
    """Return the page of the parts that are there."""
    kept = [KEPT / f"{name}.md" for name in TITLES]
    return "\n".join([HEAD, *(file.read_text() for file in kept if file.exists())])


if __name__ == "__main__":
    main(sys.argv[1:])
