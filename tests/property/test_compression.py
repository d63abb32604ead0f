"""Every registered drift method keeps what it promises of compressed numbers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.core.profile.distribution import Distribution, compress, labelled, of_numbers
from service.core.rows.batch import Texts
from service.core.rows.schema import Kind
from service.methods.drift.in_worker import question, question_about_texts
from service.methods.drift.method import Compression, Method
from service.methods.drift.registry import ALL, compute, error_bound
from service.methods.stats.unmeasurable import Unmeasurable

COMPUTED = [(method, kind) for method in ALL for kind in sorted(method.compute)]
ASKED = [method for method in ALL if method.in_worker is not None]
ROUNDING = 1e-9


@st.composite
def pairs(draw: st.DrawFn) -> tuple[list[Distribution], list[Distribution]]:
    """Draw two samples as they came, and with at least one of them compressed."""
    random = np.random.default_rng(draw(st.integers(0, 10**6)))
    reference = random.normal(size=draw(st.integers(40, 900)))
    current = random.normal(size=draw(st.integers(2, 900)))
    match draw(st.sampled_from(["alike", "shifted", "lognormal", "grid", "zeros", "heavy", "negative"])):
        case "shifted":
            current = current + 2.0
        case "lognormal":
            reference, current = np.exp(reference), np.exp(current * 1.5)
        case "grid":
            reference, current = reference.round(1), current.round(1) + draw(st.sampled_from([0.0, 1e-4]))
        case "zeros":
            reference = np.where(random.random(len(reference)) < 0.5, 0.0, np.abs(reference))
            current = np.where(random.random(len(current)) < 0.4, 0.0, current)
        case "heavy":
            reference = np.where(random.random(len(reference)) < 0.4, 1.3, reference)
        case "negative":
            reference, current = -np.exp(reference), np.where(random.random(len(current)) < 0.3, 0.0, -1.0)
    exact = [of_numbers(side) for side in (reference, current)]
    limits = draw(st.sampled_from([(24, 8), (24, 10**6), (60, 60), (10**6, 8), (300, 60), (300, 10**6)]))
    kept = [compress(side, limit) for side, limit in zip(exact, limits, strict=True)]
    return exact, kept


@pytest.mark.parametrize(("method", "kind"), COMPUTED, ids=[f"{m.full_name}-{k}" for m, k in COMPUTED])
@settings(max_examples=80, deadline=None)
@given(pairs())
def test_a_value_of_compressed_numbers_is_what_the_method_promises(
    method: Method, kind: Kind, sides: tuple[list[Distribution], list[Distribution]]
):
    """Within the bound, exactly equal, or a reason: by the method's own word."""
    exact, kept = sides
    if not any(side.dropped_bits for side in kept):
        return
    if method.compression is Compression.REFUSES:
        with pytest.raises(Unmeasurable, match="too many distinct values"):
            compute(method, kind, *kept)
        return
    try:
        value = compute(method, kind, *kept)
        bound = error_bound(method, *kept, value)
    except Unmeasurable as reason:
        assert str(reason)  # noqa: PT017 - a reason is one of the right answers
        return
    truth = compute(method, kind, *exact)
    if method.compression is Compression.EXACT:
        assert (value, bound) == (truth, None)
        return
    assert bound is not None
    assert abs(value - truth) <= bound + ROUNDING


@pytest.mark.parametrize("method", ASKED, ids=lambda m: m.full_name)
def test_what_the_worker_process_is_asked_is_what_the_method_promises(method: Method):
    """A test of values refuses compressed ones before it asks; one of texts is asked about the texts."""
    kept = compress(of_numbers(np.random.default_rng(3).normal(size=500)), 50)
    assert kept.dropped_bits
    if method.compression is Compression.REFUSES:
        (kind,) = method.kinds
        with pytest.raises(Unmeasurable, match="too many distinct values"):
            question(method, kind, kept, kept)
        return
    assert method.compression is Compression.EXACT
    texts = Texts(np.array(["late", "early"], dtype=object))
    asked, rows = question_about_texts(method, method.threshold, texts, texts)
    assert (asked.call.arguments[2:], rows) == ((["late", "early"],) * 2, 2)


def test_labels_that_were_compressed_numbers_are_refused():
    """A column of compressed numbers that becomes text cannot be counted by its values."""
    kept = compress(of_numbers(np.random.default_rng(3).normal(size=500)), 50)
    as_text = labelled(of_numbers(np.array([1.0, 2.0])))
    for method in ALL:
        if Kind.CATEGORICAL in method.compute:
            with pytest.raises(Unmeasurable, match="too many distinct values"):
                compute(method, Kind.CATEGORICAL, kept, as_text)
