"""Small profiles to measure: columns given as lists."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from service.core.profile import profile
from service.core.profile.distribution import Distribution, of_codes, of_numbers
from service.core.reference import reference as references
from service.core.rows.batch import Batch, Labels, Numbers
from service.core.rows.schema import Column, Kind, Role, Schema
from service.methods.performance.performance import measure_performance
from service.methods.performance.segments import measure_segments

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from service.core.measurement import Measurement
    from service.core.profile.profile import Profile
    from service.core.rows.task import Task

SCHEMA = Schema(
    (
        Column("size", Kind.NUMERICAL),
        Column("colour", Kind.CATEGORICAL),
        Column("guess", Kind.NUMERICAL, Role.PREDICTION),
        Column("truth", Kind.NUMERICAL, Role.TARGET),
    )
)


def numbers(*values: float) -> Distribution:
    """Count numbers."""
    return of_numbers(np.array(values, dtype=np.float64))


def labels(text: str | Sequence[str]) -> Distribution:
    """Count labels; a text is one label a letter."""
    names, codes = np.unique(np.array(list(text), dtype=np.str_), return_inverse=True)
    return of_codes(codes, names)


def rows(
    size: Sequence[float] | None = None,
    colour: Sequence[str | None] | str | None = None,
    guess: Sequence[float] | None = None,
    truth: Sequence[float] | None = None,
    *,
    schema: Schema = SCHEMA,
    unparsable: Sequence[bool] | None = None,
) -> Profile:
    """Profile rows; a column left out is absent, None in `colour` is missing."""
    given = {"size": size, "guess": guess, "truth": truth}
    columns: dict[str, Numbers | Labels] = {
        name: Numbers(np.array(values, dtype=np.float64))
        for name, values in given.items()
        if values is not None
    }
    if unparsable is not None and size is not None:
        columns["size"] = Numbers(np.array(size, dtype=np.float64), np.array(unparsable))
    if colour is not None:
        names = sorted({label for label in colour if label is not None})
        codes = [-1 if label is None else names.index(label) for label in colour]
        columns["colour"] = Labels(np.array(codes, dtype=np.int64), np.array(names, dtype=np.str_))
    count = max((len(v) for v in (*given.values(), colour) if v is not None), default=0)
    return profile.of(Batch(count, np.zeros(count, dtype=np.int64), columns), schema)


def column(values: Sequence[float | str | None]) -> Numbers | Labels:
    """Return a column of numbers (NaN is missing), or of labels where one is a text (None is missing)."""
    cells = np.asarray(values, dtype=object)
    if not any(isinstance(value, str) for value in cells.tolist()):
        return Numbers(cells.astype(np.float64))
    names = sorted({value for value in cells.tolist() if value is not None})
    place = {name: index for index, name in enumerate(names)}
    codes = np.array([-1 if value is None else place[value] for value in cells.tolist()], dtype=np.int64)
    return Labels(codes, np.array(names, dtype=np.str_))


def batched(task: Task, columns: Mapping[str, Sequence[float | str | None]]) -> tuple[Batch, Schema]:
    """Return rows given as columns, and their schema."""
    cells = {name: column(values) for name, values in columns.items()}
    kinds = {
        name: Kind.NUMERICAL if isinstance(cell, Numbers) else Kind.CATEGORICAL
        for name, cell in cells.items()
    }
    schema = Schema(tuple(Column(name, kind) for name, kind in kinds.items()), task)
    rows = max(map(len, columns.values()), default=0)
    return Batch(rows, np.zeros(rows, dtype=np.int64), cells), schema


def profiled(task: Task, columns: Mapping[str, Sequence[float | str | None]]) -> Profile:
    """Profile rows given as columns."""
    return profile.of(*batched(task, columns))


def segmented(
    task: Task,
    columns: Mapping[str, Sequence[float | str | None]],
    reference: Mapping[str, Sequence[float | str | None]],
    by: str = "place",
) -> dict[str, Measurement]:
    """Measure rows of `task` by segment; by `metric[segment]`."""
    before, schema = batched(task, reference)
    spec = references.of(before, schema, by=(by,))
    current = profile.of(batched(task, columns)[0], schema, spec.spec)
    measured = measure_segments(spec.profile, current, task)
    return {f"{m.series.metric}[{m.series.segment}]": m for m in measured}


def performance(
    task: Task,
    columns: Mapping[str, Sequence[float | str | None]],
    reference: Mapping[str, Sequence[float | str | None]] | None = None,
    thresholds: Mapping[str, float] | None = None,
) -> dict[str, Measurement]:
    """Measure rows of `task`; by metric, `metric[segment]` where there is one."""
    current = profiled(task, columns)
    before = current if reference is None else profiled(task, reference)
    measured = measure_performance(before, current, task, thresholds or {})
    return {m.series.metric + (f"[{m.series.segment}]" if m.series.segment else ""): m for m in measured}
