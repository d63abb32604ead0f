"""The traffic's record of what it was answered adds up to the same sums, however it is kept."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np

from service.core.rows.id_sums import NO_ROWS, IdSums, sums_of
from service.core.rows.row_hash import of_texts
from simulator.live import record
from simulator.live.record import Record

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def _kept(path: Path, what: str) -> IdSums:
    total = NO_ROWS
    for each in map(json.loads, path.read_text().splitlines()):
        if each["what"] == what:
            total += IdSums(each["rows"], each["ids"], each["mixed"])
    return total


def test_a_record_stays_small_and_outlives_its_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over its limit, and at every start, the lines become one with their sums; half a line is dropped."""
    monkeypatch.setattr(record, "MAX_LINES", 10)
    path, names = tmp_path / "live/acknowledged.jsonl", [f"f{number}" for number in range(25)]
    first = Record(path, "flights_live")
    for name in names[:22]:
        first.add(name)
    assert len(path.read_text().splitlines()) == 3
    for name in names[:5]:
        first.add(name, record.LABELS)
    first.close()
    with path.open("a") as file:
        file.write('{"monitor": "flights_li')  # killed in the middle of a line
    second = Record(path, "flights_live")
    for name in names[22:]:
        second.add(name)
    second.close()
    assert _kept(path, "labels") == sums_of(of_texts(np.array(names[:5], dtype=np.str_)), 5)
    assert _kept(path, "rows") == sums_of(of_texts(np.array(names, dtype=np.str_)), 25)
    assert {json.loads(line)["monitor"] for line in path.read_text().splitlines()} == {"flights_live"}
