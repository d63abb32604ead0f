"""Tables that cannot be what their monitor means: without usable times, or with columns of another kind."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np

from service.core.rows.batch import TEXT_TIMES, Numbers
from service.core.rows.schema import Kind
from service.core.time_units import to_datetime
from service.errors import SourceError
from service.sources.tables.event_time import USABLE, of_number
from service.sources.tables.number_text import other_reading
from service.sources.tables.time_text import FIRST_YEAR, LAST_YEAR, formats_of, number_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from service.core.rows.batch import Batch, Misfit
    from service.core.rows.schema import Schema
    from service.sources.table_format import TimeFormat
    from service.sources.tables.parsed import Framed

EXPECTED = {Kind.NUMERICAL: "numbers", Kind.CATEGORICAL: "texts, numbers or truth values", Kind.TEXT: "texts"}
EXCEL_ZERO = dt.date(1899, 12, 30)  # from which spreadsheets count days
EXCEL_DAYS = (36_526, 55_153)  # the years 2000 to 2050


def refuse_times(framed: Framed, timestamp: str, form: TimeFormat) -> None:
    """Raise SourceError where fewer than half of the rows have a usable time, with what is in their place."""
    rows = framed.batch.rows + framed.rejected
    if framed.rejected * 2 <= rows:
        return
    share = (
        f"only {framed.batch.rows} of {rows} rows have" if framed.batch.rows else f"none of {rows} rows has"
    )
    common = Counter(reject.reason for reject in framed.rejects).most_common(1)[0][0]
    example = next(reject.row.get(timestamp) for reject in framed.rejects if reject.reason == common)
    if example is None:
        shown = f"{timestamp} is empty; expected a time such as 2013-02-01T05:00:00Z"
    else:
        quoted = f'"{example}"' if isinstance(example, str) else f"{example}"
        shown = f"{timestamp} is {quoted}, which {common.removeprefix(timestamp).strip()}"
    examples = [each.row.get(timestamp) for each in framed.rejects if each.reason == common]
    hint = _format_hint(timestamp, examples, form) or _unit_hint(example, form)
    raise SourceError(f"{share} a usable time: {shown}{hint}")


def _format_hint(timestamp: str, examples: list[object], form: TimeFormat) -> str:
    formats = formats_of([str(example) for example in examples if isinstance(example, str | int)])
    if not formats or form.unit is not None or form.pattern in formats:
        return ""
    first, *others = (f'"{pattern}"' for pattern in formats)
    either = f", or {' or '.join(others)} where the month is first" if others else ""
    return f"; write timestamp: {{column: {timestamp}, format: {first}}}{either}"


def _unit_hint(example: object, form: TimeFormat) -> str:
    number = number_in(example.strip()) if isinstance(example, str) else example
    if isinstance(number, bool) or not isinstance(number, int | float | Decimal) or form.pattern is not None:
        return ""
    for unit in ("s", "ms", "us", "ns"):
        micros, reason = of_number(number, unit)
        if reason == USABLE and FIRST_YEAR <= to_datetime(micros).year < LAST_YEAR:
            when = to_datetime(micros).strftime("%Y-%m-%dT%H:%M:%SZ")
            return f"; by unit: {unit} it would be {when}" if unit != form.unit else ""
    if EXCEL_DAYS[0] <= number < EXCEL_DAYS[1]:
        day = EXCEL_ZERO + dt.timedelta(days=int(number))
        return f"; as a spreadsheet's number of days it would be {day:%Y-%m-%d}: write such dates as ISO 8601"
    return ""


def refuse_misfits(batch: Batch, schema: Schema) -> None:
    """Raise SourceError where a column of a reference holds nothing of its kind."""
    faults = list(unfit_columns(batch, schema))
    if faults:
        raise SourceError("; ".join(faults))


def unfit_columns(batch: Batch, schema: Schema) -> Iterator[str]:
    """Yield what is wrong with each column that holds nothing of its kind."""
    kinds = {column.name: column.kind for column in schema.columns}
    masked = {column.name for column in schema.columns if column.mask}
    for misfit in batch.arrival.misfits:
        kind, read = kinds[misfit.column], batch.columns[misfit.column]
        if misfit.holds == TEXT_TIMES:
            continue
        if isinstance(read, Numbers) and np.isfinite(read.values).any():
            continue
        yield described(replace(misfit, example="") if misfit.column in masked else misfit, kind)


def left_out(batch: Batch, schema: Schema) -> Iterator[str]:
    """Yield what of the cells of each column that holds something of its kind is left out, and how many."""
    unfit = {fault.split(":", 1)[0] for fault in unfit_columns(batch, schema)}
    kinds = {column.name: column.kind for column in schema.columns}
    for misfit in batch.arrival.misfits:
        if misfit.column not in unfit:
            yield _counted(described(misfit, kinds[misfit.column]), misfit, batch)


def _counted(words: str, misfit: Misfit, batch: Batch) -> str:
    read = batch.columns[misfit.column]
    if not isinstance(read, Numbers) or read.unparsable is None:
        return words
    marked = int(np.count_nonzero(read.unparsable))
    return f"{words}: {marked} of {batch.rows} rows ({marked / batch.rows:.1%}) are left out"


def described(misfit: Misfit, kind: Kind) -> str:
    """Return what a column holds, what was expected, and what to write where options can read it."""
    advice = f"; write {misfit.column}: {{kind: {kind}, {misfit.proposal}}}" if misfit.proposal else ""
    other = other_reading(misfit.example, misfit.proposal)
    if other:
        advice += f", or {other} in its place if that is a number below 1,000"
    example = f' such as "{misfit.example}"' if misfit.example else ""
    return f"{misfit.column}: holds {misfit.holds}{example}; expected {EXPECTED[kind]}{advice}"
