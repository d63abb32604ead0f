"""The fitted scores of drift alarms are kept, read by every later start, and not trusted blindly."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
import structlog

from service.config import monitor_file
from service.core.blocks import kept as kept_blocks
from service.core.sharing import Fence
from service.errors import LeaseLostError
from service.runtime.compute_threads import workers
from service.store.leases.fence import OneFence
from service.store.tables.references.alarm_model import AlarmModelTable, KeptModel
from service.wiring.monitor import build_monitor

if TYPE_CHECKING:
    from collections.abc import MutableMapping
    from pathlib import Path

    import asyncpg

    from service.core.reference.reference import Reference

FILE = """
name: shop
source: {type: replay, path: "{data_dir}/rows.csv", timestamp: at, step: 1d}
columns: {size: numerical, kind: categorical}
reference: {type: file, path: "{data_dir}/reference.csv", timestamp: at}
window: {size: 1d}
drift: {thresholds: calibrated}
"""
AGAIN = "alarms fitted again"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, rows in (("reference", 960), ("rows", 96)):
        at = pd.date_range("2026-01-01", periods=rows, freq="15min", tz="UTC")
        content = {
            "at": at,
            "size": [float(i * 37 % 101) for i in range(rows)],
            "kind": ["a", "b"] * (rows // 2),
        }
        pd.DataFrame(content).to_csv(tmp_path / f"{name}.csv", index=False)
    (tmp_path / "shop.yaml").write_text(FILE)
    return tmp_path


async def load(
    pool: asyncpg.Pool, folder: Path, fences: OneFence | None = None
) -> tuple[Reference, list[str]]:
    """Load the monitor's reference as its first cycle does; return it, and why it was fitted again."""
    monitor = monitor_file.load(folder / "shop.yaml", folder)
    async with workers() as compute:
        with structlog.testing.capture_logs() as logs:
            reference = await build_monitor(monitor, pool, compute, fences=fences).load_reference()
    return reference, [_said(each) for each in logs if each["event"] == AGAIN]


def _said(entry: MutableMapping[str, Any]) -> str:
    return f"{entry['log_level']}: {entry['hint']}"


async def test_a_later_start_reads_the_first_fit(pool: asyncpg.Pool, folder: Path) -> None:
    """What is kept is what the first start fitted, and a later start goes by it and by nothing else."""
    table = AlarmModelTable(pool, "shop")
    first, said = await load(pool, folder)
    stored = await table.read()
    assert stored is not None
    assert first.blocks is not None
    assert (stored.reference, stored.format, said) == (first.fingerprint, kept_blocks.FORMAT, [])
    assert stored.content == kept_blocks.encode(first.blocks, first.blocks_made_of)
    # The same bytes but for one figure: a start that had fitted again would not have it.
    marked = replace(first.blocks, third=first.blocks.third + 1.0)
    await table.keep(stored._replace(content=kept_blocks.encode(marked, first.blocks_made_of)))
    second, said = await load(pool, folder)
    assert second.blocks is not None
    assert said == []
    assert second.blocks.third.tolist() == marked.third.tolist()
    assert second.blocks.spec.fingerprint == first.blocks.spec.fingerprint


async def test_what_is_damaged_or_older_is_fitted_again(pool: asyncpg.Pool, folder: Path) -> None:
    """It is said in the log, and what is kept is whole again."""
    table = AlarmModelTable(pool, "shop")
    await load(pool, folder)
    whole = await table.read()
    assert whole is not None
    damaged = bytearray(whole.content)
    damaged[len(damaged) // 2] ^= 1
    for wrong, expected in (
        (whole._replace(content=bytes(damaged)), "warning: tidegauge.alarm_model: fitted alarms of"),
        (whole._replace(content=b""), "warning: tidegauge.alarm_model: fitted alarms of 0 bytes"),
        (KeptModel("0" * 16, 0, b"of an earlier version"), "info: they were kept in format 0"),
    ):
        await table.keep(wrong)
        reference, said = await load(pool, folder)
        assert len(said) == 1
        assert said[0].startswith(expected)
        assert reference.blocks is not None
        assert await table.read() == whole


async def test_another_reference_is_fitted_again(pool: asyncpg.Pool, folder: Path) -> None:
    """The same values at other times have the reference's fingerprint, and are fitted again all the same."""
    table = AlarmModelTable(pool, "shop")
    first, _ = await load(pool, folder)
    rows = pd.read_csv(folder / "reference.csv")
    values = ["size", "kind"]
    rows[values] = rows.sort_values("size", ignore_index=True)[values]
    rows.to_csv(folder / "reference.csv", index=False)
    second, said = await load(pool, folder)
    assert said == ["info: the reference, or what is compared, changed"]
    assert first.fingerprint == second.fingerprint
    assert first.blocks is not None
    assert second.blocks is not None
    assert first.blocks.sums != second.blocks.sums
    stored = await table.read()
    assert stored is not None
    assert kept_blocks.decode(stored.content).made_of == second.blocks_made_of != first.blocks_made_of


async def test_without_calibrated_alarms_nothing_is_kept(pool: asyncpg.Pool, folder: Path) -> None:
    """A monitor that goes over to thresholds leaves nothing behind; others keep theirs."""
    other = AlarmModelTable(pool, "other")
    await other.keep(KeptModel("r", kept_blocks.FORMAT, b"x"))
    await load(pool, folder)
    assert await AlarmModelTable(pool, "shop").read() is not None
    (folder / "shop.yaml").write_text(FILE.replace("calibrated", "evidently"))
    reference, said = await load(pool, folder)
    assert (reference.blocks, said) == (None, [])
    assert await AlarmModelTable(pool, "shop").read() is None
    assert await other.read() is not None


async def test_a_replica_without_the_lease_reads_and_keeps_nothing(pool: asyncpg.Pool, folder: Path) -> None:
    """It reads a reference for a report; the holder alone writes, and one whose lease was taken fails."""
    table = AlarmModelTable(pool, "shop")
    await load(pool, folder, OneFence(None))
    assert await table.read() is None
    first, _ = await load(pool, folder)
    assert first.blocks is not None
    marked = replace(first.blocks, third=first.blocks.third + 1.0)
    content = kept_blocks.encode(marked, first.blocks_made_of)
    await table.keep(KeptModel(first.fingerprint, kept_blocks.FORMAT, content))
    second, _ = await load(pool, folder, OneFence(None))
    assert second.blocks is not None
    assert second.blocks.third.tolist() == marked.third.tolist()
    await table.keep(KeptModel(first.fingerprint, kept_blocks.FORMAT, b"damaged"))
    await load(pool, folder, OneFence(None))
    stored = await table.read()
    assert stored is not None
    assert stored.content == b"damaged"
    await table.forget()
    with pytest.raises(LeaseLostError, match="another replica measures it now"):
        await load(pool, folder, OneFence(Fence("gone", 1)))
