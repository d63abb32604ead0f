"""A method that contradicts itself is refused where it is made, and so cannot be imported."""

from __future__ import annotations

from pathlib import Path

import pytest

from service.core.measurement import Worse
from service.core.rows.schema import Kind
from service.methods.drift import families
from service.methods.drift.method import Compression, Definition, InWorker, Method, numbers, p_value
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
        with pytest.raises(ValueError, match="one of `compute` and `in_worker`"):
            p_value("new", Definition.OWN, compute, Compression.REFUSES, in_worker=in_worker)


def test_every_family_is_registered():
    """A file in the folder that is not imported in its `__init__` would be a method that nobody can name."""
    files = {path.stem for path in Path(families.__path__[0]).glob("[!_]*.py")}
    assert files == {name for name in vars(families) if name in files}
    listed = [m.full_name for name in files for m in getattr(families, name).METHODS]
    assert sorted(listed) == sorted(method.full_name for method in ALL)
