"""Stored parts are named and have a length: any order, absent ones, unknown ones, and no damage unnoticed."""

from __future__ import annotations

import json
import random
import struct
import zlib
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.core.profile import profile, row_counts, row_sample
from service.core.profile.codec import profile as codec
from service.core.profile.outcome import outcome
from service.core.profile.part import Part
from service.core.profile.parts import PARTS
from service.core.profile.profile import Profile
from service.core.rows.batch import Batch, Numbers
from service.core.rows.schema import Column, Kind, Schema
from service.errors import CodecError, ProfileError
from tests.property.strategies import SCHEMA, batches

# A part of a build to come: the rows' times, which need an array and hashes, and their number.
LATER: Part[dict[str, Any]] = Part(
    "later",
    lambda *_: {"rows": 0, "times": []},
    lambda batch, *_: {"rows": batch.rows, "times": batch.event_time.tolist()},
    lambda sides, _: {
        "rows": sum(side["rows"] for side in sides),
        "times": [time for side in sides for time in side["times"]],
    },
    lambda value, arrays: {
        "rows": value["rows"],
        "times": arrays.put(np.array(value["times"], dtype=np.int64)),
        "hashes": arrays.put_hashes(np.arange(value["rows"], dtype=np.uint64)),
    },
    lambda form, arrays: {
        "rows": len(arrays.take_hashes(form["hashes"], form["rows"])),
        "times": arrays.take(form["times"], "<i8", form["rows"]).tolist(),
    },
)
COMING = (*PARTS, LATER)


def small() -> Profile:
    """Profile two rows of one column."""
    schema = Schema((Column("size", Kind.NUMERICAL),))
    return profile.of(Batch(2, np.array([1, 2]), {"size": Numbers(np.array([1.0, np.nan]))}), schema)


def frames_of(payload: bytes) -> dict[str, tuple[bytes, bytes]]:
    """Read a payload as the module's docstring describes it: each part's body and hashes by name."""
    stream = zlib.decompressobj()
    body = stream.decompress(payload[10:])
    found, at, used = {}, 0, 0
    while at < len(body):
        label, size, apart = struct.unpack_from(">HII", body, at)
        name = body[at + 10 : at + 10 + label].decode()
        at += 10 + label + size
        found[name] = body[at - size : at], stream.unused_data[used : used + apart]
        used += apart
    return found


def payload_of(frames: list[tuple[str, bytes, bytes]], extra: bytes = b"") -> bytes:
    """Write a payload of such parts, with its checksum."""
    body = b"".join(
        struct.pack(">HII", len(name.encode()), len(body), len(hashes)) + name.encode() + body
        for name, body, hashes in frames
    )
    rest = zlib.compress(body) + b"".join(hashes for _, _, hashes in frames) + extra
    return struct.pack(">4sHI", b"TDGP", 5, zlib.crc32(rest)) + rest


def part_of(form: object) -> bytes:
    """Write a part's body that has no arrays."""
    text = json.dumps(form).encode()
    return struct.pack(">I", len(text)) + text


@given(batches(), st.randoms(use_true_random=False))
def test_parts_are_read_in_any_order(batch: Batch, shuffle: random.Random) -> None:
    """A profile does not depend on the order of its parts in the bytes, and is written in one order."""
    whole = profile.of(batch, SCHEMA, parts=COMING)
    payload = codec.encode(whole, COMING)
    frames = [(name, *found) for name, found in frames_of(payload).items()]
    shuffle.shuffle(frames)
    assert codec.decode(payload_of(frames), COMING) == whole
    again = codec.decode(payload_of(frames))
    assert codec.encode(again) == codec.encode(codec.decode(payload))


@given(batches())
def test_an_unknown_part_is_carried_along(batch: Batch) -> None:
    """What a later build wrote comes back from an earlier one as it was, though that cannot read it."""
    whole = profile.of(batch, SCHEMA, parts=COMING)
    here = codec.decode(codec.encode(whole, COMING))
    assert set(here.unknown) == {"later"}
    assert "later" not in here.parts
    again = profile.merge([here])
    assert codec.decode(codec.encode(again), COMING) == whole
    assert frames_of(codec.encode(again))["later"] == frames_of(codec.encode(whole, COMING))["later"]


@given(batches(), batches())
def test_an_unknown_part_does_not_survive_a_merge(one: Batch, other: Batch) -> None:
    """A build that cannot add a part up drops it, even where it is the same on both sides."""
    sides = [profile.of(batch, SCHEMA, parts=COMING) for batch in (one, one, other)]
    here = [codec.decode(codec.encode(side, COMING)) for side in sides]
    for pair in (here[:2], here[1:], [here[0], profile.empty(SCHEMA)]):
        merged = profile.merge(pair)
        assert not merged.unknown
        assert codec.decode(codec.encode(merged), COMING).get(LATER) is None


@given(batches(), batches(), st.sampled_from([part.name for part in PARTS]))
def test_an_absent_part_is_not_kept_of_any_merge(one: Batch, other: Batch, name: str) -> None:
    """A part that one side lacks is absent from the whole, in any order; every other part is as it was."""
    earlier = [part for part in PARTS if part.name != name]
    lacking = codec.decode(codec.encode(profile.of(one, SCHEMA, parts=earlier), earlier))
    complete = profile.of(other, SCHEMA)
    whole = profile.merge([profile.of(one, SCHEMA), complete])
    for sides in ([lacking, complete], [complete, lacking], [lacking, profile.empty(SCHEMA), complete]):
        merged = codec.decode(codec.encode(profile.merge(sides)))
        assert merged == replace(whole, parts={k: v for k, v in whole.parts.items() if k != name})
    assert profile.merge([lacking, profile.empty(SCHEMA)]) == lacking


@given(batches())
def test_panes_of_an_earlier_build_are_read_by_a_later_one(batch: Batch) -> None:
    """Bytes without a part give a profile without it; asking for it says that it was not kept."""
    later = codec.decode(codec.encode(profile.of(batch, SCHEMA)), COMING)
    assert later == profile.of(batch, SCHEMA)
    assert later.get(LATER) is None
    with pytest.raises(ProfileError, match="the part 'later' was not kept by the build that wrote"):
        later[LATER]


def test_bytes_cut_short_anywhere_are_refused() -> None:
    """Whatever the length that is left, the error has its name."""
    payload = codec.encode(small())
    for end in range(len(payload)):
        with pytest.raises(CodecError, match=r"cut short|damaged"):
            codec.decode(payload[:end])


def test_bytes_changed_anywhere_are_refused() -> None:
    """No byte can change without notice, nor any be added."""
    payload = codec.encode(small())
    for at in range(len(payload)):
        for bit in (1, 128):
            changed = payload[:at] + bytes([payload[at] ^ bit]) + payload[at + 1 :]
            with pytest.raises(CodecError, match=r"damaged|no profile that this build reads"):
                codec.decode(changed)
    with pytest.raises(CodecError, match="damaged"):
        codec.decode(payload + b"\0")


def without(name: str) -> list[tuple[str, bytes, bytes]]:
    """Return the parts of the small profile but one."""
    return [(each, *found) for each, found in frames_of(codec.encode(small())).items() if each != name]


@pytest.mark.parametrize(
    ("frames", "extra", "message"),
    [
        (without("columns"), b"", "without a part 'columns'"),
        (without("rows"), b"", "without a part 'rows'"),
        ([*without(""), without("")[0]], b"", "'rows' is cut short or there twice"),
        (without(""), b"more", "4 bytes belong to no part"),
        (
            [*without("outcome"), ("outcome", part_of({"task": "ranking"}), b"")],
            b"",
            "part 'outcome'.*ranking",
        ),
        ([*without("row_counts"), ("row_counts", part_of({}), b"")], b"", "part 'row_counts'.*identities"),
        ([*without("texts"), ("texts", b"\0\0\0\1{", b"")], b"", "part 'texts' of a profile is damaged"),
        ([*without("texts"), ("texts", b"\0", b"")], b"", "part 'texts' of a profile is damaged"),
        ([*without("row_sample"), ("row_sample", part_of([]), b"")], b"", "part 'row_sample'"),
    ],
)
def test_parts_that_make_no_sense_are_refused(
    frames: list[tuple[str, bytes, bytes]], extra: bytes, message: str
) -> None:
    """Bytes whose checksum is right and whose parts are not name the part."""
    with pytest.raises(CodecError, match=message):
        codec.decode(payload_of(frames, extra))


@pytest.mark.parametrize(("offset", "size"), [(-8, 1), (1 << 20, 1), (0, 1 << 20), (0, -1)])
def test_arrays_outside_a_part_are_refused(offset: int, size: int) -> None:
    """An array that does not lie in its part is damage, never another part's bytes."""
    columns = {
        "size": {
            "distribution": [size, offset, offset, 0, 0, 0, 0],
            "unparsable": 0,
            "absent": 0,
            "categorical": False,
        }
    }
    with pytest.raises(CodecError, match="part 'columns'"):
        codec.decode(payload_of([*without("columns"), ("columns", part_of(columns), b"")]))


def test_the_fingerprint_does_not_depend_on_other_parts() -> None:
    """It changes with the rows and with a part that it covers, and with no part that it does not cover."""
    parts = (outcome.PART, row_counts.PART)
    whole = small()
    earlier = profile.of(
        Batch(2, np.array([1, 2]), {"size": Numbers(np.array([1.0, np.nan]))}),
        Schema((Column("size", Kind.NUMERICAL),)),
        parts=parts,
    )
    known = codec.fingerprint(whole, parts)
    assert known == codec.fingerprint(earlier, parts)
    assert known == codec.fingerprint(whole.with_part(row_sample.PART, row_sample.RowSample(3)), parts)
    assert known != codec.fingerprint(replace(whole, rows=3), parts)
    assert known != codec.fingerprint(whole.with_part(row_counts.PART, row_counts.RowCounts()), parts)


def test_parts_have_names_of_their_own() -> None:
    """No two parts share a name, nor has one that of what every profile has."""
    names = [part.name for part in PARTS]
    assert len({*names, codec.ROWS, codec.COLUMNS}) == len(names) + 2
