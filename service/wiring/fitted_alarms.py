"""The scores of drift alarms: fitted once, kept in the store, and read from there by every later start."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import structlog

from service.core.blocks import kept as kept_blocks
from service.errors import CodecError
from service.store.tables.references.alarm_model import KeptModel

if TYPE_CHECKING:
    from service.core.blocks.kept import KeptBlocks
    from service.core.reference.reference import Reference
    from service.runtime.compute_threads import Compute
    from service.store.tables.references.alarm_model import AlarmModelTable

log = structlog.get_logger(__name__)


class Found(NamedTuple):
    """What the store had: the scores, None where they are not to be used, and whether there was anything."""

    blocks: KeptBlocks | None = None
    any: bool = False


async def read(models: AlarmModelTable, compute: Compute) -> Found:
    """Read the scores that were kept; what is damaged or of another version is said and not used.

    Raises StoreError.
    """
    stored, monitor = await models.read(), models.monitor
    if stored is None:
        return Found()
    if stored.format != kept_blocks.FORMAT:
        log.info(
            "alarms fitted again",
            monitor=monitor,
            hint=f"they were kept in format {stored.format}; this version fits format {kept_blocks.FORMAT}",
        )
        return Found(any=True)
    try:
        return Found(await compute.run_long(kept_blocks.decode, stored.content), any=True)
    except CodecError as error:
        log.warning("alarms fitted again", monitor=monitor, hint=f"tidegauge.alarm_model: {error}")
        return Found(any=True)


async def keep(reference: Reference, found: Found, models: AlarmModelTable, compute: Compute) -> None:
    """Keep a reference's scores unless they are those that were found; forget them where none are needed.

    Raises StoreError.
    """
    blocks, made_of = reference.blocks, reference.blocks_made_of
    if blocks is None:
        if found.any:
            await models.forget()
        return
    if found.blocks is not None:
        if found.blocks.made_of == made_of:
            return
        hint = "the reference, or what is compared, changed"
        log.info("alarms fitted again", monitor=models.monitor, hint=hint)
    content = await compute.run_long(kept_blocks.encode, blocks, made_of)
    await models.keep(KeptModel(reference.fingerprint, kept_blocks.FORMAT, content))
