"""Numbers in texts that are written with thousands separators, a decimal comma, per cent or currency signs.

A text that does not follow the declared form to the letter is no number: "1,5" is none where the comma
separates thousands, because it stands before three digits there.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

from service.core.rows.number_format import NumberFormat

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

SPACES = " \u00a0\u2009\u202f"
APOSTROPHES = "'\u2019"
MINUS = "\u2212"  # as texts are set; a keyboard has the hyphen
SHARE_READ = 0.9  # of some texts, from which a form is proposed for them
MAX_WORDS = 3  # different texts in place of numbers, at most which they may be words for missing values
_CURRENCY = re.compile(r"[$\u20ac\u00a3\u00a5\u20b9]|[A-Z]{3}\b|\b[A-Z]{3}")
_EITHER = re.compile(r"[+-]?[1-9][0-9]{0,2},[0-9]{3}")
_AROUND = re.compile(r"([='\"]*)[\s+(\u2212-]*[0-9].*?([^0-9.,)\s]*)\)?")
# What multiplies or divides a number cannot be stripped from it.
_MULTIPLIERS = re.compile(
    r"[kmbgt%\u2030\u00b5\u03bcexd]|[bm]n|bln|mln|mio\.?|mrd\.?|tsd\.?|thousand|million|billion",
    re.IGNORECASE,
)
_INFINITE = re.compile(r"inf(inity)?", re.IGNORECASE)


def parser(form: NumberFormat) -> Callable[[str], float | None]:
    """Return what reads a text of the given form: NaN for an empty one, None for one that is no number."""
    pattern = _pattern(form)
    group = str.maketrans("", "", _signs(form.thousands))

    def parse(text: str) -> float | None:
        text = text.strip().strip(SPACES)
        if not text:
            return math.nan
        negative, text = _without_sign(text)
        for part in form.strip:
            text = text.removeprefix(part).removesuffix(part).strip(SPACES)
        is_percent = form.percent and text.endswith("%")
        if is_percent:
            text = text[:-1].rstrip(SPACES)
        again, text = _without_sign(text) if not negative else (False, text)
        if pattern.fullmatch(text) is None:
            infinite = _INFINITE.fullmatch(text) is not None
            return None if not infinite else -math.inf if negative or again else math.inf
        number = float(text.translate(group).replace(form.decimal, "."))
        number = number / 100 if is_percent else number
        return -number if negative or again else number

    return parse


def proposed(texts: Iterable[str]) -> str:
    """Return the options that read most of `texts`, as they are written in a monitor file; empty if none.

    Of several forms it is the first of those that read the most.
    """
    examples = [text for text in texts if text.strip()]
    read = {form: _share_read(form, examples) for form in _candidates(examples)}
    if not read or max(read.values()) < SHARE_READ:
        return ""
    return _written(max(read, key=lambda form: read[form]))


def other_reading(example: str, options: str) -> str:
    """Return the options that read 1,234 as a fraction, where the given ones take it for 1234."""
    is_either = options == _written(NumberFormat(thousands=",")) and _EITHER.fullmatch(example.strip())
    return _written(NumberFormat(",")) if is_either else ""


def proposed_words(texts: Iterable[str]) -> str:
    """Return the option that takes a few texts among numbers for missing; empty if they are more."""
    examples = [text.strip() for text in texts if text.strip()]
    words = sorted(set(examples))
    strange = [word for word in words if word[0] != "#" and any(sign.isdigit() for sign in word)]
    if not 0 < len(words) <= MAX_WORDS or strange:  # #DIV/0! is a spreadsheet's
        return ""
    return f"missing_words: [{', '.join(map(_quoted, words))}]"


def plain_number(text: str) -> float | None:
    """Return the number in a text without a declared form: NaN for an empty one, None where it is none.

    A minus may be in front or behind, be a typeset one, or be written as parentheses.
    """
    text = text.strip()
    if not text:
        return math.nan
    number = _digits(text)
    if number is None and (text[0] in f"({MINUS}" or text[-1] in f"-{MINUS}"):
        negative, unsigned = _without_sign(text)
        number = _digits(unsigned) if unsigned[:1] not in {"+", "-"} else None
        return None if number is None else -number if negative else number
    return number


def _digits(text: str) -> float | None:
    if "_" in text or not text.isascii():
        return None  # Python's own spellings of a number, no one else's
    try:
        return float(text)
    except ValueError:
        return None


def _share_read(form: NumberFormat, examples: list[str]) -> float:
    parse = parser(form)
    return sum(parse(text) is not None for text in examples) / len(examples)


def _candidates(examples: list[str]) -> Iterator[NumberFormat]:
    if not examples:
        return
    for strip in dict.fromkeys(((), _currency(examples), _around(examples))):
        for percent in (False, True):
            for decimal, thousands in (
                (".", ""),
                (".", ","),
                (",", ""),
                (",", "."),
                (".", "'"),
                (",", " "),
                (".", " "),
                (".", "_"),
            ):
                yield NumberFormat(decimal, thousands, percent, strip)


def _currency(examples: list[str]) -> tuple[str, ...]:
    # A sign and a code of one currency; amounts of several cannot be compared.
    signs = {sign for text in examples for sign in _CURRENCY.findall(text)}
    codes = {sign for sign in signs if sign.isascii() and sign.isalpha()}
    return tuple(sorted(signs)) if max(len(codes), len(signs - codes)) <= 1 else ()


def _around(examples: list[str]) -> tuple[str, ...]:
    # The quotes before and what stands behind the digits of every text, such as a unit; none that multiplies.
    found = [_AROUND.fullmatch(text.strip()) for text in examples]
    pairs = {match.groups() for match in found if match is not None}
    if len(pairs) != 1 or sum(match is not None for match in found) < SHARE_READ * len(examples):
        return ()
    parts = tuple(dict.fromkeys(part for part in pairs.pop() if part))
    return () if any(_MULTIPLIERS.fullmatch(part) for part in parts) else parts


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _written(form: NumberFormat) -> str:
    signs = ", ".join(map(_quoted, form.strip))
    options = (
        f'decimal: "{form.decimal}"' if form.decimal != "." else "",
        f'thousands: "{form.thousands}"' if form.thousands else "",
        "percent: true" if form.percent else "",
        f"strip: [{signs}]" if signs else "",
    )
    return ", ".join(option for option in options if option)


def _without_sign(text: str) -> tuple[bool, str]:
    if text.startswith("(") and text.endswith(")"):
        return True, text[1:-1].strip(SPACES)
    if text[:1] in {"-", MINUS}:
        return True, text[1:].lstrip(SPACES)
    if text[-1:] in {"-", MINUS}:
        return True, text[:-1].rstrip(SPACES)
    return False, text.removeprefix("+")


def _signs(thousands: str) -> str:
    return SPACES if thousands == " " else APOSTROPHES if thousands == "'" else thousands


def _pattern(form: NumberFormat) -> re.Pattern[str]:
    fraction = f"(?:{re.escape(form.decimal)}[0-9]*)?(?:[eE][+-]?[0-9]+)?"
    whole = "[0-9]+"
    if form.thousands:  # by thousands, or as in India by hundreds above them
        sign = f"[{re.escape(_signs(form.thousands))}]"
        groups = f"[0-9]{{1,3}}(?:{sign}[0-9]{{3}})+|[0-9]{{1,2}}(?:{sign}[0-9]{{2}})+{sign}[0-9]{{3}}"
        whole = f"(?:(?!0{sign})(?:{groups})|[0-9]+)"  # 0,972 is a fraction, whatever is declared
    return re.compile(f"(?:{whole}{fraction}|{re.escape(form.decimal)}[0-9]+(?:[eE][+-]?[0-9]+)?)")
