"""Calibrate a monitor's thresholds from its reference, once, and keep them in the store.

Windows vary in size, so thresholds are calibrated for the sizes of a grid (the least rows of a window,
doubled and doubled again), each when a window first needs it, and interpolated between. The seed is fixed:
the same reference gives the same thresholds on every machine, kept or not.
"""

from __future__ import annotations

import hashlib
import math
import time
from typing import TYPE_CHECKING, Any, Protocol

import structlog

from service.errors import ConfigurationError
from service.methods.calibration import block_resampling, calibration
from service.methods.calibration.window_sizes import STEP, thresholds_for

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping

    from service.core.rows.batch import Batch
    from service.core.rows.schema import Schema
    from service.cycle.ports import Compute, Progress
    from service.methods.calibration.calibration import Calibration, Test
    from service.methods.drift.columns import DriftPlan

log = structlog.get_logger(__name__)

SEED = 20_130_101


class Kept(Protocol):
    """Stored calibrations."""

    async def read(self, fingerprint: str, rows: int) -> dict[str, Any] | None:
        """Return what is kept for windows of `rows` rows, None where there is nothing."""
        ...

    async def keep(self, fingerprint: str, rows: int, content: dict[str, Any]) -> None:
        """Keep `content` for windows of `rows` rows."""
        ...


class Thresholds:
    """A monitor's calibrated thresholds, by window size.

    `blocks` is how windows are drawn from the reference: in `short` blocks, the whole `window` in one piece,
    or `auto`: short ones if the reference's own consecutive windows confirm them, else one piece. See
    `methods/calibration/block_resampling.py`.
    """

    def __init__(
        self,
        schema: Schema,
        plan: DriftPlan,
        *,
        rate: float,
        blocks: str,
        min_rows: int,
        load_rows: Callable[[], Awaitable[Batch]],
        kept: Kept,
        compute: Compute,
        shown: Progress,
    ) -> None:
        self._schema = schema
        self._plan = plan
        self._rate = rate
        self._blocks = blocks
        self._min_rows = max(min_rows, 1)
        self._load_rows = load_rows
        self._kept = kept
        self._compute = compute
        self._shown = shown
        self._known: dict[int, Calibration] = {}

    async def prepare(self, window_rows: Iterable[int], reference: str) -> None:
        """Make sure that windows of these sizes have thresholds; `reference` is the reference's fingerprint.

        Raises TidegaugeError where the reference's rows or the store cannot be had now.
        """
        wanted = sorted({size for rows in window_rows for size in self._sizes(rows)} - self._known.keys())
        if not wanted:
            return
        fingerprint = self._fingerprint(reference)
        batch: Batch | None = None
        for size in wanted:
            found = _usable(await self._kept.read(fingerprint, size))
            if found is None:
                batch = batch or await self._load_rows()
                found = await self._calibrate(batch, size, fingerprint)
                await self._kept.keep(fingerprint, size, found.as_json())
            self._known[size] = found

    def of(self, rows: int) -> Mapping[Test, float]:
        """Return the thresholds of a window of `rows` rows; none for one that is too small to be measured."""
        sizes = self._sizes(rows)
        return thresholds_for([self._known[size] for size in sizes], rows) or {} if sizes else {}

    def _sizes(self, rows: int) -> tuple[int, ...]:
        if rows < self._min_rows:
            return ()
        steps = math.floor(round(math.log(rows / self._min_rows, STEP), 9))
        below = round(self._min_rows * STEP**steps)
        return (below,) if below == rows else (below, round(self._min_rows * STEP ** (steps + 1)))

    async def _calibrate(self, batch: Batch, size: int, fingerprint: str) -> Calibration:
        log.info("calibrating thresholds", window_rows=size, false_alarm_rate=self._rate)
        started = time.perf_counter()
        with self._shown(f"calibrating thresholds for windows of {size} rows") as progress:
            found = await self._compute.run_long(
                calibrated,
                batch,
                self._schema,
                self._plan,
                rows=size,
                rate=self._rate,
                blocks=self._blocks,
                fingerprint=fingerprint,
                progress=progress,
            )
        seconds = round(time.perf_counter() - started, 1)
        log.info(
            "thresholds calibrated",
            window_rows=size,
            draws=found.draws,
            block_rows=found.block,
            consecutive_windows_alarming=found.consecutive,
            seconds=seconds,
        )
        return found

    def _fingerprint(self, reference: str) -> str:
        drawn = (self._rate, self._blocks, SEED)
        parts = (calibration.VERSION, reference, self._schema.fingerprint, self._plan, *drawn)
        return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


def calibrated(
    batch: Batch,
    schema: Schema,
    plan: DriftPlan,
    *,
    rows: int,
    rate: float,
    blocks: str,
    fingerprint: str = "",
    progress: Callable[[float], None] | None = None,
) -> Calibration:
    """Calibrate thresholds for windows of `rows` rows; `blocks` as in Thresholds."""
    return calibration.calibrate(
        batch,
        schema,
        plan,
        rows=rows,
        rate=rate,
        seed=SEED,
        block={"short": block_resampling.short(rows), "window": rows}.get(blocks),
        period=0 if blocks == "window" else None,
        fingerprint=fingerprint,
        progress=progress,
    )


def _usable(content: dict[str, Any] | None) -> Calibration | None:
    try:
        return None if content is None else calibration.from_json(content)
    except ConfigurationError:  # of an earlier version: calibrated again
        return None
