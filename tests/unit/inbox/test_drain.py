"""The spool's files are moved into the store, whatever becomes of some of them."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from structlog.testing import capture_logs

from service.core.inbox import BatchKind, Sent
from service.inbox.drain import Drain
from service.inbox.spool import FILE_BYTES
from service.inbox.spool_record import SpoolRecord
from service.inbox.spooling import spooling
from tests.unit.inbox.test_writer import Store


@dataclass
class Kept(Store):
    """A store that keeps files."""

    rows: list[int] = field(default_factory=list)

    async def append_segment(self, name: str, sent: Sequence[Sent]) -> Mapping[str, int]:
        del name
        self.rows += [each.received for each in sent]
        return {}

    async def ping(self) -> None:
        pass


def record(number: int, size: int) -> SpoolRecord:
    return SpoolRecord((Sent("toy", BatchKind.ROWS, number, bytes(size), 1),))


async def test_a_file_that_is_gone_is_said_and_holds_nothing_up(tmp_path: Path) -> None:
    """A sealed file that somebody removed is named once, as lost; those behind it are drained."""
    store = Kept()
    async with spooling(tmp_path, limit=64 << 20) as spool:
        assert spool is not None
        await spool.append(record(1, FILE_BYTES))
        await spool.append(record(2, 10))
        first = min(tmp_path.rglob("*.rows"))  # noqa: ASYNC240
        first.unlink()
        with capture_logs() as lines:
            task = asyncio.create_task(Drain(store, spool).work())
            async with asyncio.timeout(10):
                while not spool.is_empty:  # noqa: ASYNC110  # a spool that is empty says so by no event
                    await asyncio.sleep(0.01)
            task.cancel()
    assert store.rows == [2]
    assert [line["file"] for line in lines if line["event"] == "spool file gone"] == [str(first)]


async def test_a_folder_that_is_made_again_is_said(tmp_path: Path) -> None:
    """Once per time that somebody removed it."""
    async with spooling(tmp_path / "inbox", limit=64 << 20) as spool:
        assert spool is not None
        await spool.append(record(1, 10))
        shutil.rmtree(tmp_path / "inbox")
        with capture_logs() as lines:
            await spool.append(record(2, 10))
            await spool.append(record(3, 10))
    assert [line["event"] for line in lines] == ["spool made again"]
