"""Text columns keep the laws of a profile: any split, any order, through bytes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.core.profile import error_cells, profile, row_counts, row_sample, texts
from service.core.profile.codec import profile as codec
from service.core.profile.row_sample import TEXT_LENGTH
from service.core.profile.spec import vocabulary
from service.core.profile.spec.spec import ProfileSpec
from service.core.reference import reference
from service.core.rows.batch import Batch, Numbers, Texts
from service.core.rows.schema import Column, Kind, Role, Schema
from service.errors import ProfileError

SCHEMA = Schema((Column("comment", Kind.TEXT), Column("note", Kind.TEXT)))
WORDS = ["late", "early", "Late", "  ", "", "two words", "déjà vu", "x" * 2_500, "日本"]
cells = st.one_of(st.none(), st.sampled_from(WORDS), st.text(max_size=12))


def column(values: list[str | None]) -> Texts:
    return Texts(np.array([*values, None], dtype=object)[:-1])


def batch(values: list[str | None]) -> Batch:
    rows = len(values)
    return Batch(rows, np.zeros(rows, dtype=np.int64), {"comment": column(values)}).numbered(0)


known = vocabulary.vocabulary_of(column(["late two", "early"]))
SPEC = ProfileSpec(sample_rows=4, vocabularies={"comment": known})


@given(st.lists(cells, max_size=12), st.data())
def test_any_split_of_texts_merges_to_the_whole(values: list[str | None], data: st.DataObject) -> None:
    """Profiles of the parts, merged in any order, equal the profile of all rows bit for bit."""
    rows = batch(values)
    whole = profile.of(rows, SCHEMA, SPEC)
    parts_of = np.array(data.draw(st.lists(st.integers(0, 2), min_size=rows.rows, max_size=rows.rows)))
    parts = [profile.of(rows.take(np.flatnonzero(parts_of == part)), SCHEMA, SPEC) for part in range(3)]
    parts.append(profile.empty(SCHEMA, SPEC))
    merged = profile.merge(data.draw(st.permutations(parts)))
    assert merged == whole
    assert codec.encode(merged) == codec.encode(whole)
    assert codec.decode(codec.encode(whole)) == whole


@given(st.lists(cells, max_size=12))
def test_what_is_counted_of_texts_is_what_the_rows_say(values: list[str | None]) -> None:
    """Rows, missing ones, lengths, empty texts and words equal what plain Python counts."""
    whole = profile.of(batch(values), SCHEMA, SPEC)
    counted, text = whole.columns["comment"], whole[texts.PART]["comment"]
    present = [value for value in values if value is not None]
    assert (counted.rows, counted.missing) == (len(values), len(values) - len(present))
    lengths = np.repeat(counted.distribution.values, counted.distribution.counts)
    assert lengths.tolist() == sorted(map(float, map(len, present)))
    assert text.empty == sum(not value.strip() for value in present)
    assert text.is_constant is (len(set(present)) == 1)
    assert text.unknown <= text.words


@given(st.lists(cells, min_size=1, max_size=12), st.randoms(use_true_random=False))
def test_a_reference_knows_its_own_words_in_any_order(values: list[str | None], random: object) -> None:
    """No word of the reference is unknown to it, and the order of its rows does not change what it knows."""
    made = reference.of(batch(values), SCHEMA)
    assert made.profile[texts.PART]["comment"].unknown == 0
    shuffled = list(values)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert reference.of(batch(shuffled), SCHEMA).spec.fingerprint == made.spec.fingerprint


def test_words_go_by_their_lower_case_and_the_frequent_ones_are_kept() -> None:
    """Case makes no new word, punctuation none at all; beyond the limit the rarest words are forgotten."""
    spec = vocabulary.vocabulary_of(column(["Late, late! early", "late early rare"]), most=2)
    got = texts.of(column(["LATE... early", None, "rare new"]), spec)
    assert (got.words, got.unknown) == (4, 2)


def test_texts_counted_with_other_words_are_not_merged() -> None:
    """Parts made with another reference's vocabulary are refused, both named."""
    other = vocabulary.vocabulary_of(column(["nothing"]))
    parts = [texts.of(column(["late"]), known), texts.of(column(["late"]), other)]
    with pytest.raises(ProfileError, match=rf"{known.fingerprint}.*{other.fingerprint}"):
        texts.merge(parts)


def test_a_sampled_text_is_cut_and_the_counts_are_not() -> None:
    """Of a long text the sample keeps the beginning; its length and words are those of the whole."""
    found = profile.of(batch(["x" * 2_500]), SCHEMA, SPEC)
    kept = found[row_sample.PART].columns["comment"]
    assert isinstance(kept, Texts)
    assert kept.texts.tolist() == ["x" * TEXT_LENGTH]
    assert found.columns["comment"].distribution.values.tolist() == [2_500.0]


def test_rows_that_differ_in_a_text_alone_are_no_repeats() -> None:
    """Only a row with the same text repeats another; a missing text is unlike an empty one."""
    found = profile.of(batch(["late", "early", "late", None, ""]), SCHEMA, SPEC)
    assert found[row_counts.PART].repeats.counts.tolist().count(2) == 1
    assert len(found[row_counts.PART].repeats.hashes) == 4


def test_errors_are_not_split_by_a_text() -> None:
    """A regression has concept cells for its other columns and none for a text."""
    names = (Column("guess", Kind.NUMERICAL, Role.PREDICTION), Column("truth", Kind.NUMERICAL, Role.TARGET))
    numbers = Numbers(np.arange(4.0))
    rows = batch(["a", "b", "c", None])
    held = Batch(4, rows.event_time, {**rows.columns, "guess": numbers, "truth": numbers})
    assert set(reference.of(held, Schema((*SCHEMA.columns, *names))).profile[error_cells.PART]) == {"guess"}
