"""Applies a scenario to a data set: its changes, one after the other, each with its own randomness.

Guarantee: the same scenario over the same data gives the same rows, to the byte. A change draws from a
generator of its own, spawned from the seed and its place in the list, so that its draws do not depend on
those of another change. Rows and columns that no change names stay as they were.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from service.errors import ConfigurationError, SourceError
from simulator.changes import stream as streams
from simulator.changes.cells import with_missing
from simulator.changes.delivery import LabelDelay
from simulator.changes.registry import CHANGES
from simulator.changes.span import Until
from simulator.changes.stream import AT_ONCE, Columns, MisfitError, Stream

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from simulator.changes.span import Since

GENERATED_ID = "row_id"
LABELLED_AT = "labelled_at"


@dataclass(frozen=True, slots=True)
class Step:
    """One change of a scenario.

    - `change`: its kind.
    - `options`: its keys.
    - `place`: where it is written, for messages.
    """

    change: str
    options: Since
    place: str


@dataclass(frozen=True, slots=True)
class Scenario:
    """Changes to a data set, in the order in which they are applied.

    - `timestamp`, `prediction`, `target`: the columns with these roles.
    - `steps`: the changes.
    - `seed`: the seed of all randomness.
    - `identity`: the column of the rows' ids; where it is None and labels come late, `row_id` is added.
    - `arrival`: the column that says when each row arrives.
    - `place`: where the scenario is written, for messages.
    """

    timestamp: str
    steps: tuple[Step, ...]
    seed: int = 0
    prediction: str | None = None
    target: str | None = None
    identity: str | None = None
    arrival: str = "arrived_at"
    place: str = "scenario"


@dataclass(frozen=True, slots=True)
class Applied:
    """What a scenario made of a data set.

    - `rows`: the rows in the order of their arrival.
    - `labels`: one row per late label: the id, the target and `labelled_at` (UTC), in the order of
      the latter; None where no label is late.
    """

    rows: pd.DataFrame
    labels: pd.DataFrame | None = None


def apply(scenario: Scenario, frame: pd.DataFrame) -> Applied:
    """Return the changed rows of `frame` (in any order), which itself stays as it is.

    Where a row arrives late, or the frame has such a column, the column `arrival` says when. Raises
    ConfigurationError where the scenario does not fit the data: place, key and what was expected; SourceError
    where the data cannot be used.
    """
    faults = [*_unknown_columns(scenario, frame)]
    if faults:
        raise ConfigurationError("\n".join(faults))
    stream = _prepared(scenario, frame)
    for index, step in enumerate(scenario.steps):
        random = np.random.default_rng(np.random.SeedSequence(scenario.seed, spawn_key=(index,)))
        try:
            _check_time(step, stream)
            stream = CHANGES[step.change].apply(stream, step.options, random)
        except MisfitError as error:
            key = f"{step.place}.{error.key}" if error.key else step.place
            raise ConfigurationError(f"{key}: {step.change} {error}") from error
    return _delivered(stream, scenario.arrival)


def _unknown_columns(scenario: Scenario, frame: pd.DataFrame) -> Iterator[str]:
    known = [str(name) for name in frame.columns]
    parts = {key: getattr(scenario, key) for key in ("timestamp", "prediction", "target")}
    for key, name in {**parts, "id": scenario.identity}.items():
        if name is not None and name not in known:
            yield f"{scenario.place}: {key}: {_no_column(name, known)}"
    fixed = {scenario.timestamp, scenario.arrival, scenario.identity}
    for step in scenario.steps:
        for name in getattr(step.options, "columns", ()):
            if name not in known:
                yield f"{step.place}.columns: {_no_column(name, known)}"
            elif name in fixed:
                yield f"{step.place}.columns: {name!r} is a row's time or id, which must not be changed"
        by = getattr(step.options, "by", None)
        if by is not None and by not in known:
            yield f"{step.place}.by: {_no_column(by, known)}"


def _no_column(name: str, known: Iterable[str]) -> str:
    known = list(known)
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.0)
    return f"no column {name!r} in the data; the nearest is {near[0]!r}" if near else f"no column {name!r}"


def _prepared(scenario: Scenario, frame: pd.DataFrame) -> Stream:
    identity = scenario.identity
    late_labels = any(isinstance(step.options, LabelDelay) for step in scenario.steps)
    if identity is None and (late_labels or GENERATED_ID in frame.columns):
        identity = GENERATED_ID
    columns = Columns(scenario.timestamp, scenario.prediction, scenario.target, identity)
    try:
        stream = streams.of_frame(frame, columns, arrival=scenario.arrival)
    except ValueError as error:
        raise SourceError(f"{error}") from error
    if identity is not None and identity not in frame.columns:
        return stream.with_column(identity, pd.Series(np.arange(len(frame), dtype=np.int64)))
    if late_labels and not (stream.rows[identity].is_unique and stream.rows[identity].notna().all()):
        raise SourceError(
            f"the ids in {identity!r} are not complete and unique, and late labels are matched by them; "
            f"name another column as id, or none: then {GENERATED_ID} is added"
        )
    return stream


def _check_time(step: Step, stream: Stream) -> None:
    first, end = stream.extent
    if not first <= step.options.start(stream) < end:
        began, ended = (pd.Timestamp(instant, unit="us", tz="UTC").isoformat() for instant in (first, end))
        raise MisfitError("from", f"begins outside the data, which runs from {began} to {ended}")
    if isinstance(step.options, Until):
        since, until = step.options.bounds(stream)
        if until <= since:
            raise MisfitError("until", "ends before it begins; expected a moment later than from")


def _delivered(stream: Stream, arrival: str) -> Applied:
    order = np.argsort(stream.arrivals, kind="stable")
    stream = stream.take(order)
    if arrival in stream.rows.columns or (stream.arrivals != stream.times).any():
        instants = pd.DatetimeIndex(pd.to_datetime(stream.arrivals, unit="us", utc=True)).as_unit("us")
        stream = stream.with_column(arrival, pd.Series(instants))
    waiting = np.flatnonzero(stream.label_times > stream.arrivals)
    target, identity = stream.columns.target, stream.columns.identity
    if target is None or identity is None or not (stream.label_times != AT_ONCE).any():
        return Applied(stream.rows)
    return Applied(with_missing(stream, target, waiting).rows, _labels(stream, waiting, identity, target))


def _labels(stream: Stream, waiting: NDArray[np.intp], identity: str, target: str) -> pd.DataFrame:
    late = stream.take(waiting)
    instants = pd.DatetimeIndex(pd.to_datetime(late.label_times, unit="us", utc=True)).as_unit("us")
    labels = late.rows[[identity, target]].assign(**{LABELLED_AT: instants})
    labels = labels[labels[target].notna()].drop_duplicates(identity)
    return labels.sort_values(LABELLED_AT, kind="stable", ignore_index=True)
