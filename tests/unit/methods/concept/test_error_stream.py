"""A monitor's detectors over the errors of labelled rows, cycle by cycle."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from service.core.event import Event
from service.core.profile.outcome import outcome
from service.core.rows.batch import Batch, Labels, Numbers
from service.core.rows.schema import Column, Kind, Role, Schema
from service.core.rows.task import Binary, Multiclass, Regression, Task
from service.errors import CodecError
from service.methods.concept.error_stream import CHANGE_POINT, DETECTOR_WAITING, errors_to_feed, find_changes

REGRESSION = Schema(
    (Column("guess", Kind.NUMERICAL, Role.PREDICTION), Column("truth", Kind.NUMERICAL, Role.TARGET))
)
CHANGED = 2_000
DETECTORS: dict[str, dict[str, Any]] = {"adwin": {}, "page_hinkley": {"threshold": 20.0}, "ddm": {}}


def rows(sizes: Any, first: int = 0) -> Batch:
    """Make rows whose errors have these sizes, a second apart."""
    truth = np.arange(len(sizes)) % 7.0
    columns = {"guess": Numbers(truth + sizes), "truth": Numbers(truth)}
    return Batch(len(sizes), (first + np.arange(len(sizes), dtype=np.int64)) * 1_000_000, columns)


def stream() -> Batch:
    """Make rows whose errors double in the middle."""
    draw = np.random.default_rng(3)
    return rows(np.abs(draw.normal(0.0, np.repeat([8.0, 16.0], CHANGED))))


def usual() -> outcome.Outcome:
    """Make the outcome of a reference with errors of 8."""
    return outcome.of(rows(np.abs(np.random.default_rng(4).normal(0.0, 8.0, 2_000))), _task(), limit=65_536)


def _task() -> Task:
    assert REGRESSION.task is not None
    return REGRESSION.task


def found(
    batch: Batch,
    kept: dict[str, str],
    detectors: dict[str, dict[str, Any]] = DETECTORS,
    task: Task | None = None,
    reference: outcome.Outcome | None = None,
) -> tuple[dict[str, str], tuple[Event, ...]]:
    """Feed a batch's errors."""
    schema = REGRESSION if task is None else Schema(REGRESSION.columns, task)
    fed = errors_to_feed(schema, batch)
    return find_changes(detectors, kept, fed, task=schema.task or _task(), reference=reference or usual())


def test_labelled_rows_are_fed_in_the_order_of_their_time() -> None:
    """Of several batches: rows without a label are left out, rows of one instant keep their order."""
    early, late = rows([1.0, np.nan, 3.0], first=5), rows([4.0, 5.0], first=4)
    errors, times = errors_to_feed(REGRESSION, early, late)
    assert errors.tolist() == [4.0, 1.0, 5.0, 3.0]
    assert times.tolist() == [4_000_000, 5_000_000, 5_000_000, 7_000_000]
    nothing, none = errors_to_feed(REGRESSION)
    assert (len(nothing), none.dtype) == (0, np.dtype(np.int64))


YES_NO = Labels(np.array([0, 1, 1, 0, -1, 1]), np.array(["no", "yes"]))


@pytest.mark.parametrize(
    ("task", "columns", "expected"),
    [
        (
            Binary("truth", "guess", positive=("yes",)),
            {"truth": YES_NO, "guess": Labels(np.array([0, 0, 1, 1, 1, -1]), np.array(["no", "yes"]))},
            [0, 1, 0, 1, None, None],
        ),
        (
            Binary("truth", score="guess", positive=("yes",), threshold=0.3),
            {"truth": YES_NO, "guess": Numbers(np.array([0.1, 0.3, 0.2, np.inf, 0.9, np.nan]))},
            [0, 0, 1, None, None, None],
        ),
        (
            Multiclass("truth", "guess"),
            {
                "truth": Labels(np.array([0, 1, 2, 2, -1, 0]), np.array(["1", "2", "3"])),
                "guess": Numbers(np.array([1.0, 2.0, 2.0, 3.0, 1.0, np.inf])),
            },
            [0, 0, 1, 0, None, None],
        ),
        (Multiclass("truth", "guess"), {"truth": YES_NO}, [None] * 6),
        (Regression("guess", "truth"), {"guess": YES_NO, "truth": YES_NO}, [None] * 6),
    ],
)
def test_a_classifier_s_errors_are_wrong_answers(
    task: Task, columns: dict[str, Any], expected: list[int | None]
) -> None:
    """One for a wrong answer, zero for a right one, whether labels or scores, texts or numbers; else none."""
    batch = Batch(6, np.arange(6, dtype=np.int64), columns)
    errors, times = errors_to_feed(Schema(REGRESSION.columns, task), batch)
    known = [(place, float(error)) for place, error in enumerate(expected) if error is not None]
    assert list(zip(times.tolist(), errors.tolist(), strict=True)) == known


def test_a_change_is_an_event_with_its_row_s_time() -> None:
    """Each detector tells within 500 rows that errors of about 6 became errors of about 13."""
    states, events = found(stream(), {})
    assert set(states) == set(DETECTORS)
    first = {event.metric: event for event in reversed(events)}
    assert {event.kind for event in events} == {CHANGE_POINT}
    for name in DETECTORS:
        event, details = first[name], first[name].details
        assert CHANGED <= details["row"] < CHANGED + 500
        assert event.at == details["row"] * 1_000_000
        assert details["rows_before"] + details["rows"] == details["row"] + 1
        assert 5.5 < details["error_before"] < 8.0 < details["error"] < 20.0
        assert details["limit"] > 0
        assert event.message.startswith(
            f"{name}: the mean absolute error went from {details['error_before']:.4g}"
        )
    assert json.dumps(states)


def test_a_classifier_s_change_is_told_in_per_cent() -> None:
    """A share of wrong answers is what the message speaks of."""
    wrong = np.repeat([0.0, 1.0], 100)
    columns = {"truth": Numbers(np.zeros(200)), "guess": Numbers(wrong)}
    batch = Batch(200, np.arange(200, dtype=np.int64), columns)
    _, (event, *_) = found(batch, {}, {"ddm": {}}, Binary("truth", "guess"))
    assert event.message == (
        "ddm: the share of wrong answers went from 0 % over 51 rows to 2 % over the newest 50 rows"
    )
    assert event.details["limit"] is None


@pytest.mark.parametrize("cuts", [[1, 2_100], [500, 501, 2_000, 2_050, 3_999]])
def test_cycles_and_restarts_change_nothing(cuts: list[int]) -> None:
    """Fed in any portions, the states going through JSON between: the same states, the same events."""
    whole = stream()
    kept, events = dict[str, str](), list[Event]()
    for first, last in zip([0, *cuts], [*cuts, whole.rows], strict=True):
        kept, fresh = found(whole.take(slice(first, last)), json.loads(json.dumps(kept)))
        events += fresh
    expected, expected_events = found(whole, {})
    assert kept == expected
    assert sorted(map(repr, events)) == sorted(map(repr, expected_events))


def _counted(states: dict[str, str]) -> dict[str, int]:
    return {name: json.loads(state)["row"] for name, state in states.items()}


def test_only_what_was_edited_starts_anew() -> None:
    """Another parameter starts one detector, a new one begins, one that was taken out is forgotten."""
    kept, _ = found(rows(np.ones(100)), {})
    assert _counted(kept) == {"adwin": 100, "page_hinkley": 100, "ddm": 100}
    edited = {"adwin": {}, "page_hinkley": {"threshold": 30.0}, "eddm": {}}
    after, _ = found(rows(np.ones(10)), kept, edited)
    assert _counted(after) == {"adwin": 110, "page_hinkley": 10, "eddm": 10}


def test_other_errors_start_every_detector_anew() -> None:
    """Another limit of the reference, or other columns, make another stream of errors."""
    kept, _ = found(rows(np.ones(100)), {})
    other = outcome.of(rows(np.arange(50.0)), _task(), limit=65_536)
    assert set(_counted(found(rows(np.ones(10)), kept, reference=other)[0]).values()) == {10}
    scored = [Binary("truth", score="guess", threshold=threshold) for threshold in (0.5, 0.6)]
    detectors = {"ddm": DETECTORS["ddm"]}
    kept, _ = found(rows(np.ones(100)), {}, detectors, scored[0])
    assert [_counted(found(rows(np.ones(10)), kept, detectors, task)[0])["ddm"] for task in scored] == [
        110,
        10,
    ]


def test_a_reference_without_labels_is_told_once() -> None:
    """Nothing says how large a regression's error usually is: one event a detector; it can start later."""
    empty = outcome.empty(_task())
    kept, events = found(rows([]), {}, reference=empty)
    assert (kept, events) == ({}, ())
    kept, events = found(rows(np.ones(3), first=9), kept, reference=empty)
    assert [(event.kind, event.metric, event.at) for event in events] == [
        (DETECTOR_WAITING, name, 9_000_000) for name in DETECTORS
    ]
    assert found(rows(np.ones(3)), kept, reference=empty) == (kept, ())
    assert _counted(found(rows(np.ones(3)), kept)[0])["adwin"] == 3


def test_a_state_that_is_none_is_an_error() -> None:
    """What cannot be read is said, never taken for a fresh start."""
    for damage in ("{", "[]"):
        with pytest.raises(CodecError, match="state"):
            found(rows(np.ones(3)), {"adwin": damage})
