"""Pairs of halves by their ids, how long halves are waited for, and halves as bytes."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.core.rows.batch import Batch
from service.core.rows.id_sums import IdSums
from service.core.rows.schema import Column, Kind, Schema
from service.core.time_units import SECOND
from service.errors import CodecError
from service.sources.kserve.columns import Naming, Side
from service.sources.kserve.half import Half, decode, encode, event_sums, sums_in
from service.sources.kserve.inference import half_rows, inference_rows
from service.sources.kserve.pairing import matched, rows_of
from service.sources.kserve.patience import Patience

MINUTE = 60 * SECOND
SCHEMA = Schema((Column("size", Kind.NUMERICAL), Column("guess", Kind.NUMERICAL)), identity="key")
NAMING = Naming(("size",), ("guess",), frozenset({"size", "guess", "key"}))


def half(name: str, side: Side, received: int = 0, fault: str | None = None) -> Half:
    body = b'{"instances": [1, 2]}' if side is Side.REQUEST else b'{"predictions": [3, 4]}'
    batch = None if fault else half_rows(body, name, side, NAMING, SCHEMA)
    return Half(name, side, received, batch, fault, received)


EVENTS = [(name, side) for name in "abcdef" for side in Side if (name, side) != ("f", Side.RESPONSE)]


@given(st.permutations(EVENTS), st.lists(st.integers(0, len(EVENTS)), max_size=4))
def test_every_pair_is_found_once_in_any_order_and_over_any_takes(
    order: list[tuple[str, Side]], cuts: list[int]
) -> None:
    """Whatever halves waited from earlier takes."""
    events = [Half(name, side, 0) for name, side in order]
    waiting: list[Half] = []
    pairs = list[tuple[Half, Half]]()
    ends = sorted({0, *cuts, len(events)})
    for begin, end in pairwise(ends):
        found = matched((*waiting, *events[begin:end]))
        assert not found.dropped
        waiting = list(found.waiting.values())
        pairs += found.pairs
    assert sorted(request.id for request, _ in pairs) == list("abcde")
    assert all((a.id, a.side, b.side) == (b.id, Side.REQUEST, Side.RESPONSE) for a, b in pairs)
    assert [(each.id, each.side) for each in waiting] == [("f", Side.REQUEST)]


def test_the_half_of_one_that_cannot_be_used_says_so() -> None:
    """It does not wait in vain, and the other one, which was rejected before, is not counted again."""
    found = matched((half("a", Side.REQUEST), half("a", Side.RESPONSE, fault="it is no JSON")))
    said = {each.side: reason for each, reason in found.dropped}
    assert said == {Side.REQUEST: "its response cannot be used: it is no JSON", Side.RESPONSE: None}


def test_a_second_half_of_the_same_side_is_not_paired() -> None:
    """It cannot be known to which of the two the other side belongs."""
    found = matched((half("a", Side.REQUEST), half("a", Side.REQUEST, 1), half("a", Side.RESPONSE)))
    assert [request.received for request, _ in found.pairs] == [0]
    assert [reason for _, reason in found.dropped] == ["another request of the same id still waits"]


def test_rows_have_the_ids_of_their_event() -> None:
    """A single row its id; several of them the id and their place."""
    one = inference_rows("a", b'{"instances": [1]}', b'{"predictions": [3]}', NAMING, SCHEMA)
    two = inference_rows("a", b'{"instances": [1, 2]}', b'{"predictions": [3, 4]}', NAMING, SCHEMA)
    assert (one.arrival.example_id, two.arrival.example_id) == ('the text "a"', 'the text "a-0"')
    assert set(two.columns) == {"size", "guess"}


def test_a_column_of_ids_is_the_rows_own() -> None:
    """Of the request or of its response."""
    asked = b'{"instances": [{"size": 1, "key": "r1"}]}'
    found = inference_rows("a", asked, b'{"predictions": [3]}', NAMING, SCHEMA)
    answered = b'{"predictions": [{"guess": 3, "key": "r1"}]}'
    other = inference_rows("a", b'{"instances": [1]}', answered, NAMING, SCHEMA)
    assert found.arrival.identity is not None
    assert found.arrival.identity.tolist() == np.asarray(other.arrival.identity).tolist()


@pytest.mark.parametrize(
    ("response", "reason"),
    [
        (b'{"predictions": [3]}', "the request has 2 rows, and its response 1"),
        (b'{"predictions": [{"size": 3}, {"size": 4}]}', "both the request and its response have 'size'"),
    ],
)
def test_halves_that_do_not_fit_make_no_rows(response: bytes, reason: str) -> None:
    """By name."""
    first = half("a", Side.REQUEST).batch
    assert first is not None
    found = rows_of(first, half_rows(response, "a", Side.RESPONSE, NAMING, SCHEMA), SCHEMA)
    assert isinstance(found, str)
    assert reason in found


def test_an_inference_without_a_watched_column_makes_no_rows() -> None:
    """The message says which columns came."""
    asked = half_rows(b'{"instances": [{"x": 1}]}', "a", Side.REQUEST, NAMING, SCHEMA)
    answered = half_rows(b'{"predictions": [{"y": 1}]}', "a", Side.RESPONSE, NAMING, SCHEMA)
    found = rows_of(asked, answered, SCHEMA)
    assert found == (
        "none of its columns is watched: it has x, y; expected size or another column of the monitor"
    )


def test_halves_come_back_from_bytes() -> None:
    """With their rows, or with why these cannot be used."""
    whole = half("ä", Side.REQUEST, 5)
    back = decode(encode(whole), received=5)
    assert replace(back, batch=None) == replace(whole, batch=None)
    assert isinstance(back.batch, Batch)
    assert back.batch.arrival.identity is not None
    faulty = half("b", Side.RESPONSE, 5, "it is no JSON")
    assert decode(encode(faulty), received=5) == faulty
    assert sums_in(encode(whole)) == event_sums([("ä", Side.REQUEST)])
    assert sums_in(encode(faulty)) == sums_in(b"") == IdSums()


@pytest.mark.parametrize("content", [b"\x01", b"\x02", b"\x02\x05\x00\x00\x00{}", b"\x02\x02\x00\x00\x00{}"])
def test_other_bytes_are_no_half(content: bytes) -> None:
    """A batch of rows, or what was broken off."""
    with pytest.raises(CodecError):
        decode(content)


def test_halves_are_given_up_after_the_wait() -> None:
    """Those that came before, and the faulty ones without a word, as they were counted when they came."""
    found = matched(
        (half("a", Side.REQUEST, 1), half("b", Side.RESPONSE, 1, "no JSON"), half("c", Side.REQUEST, 2))
    )
    assert found.give_up(2) == 2
    assert {each.id: reason for each, reason in found.dropped} == {"a": "request without response", "b": None}
    assert set(found.waiting) == {"c"}


def test_a_break_between_takes_begins_the_wait_once_more() -> None:
    """What was sent meanwhile may still lie on a disk; a slow cycle is no break."""
    wait, patience = 10 * MINUTE, Patience()
    found = {
        minute: patience.until(minute * MINUTE, wait, oldest=None)
        for minute in (0, 1, 5, 6, 9, 12, 14, 15, 16, 60, 61, 69, 70)
    }
    known = {minute: None if until is None else until // MINUTE for minute, until in found.items()}
    assert known[0] is known[1] is known[14] is known[60] is known[69] is None
    assert (known[15], known[16], known[70]) == (5, 6, None)


def test_takes_that_are_an_hour_apart_are_no_break() -> None:
    """The usual gap is learnt from the takes."""
    patience = Patience()
    found = [patience.until(hour * 60 * MINUTE, 10 * MINUTE, oldest=None) for hour in range(4)]
    assert found == [None, None, (120 - 10) * MINUTE, (180 - 10) * MINUTE]


def test_events_that_were_not_taken_yet_hold_the_wait_back() -> None:
    """The other half may be among them."""
    patience = Patience()
    for minute in range(12):
        until = patience.until(minute * MINUTE, 10 * MINUTE, oldest=3 * MINUTE)
    assert until == -7 * MINUTE
