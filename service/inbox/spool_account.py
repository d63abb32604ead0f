"""The sums of the requests in the spool's files, for an audit: those of every process, running or not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.core.inbox import Spooled
from service.errors import CodecError
from service.inbox import spool_record
from service.inbox.spool import SET_ASIDE, SUFFIX

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from service.core.inbox import BatchKind
    from service.core.rows.id_sums import IdSums


def spooled(root: Path, sums: Callable[[BatchKind, bytes], IdSums]) -> tuple[list[Spooled], list[str]]:
    """Return the requests in the files below `root`, oldest file first, and what could not be read of them.

    Files that were set aside are among them: what is in them was acknowledged. `sums` returns the sums of a
    request's payload.
    """
    found, troubles = list[Spooled](), list[str]()
    files = [path for suffix in (SUFFIX, SET_ASIDE) for path in root.glob(f"*/*{suffix}")]
    for path in sorted(files, key=lambda path: path.name):
        try:
            records, _ = spool_record.decode_all(path.read_bytes())
            found += [
                Spooled(
                    path.with_suffix(SUFFIX).name,
                    sent.monitor,
                    sent.kind,
                    sums(sent.kind, sent.payload) + sent.rejected_ids,
                    sent.received,
                    transaction=record.transaction,
                    key=sent.key,
                    digest=sent.digest,
                    instead=None if sent.instead is None else sent.instead.rejected_ids,
                )
                for record in records
                for sent in record.sent
            ]
        except FileNotFoundError:
            continue  # drained meanwhile: the database has it
        except (OSError, CodecError) as error:
            troubles.append(f"{path}: cannot be read, and its rows are not counted: {error}")
    return found, troubles
