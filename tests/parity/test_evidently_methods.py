"""Every method of Evidently's definition against Evidently itself, on named and on drawn samples."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.core.profile.distribution import Distribution, of_codes, of_numbers
from service.core.rows.schema import Kind
from service.methods.drift.registry import METHODS, Definition, Method, compute, default_method, drifted
from service.methods.stats.unmeasurable import Unmeasurable
from tests.distributions import CATEGORICAL, NUMERIC
from tests.parity.oracle import agree, cleaned, evidently, is_arbitrary, slack, verdict

if TYPE_CHECKING:
    from tests.distributions import Sample

NATIVE = [method for method in METHODS.values() if method.definition is Definition.EVIDENTLY]
PAIRS = [(method, kind) for method in NATIVE for kind in sorted(method.kinds)]


def counted(sample: Sample, kind: Kind) -> Distribution:
    """Count a sample as the profile of a column of `kind` does."""
    if kind is Kind.NUMERICAL:
        return of_numbers(np.asarray(sample, dtype=np.float64))
    labels, codes = np.unique(sample, return_inverse=True)
    return of_codes(codes, labels)


def check(method: Method, kind: Kind, reference: Sample, current: Sample) -> None:
    """Assert that value and verdict are Evidently's, or that neither has a value that the rows decide."""
    sides = cleaned(reference), cleaned(current)
    score, says_drift = verdict(method, kind, *sides)
    try:
        value = compute(method, kind, counted(reference, kind), counted(current, kind))
    except Unmeasurable:
        assert score is None or is_arbitrary(method.name, *sides), f"{method.name}: Evidently gives {score}"
        return
    assert score is not None, f"{method.name}: Evidently gives nothing, we give {value}"
    assert agree(method.name, value, score, slack(method.name, *sides)), (
        f"{method.name}: {value!r} is not Evidently's {score!r}"
    )
    if abs(value - method.threshold) > 1e-9:
        assert drifted(method, value, method.threshold) == says_drift


@pytest.mark.parametrize(("method", "kind"), PAIRS, ids=[f"{m.name}-{k}" for m, k in PAIRS])
@pytest.mark.parametrize("name", NUMERIC)
def test_named_numbers_equal_evidently(name: str, method: Method, kind: Kind) -> None:
    """Every method gives Evidently's value and verdict on every named sample of numbers."""
    check(method, kind, *NUMERIC[name])


@pytest.mark.parametrize("method", [m for m in NATIVE if Kind.CATEGORICAL in m.kinds], ids=lambda m: m.name)
@pytest.mark.parametrize("name", CATEGORICAL)
def test_named_labels_equal_evidently(name: str, method: Method) -> None:
    """Every method for labels gives Evidently's value and verdict on every named sample of them."""
    check(method, Kind.CATEGORICAL, *CATEGORICAL[name])


GRID = st.integers(-40, 40).map(lambda eighths: eighths / 8.0)
PLAIN = st.floats(-1e6, 1e6, allow_subnormal=False).filter(lambda number: number == 0.0 or abs(number) > 1e-6)
ODD = st.sampled_from([np.nan, np.inf, -np.inf, 1e12, -1e12, 0.0, -0.0])


@st.composite
def samples(draw: st.DrawFn) -> np.ndarray:
    """Draw a sample: a grid with ties or plain floats, now and then odd values, repeated up to 60 times."""
    numbers = draw(st.lists(draw(st.sampled_from([GRID, PLAIN])), min_size=1, max_size=40))
    numbers += draw(st.lists(ODD, max_size=3))
    return np.repeat(np.array(numbers), draw(st.sampled_from([1, 2, 60])))


@pytest.mark.parametrize(("method", "kind"), PAIRS, ids=[f"{m.name}-{k}" for m, k in PAIRS])
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.differing_executors])
@given(reference=samples(), current=samples())
def test_drawn_numbers_equal_evidently(
    method: Method, kind: Kind, reference: np.ndarray, current: np.ndarray
) -> None:
    """Every method gives Evidently's value on drawn samples with ties, NaN, infinities and outliers."""
    check(method, kind, cleaned(reference) if kind is Kind.CATEGORICAL else reference, _alike(kind, current))


def _alike(kind: Kind, sample: np.ndarray) -> np.ndarray:
    return cleaned(sample) if kind is Kind.CATEGORICAL else sample


LABELS = st.lists(st.sampled_from(["a", "b", "B", "é", "10", "9", " "]), min_size=1, max_size=60)


@pytest.mark.parametrize("method", [m for m in NATIVE if Kind.CATEGORICAL in m.kinds], ids=lambda m: m.name)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.differing_executors])
@given(reference=LABELS, current=LABELS)
def test_drawn_labels_equal_evidently(method: Method, reference: list[str], current: list[str]) -> None:
    """Every method for labels gives Evidently's value on drawn labels."""
    check(method, Kind.CATEGORICAL, np.array(reference), np.array(current))


@pytest.mark.parametrize("name", [*NUMERIC, *CATEGORICAL])
def test_default_choice_is_evidently_s(name: str) -> None:
    """The default method is the one that Evidently chooses for the same column."""
    kind = Kind.NUMERICAL if name in NUMERIC else Kind.CATEGORICAL
    reference, current = (NUMERIC if name in NUMERIC else CATEGORICAL)[name]
    known = evidently()
    expected = known.default(pd.Series(reference), pd.Series(current), known.kinds[kind])
    ours = default_method(counted(reference, kind), counted(current, kind), kind)
    assert ours.name == expected.name
    assert ours.threshold == expected.default_threshold


@pytest.mark.parametrize("method", NATIVE, ids=lambda m: m.name)
def test_threshold_is_evidently_s(method: Method) -> None:
    """Every method's threshold is the one that Evidently uses."""
    assert method.threshold == next(iter(evidently().tests[method.name].values())).default_threshold
