"""An anytime-valid test of a metric against a tolerance.

Placeholder until its test lands in this file.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How much worse than the reference a metric may be.

    by: how much, as a share of the reference's figure where `relative`, else in the metric's unit.
    """

    by: float
    relative: bool = False
