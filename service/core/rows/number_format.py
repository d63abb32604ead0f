"""How the numbers of a column are written in texts."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class NumberFormat:
    """How numbers are written in texts.

    - `decimal`: the sign before the fraction.
    - `thousands`: the sign between groups of digits, empty for none; a space means every kind of space.
    - `percent`: a number may end in a per cent sign, and is then divided by 100.
    - `strip`: texts before or behind the number, such as a currency sign.
    """

    decimal: str = "."
    thousands: str = ""
    percent: bool = False
    strip: tuple[str, ...] = ()
