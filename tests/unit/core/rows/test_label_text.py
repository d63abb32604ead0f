"""The canonical text of a value: one for all files and types."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.core.rows.batch import LabelType
from service.core.rows.label_text import (
    LABEL_LENGTH,
    common_type,
    described,
    number_text,
    of_class,
    text_of,
    type_of,
    without_zeros,
)


@pytest.mark.parametrize(
    ("values", "text"),
    [
        (
            (
                1,
                1.0,
                np.int8(1),
                np.uint64(1),
                np.float16(1),
                np.float32(1),
                Decimal("1.00"),
                "1",
                " 1 ",
                b"1",
            ),
            "1",
        ),
        ((0, 0.0, -0.0, Decimal("-0.0"), np.float32(-0.0)), "0"),
        ((True, np.bool_(True), "True"), "True"),
        ((0.1, np.float16(0.1), np.float32(0.1), np.float64(0.1), Decimal("0.10"), "0.1"), "0.1"),
        ((-2.5, Decimal("-2.500"), np.float32(-2.5)), "-2.5"),
        ((1e-05, np.float32(1e-05), Decimal("0.00001"), "1e-05"), "1e-05"),
        ((1.5e-07, Decimal("0.00000015")), "1.5e-07"),
        ((2**53 + 1, np.int64(2**53 + 1), Decimal(2**53 + 1)), "9007199254740993"),
        ((2**64 - 1, np.uint64(2**64 - 1)), "18446744073709551615"),
        ((10**22, 1e22, Decimal("1E+22")), "1" + "0" * 22),
        ((math.inf, Decimal("Infinity"), np.float32(math.inf)), "inf"),
        ((None, math.nan, np.float32(math.nan), Decimal("NaN"), "", "  ", b" "), None),
        (("007", " 007"), "007"),
        (("1e5",), "1e5"),
        (("\u00a0Köln\t",), "Köln"),
    ],
)
def test_one_value_has_one_text(values: tuple[Any, ...], text: str | None) -> None:
    """A value's text does not depend on its type, its width or the space around it."""
    assert [text_of(value) for value in values] == [text] * len(values)


@given(st.floats(allow_nan=False), st.integers(), st.decimals(allow_nan=False))
def test_a_number_s_text_is_read_as_that_number(real: float, whole: int, decimal: Decimal) -> None:
    """Different numbers have different texts, which spell them, however large they are."""
    for value in (real, whole, decimal):
        text = text_of(value)
        assert text is not None
        if len(text) < LABEL_LENGTH:
            assert Decimal(text) == (
                Decimal(repr(real)) if value is real and not real.is_integer() else value
            )
            assert value is decimal or number_text(text) == text or math.isinf(value)


def test_no_value_raises() -> None:
    """What is enormous or strange has a bounded text all the same."""
    for value in (10**6_000, Decimal("1E+999999"), Decimal("1E-999999"), Decimal("sNaN"), [1], object()):
        assert len(text_of(value) or "") <= LABEL_LENGTH


def test_a_float32_among_numbers_is_the_class_that_it_was_written_as() -> None:
    """A column of numbers holds doubles: 0.1 from a float32 file is the class of 0.1 from any other."""
    values = (float(np.float32(0.1)), 0.1, 3.0, 0.5, 1e22)
    assert [of_class(value) for value in values] == ["0.1", "0.1", "3", "0.5", "1" + "0" * 22]


@pytest.mark.parametrize(
    ("text", "number", "short"),
    [
        ("1.0", "1", "1"),
        ("1.00", "1", "1"),
        ("-0.0", "0", "0"),
        ("0.50", "0.5", "0.50"),
        ("1.10", "1.1", "1.10"),
        ("10", "10", "10"),
        ("1e-05", "1e-05", "1e-05"),
        ("1e+22", "1" + "0" * 22, "1e+22"),
        *((name, None, name) for name in ("007", "1e5", "+1", "1,5", "1.", ".5", "1_0", "nan", "inf", "0x1")),
    ],
)
def test_a_text_spells_a_number_as_programs_do_or_is_a_name(
    text: str, number: str | None, short: str
) -> None:
    """Zeros in front, a plus and a bare exponent make a name; zeros behind a whole number mean nothing."""
    assert (number_text(text), without_zeros(text)) == (number, short)


def test_a_column_of_several_types_is_text() -> None:
    """A column is typed only where all its values are typed alike."""
    assert common_type({type_of(value) for value in (1, 1.5, Decimal(2), np.float32(1))}) is LabelType.NUMBER
    assert common_type({type_of(value) for value in (True, np.bool_(False))}) is LabelType.TRUTH
    assert common_type({type_of(value) for value in (True, 1)}) is LabelType.TEXT
    assert common_type(set()) is LabelType.TEXT
    assert (described("2", LabelType.NUMBER), described("02", LabelType.TEXT)) == (
        "the number 2",
        'the text "02"',
    )


@pytest.mark.parametrize(
    "written",
    [
        "caf\u00e9",
        "cafe\u0301",
        "\ufeffcaf\u00e9",
        "caf\u00e9\u200b",
        " \u2060cafe\u0301\u00a0",
        "cafe\u0301".encode(),
    ],
)
def test_what_looks_alike_is_one_label(written: str | bytes) -> None:
    """An accent has one form, and marks that nobody sees are no part of a label at its ends."""
    assert text_of(written) == "caf\u00e9"


def test_invisible_marks_within_a_text_stay() -> None:
    """Within a word they can matter, as in emoji and some scripts."""
    assert text_of("a\u200bb") == "a\u200bb"
    assert text_of("\u200b") is None
