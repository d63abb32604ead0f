"""Numbers with separators, per cent and currency signs are read as it is declared, and to the letter."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from service.core.rows.number_format import NumberFormat
from service.sources.tables.from_pandas import numbers
from service.sources.tables.number_text import parser, proposed

US, GERMAN = NumberFormat(thousands=","), NumberFormat(",", ".")


@pytest.mark.parametrize(
    ("form", "text", "number"),
    [
        (US, "1,234.50", 1234.5),
        (US, "12,345,678", 12345678),
        (US, "12,34,567.5", 1234567.5),  # India
        (US, "-1,234", -1234),
        (US, "1,234-", -1234),
        (US, "(1,234.50)", -1234.5),
        (US, "\u22121,234", -1234),
        (US, "+5", 5),
        (US, "1e3", 1000),
        (US, ".5", 0.5),
        (US, "1,5", None),
        (US, "1,2345", None),
        (US, ",123", None),
        (US, "1.234,50", None),
        (US, "abc", None),
        (US, "1_000", None),
        (US, "\u0661", None),
        (GERMAN, "1.234,50", 1234.5),
        (GERMAN, "1,5", 1.5),
        (GERMAN, "1.5", None),
        (GERMAN, "1,234.50", None),
        (NumberFormat(","), "1,5", 1.5),
        (NumberFormat(","), "1.5", None),
        (NumberFormat(",", " "), "1\u202f234\u00a0567,5", 1234567.5),
        (NumberFormat(thousands="'"), "1\u2019234.5", 1234.5),
        (NumberFormat(thousands="_"), "1_234", 1234),
        (NumberFormat(percent=True), "12.5 %", 0.125),
        (NumberFormat(percent=True), "-3%", -0.03),
        (NumberFormat(percent=True), "0.5", 0.5),
        (NumberFormat(), "12.5%", None),
        (NumberFormat(strip=("\u20ac", "EUR")), "\u20ac 5", 5),
        (NumberFormat(strip=("\u20ac", "EUR")), "-5 EUR", -5),
        (NumberFormat(strip=("\u20ac",)), "\u20ac-5", -5),
        (NumberFormat(strip=("\u20ac",)), "$5", None),
    ],
)
def test_a_text_follows_the_declared_form_or_is_no_number(
    form: NumberFormat, text: str, number: float | None
) -> None:
    """What the form does not say is no number, so that no sign is taken for another one."""
    assert parser(form)(text) == (None if number is None else pytest.approx(number, rel=1e-15))
    found = numbers(pd.Series([text, None, ""], dtype=object), form)
    unparsable = [number is None, False, False] if number is None else None
    assert (None if found.unparsable is None else found.unparsable.tolist()) == unparsable
    assert np.isnan(np.take(found.values, 1))


def test_numbers_that_are_typed_need_no_form() -> None:
    """A column of floats or integers is as it is, whatever is declared of texts."""
    for column in (pd.Series([1.5, 2.5]), pd.Series([1, 2])):
        found = numbers(column, GERMAN)
        assert np.array_equal(found.values, column)


@pytest.mark.parametrize(
    ("texts", "options"),
    [
        (["2,039.67", "1,000"], 'thousands: ","'),
        (["2.039,67", "1,5"], 'decimal: ",", thousands: "."'),
        (["1,5", "2,25"], 'decimal: ","'),
        (["1'200.5"], 'thousands: "\'"'),
        (["12.5%", "3 %"], "percent: true"),
        (["\u20ac1,234.50", "\u20ac5"], 'thousands: ",", strip: ["\u20ac"]'),
        (["USD 1,200"], 'thousands: ",", strip: ["USD"]'),
        (["n/k", "unknown"], ""),
        ([], ""),
    ],
)
def test_options_are_proposed_that_read_the_texts(texts: list[str], options: str) -> None:
    """A message can say what to write."""
    assert proposed(texts) == options
