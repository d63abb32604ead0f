"""The service as its own process over a small data set: for tests that start, stop and kill it for real."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

MONITOR = """\
source: {type: replay, path: "{data_dir}/rows.csv", timestamp: at, step: 1d}
reference: {path: "{data_dir}/reference.csv"}
columns: {size: numerical, colour: categorical, guess: numerical, truth: numerical}
prediction: guess
target: truth
window: {size: 7d, hop: 1d, min_rows: 20}
drift: {methods: [default, ks, "psi:robust"], thresholds: evidently, multivariate: [pca]}
"""


@dataclass(frozen=True)
class Place:
    """A folder to run the service in: monitor files, data and the embedded server's own."""

    root: Path

    @property
    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "TIDEGAUGE_DATA_DIR": str(self.root / "data"),
            "TIDEGAUGE_MONITORS_DIR": str(self.root / "monitors"),
            "TIDEGAUGE_HTTP_PORT": "0",
            "TIDEGAUGE_CYCLE_SECONDS": "0",
            "TIDEGAUGE_LOG_FORMAT": "json",
        }

    def start(self, *arguments: str, **variables: str) -> subprocess.Popen[str]:
        """Start `tidegauge run`; its log goes to a file beside the data."""
        with (self.root / "service.log").open("a") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "service", "run", *arguments],
                env={**self.environment, **variables},
                stderr=log,
                text=True,
            )

    def command(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return subprocess.run(
            [sys.executable, "-m", "service", *arguments],
            env={**self.environment, **variables},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def until(self, text: str, process: subprocess.Popen[str]) -> None:
        """Wait for new text in the log, as long as the process lives."""
        before = self.log.count(text)
        while self.log.count(text) == before:
            try:
                process.wait(0.02)
            except subprocess.TimeoutExpired:
                continue
            raise AssertionError(f"the service ended before it logged {text!r}:\n{self.log}")

    @property
    def log(self) -> str:
        """What the service has logged so far, over all its starts."""
        return (self.root / "service.log").read_text()


def lay_out(root: Path, *, days: int, seed: int = 7) -> Place:
    """Make a folder with a year-like replay of `days` days and its reference."""
    for name in ("data", "monitors"):
        (root / name).mkdir(parents=True)
    random = np.random.default_rng(seed)
    rows(random, days * 40, days).to_csv(root / "data/rows.csv", index=False)
    rows(random, 1_500, 30).to_csv(root / "data/reference.csv", index=False)
    (root / "monitors/toy.yaml").write_text(MONITOR)
    return Place(root)


def rows(random: np.random.Generator, count: int, days: int) -> pd.DataFrame:
    """Draw rows in random order of time, a tenth of them without a label."""
    truth = random.normal(10, 3, count)
    return pd.DataFrame(
        {
            "at": pd.Timestamp("2024-01-01", tz="UTC")
            + pd.to_timedelta(random.uniform(0, days, count), unit="D"),
            "size": random.normal(0, 1, count),
            "colour": random.choice(["red", "green", "blue"], count),
            "guess": truth + random.normal(0, 1, count),
            "truth": np.where(random.random(count) < 0.1, np.nan, truth),
        }
    )


async def listening(place: Place, **variables: str) -> subprocess.Popen[str]:
    """Start a service; return once it listens."""
    process = place.start(**variables)
    await asyncio.to_thread(place.until, '"http"', process)
    return process


def end(process: subprocess.Popen[str], number: signal.Signals, *, within: float = 30) -> int:
    """Send a signal, wait for the end, return the exit status."""
    process.send_signal(number)
    return process.wait(within)


def run_undisturbed_and_killed(straight: Place, killed: Place, *, kills: int, seed: int) -> None:
    """Run both to their ends, one in peace, the other ended by some `kill -9`, each after a few cycles."""
    undisturbed = straight.start(TIDEGAUGE_MAX_CYCLES="100")
    draw = random.Random(seed)  # noqa: S311  # cycles to let pass, no secret
    for _ in range(kills):
        process = killed.start(TIDEGAUGE_CYCLE_SECONDS="0.02")
        for _ in range(draw.randint(1, 8)):
            killed.until('"event": "cycle"', process)
        assert end(process, signal.SIGKILL) == -signal.SIGKILL
    assert killed.start(TIDEGAUGE_MAX_CYCLES="100").wait(60) == 0, killed.log
    assert undisturbed.wait(60) == 0, straight.log
