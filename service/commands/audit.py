"""The command `audit`: what became of the rows that were sent, compared with a sender's own record."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import TYPE_CHECKING

from service.commands.environment import load_settings
from service.commands.exit_status import CLEAN, FAILED
from service.core.inbox import BatchKind
from service.core.rows.id_sums import IdSums, sums_of
from service.errors import ConfigurationError
from service.sources.http import stored_batch
from service.sources.kserve import half
from service.store.migrate import migrate, migrations_folder
from service.store.tables.inbox import audit
from service.wiring.database import database
from service.wiring.inbox.intake import FOLDER

if TYPE_CHECKING:
    from pathlib import Path

    from service.config.settings import Settings
    from service.store.tables.inbox.audit import Account


def execute(monitor: str | None, *, record: Path | None) -> int:
    """Print the sums of every monitor to which rows were sent; return the exit status.

    With a sender's `record` the sums are compared with those of the rows that it had acknowledged: FAILED
    where they differ. Raises ConfigurationError where the record cannot be read.
    """
    settings = load_settings()
    sent = None if record is None else read_record(record)
    return asyncio.run(_audit(settings, monitor, sent))


async def _audit(settings: Settings, monitor: str | None, sent: dict[str, IdSums] | None) -> int:
    async with database(settings) as pool:
        await migrate(pool, migrations_folder())
        names = [monitor] if monitor is not None else await audit.monitors(pool)
        names = sorted({*names, *([] if sent is None or monitor is not None else sent)})
        accounts = {name: await audit.read(pool, name, sums_in) for name in names}
    differs = False
    for name, account in accounts.items():
        known = None if sent is None else sent.get(name, IdSums())
        sys.stdout.write("".join(f"{line}\n" for line in lines_of(name, account, known)))
        differs = differs or (known is not None and not agrees(account, known))
    if not accounts:
        sys.stdout.write("no rows were sent to any monitor\n")
    folder = settings.data_dir / FOLDER
    files = len(list(folder.rglob("*.rows")))
    if files:
        sys.stdout.write(
            f"note: {files} files of accepted rows in {folder} are not counted; `tidegauge run` drains them\n"
        )
    return FAILED if differs else CLEAN


def agrees(account: Account, sent: IdSums) -> bool:
    """Say whether nothing was lost, and nothing counted twice.

    A duplicate counts in no window: a sender may have been answered for it, or not.
    """
    return sent in {account.total, account.total - account.duplicates}


def lines_of(name: str, account: Account, sent: IdSums | None) -> list[str]:
    """Return what is printed of a monitor; `sent` are the sums of what its sender had acknowledged."""
    parts = {
        "measured": account.measured,
        "rejected": account.rejected,
        "duplicates": account.duplicates,
        "waiting": account.waiting,
    }
    if account.halves.rows:
        parts["half a pair"] = account.halves
    lines = [name, *(_line(part, sums) for part, sums in parts.items()), _line("together", account.total)]
    if sent is None:
        return lines
    lines.append(_line("acknowledged", sent))
    missing = sent.rows - account.total.rows
    if agrees(account, sent):
        lines.append("  equal: nothing was lost, and nothing counted twice")
    elif missing:
        lines.append(f"  DIFFERENT: {abs(missing):,} rows {'are missing' if missing > 0 else 'are too many'}")
    else:
        lines.append("  DIFFERENT: as many rows, but not the same ones")
    return lines


def read_record(path: Path) -> dict[str, IdSums]:
    """Return, by monitor, the sums of the requests in a sender's record, each key once.

    A record has a line of JSON for every request that was acknowledged: monitor, key, rows, ids, mixed.
    """
    found: dict[tuple[str, str], IdSums] = {}
    try:
        for line in path.read_text().splitlines():
            each = json.loads(line)
            found[each["monitor"], each["key"]] = IdSums(each["rows"], each["ids"], each["mixed"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigurationError(
            f"{path}: cannot be read as a sender's record: {error}; expected the file that "
            "`python -m simulator send --record` writes"
        ) from error
    sums: dict[str, IdSums] = {}
    for (monitor, _), each in found.items():
        sums[monitor] = sums.get(monitor, IdSums()) + each
    return sums


def _line(name: str, sums: IdSums) -> str:
    return f"  {name:<12} {sums.rows:>12,} rows   ids {sums.ids:016x}   mixed {sums.mixed:016x}"


def sums_in(kind: BatchKind, payload: bytes) -> IdSums:
    """Return the sums of the rows, or of the event, of a stored batch."""
    if kind is BatchKind.EVENTS:
        return half.sums_in(payload)
    rows = stored_batch.decode(payload)
    return sums_of(rows.arrival.identity, rows.rows)
