"""The command `audit`: what became of the rows and events that came, compared with a sender's own record."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import TYPE_CHECKING

from service.commands.environment import load_settings, read_files
from service.commands.exit_status import CLEAN, FAILED
from service.commands.metrics import unknown_name
from service.core.inbox import BatchKind
from service.core.profile.codec import profile
from service.core.rows.id_sums import NO_ROWS, IdSums, sums_of
from service.errors import ConfigurationError
from service.inbox.spool_account import spooled
from service.sources.http import stored_batch
from service.sources.kserve import half
from service.store.migrate import migrate, migrations_folder
from service.store.tables.inbox import audit
from service.store.tables.monitors import monitor as monitor_table
from service.wiring.database import database
from service.wiring.inbox.intake import FOLDER

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

    import asyncpg

    from service.config.settings import Settings
    from service.store.tables.inbox.audit import Account

    Record = Mapping[tuple[str, BatchKind], IdSums]  # by monitor


def execute(monitor: str | None, *, record: Path | None) -> int:
    """Print the sums of every monitor to which rows were sent; return the exit status.

    With a sender's `record` the sums are compared with those of the rows that it had acknowledged: FAILED
    where they differ, where panes do not hold what cycles measured, or where a batch or a file of the spool
    cannot be read. Raises ConfigurationError where the record cannot be read, or no monitor has the name.
    """
    settings = load_settings()
    sent = None if record is None else read_record(record)
    return asyncio.run(_audit(settings, monitor, sent))


async def _audit(settings: Settings, monitor: str | None, sent: Record | None) -> int:
    # The files first: what is drained meanwhile is found in the database, and not counted twice.
    on_disk, troubles = spooled(settings.data_dir / FOLDER, sums_in)
    async with database(settings) as pool:
        await migrate(pool, migrations_folder())
        known = {*await audit.monitors(pool), *(each.monitor for each in on_disk)}
        if sent is not None:
            known |= {name for name, _ in sent}
        names = sorted(known) if monitor is None else [monitor]
        if monitor is not None and monitor not in known:
            await _check_exists(pool, settings, monitor, known)
        accounts = {
            name: await audit.read(pool, name, sums_in, on_disk, rows_in=profile.rows_in) for name in names
        }
    is_equal = True
    for name, account in accounts.items():
        lines, agrees = lines_of(name, account, sent)
        sys.stdout.write("".join(f"{line}\n" for line in lines))
        is_equal = is_equal and agrees
    if not accounts:
        sys.stdout.write("no rows or events were sent to any monitor\n")
    for trouble in troubles:
        sys.stdout.write(f"WARNING: {trouble}\n")
    return CLEAN if is_equal and not troubles else FAILED


async def _check_exists(pool: asyncpg.Pool, settings: Settings, monitor: str, sent_to: set[str]) -> None:
    stored = {each.name for each in await monitor_table.read_all(pool)}
    known = {*sent_to, *stored, *read_files(settings).names}
    if monitor not in known:
        raise ConfigurationError(unknown_name(monitor, sorted(known)))


def lines_of(name: str, account: Account, sent: Record | None) -> tuple[list[str], bool]:
    """Return what is printed of a monitor, and whether it shows no difference.

    `sent` are the sums of what its sender had acknowledged; None where nobody says.
    """
    lines, is_equal = [name], True
    parts = (
        (BatchKind.ROWS, account.unit, account.rows, account.total),
        (BatchKind.LABELS, BatchKind.LABELS, account.labels, account.total_labels),
    )
    for kind, unit, terms, total in parts:
        known = None if sent is None else sent.get((name, kind), NO_ROWS)
        if kind is BatchKind.LABELS and not total.rows and (known is None or not known.rows):
            continue
        lines.append(f"  {unit.value}")
        lines += [_line(term, sums, unit) for term, sums in terms.items() if sums.rows or sums.ids]
        lines.append(_line("together", total, unit))
        if known is not None:
            # A duplicate counts in no window: a sender may have been answered for it, or not.
            once = total - account.duplicates if kind is BatchKind.ROWS else total
            lines += [_line("acknowledged", known, unit), _verdict(known, {total, once}, total, unit)]
            is_equal = is_equal and known in {total, once}
    if account.measured != account.in_panes:
        lines.append(
            f"  DIFFERENT: cycles measured {account.measured.rows:,} rows, and panes hold "
            f"{account.in_panes.rows:,}{'' if account.measured.rows != account.in_panes.rows else ' others'}"
        )
        is_equal = False
    lines += [f"  DIFFERENT: {trouble}" for trouble in account.troubles]
    return lines, is_equal and not account.troubles


def _verdict(sent: IdSums, right: Collection[IdSums], found: IdSums, kind: BatchKind) -> str:
    missing = sent.rows - found.rows
    if sent in right:
        return "    equal: nothing was lost, and nothing counted twice"
    if missing:
        said = "are missing" if missing > 0 else "are too many"
        return f"    DIFFERENT: {abs(missing):,} {kind.value} {said}"
    return f"    DIFFERENT: as many {kind.value}, but not the same ones"


def read_record(path: Path) -> dict[tuple[str, BatchKind], IdSums]:
    """Return, by monitor and kind, the sums of the requests in a sender's record, each key once.

    A record has a line of JSON for every request that was acknowledged: monitor, what (rows or labels; rows
    where it is missing), key, rows, ids, mixed. A last line that was broken off is left out: its sender died
    before it knew of the answer.
    """
    found: dict[tuple[str, BatchKind, str | int], IdSums] = {}
    try:
        for number, line in enumerate(path.read_text().splitlines(keepends=True)):
            try:
                each = json.loads(line)
            except ValueError:
                if line.endswith("\n"):
                    raise
                break
            kind = BatchKind(each.get("what", "rows"))
            key = number if each["key"] is None else each["key"]  # sent without one, each counts
            found[each["monitor"], kind, key] = IdSums(each["rows"], each["ids"], each["mixed"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigurationError(
            f"{path}: cannot be read as a sender's record: {error}; expected the file that "
            "`python -m simulator send --record` writes"
        ) from error
    sums: dict[tuple[str, BatchKind], IdSums] = {}
    for (monitor, kind, _), each in found.items():
        sums[monitor, kind] = sums.get((monitor, kind), NO_ROWS) + each
    return sums


def _line(term: str, sums: IdSums, kind: BatchKind) -> str:
    counted = f"{sums.rows:>12,} {kind.value:<6}"
    return f"    {term:<16} {counted}   ids {sums.ids:016x}   mixed {sums.mixed:016x}"


def sums_in(kind: BatchKind, payload: bytes) -> IdSums:
    """Return the sums of the rows, or of the event, of a stored batch."""
    if kind is BatchKind.EVENTS:
        return half.sums_in(payload)
    rows = stored_batch.decode(payload)
    return sums_of(rows.arrival.identity, rows.rows)
