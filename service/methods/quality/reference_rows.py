"""The reference that a window was compared with, for monitors whose reference moves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.core.measurement import Aspect, Measurement, Series, Worse

if TYPE_CHECKING:
    from service.core.profile.profile import Profile
    from service.core.windows.moving_reference import Compared

MOVING_ROWS = Series(Aspect.QUALITY, "moving_reference_rows", unit="rows", worse=Worse.LOWER)


def measure_moving(compared: Compared, declared: Profile) -> Measurement:
    """Measure the rows of the moving reference, with the declared one's.

    Where the declared one was used instead there is no value but the reason, so that a chart shows which of
    them the window's other measurements were compared with.
    """
    value = None if compared.reason else float(compared.rows)
    return Measurement(MOVING_ROWS, value, compared.rows, compared.reason, reference=float(declared.rows))
