"""Declarations of columns, ids and the model's server are read, or refused by line."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from service.config import monitor_file
from service.core.rows.schema import Role
from service.errors import ConfigurationError
from service.methods.health import TrafficPlan
from service.methods.quality.expectations import Expectation

if TYPE_CHECKING:
    from service.config.monitor import Monitor

GOOD = """\
source: {type: replay, path: rows.csv, timestamp: at, step: 1d}
reference: {path: reference.parquet}
columns:
  size: {kind: numerical, min: 0, max: 9, not_null: true}
  code: {kind: numerical, allowed: [0, 1.5, true]}
  plan: {kind: categorical, allowed: [free, 1, true], unique: true}
window: {size: 1h, hop: 30m}
id: order
service: {latency_ms: took, error: size}
"""


def _load(folder: Path, text: str) -> Monitor:
    path = folder / "mine.yaml"
    path.write_text(text)
    return monitor_file.load(path, Path("data"))


def test_declarations_arrive_in_the_methods_form(tmp_path: Path) -> None:
    """Expectations, id and served columns are what the file says; a column of the server has no drift."""
    monitor = _load(tmp_path, GOOD)
    assert monitor.measure_plan.expectations == {
        "size": Expectation(low=0, high=9, not_null=True),
        "code": Expectation(allowed=(0, 1.5, True)),
        "plan": Expectation(allowed=("free", "1", "True", "true"), unique=True),
    }
    assert monitor.measure_plan.traffic == TrafficPlan("took", "size", 3_600.0)
    schema = monitor.schema_
    assert (schema.identity, schema.columns[-1].name, schema.columns[-1].role) == (
        "order",
        "took",
        Role.SERVICE,
    )
    assert schema.names == ("size", "code", "plan", "took")
    assert schema.compared.names == ("size", "code", "plan")


def test_without_them_nothing_changes(tmp_path: Path) -> None:
    """A file that declares nothing has no id and no traffic; windows of rows have no length in seconds."""
    plain = _load(tmp_path, GOOD.split("id:", maxsplit=1)[0])
    assert (plain.measure_plan.traffic, plain.schema_.identity) == (None, None)
    assert plain.schema_.compared is not None
    by_rows = _load(tmp_path, GOOD.replace("size: 1h, hop: 30m", "size_rows: 100"))
    assert by_rows.measure_plan.traffic == TrafficPlan("took", "size", None)


def test_the_id_is_part_of_what_panes_depend_on(tmp_path: Path) -> None:
    """Panes counted with another id have another layout."""
    fingerprints = {
        _load(tmp_path, GOOD.replace("id: order", line)).schema_.fingerprint
        for line in ("id: order", "id: x", "")
    }
    assert len(fingerprints) == 3


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("min: 0, max: 9", "min: 9, max: 0", r":4: columns\.size: expected min at or below max, got 9 and 0"),
        (
            "kind: categorical, allowed",
            "kind: categorical, min: 0, allowed",
            r":6: columns\.plan: min and max",
        ),
        ("[0, 1.5, true]", "[]", r":5: columns\.code\.allowed: "),
        ("[0, 1.5, true]", "[0, x]", r":5: columns\.code: allowed: expected numbers .* got 'x'"),
        ("max: 9", "max: .inf", r":4: columns\.size\.max: "),
        (
            "not_null: true",
            "not_nul: true",
            r":4: columns\.size\.not_nul: no such key; the nearest is not_null",
        ),
        (
            "kind: categorical, allowed: [",
            "kind: text, allowed: [",
            r":6: columns\.plan: a text column has no",
        ),
        ("id: order", "id: plan", r":8: id: 'plan' is watched; expected another column, or unique: true"),
        ("error: size", "error: plan", r":9: service\.error: 'plan' is categorical; expected numerical"),
        ("error: size", "error: order", r":9: service\.error: 'order' is the id"),
        ("error: size", "errors: size", r":9: service\.errors: no such key; the nearest is error"),
    ],
)
def test_a_fault_is_named_by_line_and_key(tmp_path: Path, old: str, new: str, message: str) -> None:
    """Each message says which line, which key and what was expected."""
    assert old in GOOD
    with pytest.raises(ConfigurationError, match=message):
        _load(tmp_path, GOOD.replace(old, new))
