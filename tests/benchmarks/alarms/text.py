"""Shares with their chance intervals, and tables of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

TWO_SIDED_95 = 1.959963984540054


def wilson(hits: int, trials: int) -> tuple[float, float]:
    """Return E. B. Wilson's 95 % interval of a share."""
    z2 = TWO_SIDED_95**2
    share, scale = hits / trials, 1.0 + z2 / trials
    centre = share + z2 / (2.0 * trials)
    half = TWO_SIDED_95 * np.sqrt(share * (1.0 - share) / trials + z2 / (4.0 * trials**2))
    return max((centre - half) / scale, 0.0), min((centre + half) / scale, 1.0)


def percent(hits: Iterable[bool]) -> str:
    """Return a share with its interval, in per cent."""
    held = [bool(each) for each in hits]
    low, high = wilson(sum(held), len(held))
    return f"{100 * sum(held) / len(held):.1f} [{100 * low:.1f}, {100 * high:.1f}]"


def over_references(shares: Sequence[float]) -> str:
    """Return the 5 and 95 % points of a share over references, in per cent."""
    low, high = np.quantile(shares, (0.05, 0.95))
    return f"{100 * low:.0f} to {100 * high:.0f}"


def table(head: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table."""
    rows = [head, ["---"] * len(head), *lines]
    return "\n".join("| " + " | ".join(line) + " |" for line in rows) + "\n"
