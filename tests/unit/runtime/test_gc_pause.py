from __future__ import annotations

import contextlib
import gc
import weakref

import pytest

from service.runtime import gc_pause


class Ring:
    """Something that only the collector can free."""

    def __init__(self) -> None:
        self.me = self


@pytest.mark.parametrize("fails", [False, True])
def test_nothing_is_collected_during_a_start_nor_looked_at_afterwards(fails: bool) -> None:
    """Even a start that fails leaves the collector on, and what was there out of its sight."""
    before = gc.get_freeze_count()
    with contextlib.suppress(ZeroDivisionError), gc_pause.postponed():
        assert not gc.isenabled()
        kept = weakref.ref(Ring())
        _ = 1 / int(not fails)
    try:
        assert gc.isenabled()
        assert gc.get_freeze_count() > before
        gc.collect()
        assert kept() is not None
    finally:
        gc.unfreeze()
    gc.collect()
    assert kept() is None
