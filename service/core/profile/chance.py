"""What chance explains of a share of rows: bounds that hold in all but one of 10,000 samples.

Source: Bernstein's inequality, as in Boucheron, Lugosi and Massart, Concentration Inequalities (2013),
theorem 2.10.
"""

from __future__ import annotations

import math

LOG_CHANCE = math.log(10_000)


def upper_bound(share: float, rows: int) -> float:
    """Return the share that `rows` rows hardly ever exceed, each affected with the chance `share`."""
    if not rows:
        return 0.0
    spread = math.sqrt(2.0 * share * (1.0 - share) * LOG_CHANCE / rows)
    return min(1.0, share + spread + LOG_CHANCE / (3.0 * rows))


def explains_all(share: float, rows: int) -> bool:
    """Say whether chance may affect all of `rows` rows, where it affects each with chance `share`."""
    return share > 0.0 and rows * math.log(share) >= -LOG_CHANCE
