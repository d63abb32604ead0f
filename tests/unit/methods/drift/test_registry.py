from __future__ import annotations

import math
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.core.measurement import Worse
from service.core.profile.distribution import Distribution, empty, labelled, of_numbers
from service.core.rows.schema import Kind
from service.errors import ConfigurationError
from service.methods.drift.registry import METHODS, Definition, Method, compute, default_method, drifted, find
from service.methods.stats.unmeasurable import Unmeasurable
from tests.distributions import CATEGORICAL, NUMERIC
from tests.unit.methods.build import labels, numbers

ALL = [(method, kind) for method in METHODS.values() for kind in sorted(method.kinds)]
IDS = [f"{method.full_name}-{kind}" for method, kind in ALL]


BEST_OF = {Worse.HIGHER: 0.0, Worse.LOWER: 1.0}
BEST = {"anderson:evidently": 0.25}  # where SciPy's table ends
# The root of one less a sum of roots, which is one to its last bit: 2**-52 or two of it are left.
NOT_EXACT = {"hellinger": 2.0**-25.5}
MAY_BE_SILENT = {"chisquare", "anderson", "cramer_von_mises", "es", "t_test", "g_test", "fisher_exact", "TVD"}


def value_or_none(method: Method, kind: Kind, *sides: Distribution) -> float | None:
    """Return the value, None where there is a reason in its place."""
    try:
        return compute(method, kind, *sides)
    except Unmeasurable:
        return None


def test_a_plain_name_means_evidently_s_definition():
    """`psi` finds Evidently's definition, `psi:robust` the robust one."""
    assert find("psi", Kind.NUMERICAL).definition is Definition.EVIDENTLY
    assert find("psi:robust", Kind.CATEGORICAL).definition is Definition.ROBUST


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("wassertein", "did you mean 'wasserstein'"),
        ("empirical_mm", "did you mean 'empirical_mmd'"),
        ("psi:robus", "did you mean 'psi:robust'"),
        ("Wasserstein", "did you mean 'wasserstein'"),
        ("tvd", "did you mean 'TVD'"),
        ("ks:robust", "expected one of: ks:evidently"),
        ("zzzz", "expected one of"),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest(name: str, hint: str):
    """An unknown method is an error that names the nearest known one, or all of them."""
    with pytest.raises(ConfigurationError, match=hint):
        find(name, Kind.NUMERICAL)


def test_a_method_for_numbers_is_refused_for_labels():
    """A method that does not measure the column's kind is refused with those that do."""
    with pytest.raises(ConfigurationError, match=r"does not measure categorical.*jensenshannon"):
        find("ks", Kind.CATEGORICAL)


@pytest.mark.parametrize("name", ["ks:robust", "ks:other", ":robust", ""])
def test_a_definition_that_does_not_exist_is_refused(name: str):
    """A method is found only in a definition that it has."""
    with pytest.raises(ConfigurationError):
        find(name, Kind.NUMERICAL)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("psi", 0.1, True),
        ("psi", 0.0999, False),
        ("psi", 3.0, True),
        ("ks", 0.05, True),
        ("ks", 0.0501, False),
        ("chisquare", 0.05, False),
        ("chisquare", 0.0499, True),
    ],
)
def test_a_value_at_the_threshold_follows_the_method(name: str, value: float, expected: bool):
    """Distances and ks count the threshold itself as drift, chisquare and z do not."""
    method = find(name, Kind.NUMERICAL)
    assert drifted(method, value, method.threshold) is expected


def test_p_values_get_worse_downwards():
    """Every p-value is worse when lower and every distance when higher."""
    distances = {"wasserstein", "psi", "jensenshannon", "kl_div", "hellinger", "ed"}
    assert {m.name for m in METHODS.values() if m.worse is Worse.HIGHER} == distances
    assert all(m.unit == "p-value" for m in METHODS.values() if m.worse is Worse.LOWER)


@pytest.mark.parametrize(
    ("reference", "distinct", "kind", "expected"),
    [
        (1_000, 6, Kind.NUMERICAL, "ks"),
        (1_000, 5, Kind.NUMERICAL, "chisquare"),
        (1_000, 2, Kind.NUMERICAL, "z"),
        (1_000, 3, Kind.CATEGORICAL, "chisquare"),
        (1_000, 2, Kind.CATEGORICAL, "z"),
        (1_001, 6, Kind.NUMERICAL, "wasserstein"),
        (1_001, 5, Kind.NUMERICAL, "jensenshannon"),
        (1_001, 50, Kind.CATEGORICAL, "jensenshannon"),
    ],
)
def test_default_goes_by_reference_size_and_distinct_values(
    reference: int, distinct: int, kind: Kind, expected: str
):
    """The default is chosen by the reference's finite rows and both sides' distinct values."""
    of_reference = of_numbers(np.append(np.arange(reference) % (distinct - 1), [np.nan, np.inf]))
    chosen = default_method(of_reference, numbers(distinct), kind)
    assert chosen.name == expected


@pytest.mark.parametrize(("method", "kind"), ALL, ids=IDS)
def test_an_empty_side_is_a_reason(method: Method, kind: Kind):
    """Without a value on a side there is no number, and the reason names the side."""
    some = numbers(1.0, 2.0) if kind is Kind.NUMERICAL else labels("ab")
    with pytest.raises(Unmeasurable, match="no value in the window"):
        compute(method, kind, some, empty(kind))
    with pytest.raises(Unmeasurable, match="no value in the reference"):
        compute(method, kind, empty(kind), some)


@pytest.mark.parametrize(("method", "kind"), ALL, ids=IDS)
@pytest.mark.parametrize("name", NUMERIC)
def test_a_sample_has_not_drifted_from_itself(name: str, method: Method, kind: Kind):
    """Every method gives its best value, exactly, for a sample against itself, or says why it cannot tell."""
    side = of_numbers(NUMERIC[name][0])
    value = value_or_none(method, kind, side, side)
    if value is None:
        assert method.name in MAY_BE_SILENT  # one category or too few, too few rows or too few values
        return
    assert not drifted(method, value, method.threshold)
    if method.full_name == "mannw:evidently":
        assert 0.5 < value <= 1.0  # one side of a symmetric law, and the step of its continuity correction
        return
    best = BEST.get(method.full_name, BEST_OF[method.worse])
    assert abs(value - best) <= NOT_EXACT.get(method.name, 0.0)


FLOATS = st.floats(allow_nan=True, allow_infinity=True, width=64)


@pytest.mark.parametrize(("method", "kind"), ALL, ids=IDS)
@settings(max_examples=60, deadline=None)
@given(
    reference=st.lists(FLOATS | st.sampled_from([0.0, 1.0, 1e308, -1e308, 5e-324]), max_size=30),
    current=st.lists(FLOATS | st.sampled_from([0.0, 1.0, 1e308, -1e308, 5e-324]), max_size=30),
)
def test_never_nan_or_infinity(method: Method, kind: Kind, reference: list[float], current: list[float]):
    """Whatever the rows hold, a method gives a finite number in its range or a reason, and no warning."""
    value = value_or_none(method, kind, numbers(*reference), numbers(*current))
    if value is None:
        return
    assert math.isfinite(value)
    assert value >= -1e-9
    if method.worse is Worse.LOWER:
        assert value <= 1.0


def test_labels_may_be_numbers_on_one_side_only():
    """A categorical column that was numbers and comes as text is compared by the numbers' text."""
    as_numbers, as_text = numbers(*[1.0] * 60, *[2.0] * 40), labels(["1"] * 60 + ["2"] * 40)
    for method, kind in ALL:
        if kind is Kind.CATEGORICAL:
            value = compute(method, kind, as_numbers, as_text)
            assert not drifted(method, value, method.threshold), method.full_name


def test_numbers_as_labels_are_never_binned():
    """A categorical column of many numbers has a cell a category, a numerical one Sturges bins."""
    reference, current = (of_numbers(side) for side in CATEGORICAL["numbers as labels"])
    method = find("psi", Kind.CATEGORICAL)
    as_text = compute(method, Kind.CATEGORICAL, labelled(reference), labelled(current))
    assert compute(method, Kind.CATEGORICAL, reference, current) == pytest.approx(as_text, rel=1e-12)
    assert compute(method, Kind.NUMERICAL, reference, current) < as_text


def test_names_are_known_without_importing_scipy():
    """The registry is imported at start-up, so it must not bring SciPy or pandas along."""
    code = (
        "import sys, service.methods.measure_window;"
        "print([n for n in ('scipy', 'pandas') if n in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
