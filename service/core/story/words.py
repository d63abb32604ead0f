"""Numbers, days, names and lists in the words of a sentence, all of them bounded in length."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

MAX_NAME = 60  # characters of a name
MAX_UNIT = 20
MAX_REASON = 200  # characters of a reason or an error
MAX_LISTED = 3  # names of a list
MAX_DIGITS = 6
MAX_ODDS = 6  # powers of ten of the odds that are given
CUT = "…"
MINUS = "\N{MINUS SIGN}"

_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_SINGULARS = {
    "categories": "category",
    "rows a second": "row per second",
    "standard deviations": "standard deviation",
    **{f"{one}s": one for one in ("character", "column", "cycle", "day", "event", "hour", "minute", "nat")},
    **{f"{one}s": one for one in ("row", "window")},
}
# How units are written; those of a kind of number, which its name says, are not.
_UNITS = {"seconds": "s", "rows a second": "rows per second"}
_EVIDENCE = "log10"  # of the odds against a tolerance
_UNSAID = frozenset({"distance", "flag", "p-value", "ROC AUC", "root of the column's unit"})
_LARGE, _SMALL = 1e9, 1e-4  # beyond these a number is written with an exponent
_METRICS = {
    "mae": "the mean absolute error",
    "rmse": "the root mean squared error",
    "mape": "the mean absolute percentage error",
    "r2": "the share of variance explained (R²)",
    "mcc": "the Matthews correlation",
    "f1": "the F1 score",
    "f1_macro": "the macro F1 score",
    "f1_weighted": "the weighted F1 score",
    "roc_auc": "the area under the ROC curve",
    "pr_auc": "the area under the precision-recall curve",
    "brier": "the Brier score",
    "drift_share": "the share of drifted columns",
    "missing_share": "the share of missing values",
    "unparsable_share": "the share of unreadable values",
    "infinite_share": "the share of infinite values",
    "out_of_range_share": "the share of values out of range",
    "new_category_share": "the share of new categories",
    "rejected_share": "the share of refused rows",
    "duplicate_row_share": "the share of repeated rows",
    "above_max_share": "the share of values above the maximum",
    "below_min_share": "the share of values below the minimum",
    "not_allowed_share": "the share of values that are not allowed",
    "duplicate_share": "the share of repeated values",
    "missing_id_share": "the share of rows without an id",
    "duplicate_id_share": "the share of repeated ids",
    "unmatched_label_share": "the share of labels that found no row",
    "backwards_share": "the share of rows that are out of order",
    "future_share": "the share of rows from the future",
    "out_of_vocabulary_share": "the share of new words",
    "empty_text_share": "the share of empty texts",
    "mean_text_length": "the mean length of the texts",
    "inexact_share": "the share of numbers too long to be exact",
    "vanished_categories": "the number of categories that vanished",
    "columns_appeared": "the number of columns that appeared",
    "columns_disappeared": "the number of columns that disappeared",
    "constant_columns": "the number of columns with one value",
    "freshness_seconds": "the age of the newest row",
    "error_share": "the share of failed requests",
    "rows": "the number of rows",
    "block_test": "the p-value of the block test",
    "pca_block_test": "the p-value of the block test of all columns together",
    "domain_classifier_auc": "the ROC AUC of the domain classifier",
}
# Quantiles are named by their share: latency_p95 is the p95 latency.
_QUANTILE = re.compile(r"(?P<of>[a-z_]+)_(?P<share>p\d+)")
_ESTIMATED = "estimated_"
_PREFIXES = {_ESTIMATED: "estimated", "season_matched_": "season-matched"}
_TOLERATED = "_worse_by"


def name(text: str, most: int = MAX_NAME) -> str:
    """Return a name on one line, cut where it is longer than `most` characters.

    >>> name("a  name", most=4)
    'a n…'
    """
    # A name of megabytes is cut before it is looked at; control characters would break the line.
    printable = (" " if unicodedata.category(each)[0] in "CZ" else each for each in text[: 4 * most])
    line = " ".join("".join(printable).split())
    return line if len(line) <= most and len(text) <= 4 * most else line[: most - 1].rstrip() + CUT


def metric(of: str) -> str:
    """Return the name of a metric as a sentence has it.

    >>> metric("season_matched_mae"), metric("log_loss")
    ('the season-matched mean absolute error', 'the log loss')
    >>> metric("absolute_error_p90")
    'the p90 absolute error'
    >>> metric("mae_worse_by")
    'the evidence that the mean absolute error is worse than tolerated'
    """
    for prefix, said in _PREFIXES.items():
        if of.startswith(prefix):
            return f"the {said} {metric(of.removeprefix(prefix)).removeprefix('the ')}"
    if of.endswith(_TOLERATED):
        return f"the evidence that {metric(of.removesuffix(_TOLERATED))} is worse than tolerated"
    quantile = _QUANTILE.fullmatch(of)
    if quantile is not None:
        return f"the {quantile['share']} {quantile['of'].replace('_', ' ')}"
    return _METRICS.get(of) or f"the {name(of.replace('_', ' '))}"


def is_estimated(of: str) -> bool:
    """Return whether a metric of performance is expected rather than measured."""
    return of.startswith(_ESTIMATED)


def segment(text: str) -> str:
    """Return a segment's name with spaces around its equals sign.

    >>> segment("origin=EWR")
    'origin = EWR'
    """
    column, equals, value = text.partition("=")
    return f"{name(column)} = {name(value)}" if equals else name(text)


def day(when: datetime) -> str:
    """Return a day in UTC.

    >>> from datetime import UTC, datetime
    >>> day(datetime(2013, 5, 3, 22, tzinfo=UTC))
    '3 May 2013'
    """
    return f"{when.day} {_MONTHS[when.month - 1]} {when.year}"


def minute(when: datetime) -> str:
    """Return a day and the time on it."""
    return f"{day(when)}, {when:%H:%M} UTC"


def number(value: float, unit: str = "", *, digits: int = 3) -> str:
    """Return a value with so many significant digits and its unit.

    >>> number(15.3149), number(0.9812, "share"), number(12340.0, "rows"), number(1.0, "minutes")
    ('15.3', '98.1 %', '12,340 rows', '1 minute')
    >>> number(0.83, "ROC AUC"), number(1.0, "rows a second")
    ('0.83', '1 row per second')
    >>> number(2.0, "log10"), number(400.0, "log10")
    ('100 to 1', 'more than 1,000,000 to 1')
    """
    if unit == "share":
        return f"{_plain(100 * value, digits)} %"
    if unit == _EVIDENCE:
        odds = f"{_plain(10**value, digits)}" if value < MAX_ODDS else f"more than {10**MAX_ODDS:,}"
        return f"{odds} to 1"
    said = _plain(value, digits)
    if unit in _UNSAID:
        return said
    if said.removeprefix(MINUS) == "1" and unit in _SINGULARS:
        return f"{said} {_SINGULARS[unit]}"
    return f"{said} {_UNITS.get(unit) or name(unit, most=MAX_UNIT)}".rstrip()


def apart(value: float, other: float, unit: str = "") -> tuple[str, str]:
    """Return two values with as many digits as it takes to tell them apart.

    >>> apart(12.004, 12.0)
    ('12.004', '12')
    """
    for digits in range(3, MAX_DIGITS + 1):
        said = number(value, unit, digits=digits), number(other, unit, digits=digits)
        if said[0] != said[1]:
            return said
    return number(value, unit), number(other, unit)


def plural(count: int, one: str, many: str = "") -> str:
    """Return a count and what is counted.

    >>> plural(1, "column"), plural(1200, "breach", "breaches")
    ('1 column', '1,200 breaches')
    """
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def listed(names: Sequence[str], most: int = MAX_LISTED) -> str:
    """Return names as a list that says how many it leaves out.

    >>> listed(["a", "b"]), listed(["a", "b", "c", "d", "e"])
    ('a and b', 'a, b, c and 2 more')
    """
    if len(names) == most + 1:  # the last name is as short as "1 more"
        most += 1
    shown = [name(each) for each in names[:most]]
    if len(names) > most:
        shown.append(f"{len(names) - most:,} more")
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"


def sentence(text: str) -> str:
    """Return a text as a sentence: its first letter large, one full stop at its end."""
    return f"{text[:1].upper()}{text[1:].rstrip('. ')}."


def _plain(value: float, digits: int) -> str:
    size = abs(value)
    if size and (size >= _LARGE or size < _SMALL):
        said = f"{value:.{digits - 1}e}"
    else:
        said = f"{float(f'{value:.{digits}g}'):,.10f}".rstrip("0").rstrip(".")
        if size >= 10 ** (digits - 1):
            said = f"{value:,.0f}"
    return "0" if said == "-0" else said.replace("-", MINUS)
