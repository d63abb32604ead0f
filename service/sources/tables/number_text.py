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
SHARE_READ = 0.9  # of some texts, from which a form is proposed for them
_CURRENCY = re.compile(r"[$\u20ac\u00a3\u00a5\u20b9]|[A-Z]{3}\b|\b[A-Z]{3}")


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
            return None
        number = float(text.translate(group).replace(form.decimal, "."))
        number = number / 100 if is_percent else number
        return -number if negative or again else number

    return parse


def proposed(texts: Iterable[str]) -> str:
    """Return the options that read most of `texts`, as they are written in a monitor file; empty if none."""
    examples = [text for text in texts if text.strip()]
    if not examples:
        return ""
    for form in _candidates(examples):
        parse = parser(form)
        if sum(parse(text) is not None for text in examples) >= SHARE_READ * len(examples):
            return _written(form)
    return ""


def _candidates(examples: list[str]) -> Iterator[NumberFormat]:
    for strip in ((), tuple(sorted({sign for text in examples for sign in _CURRENCY.findall(text)}))):
        for percent in (False, True):
            for decimal, thousands in (
                (".", ""),
                (".", ","),
                (",", ""),
                (",", "."),
                (".", "'"),
                (",", " "),
                (".", " "),
            ):
                yield NumberFormat(decimal, thousands, percent, strip)


def _written(form: NumberFormat) -> str:
    signs = ", ".join(f'"{sign}"' for sign in form.strip)
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
    if text[:1] in {"-", "\u2212"}:
        return True, text[1:].lstrip(SPACES)
    if text[-1:] in {"-", "\u2212"}:
        return True, text[:-1].rstrip(SPACES)
    return False, text.removeprefix("+")


def _signs(thousands: str) -> str:
    return SPACES if thousands == " " else APOSTROPHES if thousands == "'" else thousands


def _pattern(form: NumberFormat) -> re.Pattern[str]:
    fraction = f"(?:{re.escape(form.decimal)}[0-9]*)?(?:[eE][+-]?[0-9]+)?"
    whole = "[0-9]+"
    if form.thousands:  # by thousands, or as in India by hundreds above them
        sign = f"[{re.escape(_signs(form.thousands))}]"
        whole = (
            f"(?:[0-9]{{1,3}}(?:{sign}[0-9]{{3}})+|[0-9]{{1,2}}(?:{sign}[0-9]{{2}})+{sign}[0-9]{{3}}|[0-9]+)"
        )
    return re.compile(f"(?:{whole}{fraction}|{re.escape(form.decimal)}[0-9]+(?:[eE][+-]?[0-9]+)?)")
