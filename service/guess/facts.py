"""What can be said of a table's columns by looking at their cells alone."""

from __future__ import annotations

import datetime as dt
import math
import re
from collections import Counter
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from service.sources.tables.event_time import USABLE
from service.sources.tables.number_text import other_reading, plain_number, proposed, proposed_words
from service.sources.tables.time_text import formats_of, is_number, of_text

if TYPE_CHECKING:
    from numpy.typing import NDArray

# As the reader of numbers has it: in a column that is to be guessed, none of these is a value.
MISSING_WORDS = frozenset(
    {"", "NA", "N/A", "n/a", "#N/A", "NaN", "nan", "NULL", "null", "None", "none", "<NA>", "NaT"}
)
EXAMPLES = 200  # distinct texts that are looked at for times, forms of numbers and words
LABELS = 20  # distinct values that are listed
MOSTLY = 0.5  # the share of numbers from which the texts between them stand for missing values
_CODE = re.compile(r"[+-]?0\d")  # digits behind a zero, which a number would lose
_NESTED = (bytes, bytearray, dict, list, tuple, set, np.ndarray)


@dataclass(frozen=True, slots=True)
class ColumnFacts:
    """A column's cells in numbers; shares are of the rows that hold a value.

    - `name`: its name.
    - `rows`, `missing`, `distinct`: rows, those without a value, and different values.
    - `numbers`: the share that are numbers, plainly written.
    - `whole`: whether all numbers are whole.
    - `low`, `high`: the least and the greatest number, None without one.
    - `number_options`: what a monitor file says for its numbers to be read, such as `decimal: ","`.
    - `other_options`: what reads the same texts as other numbers; empty where that is not in doubt.
    - `codes`: whether digits begin with a zero, as numbers do not.
    - `times`: the share of texts that are times in ISO 8601; 1 for a column of times.
    - `time_formats`: strptime's directives that read all the texts looked at, where ISO 8601 does not.
    - `truth`: whether it holds truth values.
    - `nested`: whether it holds lists, structs or bytes.
    - `words`: the mean number of words of its texts, 0 without texts.
    - `labels`: its values as labels, the most frequent first; empty where there are more than LABELS.
    - `counts_rows`: whether it numbers the rows, each one more than the row before.
    - `sorted_runs`: whether equal values are next to each other, as in a file that is sorted by them.
    """

    name: str
    rows: int
    missing: int
    distinct: int
    numbers: float = 0.0
    whole: bool = False
    low: float | None = None
    high: float | None = None
    number_options: str = ""
    other_options: str = ""
    codes: bool = False
    times: float = 0.0
    time_formats: tuple[str, ...] = ()
    truth: bool = False
    nested: bool = False
    words: float = 0.0
    labels: tuple[str, ...] = ()
    counts_rows: bool = False
    sorted_runs: bool = False

    @property
    def filled(self) -> int:
        """The rows that hold a value."""
        return self.rows - self.missing

    @property
    def distinct_share(self) -> float:
        """The distinct values as a share of the rows that hold one."""
        return self.distinct / self.filled if self.filled else 0.0


def facts_of(frame: pd.DataFrame) -> tuple[ColumnFacts, ...]:
    """Return the facts of every column, in the frame's order."""
    return tuple(_column(str(name), frame.iloc[:, place]) for place, name in enumerate(frame.columns))


def _column(name: str, column: pd.Series[Any]) -> ColumnFacts:
    if isinstance(column.dtype, pd.CategoricalDtype):
        column = column.astype(column.cat.categories.dtype if len(column.cat.categories) else object)
    if pd.api.types.is_bool_dtype(column.dtype):
        return _of_truth(name, column)
    if pd.api.types.is_numeric_dtype(column.dtype):
        return _of_numbers(name, column.to_numpy(dtype=np.float64, na_value=np.nan))
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        return ColumnFacts(name, len(column), int(column.isna().sum()), int(column.nunique()), times=1.0)
    return _of_objects(name, column)


def _of_truth(name: str, column: pd.Series[Any]) -> ColumnFacts:
    counts = Counter(str(bool(value)) for value in column.dropna().tolist())
    return ColumnFacts(
        name, len(column), int(column.isna().sum()), len(counts), truth=True, labels=_labels(counts)
    )


def _of_numbers(name: str, values: NDArray[np.float64]) -> ColumnFacts:
    held = values[~np.isnan(values)]
    finite = held[np.isfinite(held)]
    distinct, counts = np.unique(held, return_counts=True)
    few = zip(distinct.tolist(), counts.tolist(), strict=True) if len(distinct) <= LABELS else ()
    return ColumnFacts(
        name,
        len(values),
        len(values) - len(held),
        len(distinct),
        numbers=1.0 if len(held) else 0.0,
        whole=bool(len(finite)) and bool((finite == np.floor(finite)).all()),
        low=float(finite.min()) if len(finite) else None,
        high=float(finite.max()) if len(finite) else None,
        labels=_labels(Counter({f"{value:.17g}": count for value, count in few})),
        counts_rows=len(values) > 1 and bool((np.diff(values) == 1).all()),
        sorted_runs=_in_runs(values, len(distinct)),
    )


def _of_objects(name: str, column: pd.Series[Any]) -> ColumnFacts:
    rows, missing = len(column), int(column.isna().sum())
    if any(isinstance(cell, _NESTED) for cell in column.head(EXAMPLES).tolist()):
        return ColumnFacts(name, rows, missing, 0, nested=True)
    codes, held = pd.factorize(column)
    distinct = held.tolist()
    counts = np.bincount(codes[codes >= 0], minlength=len(distinct)).tolist()
    is_value = [not (isinstance(cell, str) and cell.strip() in MISSING_WORDS) for cell in distinct]
    found = Counter(
        {cell: count for cell, count, real in zip(distinct, counts, is_value, strict=True) if real}
    )
    missing = rows - sum(found.values())
    if found and all(isinstance(cell, bool) for cell in found):
        return _of_truth(name, column)
    if found and all(isinstance(cell, dt.date | np.datetime64) for cell in found):
        return ColumnFacts(name, rows, missing, len(found), times=1.0)
    numbers = [_number(cell) for cell in distinct]
    if found and all(number is not None for number, real in zip(numbers, is_value, strict=True) if real):
        of_code = np.array([np.nan if number is None else number for number in (*numbers, None)])
        facts = _of_numbers(name, of_code[codes])  # code -1, missing, is the last
        return replace(facts, labels=_labels(found) if len(found) <= LABELS else ())
    share = sum(found[cell] for cell, number in zip(distinct, numbers, strict=True) if number is not None)
    facts = _of_texts(name, found, rows, share / max(rows - missing, 1))
    return replace(facts, sorted_runs=_in_runs(codes, len(found)))


def _of_texts(name: str, found: Counter[Any], rows: int, numbers: float) -> ColumnFacts:
    held = list(found)
    examples = [str(cell) for cell in held[:: max(len(held) // EXAMPLES, 1)]][:EXAMPLES]  # of all its length
    times = sum(of_text(text)[1] == USABLE and not is_number(text) for text in examples)
    codes = any(isinstance(cell, str) and _CODE.match(cell.strip()) for cell in found)
    options = "" if codes or times else proposed(examples) or _words(examples, numbers)
    others = {other_reading(text, options) for text in examples}
    return ColumnFacts(
        name,
        rows,
        rows - sum(found.values()),
        len(found),
        numbers=numbers,
        number_options=options,
        other_options=others.pop() if len(others) == 1 else "",
        codes=codes,
        times=times / max(len(examples), 1),
        time_formats=() if times else formats_of(examples),
        words=float(np.mean([len(text.split()) for text in examples])) if examples else 0.0,
        labels=_labels(found) if len(found) <= LABELS else (),
    )


def _words(examples: list[str], numbers: float) -> str:
    # The words between numbers that stand for a missing value.
    if numbers < MOSTLY:
        return ""
    return proposed_words(text for text in examples if plain_number(text) is None)


def _in_runs(values: NDArray[Any], distinct: int) -> bool:
    # Of few values, each often: in a column of many it would be chance.
    if not 1 < distinct <= LABELS:
        return False
    return int(np.count_nonzero(np.diff(values))) == distinct - 1


def _number(cell: object) -> float | None:
    # As the reader of numbers takes a cell; digits behind a zero are a code.
    if isinstance(cell, bool):
        return None
    if isinstance(cell, int | float | Decimal | np.number):
        return float(cell)
    if not isinstance(cell, str) or _CODE.match(cell.strip()) or "inf" in cell.lower():
        return None
    number = plain_number(cell)
    return None if number is None or math.isnan(number) else number


def _labels(counts: Counter[Any]) -> tuple[str, ...]:
    ordered = sorted(counts.items(), key=lambda item: (-item[1], str(item[0])))
    return tuple(str(label).strip() for label, _ in ordered)
