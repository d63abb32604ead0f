"""Sensitive labels are hashed in the form that their reference fixed: one label has one hash."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from service.core.rows.batch import Batch, Labels, LabelType
from service.core.rows.label_form import forms_of, in_form
from service.core.rows.masking import Masking
from service.core.rows.schema import Column, Kind, Schema
from service.core.rows.take import Reject, Take
from service.sources.tables.from_pandas import to_batch

SCHEMA = Schema((Column("plan", Kind.CATEGORICAL),))
MASKING = Masking(frozenset({"plan"}), b"secret")


def batch_of(*cells: object) -> Batch:
    return to_batch(pd.DataFrame({"plan": pd.Series(cells, dtype=object)}), SCHEMA, None).batch


def labels_of(batch: Batch) -> list[str | None]:
    column = batch.columns["plan"]
    assert isinstance(column, Labels)
    return [None if code < 0 else str(column.labels[code]) for code in column.codes.tolist()]


def masked(reference: Batch, rows: Batch) -> tuple[list[str | None], list[str | None]]:
    """Mask a reference and rows by the forms that the reference fixes."""
    forms = MASKING.forms(forms_of(reference, SCHEMA))
    return tuple(labels_of(MASKING.batch(side, forms)) for side in (reference, rows))  # type: ignore[return-value]


CASES = {
    "typed numbers": ([1, 2, 10], ["1", "1.0", "2.00", "10"]),
    "decimals in texts": (["1", "2", "3"], ["1.0", "2", "3.00", "1.10"]),
    "versions": (["1.10", "1.2", "1.1"], ["1.1", "1.10", "1.100"]),
    "codes": (["007", "7", "07"], ["7", "007", "7.0"]),
    "truth values": ([True, False], ["true", "1", "FALSE", "0"]),
    "zero and one": ([0, 1], [True, False, "True"]),
    "padded": (["a", "b"], [" a", "b ", "a"]),
    "words for a missing value": (["a", "NA"], ["NA", "a"]),
    "texts that spell a typed number": (["1.50", "x"], [1.5, "1.50"]),
}


@pytest.mark.parametrize(("reference", "rows"), CASES.values(), ids=CASES.keys())
def test_masked_labels_are_equal_where_labels_are(reference: list[object], rows: list[object]) -> None:
    """Two rows have one hash exactly if they have one label without masking, in the reference as well."""
    before, now = batch_of(*reference), batch_of(*rows)
    forms = forms_of(before, SCHEMA)
    plain = [label for side in (before, now) for label in labels_of(in_form(side, SCHEMA, forms))]
    hashed = [label for side in masked(before, now) for label in side]
    assert pd.factorize(np.array(hashed))[0].tolist() == pd.factorize(np.array(plain))[0].tolist()
    assert all(label is None or label == "NA" or label.startswith("hash:") for label in hashed)


def test_what_is_masked_stays_as_it_is() -> None:
    """The form of a masked column gives its hashes back, and hashes a label that is written elsewhere."""
    rows = batch_of("1.0", "2")
    forms = MASKING.forms(forms_of(rows, SCHEMA))
    once = MASKING.batch(rows, forms)
    assert labels_of(in_form(once, SCHEMA, forms)) == labels_of(once) == labels_of(MASKING.batch(once, forms))
    assert forms["plan"].text("1.00") == labels_of(once)[0]
    assert forms["plan"].text("hash:0123456789abcdef") != "hash:0123456789abcdef"


def test_neither_the_form_nor_its_mark_shows_a_value() -> None:
    """What is kept of a sensitive column's form changes with its labels, and cannot be guessed from them."""
    marks = {
        masking.forms(forms_of(batch_of(*cells), SCHEMA))["plan"].mark
        for masking in (MASKING, Masking(frozenset({"plan"}), b"other"))
        for cells in (["1.50", "x"], [1, 2], ["a"])
    }
    assert len(marks) == 6
    assert not any("1.5" in mark or "text" in mark for mark in marks)


def test_refused_rows_are_masked() -> None:
    """A refused row has the hash that its label has elsewhere."""
    rows = batch_of(1, 2)
    forms = MASKING.forms(forms_of(rows, SCHEMA))
    rejects = (Reject({"plan": "1.0", "size": 3}, "no time"), Reject({"plan": None}, "no time"))
    take = MASKING.take(Take(rows, {}, rejects=rejects), forms)
    assert [reject.row for reject in take.rejects] == [
        {"plan": labels_of(take.batch)[0], "size": 3},
        {"plan": None},
    ]
    column = take.batch.columns["plan"]
    assert isinstance(column, Labels)
    assert column.typed is LabelType.MASKED
