"""The text of a guessed monitor file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
import yaml

from service.config import monitor_file
from service.guess.monitor_text import edits, monitor_text
from service.guess.table import guess_table
from tests.unit.guess.test_table import everything

if TYPE_CHECKING:
    from pathlib import Path


def text_of(frame: pd.DataFrame, path: Path, reference: Path | None = None) -> str:
    return monitor_text(guess_table(frame, has_reference=reference is not None), path, reference)


def test_every_guess_has_its_reason(tmp_path: Path) -> None:
    """Each line of a column ends in why, and columns that are left out are there as comments."""
    text = text_of(everything(), tmp_path / "rows.parquet")
    lines = text.splitlines()
    assert '  amount: {kind: numerical, thousands: ","}  # numbers that are written in their own way' in lines
    assert any(
        line.startswith("  # customer_id: categorical  # left out: an id by its name") for line in lines
    )
    assert "id: request_id  # named like an id, and every row has its own" in lines
    assert 'positive: "yes"  # by its meaning' in lines
    assert not edits(text)


def test_it_is_a_valid_monitor(tmp_path: Path) -> None:
    """What is written is read without a fault, with the parts that were guessed."""
    path = tmp_path / "guessed.yaml"
    path.write_text(text_of(everything(), tmp_path / "rows.parquet"))
    monitor = monitor_file.load(path, tmp_path)
    assert (monitor.target, monitor.score, monitor.task, monitor.id) == (
        "churned",
        "churned_score",
        "binary",
        "request_id",
    )


@pytest.mark.parametrize(
    "name", ["yes", "null", "1", "a: b", "# x", "a\nb", "'", '"', "{x}", "ümläut", " padded "]
)
def test_any_name_of_a_column_is_quoted(name: str, tmp_path: Path) -> None:
    """YAML reads back the very name, whatever is in it."""
    frame = pd.DataFrame({name: np.arange(300) / 7, "target": np.arange(300) / 3})
    read = yaml.safe_load(text_of(frame, tmp_path / "rows.csv"))
    assert set(read["columns"]) == {name, "target"}


def test_a_table_without_a_usable_column_names_the_edit(tmp_path: Path) -> None:
    """Where nothing can be guessed the file says what to write."""
    text = text_of(pd.DataFrame({"tag": [f"t{row}" for row in range(500)]}), tmp_path / "rows.csv")
    (edit,) = edits(text)
    assert "name one or more: columns: {price: numerical}" in edit


def test_with_a_reference_all_rows_are_watched(tmp_path: Path) -> None:
    """The reference is the other file, and no row of the data is left out."""
    read = yaml.safe_load(text_of(everything(), tmp_path / "rows.csv", tmp_path / "before.csv"))
    assert read["reference"] == {"path": str(tmp_path / "before.csv")}
    assert not {"start", "skip_rows"} & set(read["source"])
