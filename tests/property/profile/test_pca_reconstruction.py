"""Reconstruction errors are a commutative monoid over rows, bit for bit: a row's error is its own alone."""

from __future__ import annotations

import random
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.core.profile import pca_reconstruction, profile
from service.core.profile.codec import profile as codec
from service.core.profile.spec import pca_components
from service.core.profile.spec.pca_components import Components
from service.core.profile.spec.spec import ProfileSpec
from service.core.rows.batch import Batch, Labels, Numbers
from service.core.rows.schema import Column, Kind, Schema
from service.errors import ProfileError
from tests.property.strategies import LABELS, SCHEMA, batches

WIDE = Schema((*SCHEMA.columns, Column("weight", Kind.NUMERICAL), Column("price", Kind.NUMERICAL)))


def _reference() -> Batch:
    random_ = np.random.default_rng(3)
    rows = 400
    size = random_.normal(0.0, 1.0, rows)
    columns: dict[str, Numbers | Labels] = {
        "size": Numbers(size),
        "weight": Numbers(2.0 * size + random_.normal(0.0, 0.3, rows)),
        "price": Numbers(random_.normal(5.0, 1e-3, rows)),
        "colour": Labels(random_.choice([0, 1, 1, 2, 2, 2], rows), LABELS),
    }
    return Batch(rows, np.arange(rows, dtype=np.int64), columns)


def _fitted() -> Components:
    fitted = pca_components.fit(_reference(), WIDE)
    assert fitted is not None
    return fitted


FITTED = _fitted()
SPEC = ProfileSpec(components=FITTED)


@st.composite
def rows_of(draw: st.DrawFn) -> Batch:
    """Draw rows with as many gaps as any, two of their columns ordinary numbers."""
    batch = draw(batches())
    cells = st.lists(
        st.floats(-1e9, 1e9, allow_nan=False) | st.just(np.nan), min_size=batch.rows, max_size=batch.rows
    )
    more = {name: Numbers(np.array(draw(cells), dtype=np.float64)) for name in ("weight", "price")}
    return replace(batch, columns={**batch.columns, **more})


@given(rows_of(), st.lists(st.integers(0, 25), max_size=4), st.randoms(use_true_random=False))
def test_any_split_in_any_order_gives_the_whole(
    batch: Batch, cuts: list[int], shuffle: random.Random
) -> None:
    """Parts merged in any order and brackets equal the rows at once, also after encoding and decoding."""
    edges = [0, *sorted(min(cut, batch.rows) for cut in cuts), batch.rows]
    parts = [profile.of(batch.take(slice(a, b)), WIDE, SPEC) for a, b in pairwise(edges)]
    shuffle.shuffle(parts)
    parts = [profile.merge(parts[:2]), *(codec.decode(codec.encode(part)) for part in parts[2:])]
    whole = profile.of(batch, WIDE, SPEC)
    assert profile.merge([profile.empty(WIDE, SPEC), *parts]) == whole
    assert codec.decode(codec.encode(whole)) == whole


@given(rows_of())
def test_every_row_is_counted_once(batch: Batch) -> None:
    """Rows with an error and rows without any value are all rows, and no error is negative."""
    summed = pca_reconstruction.of(batch, FITTED)
    assert summed.rows + summed.empty == batch.rows
    assert 0 <= summed.imputed <= summed.rows
    assert np.count_nonzero(~np.isnan(pca_components.errors(batch, FITTED))) == summed.rows


def test_a_row_s_error_does_not_depend_on_its_neighbours() -> None:
    """Rows alone, in blocks and in another order have the same errors, to the last bit."""
    batch = _reference()
    whole = pca_components.errors(batch, FITTED)
    order = np.random.default_rng(0).permutation(batch.rows)
    assert np.array_equal(pca_components.errors(batch.take(order), FITTED), whole[order])
    alone = [pca_components.errors(batch.take(slice(i, i + 1)), FITTED)[0] for i in range(batch.rows)]
    assert np.array_equal(alone, whole)


def test_errors_of_other_components_are_refused() -> None:
    """Errors from two references have nothing in common; both fingerprints are named."""
    other = replace(FITTED, fingerprint="other")
    with pytest.raises(ProfileError, match=f"{FITTED.fingerprint} and other"):
        pca_reconstruction.merge([pca_reconstruction.empty(FITTED), pca_reconstruction.empty(other)])
    with pytest.raises(ProfileError, match="cannot be merged"):
        profile.merge([profile.empty(WIDE, SPEC), profile.empty(WIDE)])
