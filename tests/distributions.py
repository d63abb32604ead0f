"""Named pairs of samples, reference first: what real columns look like, and what breaks careless code."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Sample = NDArray[np.float64] | NDArray[np.str_]


def _numeric() -> dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]]:
    draw = np.random.default_rng(20130101)
    normal = draw.normal(size=2_000)
    minutes = np.round(draw.exponential(20.0, size=1_500))
    return {
        "normal, small": (normal[:300], draw.normal(0.2, 1.0, size=200)),
        "normal, large reference": (normal, draw.normal(0.2, 1.0, size=500)),
        "normal, equal sizes": (normal[:400], draw.normal(size=400)),
        "reference of 1,000": (normal[:1_000], draw.normal(size=70)),
        "reference of 1,001": (normal[:1_001], draw.normal(size=70)),
        "both over 10,000": (draw.normal(size=10_001), draw.normal(0.01, 1.0, size=12_000)),
        "one side over 10,000": (normal[:900], draw.normal(size=10_500)),
        "ties": (minutes, np.round(draw.exponential(25.0, size=900))),
        "few values": (draw.integers(0, 5, 800) * 1.0, draw.integers(0, 6, 400) * 1.0),
        "few values, large reference": (draw.integers(0, 4, 3_000) * 1.0, draw.integers(0, 4, 400) * 1.0),
        "exactly 20 distinct": (np.arange(400) % 20 * 0.5, draw.integers(0, 25, 300) * 0.5),
        "exactly 21 distinct": (np.arange(420) % 21 * 0.5, draw.integers(0, 25, 300) * 0.5),
        "values on bin edges": (np.linspace(0.0, 1.0, 2_049), np.linspace(0.0, 1.0, 1_025)),
        "binary": (draw.integers(0, 2, 500) * 1.0, draw.integers(0, 2, 90) * 1.0),
        "constant against itself": (np.full(50, 3.25), np.full(20, 3.25)),
        "constant against another": (np.full(50, 3.25), np.full(20, 4.0)),
        "constant reference": (np.full(1_200, 0.0), normal[:100]),
        "constant window": (normal[:600], np.full(30, 0.5)),
        "one row each": (np.array([1.0]), np.array([2.0])),
        "one row in the window": (normal[:1_500], np.array([0.1])),
        "two rows each": (np.array([1.0, 2.0]), np.array([2.0, 1.0])),
        "total drift": (normal[:900], normal[:900] + 100.0),
        "one huge outlier": (normal, np.append(normal[:500] + 3.0, 1e12)),
        "huge outlier in the reference": (np.append(normal, -1e12), normal[:500]),
        "tiny values": (normal * 1e-9, normal[:300] * 2e-9),
        "negative zero": (np.array([0.0, -0.0, 1.0] * 30), np.array([-0.0, 1.0, 1.0] * 9)),
    }


def _categorical() -> dict[str, tuple[Sample, Sample]]:
    draw = np.random.default_rng(20130102)
    carriers = np.array(["9E", "AA", "B6", "DL", "EV", "UA"])
    return {
        "labels": (draw.choice(carriers, 700), draw.choice(carriers, 300, p=[0.1, 0.1, 0.3, 0.3, 0.1, 0.1])),
        "labels, large reference": (draw.choice(carriers, 5_000), draw.choice(carriers, 900)),
        "unseen category": (
            draw.choice(carriers[:4], 2_000),
            np.append(draw.choice(carriers[:4], 499), "ZZ"),
        ),
        "unseen category, small": (
            draw.choice(carriers[:4], 300),
            np.append(draw.choice(carriers[:4], 99), "ZZ"),
        ),
        "vanished category": (draw.choice(carriers, 300), draw.choice(carriers[1:], 100)),
        "nothing in common": (draw.choice(carriers[:3], 1_100), draw.choice(carriers[3:], 200)),
        "two labels": (draw.choice(carriers[:2], 400), draw.choice(carriers[:2], 100, p=[0.7, 0.3])),
        "one label": (np.full(90, "AA"), np.full(10, "AA")),
        "one label against another": (np.full(90, "AA"), np.full(10, "B6")),
        "one row each, labels": (np.array(["AA"]), np.array(["AA"])),
        "many labels": (
            np.char.add("N", draw.integers(0, 400, 4_000).astype(np.str_)),
            np.char.add("N", draw.integers(0, 450, 700).astype(np.str_)),
        ),
        "numbers as labels": (draw.integers(0, 40, 3_000) * 1.0, draw.integers(0, 45, 600) * 1.0),
    }


NUMERIC = _numeric()
CATEGORICAL = _categorical()
