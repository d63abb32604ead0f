"""A replica that died is known by its lock, which the kernel frees; one that is alive, or unknown, is not."""

from __future__ import annotations

import uuid
from pathlib import Path

from service.wiring.leases import identity


def test_only_a_replica_whose_lock_is_free_has_died(tmp_path: Path) -> None:
    """The lock of a live one is held, that of another folder is not here."""
    dead, elsewhere = uuid.uuid4().hex, uuid.uuid4().hex
    with identity.identity(tmp_path) as own, identity.identity(tmp_path) as other:
        assert own.id != other.id
        (tmp_path / identity.FOLDER / f"{dead}{identity.SUFFIX}").touch()
        assert identity.died(tmp_path, [own.id, other.id, dead, elsewhere]) == [dead]
        identity.forget(tmp_path, [dead])
        assert identity.died(tmp_path, [dead]) == []
    assert list((tmp_path / identity.FOLDER).iterdir()) == []


def test_a_folder_that_cannot_be_written_hinders_no_start(tmp_path: Path) -> None:
    """Then a crash is noticed when the leases run out."""
    (tmp_path / identity.FOLDER).write_text("a file")
    with identity.identity(tmp_path) as own:
        assert identity.died(tmp_path, [own.id]) == []
