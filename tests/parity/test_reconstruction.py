"""The reconstruction error against scikit-learn's own parts, put together as NannyML puts them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.decomposition import PCA
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from service.core.exact.sums import to_float
from service.core.profile import pca_reconstruction, profile
from service.core.profile.spec import pca_components
from service.core.reference import reference
from service.sources.tables.from_pandas import to_batch
from tests.parity.flights import LABELS, NUMBERS, SCHEMA, january, window


def _encoded(frame: pd.DataFrame) -> np.ndarray:
    # Labels by their share of January's rows; numbers within January's range.
    whole = january()
    numbers = [frame[name].astype(float).clip(whole[name].min(), whole[name].max()) for name in NUMBERS]
    shares = [frame[name].map(whole[name].value_counts(normalize=True)).fillna(0.0) for name in LABELS]
    return np.column_stack([*numbers, *shares])  # the schema's order


def _with_gaps(frame: pd.DataFrame) -> pd.DataFrame:
    gaps = {
        name: frame[name].mask(frame.index % step == 3) for name, step in (("dep_delay", 7), ("hour", 40))
    }
    return frame.assign(**gaps)


@pytest.mark.parametrize("rows", [200, 5_000])
def test_the_mean_error_is_scikit_learn_s(rows: int) -> None:
    """On flights with gaps the mean error and the number of components agree to 1e-9."""
    whole, current = _with_gaps(january()), _with_gaps(window(rows))
    pca = PCA(n_components=pca_components.VARIANCE_SHARE)
    model = make_pipeline(SimpleImputer(), StandardScaler(), pca).fit(_encoded(whole))
    scaled = model[:-1].transform(_encoded(current))
    expected = np.linalg.norm(scaled - pca.inverse_transform(pca.transform(scaled)), axis=1)

    made = reference.of(to_batch(whole, SCHEMA, None).batch, SCHEMA, components=True)
    fitted = made.spec.components
    assert fitted is not None
    assert fitted.kept == pca.n_components_
    batch = to_batch(current, SCHEMA, None).batch
    assert np.allclose(pca_components.errors(batch, fitted), expected, rtol=1e-9, atol=1e-9)
    summed = profile.of(batch, SCHEMA, made.spec)[pca_reconstruction.PART]
    assert summed is not None
    assert to_float(summed.total, summed.rows) == pytest.approx(expected.mean(), rel=1e-9)
    assert summed.imputed == np.isnan(_encoded(current)).any(axis=1).sum()
