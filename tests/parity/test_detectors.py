"""Every detector finds the changes that river's finds on the same stream, whatever restarts lie between."""

from __future__ import annotations

import json
import warnings
from functools import cache
from importlib import import_module
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from service.core.profile import distribution
from service.errors import CodecError, ConfigurationError
from service.methods.concept.detectors import BINARY, DETECTORS, Change, feed, limit_of, start

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    Errors = NDArray[np.float64]

ROWS = 3_000
OTHERWISE: Mapping[str, tuple[dict[str, Any], ...]] = {
    "adwin": ({"delta": 0.05, "clock": 1}, {"max_buckets": 2, "min_window_length": 3, "grace_period": 40}),
    "page_hinkley": (
        {"threshold": 5.0, "mode": "up"},
        {"threshold": 5.0, "mode": "down", "delta": 0.02},
        {"alpha": 0.99, "min_instances": 100, "threshold": 2.0},
    ),
    "ddm": ({"warm_start": 100, "drift_threshold": 2.0},),
    "eddm": ({"warm_start": 10, "beta": 0.8},),
    "hddm_a": ({"drift_confidence": 0.05}, {"two_sided_test": True}),
    "hddm_w": ({"lambda_val": 0.2, "drift_confidence": 0.01}, {"two_sided_test": True}),
    "kswin": ({"seed": 42, "alpha": 0.0001}, {"window_size": 60, "stat_size": 25, "alpha": 0.05}),
}
CASES = [
    (name, parameters) for name in DETECTORS for parameters in ({}, *OTHERWISE[name])
]  # river's defaults first


def _ids(case: tuple[str, dict[str, Any]]) -> str:
    return " ".join([case[0], *(f"{key}={value}" for key, value in case[1].items())])


@cache
def river() -> Any:
    """Import river's detectors once; that takes seconds."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return import_module("river.drift")


def theirs(name: str, parameters: Mapping[str, Any]) -> Any:
    """Return river's detector of that name."""
    drift = river()
    kinds = {
        "adwin": drift.ADWIN,
        "page_hinkley": drift.PageHinkley,
        "kswin": drift.KSWIN,
        "ddm": drift.binary.DDM,
        "eddm": drift.binary.EDDM,
        "hddm_a": drift.binary.HDDMA,
        "hddm_w": drift.binary.HDDMW,
    }
    known = {"seed": 0, **parameters} if name == "kswin" else dict(parameters)
    if name == "eddm" and "beta" in known:
        known["alpha"] = 0.99  # its warning level, of which there is none here, must not lie below
    return kinds[name](**known)


def streams() -> dict[str, Errors]:
    """Give errors of 0 and 1: rates that jump up, fall, creep, stay, and are the ends of what there is."""
    draw = np.random.default_rng(20240229)
    half = ROWS // 2

    def bits(rate: Any) -> Errors:
        return (draw.random(ROWS) < rate).astype(np.float64)

    return {
        "jump": bits(np.repeat([0.1, 0.4], half)),
        "fall": bits(np.repeat([0.6, 0.2], half)),
        "creep": bits(np.linspace(0.05, 0.6, ROWS)),
        "stay": bits(0.3),
        "waves": bits(np.tile(np.repeat([0.1, 0.5], ROWS // 6), 3)),
        "never": np.zeros(ROWS),
        "always": np.ones(ROWS),
        "first error late": np.repeat([0.0, 1.0], half),
    }


def continuous() -> dict[str, Errors]:
    """Give errors of any size as well."""
    draw = np.random.default_rng(20240301)
    known = {
        "jump in size": np.abs(draw.normal(0.0, np.repeat([1.0, 2.0], ROWS // 2))),
        "creep in size": draw.gamma(2.0, np.linspace(0.1, 1.0, ROWS)),
        "heavy tail": np.abs(draw.standard_t(2.0, ROWS)),
        "constant": np.full(ROWS, 0.1),
        "constant, then another": np.repeat([0.3, 0.1], ROWS // 2),
        "large": np.abs(draw.normal(1e6, 1e5, ROWS)),
    }
    return streams() | known


def expected(detector: Any, errors: Errors) -> list[int]:
    """Return the rows at which river's detector says that there is a change."""
    found = []
    for row, value in enumerate(errors.tolist()):
        detector.update(value)
        if detector.drift_detected:
            found.append(row)
    return found


def detected(state: bytes, errors: Errors, cuts: list[int]) -> tuple[list[int], bytes]:
    """Feed the errors in portions, with only the state's bytes kept between."""
    found: list[int] = []
    times = np.arange(len(errors), dtype=np.int64) * 10
    for first, last in pairwise([0, *cuts, len(errors)]):
        state, changes = feed(state, errors[first:last], times[first:last])
        assert [change.time for change in changes] == [(first + change.index) * 10 for change in changes]
        found += [change.row for change in changes]
    return found, state


@pytest.mark.parametrize("case", CASES, ids=_ids)
def test_detections_are_river_s(case: tuple[str, dict[str, Any]]) -> None:
    """The same rows as river's, fed at once or stopped and restored at random rows, and the same state."""
    name, parameters = case
    draw = np.random.default_rng(5)
    found = 0
    for kind, stream in (streams() if name in BINARY else continuous()).items():
        errors = stream[1_000:2_000] if name == "kswin" else stream  # river tests with SciPy, row by row
        wanted = expected(theirs(name, parameters), errors)
        whole, state = detected(start(name, parameters), errors, [])
        assert whole == wanted, kind
        cuts = sorted(draw.integers(0, len(errors), 25).tolist())
        assert detected(start(name, parameters), errors, cuts) == (whole, state), kind
        found += len(wanted)
    assert found  # a detector that never speaks would agree with anything


def test_a_long_stream_agrees_too() -> None:
    """ADWIN's window of 40,000 rows, in buckets of up to 8,192, is cut at the same rows as river's."""
    draw = np.random.default_rng(9)
    errors = np.concatenate([draw.random(40_000), draw.random(2_000) * 1.2, draw.random(3_000) * 0.8])
    wanted = expected(theirs("adwin", {}), errors)
    assert wanted
    assert detected(start("adwin"), errors, [17_001, 40_100])[0] == wanted


def test_the_state_is_small_plain_json() -> None:
    """A detector's state is JSON of at most 10 kB after 3,000 rows, and the same bytes when fed nothing."""
    errors = streams()["stay"]
    for name in DETECTORS:
        state = detected(start(name), errors, [])[1]
        assert json.loads(state)["detector"] == name
        assert len(state) < 10_000
        assert feed(state, np.zeros(0), np.zeros(0, dtype=np.int64)) == (state, ())


def test_rows_without_an_error_are_passed_over() -> None:
    """NaN and infinity are no errors: the changes lie at the same errors, and say where those stood."""
    errors = streams()["jump"]
    _, plain = feed(start("ddm"), errors, np.arange(ROWS))
    holes = np.insert(errors, [0, 700, ROWS], [np.nan, np.inf, np.nan])
    _, found = feed(start("ddm"), holes, np.arange(ROWS + 3))
    assert [change.row for change in found] == [change.row for change in plain]
    shifted = [change.index + 1 + (change.index >= 700) for change in plain]
    assert [change.index for change in found] == shifted == [change.time for change in found]


@pytest.mark.parametrize("name", sorted(DETECTORS))
def test_a_regression_s_errors_are_read_by_the_reference_s(name: str) -> None:
    """Minutes of error that double are found within 800 rows, whether in minutes or in microseconds."""
    draw = np.random.default_rng(4)
    reference, before, after = (np.abs(draw.normal(0.0, s, 2_000)) for s in (8.0, 8.0, 16.0))
    errors = np.concatenate([before, after])
    found = []
    for unit in (1.0, 6e7):
        limit = limit_of(name, distribution.of_numbers(reference * unit))
        state = start(name, limit=limit)
        found.append(feed(state, errors * unit, np.arange(4_000))[1])
    assert [change.row for change in found[0]] == [change.row for change in found[1]]
    assert any(2_000 <= change.row < 2_800 for change in found[0])


def test_one_absurd_error_is_no_change() -> None:
    """An error of 1e300 among 4,000 steady ones is one row beyond the limit, not a change."""
    draw = np.random.default_rng(8)
    errors = np.abs(draw.normal(0.0, 8.0, 4_000))
    limit = limit_of("adwin", distribution.of_numbers(errors))
    errors[2_000] = 1e300
    for name in ("adwin", "page_hinkley"):
        assert feed(start(name, limit=limit), errors, np.arange(4_000))[1] == ()


def test_a_faultless_reference_has_a_limit_of_zero() -> None:
    """Where the reference had no error at all, every error larger than zero reads as one."""
    limit = limit_of("adwin", distribution.of_numbers(np.zeros(10)))
    assert limit == 0.0
    errors = np.repeat([0.0, 1e-9], 500)
    _, found = feed(start("adwin", limit=limit), errors, np.arange(1_000))
    assert [type(change) for change in found] == [Change]
    assert 500 <= found[0].row < 600


@pytest.mark.parametrize(
    ("name", "parameters", "message"),
    [
        ("adwim", {}, "did you mean 'adwin'"),
        ("nothing", {}, "expected one of: adwin, page_hinkley"),
        ("ddm", {"warmstart": 3}, "did you mean 'warm_start'"),
        ("ddm", {"warm_start": 2.5}, "expected a whole number"),
        ("ddm", {"warm_start": 0}, "expected a whole number above 0"),
        ("ddm", {"rows": 3}, "no parameter 'rows'"),
        ("adwin", {"delta": 2}, "between 0 and 1"),
        ("adwin", {"delta": float("nan")}, "expected a finite number"),
        ("page_hinkley", {"mode": "sideways"}, "up, down or both"),
        ("hddm_a", {"two_sided_test": 1}, "true or false"),
        ("kswin", {"window_size": 50}, "expected a window of twice that or more"),
    ],
)
def test_a_wrong_name_or_value_says_what_was_expected(
    name: str, parameters: dict[str, Any], message: str
) -> None:
    """An unknown detector or parameter names the nearest one; a value says what would suit."""
    with pytest.raises(ConfigurationError, match=message):
        start(name, parameters)


def test_errors_that_cannot_be_read_are_refused() -> None:
    """A missing limit, an error beyond any sum, a bad limit and a lacking time each say so."""
    times = np.arange(2)
    with pytest.raises(ValueError, match="reads 0 or 1"):
        feed(start("ddm"), np.array([0.0, 0.5]), times)
    with pytest.raises(ValueError, match="give it a limit"):
        feed(start("adwin"), np.array([0.0, 1e200]), times)
    with pytest.raises(ConfigurationError, match="expected a finite number from 0"):
        start("ddm", limit=float("nan"))
    with pytest.raises(ValueError, match="2 errors with 1 times"):
        feed(start("ddm"), np.zeros(2), times[:1])


@pytest.mark.parametrize(
    "damage",
    [
        lambda state: state[:-5],
        lambda _: b"\x80\x04pickle",
        lambda _: b"[]",
        lambda state: state.replace(b'"ddm"', b'"dbm"'),
        lambda state: state.replace(b'"version":1', b'"version":9'),
        lambda state: state.replace(b'"rate"', b'"late"'),
    ],
)
def test_bytes_that_are_no_state_are_refused(damage: Any) -> None:
    """Cut, foreign or altered bytes raise CodecError and run nothing that they hold."""
    with pytest.raises(CodecError, match="state"):
        feed(damage(start("ddm")), np.zeros(1), np.zeros(1, dtype=np.int64))
