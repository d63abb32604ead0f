"""Words that programs write where a value is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from service.core.rows.schema import Column

# As databases, pandas, R, Python and spreadsheets write them. Lower-case `none` is left out: it is a class in
# many data sets, and no program writes it.
NULL_WORDS = ("NA", "N/A", "n/a", "#N/A", "NaN", "nan", "NULL", "null", "None", "<NA>", "NaT", "\\N")


def words_of(column: Column) -> frozenset[str]:
    """Return the words that a column's cells are missing for.

    Those declared, else the null words for what is predicted and its truth: a row whose label reads `NA` has
    none. Elsewhere `NA` may be a place. A column of numbers has both: no such word is a number.
    """
    if not column.kind.is_category:
        return frozenset((*NULL_WORDS, *(column.missing_words or ())))
    if column.missing_words is not None:
        return frozenset(column.missing_words)
    return frozenset(NULL_WORDS) if column.role.is_answer else frozenset()
