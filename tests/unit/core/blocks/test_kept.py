"""A fitted reference is read back as it was fitted, bit by bit, or not at all."""

from __future__ import annotations

import hashlib
import struct
from dataclasses import fields, replace

import numpy as np
import pytest

from service.config.time_zone import zone_of
from service.core.blocks import kept
from service.core.blocks.plan import DAYS, HOURS, BlockPlan, BlockUnit
from service.core.blocks.reference import ReferenceBlocks, fit
from service.core.rows.batch import Batch, Labels, Numbers, Texts
from service.core.season.season import DAY, Season, SeasonKind
from service.errors import CodecError
from service.methods.block_test import model as block_model

BERLIN = zone_of("Europe/Berlin")
PLANS = {
    "days": DAYS,
    "hours": HOURS,
    "runs": BlockPlan(BlockUnit.RUN, 10, 8),
    "season": replace(DAYS, season=Season(SeasonKind.HOUR_OF_WEEK, BERLIN)),
}
NAMES = ("size", "constant", "tied", "kind", "many", "words", "never came", "empty")


def rows(seed: int = 1, count: int = 4_000) -> Batch:
    random = np.random.default_rng(seed)
    size = random.normal(size=count)
    size[::7], size[5], size[9] = np.nan, np.inf, -np.inf
    kinds = np.array(["", "a\udc80", "b", "ä\u2028"])
    many = np.array([f"{i:05d}" for i in range(3_000)])
    words = np.array([None if i % 50 == 0 else "x" * (i % 40) for i in range(count)], dtype=object)
    return Batch(
        count,
        np.arange(count, dtype=np.int64) * (60 * DAY) // count,
        {
            "size": Numbers(size),
            "constant": Numbers(np.full(count, 3.0)),
            "tied": Numbers(random.integers(0, 5, count).astype(float)),
            "kind": Labels(random.integers(-1, 4, count), kinds),
            "many": Labels(random.integers(0, 3_000, count), many),
            "words": Texts(words),
            "empty": Numbers(np.full(count, np.nan)),
        },
    ).numbered(0)


def same(one: object, other: object) -> bool:
    """Compare two dataclasses field by field, arrays bit by bit with their types."""
    if isinstance(one, np.ndarray):
        assert isinstance(other, np.ndarray)
        if one.dtype.kind == "U":
            return one.tolist() == other.tolist()
        return (one.dtype, one.shape, one.tobytes()) == (other.dtype, other.shape, other.tobytes())
    if isinstance(one, tuple) and one and not hasattr(one, "_fields"):
        assert isinstance(other, tuple)
        return len(one) == len(other) and all(map(same, one, other))
    if type(one).__module__.startswith("service") and hasattr(one, "__dataclass_fields__"):
        return type(one) is type(other) and all(
            same(getattr(one, each.name), getattr(other, each.name))
            for each in fields(one)  # type: ignore[arg-type]
        )
    return one == other


def fitted(plan: BlockPlan = DAYS) -> tuple[ReferenceBlocks, str]:
    return fit(rows(), NAMES, plan), kept.made_of(rows(), NAMES, plan)


@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS)
def test_what_was_kept_is_a_fresh_fit_bit_by_bit(plan: BlockPlan) -> None:
    """Scores, sums and the model that is made of them are those of a fit to the same rows."""
    fresh, made_of = fitted(plan)
    content = kept.encode(fresh, made_of)
    again = kept.decode(content)
    assert again.made_of == made_of
    read = again.with_plan(plan)
    assert same(fresh, read)
    assert read.spec.fingerprint == fresh.spec.fingerprint
    assert same(block_model.fit(fresh), block_model.fit(read))
    assert kept.encode(*fitted(plan)) == content


def test_a_reference_without_columns_is_kept() -> None:
    """Nothing to judge by is nothing, and no error."""
    fresh = fit(rows(), ["never came"], DAYS)
    assert same(kept.decode(kept.encode(fresh, "m")).with_plan(DAYS), fresh)


def test_any_other_rows_are_made_of_something_else() -> None:
    """A value, a time that changes a block, a label, a column or a plan: each is another fit."""
    batch = rows()
    size = batch.columns["size"]
    kind = batch.columns["kind"]
    assert isinstance(size, Numbers)
    assert isinstance(kind, Labels)
    moved = size.values.copy()
    moved[17] = np.nextafter(moved[17], np.inf)
    later = batch.event_time.copy()
    later[100] += DAY
    an_hour = PLANS["season"]
    made = [
        kept.made_of(batch, NAMES, DAYS),
        kept.made_of(batch.with_column("size", Numbers(moved)), NAMES, DAYS),
        kept.made_of(replace(batch, event_time=later), NAMES, DAYS),
        kept.made_of(batch, NAMES[1:], DAYS),
        kept.made_of(batch, NAMES, HOURS),
        kept.made_of(batch, NAMES, an_hour),
        kept.made_of(batch, NAMES, replace(an_hour, season=Season(SeasonKind.HOUR_OF_WEEK))),
        kept.made_of(batch, NAMES, DAYS, "components"),
        kept.made_of(batch.with_column("kind", Labels(kind.codes, np.array([*"abcd"]))), NAMES, DAYS),
        kept.made_of(batch.take(slice(0, batch.rows - 1)), NAMES, DAYS),
    ]
    assert len(set(made)) == len(made)
    assert kept.made_of(rows(), NAMES, DAYS) == made[0]


def test_damaged_bytes_are_refused() -> None:
    """One bit anywhere, a cut, or another format is an error that says so; nothing is read from it."""
    content = kept.encode(*fitted())
    for at in {*range(24), *range(24, len(content), len(content) // 40)}:
        damaged = bytearray(content)
        damaged[at] ^= 1
        with pytest.raises(CodecError):
            kept.decode(bytes(damaged))
    for cut in (0, 10, 22, len(content) // 2, len(content) - 1):
        with pytest.raises(CodecError, match=r"cut short|damaged"):
            kept.decode(content[:cut])
    with pytest.raises(CodecError, match=f"format {kept.FORMAT + 1}"):
        kept.decode(content[:4] + struct.pack(">H", kept.FORMAT + 1) + content[6:])


def test_bytes_of_another_writer_are_refused() -> None:
    """A right checksum over parts that do not belong together is not enough."""
    fresh, made_of = fitted()
    other = fit(rows(seed=2), NAMES, DAYS)
    for mixed in (
        replace(fresh, spec=other.spec),
        replace(fresh, second=fresh.second[1:]),
        replace(fresh, spec=replace(fresh.spec, expected=fresh.spec.expected + 1)),
    ):
        with pytest.raises(CodecError, match="damaged"):
            kept.decode(kept.encode(mixed, made_of))


# Scores are whole numbers, the same on every machine for values as plain as these.
GOLDEN = {1: "9151babbe07f3ed8"}


def test_another_way_to_fit_is_another_format() -> None:
    """A version that fits the same rows otherwise has to raise FORMAT: what is kept would hide the change.

    Where this fails, raise `kept.FORMAT` and enter here what the test found.
    """
    fresh, _ = fitted()
    digest = hashlib.sha256(fresh.spec.fingerprint.encode())
    digest.update(fresh.sums.sums.tobytes() + fresh.sums.rows.tobytes() + fresh.sums.sub_blocks.tobytes())
    digest.update(np.round(fresh.second * 2**20).astype(np.int64).tobytes())
    assert {kept.FORMAT: digest.hexdigest()[:16]} == GOLDEN
