"""Background tasks end with the service, and a failure is logged."""

from __future__ import annotations

import asyncio

from structlog.testing import capture_logs

from service.runtime.background_task import background


async def test_work_that_fails_is_in_the_log_at_once() -> None:
    """What nobody waits for must not fail in silence, and does not stop the rest."""

    async def fails() -> None:
        raise OSError("the disk is full")

    with capture_logs() as lines:
        async with background(fails(), name="reports"):
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            assert [(line["work"], line["error"]) for line in lines] == [("reports", "the disk is full")]


async def test_work_ends_with_the_context() -> None:
    """Leaving cancels it and waits until it has cleaned up."""
    cleaned = asyncio.Event()

    async def lasts() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cleaned.set()

    with capture_logs() as lines:
        async with background(lasts(), name="webhook"):
            await asyncio.sleep(0)
    assert cleaned.is_set()
    assert lines == []
