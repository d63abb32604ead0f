"""What is kept of rows that wait for a label gives them back, and the same performance."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.core.labels import correction, pending_rows
from service.core.labels.pending_rows import PendingRows
from service.core.profile import profile
from service.core.profile.profile import Profile
from service.core.profile.spec import spec
from service.core.profile.spec.spec import ProfileSpec
from service.core.rows.batch import Arrival, Batch, Labels, LabelType, Numbers
from service.core.rows.schema import Column, Kind, Schema
from service.core.rows.task import Binary
from service.errors import CodecError, ProfileError
from tests.property.test_correction import COLUMNS, Rows, rows_with_late_labels


def _numbered(rows: Rows, *, with_column: bool) -> tuple[Batch, PendingRows]:
    before = rows.as_they_came(with_column=with_column)
    ids = np.arange(1, before.rows + 1, dtype=np.uint64)
    batch = replace(before, arrival=Arrival(identity=ids))
    panes = np.arange(before.rows, dtype=np.int64) % 3
    return batch, pending_rows.waiting(batch, panes, rows.schema, rows.spec)


@given(rows_with_late_labels(), st.booleans())
def test_rows_come_back_as_what_their_label_needs(rows: Rows, with_column: bool) -> None:
    """From the bytes alone a pane gets the correction that it gets from the rows themselves."""
    batch, kept = _numbered(rows, with_column=with_column)
    label = rows.labelled.columns[rows.target]
    assert set(np.flatnonzero(rows.late).tolist()) <= set((kept.identity - np.uint64(1)).tolist())
    late = kept.take(np.flatnonzero(np.isin(kept.identity, np.flatnonzero(rows.late) + 1)))
    found: dict[int, list[Profile]] = {}
    for part, places in pending_rows.unpacked(late, rows.schema, rows.spec) if len(late) else ():
        own = (late.identity[places] - np.uint64(1)).astype(np.intp)
        assert len(set(late.panes[places].tolist())) == 1
        assert part.event_time.tolist() == batch.event_time[own].tolist()
        pane = int(late.panes[places[0]])
        found.setdefault(pane, []).append(correction.of(part, label.take(own), rows.schema, rows.spec))
    for pane, parts in found.items():
        own = np.array([row for row in np.flatnonzero(rows.late) if row % 3 == pane])
        expected = correction.of(batch.take(own), label.take(own), rows.schema, rows.spec)
        assert profile.merge(parts) == expected
    assert len(found) == len({row % 3 for row in np.flatnonzero(rows.late).tolist()})


@given(rows_with_late_labels())
def test_only_rows_with_an_id_and_without_a_label_wait(rows: Rows) -> None:
    """A row without an id can never be labelled; one that has its label waits for none."""
    batch, kept = _numbered(rows, with_column=True)
    without = batch.columns[rows.target]
    missing = np.isnan(without.values) if isinstance(without, Numbers) else without.codes < 0
    assert (kept.identity - np.uint64(1)).tolist() == np.flatnonzero(missing).tolist()
    nameless = replace(batch, arrival=Arrival(identity=np.zeros(batch.rows, dtype=np.uint64)))
    panes = np.zeros(batch.rows, dtype=np.int64)
    assert len(pending_rows.waiting(nameless, panes, rows.schema, rows.spec)) == 0
    unknown = replace(batch, arrival=Arrival())
    assert len(pending_rows.waiting(unknown, panes, rows.schema, rows.spec)) == 0


SCHEMA = Schema(COLUMNS, Binary("class", "answer", "score"))


def _waiting(answer: Numbers | Labels, count: int) -> PendingRows:
    batch = Batch(
        count,
        np.arange(count, dtype=np.int64),
        {"answer": answer, "score": Numbers(np.full(count, 0.5))},
        Arrival(identity=np.arange(1, count + 1, dtype=np.uint64)),
    )
    return pending_rows.waiting(batch, np.zeros(count, dtype=np.int64), SCHEMA, spec.NONE)


def test_labels_of_any_alphabet_and_a_type_that_changed_come_back() -> None:
    """Texts keep their characters, and a number is the text that it was."""
    names = np.array(["", "naïve", "日本", "a" * 200])
    texts = _waiting(Labels(np.array([3, 1, 2, -1]), names), 4)
    numbers = _waiting(Labels(np.array([0, 1, -1]), np.array(["0.1", "2"]), LabelType.NUMBER), 3)
    ((batch, places),) = pending_rows.unpacked(pending_rows.joined([texts, numbers]), SCHEMA, spec.NONE)
    answer = batch.columns["answer"]
    assert isinstance(answer, Labels)
    shown = [*answer.labels.tolist(), None]
    assert [shown[code] for code in answer.codes.tolist()] == [
        "a" * 200, "naïve", "日本", None, "0.1", "2", None,
    ]  # fmt: skip
    assert places.tolist() == list(range(7))
    ((batch, _),) = pending_rows.unpacked(numbers, SCHEMA, spec.NONE)
    alone = batch.columns["answer"]
    assert isinstance(alone, Labels)
    assert alone.labels.tolist() == ["0.1", "2"]


def test_what_is_no_number_stays_so() -> None:
    """A score that is text is not a missing one."""
    score = Numbers(np.array([np.nan, np.nan, 0.5]), np.array([True, False, False]))
    batch = Batch(
        3,
        np.zeros(3, dtype=np.int64),
        {"answer": Labels(np.array([0, 0, 0]), np.array(["yes"])), "score": score},
        Arrival(identity=np.arange(1, 4, dtype=np.uint64)),
    )
    kept = pending_rows.waiting(batch, np.zeros(3, dtype=np.int64), SCHEMA, spec.NONE)
    ((found, _),) = pending_rows.unpacked(kept, SCHEMA, spec.NONE)
    column = found.columns["score"]
    assert isinstance(column, Numbers)
    assert column.unparsable is not None
    assert column.unparsable.tolist() == [True, False, False]
    assert np.isnan(column.values).tolist() == [True, True, False]


def test_only_what_a_label_needs_is_kept() -> None:
    """A classifier's row is its answer and score, a regression's the columns that have cells."""
    assert [c.name for c in pending_rows.kept_columns(SCHEMA, spec.NONE)] == ["answer", "score"]
    with pytest.raises(ProfileError, match="has no task"):
        pending_rows.kept_columns(Schema((Column("size", Kind.NUMERICAL),)), ProfileSpec())


def test_damaged_bytes_are_refused() -> None:
    """Bytes of another layout or cut short are an error with its name, never another row."""
    kept = _waiting(Labels(np.array([0]), np.array(["yes"])), 1)
    for damaged in (kept.payloads[0][:5], kept.payloads[0][:-2] + b"\xff\xff", kept.payloads[0][:20]):
        with pytest.raises(CodecError, match=r"pending row of \d+ bytes|fewer than"):
            pending_rows.unpacked(replace(kept, payloads=(damaged,)), SCHEMA, spec.NONE)
