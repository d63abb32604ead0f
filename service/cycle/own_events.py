"""The events of a cycle that are about its source: that it was read again, and that it ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.core.event import Event

if TYPE_CHECKING:
    from service.core.checkpoint import Checkpoint
    from service.core.rows.take import Take
    from service.cycle.state import State


def restarted(state: State, slot: int) -> tuple[Event, ...]:
    """Return that the source is measured again from its start, where it is."""
    if not state.restarted:
        return ()
    message = "measured again from its start: its columns or windows were edited after its source had ended"
    return (Event("reset", slot, message),)


def ended(before: Checkpoint, take: Take, after: Checkpoint, slot: int) -> tuple[Event, ...]:
    """Return that the source has ended, which explains why the monitor falls silent; once.

    A restart, or the labels that are still to be processed, find the same end once more; a source that has
    grown ends again.
    """
    brought = take.batch.rows or (take.labels is not None and len(take.labels))
    if not take.exhausted or (before.ended and not brought):
        return ()
    at = slot if after.watermark is None else after.watermark
    return (Event("ended", at, f"the source has nothing left after {after.rows} rows"),)
