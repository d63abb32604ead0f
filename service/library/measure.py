"""Measure some rows against a reference by one call: drift, quality, performance and health.

The same functions measure a window of the service, so that both give the same values.
"""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Any

from service.config.made_reference import made_reference
from service.core.profile import profile
from service.core.rows.label_form import in_form
from service.core.rows.schema import Role
from service.errors import ConfigurationError, ReferenceDataError, SourceError
from service.library.in_process import settled
from service.library.measured import Measured
from service.library.options import Options, monitor_from_file, monitor_from_options
from service.library.tables import REFERENCE, frame_of, loaded, rows_of
from service.methods.block_test import model as block_model
from service.methods.measure_window import measure as measure_window
from service.sources.tables.parsed import nearest
from service.sources.tables.unusable import left_out, refuse_misfits, unfit_columns
from service.wiring.monitor import masked_reference, masking_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from service.config.monitor import Monitor
    from service.core.rows.batch import Batch
    from service.library.tables import Loaded, Table


def measure(
    current: Table,
    reference: Table,
    *,
    monitor: str | Path | None = None,
    columns: Mapping[str, Any] | None = None,
    task: str | None = None,
    target: str | None = None,
    prediction: str | None = None,
    score: str | None = None,
    scores: Mapping[str, str] | None = None,
    positive: str | None = None,
    timestamp: str | None = None,
    by: Sequence[str] | None = None,
    drift: Mapping[str, Any] | None = None,
    performance: Mapping[str, float] | None = None,
    min_rows: int | None = None,
    **keys: Any,
) -> Measured:
    """Measure the rows of `current` as one window against `reference`; no service, no database.

    A table is a pandas frame, an Arrow table, anything that exports Arrow (polars, DuckDB), or the path of a
    file, folder or pattern that a monitor could name. What is measured is said as in a monitor file: by one
    (`monitor`, whose source and reference are not used), or by its keys. Without `columns` their kinds are
    guessed from the reference; without `task` it follows from the target's values.

    >>> import numpy as np, pandas as pd
    >>> random = np.random.default_rng(0)
    >>> before = pd.DataFrame({"size": random.normal(0, 1, 2000), "plan": random.choice(["a", "b"], 2000)})
    >>> now = pd.DataFrame({"size": random.normal(1, 1, 500), "plan": random.choice(["a", "b"], 500)})
    >>> measured = measure(now, before)
    >>> [m.series.column for m in measured.breached if m.series.metric == "block_test"]
    ['size']
    >>> distance = next(m for m in measured.measurements if m.series.metric == "wasserstein")
    >>> distance.series.column, round(distance.value, 1)
    ('size', 1.1)

    Raises ConfigurationError where an option is wrong, SourceError or ReferenceDataError where a table cannot
    be read.
    """
    now, before = loaded(current, "current"), loaded(reference, REFERENCE)
    given = {
        "task": task, "target": target, "prediction": prediction, "score": score, "scores": scores,
        "positive": positive, "by": by, "drift": drift, "performance": performance, **keys,
    }  # fmt: skip
    options = Options(columns, given, min_rows, timestamp)
    return _measured(now, before, _monitor(monitor, options, before))


def _monitor(path: str | Path | None, options: Options, before: Loaded) -> Monitor:
    if path is None:
        from service.sources.table_format import PLAIN  # noqa: PLC0415

        return monitor_from_options(options, frame_of(before, PLAIN))
    named = [name for name, value in options.keys.items() if value is not None]
    named += [name for name in ("columns", "min_rows", "timestamp") if getattr(options, name) is not None]
    if named:
        raise ConfigurationError(f"{named[0]}: is in the monitor file already; expected it or the file")
    return monitor_from_file(Path(path))


def _measured(now: Loaded, before: Loaded, monitor: Monitor) -> Measured:
    for name in monitor.measure_plan.tolerances:
        raise ConfigurationError(
            f"performance.{name}.worse_by: evidence is counted day by day by the service, and one call has "
            "none; expected a number, or `reference`"
        )
    # Nobody keeps this key: of sensitive columns nothing but hashes is in what is returned.
    masking = masking_of(monitor, secrets.token_bytes)
    schema, form = masking.schema(monitor.schema_), monitor.source.table_format
    time = monitor.source.time_column
    known, forms = masked_reference(
        rows_of(before, schema, REFERENCE, timestamp=time, form=form), schema, masking
    )
    _check_reference(known, monitor)
    made = made_reference(monitor, schema, known, forms, season=monitor.season_, estimate=monitor.estimate)
    rows = masking.batch(rows_of(now, schema, "current", timestamp=time, form=form), forms)
    rows = in_form(rows, schema, forms)
    if made.seasonal is not None and not rows.event_time.any():
        raise SourceError(
            "season: the current rows have no times, and a season is by their hours and days; expected "
            "timestamp"
        )
    current = profile.of(rows.numbered(0), made.schema, made.spec)
    counted = measure_window(
        made.profile,
        current,
        made.schema,
        monitor.measure_plan.with_limits_of(made),
        made.spec,
        estimator=made.estimator,
        seasonal=made.seasonal,
        blocks=None if made.blocks is None else block_model.fit(made.blocks),
    )
    chosen = () if made.choice is None else (made.choice.note,)
    remarks = [
        *(f"reference: {remark}" for remark in (*left_out(known, schema), *known.arrival.remarks)),
        *(f"current: {remark}" for remark in _remarks(rows, monitor)),
    ]
    return Measured(settled(counted), rows.rows, known.rows, (*made.notes, *chosen, *remarks))


def _remarks(rows: Batch, monitor: Monitor) -> Iterator[str]:
    schema, held = monitor.schema_, [*rows.columns, *(rows.arrival.unwatched or ())]
    late = schema.with_role(Role.TARGET)
    for name in schema.names:
        if name not in rows.columns and (late is None or name != late.name):
            yield f"it has no column {name!r}{nearest(name, held)}"
    yield from unfit_columns(rows, schema)
    yield from left_out(rows, schema)
    yield from rows.arrival.remarks


def _check_reference(batch: Batch, monitor: Monitor) -> None:
    try:
        refuse_misfits(batch, monitor.schema_)
    except SourceError as error:
        raise ReferenceDataError(f"reference: {error}") from error
    held = [*batch.columns, *(batch.arrival.unwatched or ())]
    absent = [name for name in monitor.schema_.names if name not in batch.columns]
    if absent:
        raise ReferenceDataError(
            f"reference: it has no column {absent[0]!r}{nearest(absent[0], held)}; it has {', '.join(held)}"
        )
