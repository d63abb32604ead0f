"""A method that contradicts itself is refused where it is made, and so cannot be imported."""

from __future__ import annotations

from pathlib import Path

import pytest

from service.core.measurement import Worse
from service.core.rows.schema import Kind
from service.methods.drift import families
from service.methods.drift.method import (
    Compression,
    Definition,
    InWorker,
    Method,
    distance,
    either,
    labels,
    numbers,
    p_value,
)
from service.methods.drift.registry import ALL

SOME = numbers(lambda *_: 0.5)


def bound(*_: object) -> float:
    return 0.0


def test_a_method_without_a_word_on_compression_is_refused():
    """Leaving the promise out is an error of Python's own, before any test runs."""
    with pytest.raises(TypeError, match="compression"):
        Method(  # type: ignore[call-arg]
            name="new",
            definition=Definition.OWN,
            compute=SOME,
            unit="",
            worse=Worse.HIGHER,
            threshold=0.1,
            inclusive=True,
        )


def test_a_promised_bound_needs_its_function():
    """`bound` without a function that gives one is refused, and so is a function that nobody promised."""
    with pytest.raises(ValueError, match="new:own: its compression is `bound`; expected a function"):
        p_value("new", Definition.OWN, SOME, Compression.BOUND)
    for word in (Compression.EXACT, Compression.REFUSES):
        with pytest.raises(ValueError, match=f"is `{word}`, which has no use"):
            p_value("new", Definition.OWN, SOME, word, bound)


def test_a_method_has_one_way_to_its_value():
    """It is computed here or asked of the worker process, not neither and not both."""
    asked = InWorker(frozenset({Kind.NUMERICAL}), 10)
    for compute, in_worker in (({}, None), (SOME, asked)):
        with pytest.raises(ValueError, match="one of `compute`, `matched` and `in_worker`"):
            p_value("new", Definition.OWN, compute, Compression.REFUSES, in_worker=in_worker)


def test_every_family_is_registered():
    """A file in the folder that is not imported in its `__init__` would be a method that nobody can name."""
    files = {path.stem for path in Path(families.__path__[0]).glob("[!_]*.py")}
    assert files == {name for name in vars(families) if name in files}
    listed = [m.full_name for name in files for m in getattr(families, name).METHODS]
    assert sorted(listed) == sorted(method.full_name for method in ALL)


def test_a_distance_rises_and_has_a_bound():
    """Evidently's threshold of distances is 0.1, and a distance of just that has drifted."""
    made = distance("new", Definition.ROBUST, "share", SOME, bound)
    assert (made.name, made.full_name, made.unit, made.compute) == ("new", "new:robust", "share", SOME)
    assert (made.worse, made.threshold, made.inclusive) == (Worse.HIGHER, 0.1, True)
    assert (made.compression, made.bound, made.draws_error) == (Compression.BOUND, bound, None)


def test_a_p_value_falls_and_says_what_else_it_needs():
    """By default below 0.05; a threshold of its own, random draws and the worker process are named."""
    made = p_value("new", Definition.OWN, SOME, Compression.EXACT)
    assert (made.unit, made.worse, made.threshold, made.inclusive) == ("p-value", Worse.LOWER, 0.05, False)
    assert (made.compression, made.bound, made.draws_error, made.in_worker) == (
        Compression.EXACT,
        None,
        None,
        None,
    )
    asked = InWorker(frozenset({Kind.TEXT}), 10)
    other = p_value(
        "new", Definition.OWN, {}, Compression.BOUND, bound,
        threshold=0.2, inclusive=True, draws_error=bound, in_worker=asked, by_choice=frozenset({Kind.TEXT}),
    )  # fmt: skip
    assert (other.threshold, other.inclusive, other.bound, other.draws_error) == (0.2, True, bound, bound)
    assert (other.in_worker, other.by_choice, other.kinds) == (asked, {Kind.TEXT}, {Kind.TEXT})


def test_a_method_for_numbers_measures_the_lengths_of_texts():
    """It suits both; where it is named for all columns it leaves those out that it measures by choice."""

    def one(*_: object) -> float:
        return 1.0

    def two(*_: object) -> float:
        return 2.0

    both = either(one, two)
    assert (both[Kind.NUMERICAL], both[Kind.CATEGORICAL]) == (one, two)
    for_numbers = p_value("new", Definition.OWN, numbers(one), Compression.EXACT)
    for_labels = p_value("new", Definition.OWN, labels(two), Compression.EXACT)
    assert [for_numbers.suits(kind) for kind in (Kind.NUMERICAL, Kind.CATEGORICAL, Kind.TEXT)] == [
        True, False, True,
    ]  # fmt: skip
    assert [for_labels.suits(kind) for kind in (Kind.NUMERICAL, Kind.CATEGORICAL, Kind.TEXT)] == [
        False, True, False,
    ]  # fmt: skip
    chosen = p_value("new", Definition.OWN, both, Compression.EXACT, by_choice=frozenset({Kind.NUMERICAL}))
    assert [chosen.suits_unchosen(kind) for kind in (Kind.NUMERICAL, Kind.CATEGORICAL, Kind.TEXT)] == [
        False, True, False,
    ]  # fmt: skip
