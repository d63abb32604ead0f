"""Which reference was a window compared with? Told of monitors whose reference moves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.core.measurement import Aspect, Measurement, Series, Worse

if TYPE_CHECKING:
    from service.core.profile.profile import Profile
    from service.core.windows.moving_reference import Compared

MOVING_ROWS = Series(Aspect.QUALITY, "moving_reference_rows", unit="rows", worse=Worse.LOWER)


def measure_moving(compared: Compared, declared: Profile) -> Measurement:
    """Measure the rows of the moving reference, beside the declared one's.

    There is no number but the reason where the declared one stood in, so that a chart shows which of them
    every other number of the window was compared with.
    """
    value = None if compared.reason else float(compared.rows)
    return Measurement(MOVING_ROWS, value, compared.rows, compared.reason, reference=float(declared.rows))
