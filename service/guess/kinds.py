"""Guess what kind a column is, or why it is better left out, from what its cells hold."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from service.core.rows.schema import Kind

if TYPE_CHECKING:
    from service.guess.facts import ColumnFacts

# Whole numbers of at most so many different values, each of them frequent, are likelier codes than amounts.
MAX_CODES = 12
TWO = 2
MIN_ROWS_PER_CODE = 10
MAX_CATEGORIES = 200  # more categories than windows hold rows for: every one would have a handful
MIN_WORDS = 3.0  # from which texts are read, not counted
TEXT_SHARE = 0.5  # of different values among free texts
MOST = 0.95  # of the cells: what a column is, a few bad ones aside
UNIQUE_SHARE = 0.99
_ID_NAME = re.compile(
    r"(^|[_\s.-])(id|uuid|guid|key|pk|rowid)$|^(id|uuid|guid)([_\s.-]|$)|[a-z]I[Dd]$", re.IGNORECASE
)
_ID_CASED = re.compile(r"[a-z](ID|Id)$")
_INDEX_NAME = re.compile(
    r"(unnamed: ?\d+|index|level_\d+|__index_level_\d+__|row|row_?(number|num|nr|no))", re.IGNORECASE
)
_DATE_PART = re.compile(
    r"(.*_)?(year|yr|month|mon|week|week_?of_?year|day|dom|doy|day_?of_?(month|year)|quarter)", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class KindGuess:
    """A column's kind, None where it is better left out, and the reason.

    `options` is what a monitor file has to say besides the kind, such as `decimal: ","`.
    """

    kind: Kind | None
    why: str
    options: str = ""


def has_id_name(name: str) -> bool:
    """Say whether a column is named like an id."""
    return bool(_ID_NAME.search(name) or _ID_CASED.search(name))


def is_unique(facts: ColumnFacts) -> bool:
    """Say whether (almost) every row has a value of its own."""
    return (
        facts.filled > 1
        and facts.missing <= (1 - UNIQUE_SHARE) * facts.rows
        and (facts.distinct_share >= UNIQUE_SHARE)
    )


def guess_kind(facts: ColumnFacts) -> KindGuess:
    """Return the kind of a column that is neither the time nor the id."""
    reason = _left_out(facts)
    if reason:
        return KindGuess(None, reason)
    if facts.distinct == 1:
        return KindGuess(Kind.CATEGORICAL, "one value in every row; any other would be a new category")
    if facts.truth or facts.distinct == TWO:
        return KindGuess(Kind.CATEGORICAL, "two values")
    if facts.numbers >= MOST:
        return _of_numbers(facts)
    if facts.number_options:
        why = "numbers that are written in their own way"
        if facts.other_options:
            why += f"; where 1,234 is below 1,000 write {facts.other_options}"
        return KindGuess(Kind.NUMERICAL, why, facts.number_options)
    return _of_texts(facts)


def is_part_of_a_date(facts: ColumnFacts) -> bool:
    """Say whether a column counts years, months, weeks or days, which change from window to window."""
    return bool(_DATE_PART.fullmatch(facts.name)) and facts.numbers == 1.0 and facts.whole


def _left_out(facts: ColumnFacts) -> str:
    is_whole = facts.numbers == 1.0 and facts.whole
    reasons = {
        "holds lists, structs or bytes; expected numbers, labels or texts": facts.nested,
        "empty in every row": facts.filled == 0,
        "holds times, whose drift says little; an age or an hour would be a number": (
            facts.times >= MOST or bool(facts.time_formats)
        ),
        "numbers the rows": (
            (is_whole and is_unique(facts) and bool(_INDEX_NAME.fullmatch(facts.name)))
            or (facts.counts_rows and facts.low in {0.0, 1.0} and facts.rows > MAX_CODES)
        ),
        f"an id by its name; {facts.distinct:,} distinct values": (
            has_id_name(facts.name) and (is_whole or not facts.numbers) and facts.distinct > MAX_CATEGORIES
        ),
    }
    return next((reason for reason, holds in reasons.items() if holds), "")


def _of_numbers(facts: ColumnFacts) -> KindGuess:
    noted = "" if facts.numbers == 1.0 else f", {1 - facts.numbers:.1%} of the cells unreadable"
    if not facts.whole:
        return KindGuess(Kind.NUMERICAL, f"numbers with fractions{noted}")
    if facts.distinct <= MAX_CODES and facts.filled >= MIN_ROWS_PER_CODE * facts.distinct:
        return KindGuess(
            Kind.CATEGORICAL, f"whole numbers of {facts.distinct} values: codes rather than amounts"
        )
    return KindGuess(Kind.NUMERICAL, f"whole numbers of {facts.distinct:,} values{noted}")


def _of_texts(facts: ColumnFacts) -> KindGuess:
    if facts.words >= MIN_WORDS and facts.distinct_share >= TEXT_SHARE:
        return KindGuess(Kind.TEXT, f"free text of {facts.words:.0f} words on average")
    if facts.distinct > MAX_CATEGORIES or (facts.distinct_share > TEXT_SHARE and facts.distinct > MAX_CODES):
        return KindGuess(
            None, f"{facts.distinct:,} distinct texts in {facts.filled:,} rows: each is too rare to compare"
        )
    what = "codes with leading zeros" if facts.codes else "labels"
    return KindGuess(Kind.CATEGORICAL, f"{what} of {facts.distinct} values")
