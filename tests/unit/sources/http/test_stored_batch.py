"""Batches as bytes: whatever was accepted is what is measured."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.core.rows.batch import Arrival, Batch, Labels, LabelType, Misfit, Numbers, Texts
from service.core.rows.label_text import coded
from service.errors import CodecError
from service.sources.http.stored_batch import decode, encode

ANY_TEXT = st.text(st.characters(), max_size=8)  # halves of surrogate pairs among them
NUMBER = st.floats(width=64)
ROW = st.tuples(
    st.integers(-(2**60), 2**60), st.integers(0, 2**64 - 1), NUMBER, st.booleans(), st.none() | ANY_TEXT
)


def _batch(rows: list[tuple[int, int, float, bool, str | None]], typed: LabelType) -> Batch:
    times, ids, numbers, marks, texts = ([row[place] for row in rows] for place in range(5))
    written = np.empty(len(rows), dtype=object)
    written[:] = texts
    labels = [None if text is None else text.replace("\0", "") for text in texts]
    columns = {
        "size": Numbers(np.array(numbers, dtype=np.float64), np.array(marks, dtype=np.bool_)),
        "plain": Numbers(np.array(numbers, dtype=np.float64)),
        "n:place": coded(np.arange(len(rows)), labels, typed),
        "note": Texts(written),
    }
    arrival = Arrival(
        ("a", "b"), np.array(ids, dtype=np.uint64), misfits=(Misfit("size", "texts", "x"),), example_id="7"
    )
    return Batch(len(rows), np.array(times, dtype=np.int64), columns, arrival)


@given(st.lists(ROW, max_size=12), st.sampled_from(LabelType))
def test_every_cell_comes_back_bit_for_bit(
    rows: list[tuple[int, int, float, bool, str | None]], typed: LabelType
) -> None:
    """Numbers by their bits (NaN and -0.0 too), labels and texts by their characters, ids and times."""
    before = _batch(rows, typed)
    after = decode(encode(before))
    assert after.event_time.tolist() == before.event_time.tolist()
    assert after.arrival.identity is not None
    assert before.arrival.identity is not None
    assert after.arrival.identity.tolist() == before.arrival.identity.tolist()
    assert (after.arrival.unwatched, after.arrival.misfits, after.arrival.example_id) == (
        before.arrival.unwatched, before.arrival.misfits, before.arrival.example_id,
    )  # fmt: skip
    for name in ("size", "plain"):
        one, other = before.columns[name], after.columns[name]
        assert isinstance(one, Numbers)
        assert isinstance(other, Numbers)
        assert one.values.tobytes() == other.values.tobytes()
        marks = [None if each.unparsable is None else each.unparsable.tolist() for each in (one, other)]
        assert marks[0] == marks[1]
    one, other = before.columns["n:place"], after.columns["n:place"]
    assert isinstance(one, Labels)
    assert isinstance(other, Labels)
    assert [*np.append(one.labels, "")[one.codes]] == [*np.append(other.labels, "")[other.codes]]
    assert other.typed is (typed if len(other.labels) else LabelType.TEXT)
    assert other.labels.tolist() == sorted(other.labels.tolist())
    texts = [
        each.texts.tolist()
        for each in (before.columns["note"], after.columns["note"])
        if isinstance(each, Texts)
    ]
    assert texts[0] == texts[1]


@pytest.mark.parametrize(
    "content", [b"", b"\x02", b"\x01", b"\x01ARROW1", encode(_batch([], LabelType.TEXT))[:-40]]
)
def test_other_bytes_are_an_error(content: bytes) -> None:
    """What is no stored batch of this version is never read as one."""
    with pytest.raises(CodecError, match="a batch of the inbox"):
        decode(content)
