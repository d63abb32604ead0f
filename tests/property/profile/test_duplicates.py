"""Repeated rows: exact below the limit, within its band above, and the same however the rows were split."""

from __future__ import annotations

import random
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from service.core.profile import duplicates
from service.core.profile.duplicates import DuplicateSketch
from service.core.rows import row_hash
from service.core.rows.batch import Labels, Numbers

LIMIT = 4
rows = st.lists(st.integers(0, 30), max_size=60)


def _hashes(values: list[int]) -> np.ndarray:
    return row_hash.of_texts(np.array([str(value) if value else "" for value in values], dtype=np.str_))


def _of(values: list[int], limit: int = LIMIT) -> DuplicateSketch:
    return duplicates.of_hashes(_hashes(values), limit=limit, may_miss=True)


@given(rows, st.lists(st.integers(0, 60), max_size=3), st.randoms(use_true_random=False))
def test_any_split_in_any_order_gives_the_whole(
    values: list[int], cuts: list[int], shuffle: random.Random
) -> None:
    """Parts of the rows, merged in any order, are the rows at once: also where only a sample is kept."""
    edges = [0, *sorted(min(cut, len(values)) for cut in cuts), len(values)]
    parts = [_of(values[a:b]) for a, b in pairwise(edges)]
    shuffle.shuffle(parts)
    assert duplicates.merge(parts, limit=LIMIT) == _of(values)
    assert duplicates.merge(
        [duplicates.merge(parts[:2], limit=LIMIT), *parts[2:], DuplicateSketch()], limit=LIMIT
    ) == _of(values)


@given(rows)
def test_below_the_limit_the_share_is_exact(values: list[int]) -> None:
    """The share is that of rows that equal an earlier one; rows without an id count apart."""
    given_ids = [value for value in values if value]
    found = _of(values, limit=100)
    assert (found.rows, found.missing) == (len(given_ids), len(values) - len(given_ids))
    answer = duplicates.repeated(found)
    if not given_ids:
        assert answer is None
    else:
        repeats = len(given_ids) - len(set(given_ids))
        assert answer == (repeats / len(given_ids), None, None)


@given(rows)
def test_never_more_than_the_limit_is_kept(values: list[int]) -> None:
    """However many distinct rows come, the state stays small and the counts are whole."""
    found = _of(values)
    assert len(found.hashes) <= LIMIT
    assert found.counts.sum() <= found.rows
    assert (np.diff(found.hashes.astype(object)) > 0).all()


@pytest.mark.parametrize("heavy", [False, True])
@pytest.mark.parametrize("share", [0.0, 0.02, 0.5])
def test_a_sample_s_band_holds_the_truth(share: float, heavy: bool) -> None:
    """Of 200 samples at least 90 % hold the true share in their band, also where one row has all repeats."""
    held, count = 0, 4_000
    for trial in range(200):
        numbers = np.arange(count) + trial * count
        repeats = round(share * count)
        numbers[:repeats] = numbers[-1] if heavy else numbers[count - repeats :]
        answer = duplicates.repeated(duplicates.of_hashes(_words(numbers), limit=500))
        assert answer is not None
        assert answer.low is not None
        assert answer.high is not None
        truth = 1 - len(np.unique(numbers)) / count
        assert answer.low <= answer.share <= answer.high
        held += answer.low <= truth <= answer.high
    assert held >= 180


def test_a_sample_without_repeats_reports_none() -> None:
    """Distinct rows beyond the limit raise no false share."""
    answer = duplicates.repeated(duplicates.of_hashes(_words(np.arange(50_000)), limit=1_000))
    assert answer is not None
    assert answer.share == 0.0


def _words(numbers: np.ndarray) -> np.ndarray:
    return row_hash.of_rows([Numbers(numbers.astype(np.float64))], len(numbers))


@given(
    st.lists(
        st.tuples(
            st.sampled_from([0.0, -0.0, 1.0, np.nan, -np.nan, np.inf, 5e-324, 2.0**53, 2.0**53 + 2]),
            st.sampled_from(["", "a", "b", "ab"]),
        ),
        max_size=30,
    )
)
@example([(np.nan, "a"), (-np.nan, "a"), (0.0, ""), (-0.0, "")])
def test_equal_rows_and_only_they_share_a_hash(drawn: list[tuple[float, str]]) -> None:
    """Rows have one hash if their values are equal, zeros and gaps of any sign among them."""
    hashes = _row_hashes(drawn)
    plain = [(repr(abs(size) if size == 0 or np.isnan(size) else size), colour) for size, colour in drawn]
    for one, left in zip(plain, hashes, strict=True):
        for other, right in zip(plain, hashes, strict=True):
            assert (one == other) == (left == right)


def _row_hashes(drawn: list[tuple[float, str]], width: int = 2) -> list[int]:
    labels, codes = np.unique(np.array(["", *(c for _, c in drawn)], dtype=f"U{width}"), return_inverse=True)
    sizes = np.array([size for size, _ in drawn], dtype=np.float64)
    columns = [Numbers(sizes), Labels(codes[1:] - 1, labels[1:])]
    return [int(word) for word in row_hash.of_rows(columns, len(drawn))]


def test_the_hash_does_not_depend_on_the_array() -> None:
    """The text's width, unused labels and an absent column make no difference."""
    drawn = [(1.0, "a"), (np.nan, "")]
    assert _row_hashes(drawn) == _row_hashes(drawn, width=40)
    alone = row_hash.of_rows([Labels(np.array([0, 1]), np.array(["1", "2.5"]))], 2)
    among_others = row_hash.of_rows([Labels(np.array([0, 2]), np.array(["1", "2", "2.5"]))], 2)
    assert alone.tolist() == among_others.tolist()
    gone = row_hash.of_rows([None, Numbers(np.array([3.0]))], 1)
    empty = row_hash.of_rows(
        [Labels(np.array([-1]), np.array([], dtype=np.str_)), Numbers(np.array([3.0]))], 1
    )
    assert gone.tolist() == empty.tolist()


def test_text_that_is_no_number_is_not_a_gap() -> None:
    """An unparsable cell and a missing one make two rows."""
    column = Numbers(np.array([np.nan, np.nan]), np.array([True, False]))
    assert len(set(row_hash.of_rows([column], 2).tolist())) == 2


def test_whole_numbers_do_not_collide() -> None:
    """A million rows of small whole numbers, the worst case for a product's low bits, have no collision."""
    first, second = np.divmod(np.arange(1_000_000, dtype=np.float64), 1_000)
    assert len(np.unique(row_hash.of_rows([Numbers(first), Numbers(second)], 1_000_000))) == 1_000_000
