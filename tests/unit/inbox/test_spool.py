"""The spool's files: whole records come back, broken ones are recognised, and the bound holds."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from service.core.inbox import BatchKind, Sent
from service.core.rows.id_sums import IdSums
from service.core.rows.take import Reject
from service.errors import CodecError, InboxUnavailableError
from service.inbox import spool as spools
from service.inbox.spool import Spool
from service.inbox.spool_record import SpoolRecord, decode_all, encode, requests_of

MEGABYTE = 1 << 20


def sent(number: int, *, size: int = 10) -> Sent:
    rejects = (Reject({"at": f"soon {number}"}, "at is not a time"),)
    payload = bytes([number % 256]) * size
    refused = IdSums(1, 2**64 - 1, number)
    instead = Sent("toy", BatchKind.EVENTS, 10**15 + number, b"", 0, 1, rejects, refused)
    return Sent(
        "toy", BatchKind.ROWS, 10**15 + number, payload, 3, 1, rejects, refused, f"key {number}", b"digest",
        instead if number % 2 else None,
    )  # fmt: skip


def record(number: int, *, size: int = 10) -> SpoolRecord:
    return SpoolRecord((sent(number, size=size), sent(number + 1, size=size)), "12345")


def everything(spool: Spool) -> list[SpoolRecord]:
    found = []
    while not spool.is_empty:
        path = spool.oldest()
        found += spool.read(path)[0]
        spool.remove(path)
    return found


def test_records_come_back_in_order_whichever_process_reads_them(tmp_path: Path) -> None:
    """What was written before and after a restart, in several files, is read whole and in order."""
    first = Spool(tmp_path, limit=64 * MEGABYTE)
    written = [record(number, size=3 * MEGABYTE) for number in range(3)]
    for each in written[:2]:
        first.append(each)
    first.close()
    second = Spool(tmp_path, limit=64 * MEGABYTE)
    second.append(written[2])
    assert everything(second) == written
    second.close()


def test_two_processes_have_folders_of_their_own(tmp_path: Path) -> None:
    """One never drains what the other still writes; a third takes over what both have left."""
    first, second = Spool(tmp_path, limit=MEGABYTE), Spool(tmp_path, limit=MEGABYTE)
    first.append(record(1))
    second.append(record(2))
    first.close()
    second.close()
    third = Spool(tmp_path, limit=MEGABYTE)
    assert everything(third) == [record(1), record(2)]
    third.close()


@pytest.mark.parametrize("kept", range(0, 60, 7))
def test_a_write_that_was_broken_off_hides_no_record(kept: int) -> None:
    """However much of the last record is there, those before it come back."""
    whole, last = encode(record(1)), encode(record(2))
    assert decode_all(whole + last[:kept]) == ([record(1)], kept)
    zeros = b"\0" * (len(last) - kept)  # the file had grown, and its content was not on the disk yet
    assert decode_all(whole + last[:kept] + zeros)[0] == [record(1)]


def test_a_damaged_record_before_others_is_an_error() -> None:
    """What was acknowledged is never skipped in silence."""
    content = bytearray(encode(record(1)) + encode(record(2)))
    content[100] ^= 1
    with pytest.raises(CodecError, match="byte 0 of a spool file is damaged, and others follow"):
        decode_all(bytes(content))


def test_the_limit_is_kept(tmp_path: Path) -> None:
    """A record that does not fit is refused with the time after which to try again; drained room is free."""
    spool = Spool(tmp_path, limit=MEGABYTE)
    spool.append(record(1, size=400_000))
    with pytest.raises(InboxUnavailableError, match="spool of 1 MB is full") as refused:
        spool.append(record(2, size=400_000))
    assert refused.value.retry_seconds == 30
    assert everything(spool) == [record(1, size=400_000)]
    spool.append(record(2, size=400_000))
    spool.close()


@pytest.mark.parametrize("failing", ["write", "fsync"])
def test_a_full_disk_costs_no_record_before_or_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    """A write that fails half way is taken back: what comes later is found."""
    spool = Spool(tmp_path, limit=MEGABYTE)
    spool.append(record(1))
    real_write = os.write

    def half(descriptor: int, content: Any) -> int:
        real_write(descriptor, bytes(content)[:20])
        raise OSError(errno.ENOSPC, "No space left on device")

    def fails(_: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as broken:
        broken.setattr(spools.os, failing, half if failing == "write" else fails)
        with pytest.raises(OSError, match=r"No space|Input/output"):
            spool.append(record(2))
    spool.append(record(3))
    assert everything(spool) == [record(1), record(3)]
    spool.close()


def test_a_file_that_is_drained_is_written_no_more(tmp_path: Path) -> None:
    """A record that is written while a file is drained goes to another one."""
    spool = Spool(tmp_path, limit=MEGABYTE)
    spool.append(record(1))
    path = spool.oldest()
    spool.append(record(2))
    assert spool.read(path)[0] == [record(1)]
    spool.remove(path)
    assert everything(spool) == [record(2)]
    spool.close()


def test_a_file_that_was_refused_is_kept_and_not_read_again(tmp_path: Path) -> None:
    """Rows that were acknowledged stay on the disk for a person to look at."""
    spool = Spool(tmp_path, limit=MEGABYTE)
    spool.append(record(1))
    kept = spool.set_aside(spool.oldest())
    assert spool.is_empty
    assert requests_of(decode_all(kept.read_bytes())[0]) == [sent(1), sent(2)]
    spool.close()


def _folder_removed(folder: Path) -> None:
    shutil.rmtree(folder)


def _folder_moved(folder: Path) -> None:
    folder.rename(folder.with_name("moved away"))


def _file_removed(folder: Path) -> None:
    for path in folder.glob("*.rows"):
        path.unlink()


def _root_removed(folder: Path) -> None:
    shutil.rmtree(folder.parent)


@pytest.mark.parametrize("harm", [_folder_removed, _folder_moved, _file_removed, _root_removed])
@pytest.mark.parametrize("then", ["append", "oldest", "close"])
def test_a_folder_that_is_removed_loses_nothing_acknowledged(
    tmp_path: Path, harm: Callable[[Path], None], then: str
) -> None:
    """What the file being written holds is written again, by whatever happens next; later rows follow it."""
    spool = Spool(tmp_path / "inbox", limit=64 * MEGABYTE)
    spool.append(record(1))
    spool.append(record(2))
    harm(tmp_path / "inbox" / "0")
    if then == "append":
        spool.append(record(3))
    elif then == "oldest":
        spool.oldest()
    spool.close()
    after = Spool(tmp_path / "inbox", limit=64 * MEGABYTE)
    assert everything(after) == [record(1), record(2)] + [record(3)] * (then == "append")
    after.close()


def test_a_folder_that_cannot_be_made_again_refuses_and_recovers(tmp_path: Path) -> None:
    """Nothing is acknowledged meanwhile; when it can be made, what was acknowledged before is there."""
    root = tmp_path / "inbox"
    spool = Spool(root, limit=64 * MEGABYTE)
    spool.append(record(1))
    shutil.rmtree(root)
    root.write_text("in the way")
    for _ in range(2):
        with pytest.raises(OSError, match=r"Not a directory|File exists"):
            spool.append(record(2))
    root.unlink()
    spool.append(record(3))
    assert everything(spool) == [record(1), record(3)]
    spool.close()


def test_two_services_whose_root_is_removed_have_folders_of_their_own_again(tmp_path: Path) -> None:
    """The lock is taken again with the folder, so that neither drains what the other writes."""
    first, second = Spool(tmp_path / "inbox", limit=MEGABYTE), Spool(tmp_path / "inbox", limit=MEGABYTE)
    first.append(record(1))
    second.append(record(2))
    shutil.rmtree(tmp_path / "inbox")
    first.append(record(3))
    second.append(record(4))
    assert everything(first) == [record(1), record(3)]
    assert everything(second) == [record(2), record(4)]
    first.close()
    second.close()
