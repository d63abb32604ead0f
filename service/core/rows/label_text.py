"""The canonical text of a label or an id: equal values have one text, whatever file and type they came in.

A whole number is written by its digits, never by way of a float: 1, 1.0 and Decimal("1.00") are `1`, 1e22 has
23 digits, and 2**60 + 1 keeps its last one. Any other number is the shortest decimal that gives it back in
its own width, so that 0.1 is `0.1` as a float32 and as a float64; below 1e-4 it has an exponent.
Infinity is `inf`. A truth value is `True` or `False`. A text is what is written, without the white space and
the invisible marks around it, in Unicode's composed form (NFC): an accent is one character, whichever system
wrote the file. NaN, None and the empty text are missing.
"""

from __future__ import annotations

import hashlib
import math
import re
import unicodedata
from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np

from service.core.rows.batch import Labels, LabelType

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

LABEL_LENGTH = 200  # a longer one is cut and ends in a hash: an array of texts is as wide as its longest
MAX_DIGITS = 5_000  # of a decimal that is written out
SMALLEST_PLAIN = -4  # the power of ten below which a number is written with an exponent

INVISIBLE = "\ufeff\u200b\u2060"  # byte order mark, zero-width space, word joiner: left by exports
_PLAIN = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?")
_EXPONENT = re.compile(r"-?[0-9](\.[0-9]+)?e[+-][0-9]{2,3}")
_WHOLE_WITH_ZEROS = re.compile(r"(-?(?:0|[1-9][0-9]*))\.0+")


def text_of(value: object) -> str | None:
    """Return a value's canonical text, None where it holds nothing."""
    if type(value) is str:  # the common case, without a call
        short = value.strip()
        if len(short) <= LABEL_LENGTH and short.isascii() and "\0" not in short:
            return short or None
    text = _written(value)
    return storable(text) if text else None


def composed_name(name: str) -> str:
    """Return a column's name in composed form, so that an accent is one however a file spells it."""
    return name if name.isascii() else unicodedata.normalize("NFC", name)


def _composed(text: str) -> str:
    plain = text.strip()
    return plain if plain.isascii() else unicodedata.normalize("NFC", plain.strip(INVISIBLE).strip())


def of_float(value: float) -> str:
    """Return the text of a float64, `nan` for NaN."""
    if value.is_integer():
        return str(int(value))
    return repr(float(value))


def of_class(value: float) -> str:
    """Return the text of a number in a column of numbers, which may have been a float32 in its file."""
    narrow = np.float32(value) if abs(value) < float(np.finfo(np.float32).max) else None
    if narrow is not None and float(narrow) == value and not value.is_integer():
        return str(narrow)
    return of_float(value)


def type_of(value: object) -> LabelType:
    """Return as what a value was typed."""
    if isinstance(value, bool | np.bool_):
        return LabelType.TRUTH
    if isinstance(value, int | float | Decimal | np.number):
        return LabelType.NUMBER
    return LabelType.TEXT


def described(text: str, typed: LabelType) -> str:
    """Return an id or a label with its type, so that the text "2" and the number 2 differ."""
    return f'the text "{text}"' if typed is LabelType.TEXT else f"the {typed} {text}"


def common_type(types: set[LabelType]) -> LabelType:
    """Return the type of a column whose values have these types: TEXT unless they agree."""
    return types.pop() if len(types) == 1 else LabelType.TEXT


def number_text(text: str) -> str | None:
    """Return the canonical text of the number that `text` spells as programs do; None where it is none.

    Digits with or without a fraction, and the exponents of Python's shortest form (`1e-05`). `007`, `+1` and
    `1e5` are no program's spelling of a number: they are names.
    """
    if _PLAIN.fullmatch(text):
        whole = _WHOLE_WITH_ZEROS.fullmatch(text)
        if whole or "." not in text:
            digits = whole[1] if whole else text
            return "0" if digits == "-0" else digits
        return _of_decimal(Decimal(text))
    if _EXPONENT.fullmatch(text) and repr(float(text)) == text:
        return of_float(float(text))
    return None


def without_zeros(text: str) -> str:
    """Return `1` for the text `1.0` or `1.00`; any other text as it is."""
    found = _WHOLE_WITH_ZEROS.fullmatch(text) if text.endswith("0") else None
    if found is None:
        return text
    return "0" if found[1] == "-0" else found[1]


def is_plain(text: str) -> bool:
    """Say whether a text is a decimal without sign, exponent or zeros in front: `12`, `-3`, `0.50`."""
    return _PLAIN.fullmatch(text) is not None


def clean(text: str) -> str:
    """Return the text as numpy, UTF-8 and Postgres keep it."""
    if text.isascii() and "\0" not in text:  # neither Postgres nor numpy keeps a NUL, UTF-8 no surrogate
        return text
    return text.replace("\0", "\ufffd").encode(errors="replace").decode()


def storable(text: str) -> str:
    """Return the text as a label that every store keeps as it is, at most LABEL_LENGTH long."""
    text = clean(text)
    if len(text) <= LABEL_LENGTH:
        return text
    return f"{text[: LABEL_LENGTH - 17]}…{hashlib.sha256(text.encode()).hexdigest()[:16]}"


def coded(
    codes: NDArray[np.integer], texts: Sequence[str | None], typed: LabelType = LabelType.TEXT
) -> Labels:
    """Return the column whose row of code c has the text `texts[c]`, which may repeat, in any order.

    Code -1, None and the empty text are missing.
    """
    labels, places = np.unique(np.array([text or "" for text in texts], dtype=np.str_), return_inverse=True)
    if len(labels) and not labels[0]:  # empty sorts first
        labels, places = labels[1:], places - 1
    return Labels(np.append(places, -1)[codes], labels, typed)  # code -1, missing, is the last


def _written(value: object) -> str | None:  # noqa: PLR0911 - one line a type
    if isinstance(value, str):
        return _composed(value)
    if value is None:
        return None
    if isinstance(value, bool | np.bool_):
        return str(bool(value))
    if isinstance(value, int | np.integer):
        return _of_whole(int(value))
    if isinstance(value, float | np.floating):
        return _of_any_float(value)
    if isinstance(value, Decimal):
        return _of_decimal(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return _of_bytes(bytes(value))
    return _composed(str(value))


def _of_bytes(value: bytes) -> str:
    try:
        return _composed(value.decode())
    except UnicodeDecodeError:  # a binary id, such as a UUID's sixteen bytes: each its own text
        return f"0x{value.hex()}"


def _of_whole(value: int) -> str:
    try:
        return str(value)
    except ValueError:  # Python refuses to write more than some thousand digits
        return hex(value)


def _of_any_float(value: float | np.floating) -> str | None:
    if math.isnan(value):
        return None
    if value.is_integer():
        return str(int(value))
    return repr(float(value)) if isinstance(value, float) else str(value)


def _of_decimal(value: Decimal) -> str | None:
    if value.is_nan():
        return None
    if value.is_infinite():
        return "-inf" if value.is_signed() else "inf"
    if not value:
        return "0"
    power = value.adjusted()
    if power > MAX_DIGITS:
        return str(value)
    if power >= SMALLEST_PLAIN:
        text = format(value, "f")
        return text.rstrip("0").rstrip(".") if "." in text else text
    digits = "".join(map(str, value.as_tuple().digits)).rstrip("0")
    fraction = f".{digits[1:]}" if digits[1:] else ""
    return f"{'-' if value.is_signed() else ''}{digits[0]}{fraction}e{power:03d}"
