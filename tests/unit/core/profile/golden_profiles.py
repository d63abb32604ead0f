"""Profiles of literal values, with every part, and the bytes that a build wrote of them.

`python -m tests.unit.core.profile.golden_profiles` writes the files in `golden` that are not there yet. One
that is there is never written again: later builds must read it as it is.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from service.core.blocks.sums import BlockSums
from service.core.profile import block_sums
from service.core.profile.codec import profile as codec
from service.core.profile.columns import ColumnProfile
from service.core.profile.distribution import Distribution
from service.core.profile.duplicates import DuplicateSketch
from service.core.profile.error_cells import CellCounts
from service.core.profile.outcome.binary import BinaryOutcome, Confusion, ScoreBins
from service.core.profile.outcome.multiclass import MulticlassOutcome
from service.core.profile.outcome.outcome import Outcome
from service.core.profile.outcome.regression import ErrorSums, RegressionOutcome
from service.core.profile.pca_reconstruction import Reconstruction
from service.core.profile.profile import Profile
from service.core.profile.row_counts import RowCounts, Unwatched
from service.core.profile.row_sample import RowSample
from service.core.profile.season_rows import SeasonRows
from service.core.profile.segments import Segments
from service.core.profile.texts import TextCounts
from service.core.rows.batch import Labels, Numbers, Texts

GOLDEN = Path(__file__).parent / "golden"
BIG = 2**2_000 + 12_345  # as large as an exact sum of large numbers


def numbers(*values: float, dropped_bits: int = 0, infinite: tuple[int, int] = (0, 0)) -> Distribution:
    """Return a distribution in which the first value has one row, the second two, and so on."""
    counts = np.arange(1, len(values) + 1, dtype=np.int64)
    return Distribution(np.array(values, dtype=np.float64), counts, 1, *infinite, dropped_bits)


def profile_of(outcome: Outcome | None) -> Profile:
    """Return a profile whose parts are those of a model with this outcome."""
    columns = {
        "größe": ColumnProfile(numbers(-2.5, 0.1, 1e300, dropped_bits=3, infinite=(4, 5)), 6, 7),
        "colour": ColumnProfile(
            Distribution(np.array(["blau", "grün"]), np.array([3, 1], dtype=np.int64), 2), categorical=True
        ),
        "codes": ColumnProfile(numbers(1.0, 2.0), categorical=True),
        "note": ColumnProfile(numbers(0.0, 17.0), absent=1),
    }
    unwatched = Unwatched(9, (("extra", 9), ("more", 2)), more=True)
    repeats = DuplicateSketch(9, 1, np.array([3, 2**63, 2**64 - 1], dtype=np.uint64), np.array([1, 4, 1]), 2)
    sample = RowSample(
        3,
        np.array([5, 6, 9]),
        np.array([1_700_000_000_000_000, 1_700_000_000_000_001, 1_600_000_000_000_000]),
        {
            "größe": Numbers(np.array([0.1, np.nan, np.nan]), np.array([False, False, True])),
            "colour": Labels(np.array([1, -1, 0], dtype=np.int32), np.array(["blau", "grün"])),
            "codes": Labels(np.array([0, 0, 0], dtype=np.int32), np.array(["1"])),
            "note": Texts(np.array(["spät", None, ""], dtype=object)),
        },
    )
    return Profile(
        "0123456789abcdef",
        9,
        columns,
        {
            "outcome": outcome,
            "row_counts": RowCounts(
                repeats, DuplicateSketch(missing=9), -5, 10**15, 9, 2, 8, 1, (10**15, 10**15 + 7), unwatched
            ),
            "texts": {"note": TextCounts("fedcba9876543210", 1, 20, 3, 2, 2**64 - 1)},
            "error_cells": {}
            if not isinstance(outcome, RegressionOutcome)
            else {"größe": CellCounts("aaaabbbbccccdddd", (5, 4, 0), (2, 1, 0), (BIG, 1, 0), (3, -4, 0))},
            "row_sample": sample,
            "pca_reconstruction": None if outcome is None else Reconstruction("0f" * 8, 7, 3, 2, BIG, 5),
            "segments": {}
            if outcome is None
            else {"colour": Segments(("blau",), (outcome, type(outcome)(), type(outcome)()))},
        },
    )


def with_season(whole: Profile) -> Profile:
    """Return a profile whose rows are counted by a season."""
    counts = SeasonRows("weekend@Europe/Berlin", (7, 2), {"colour": (4, 0), "größe": (7, 1)})
    return replace(whole, parts={**whole.parts, "season_rows": counts})


REGRESSION = RegressionOutcome(
    7, -1, 2, 1, 1, 0.1, ErrorSums(*range(-5, 5), BIG), numbers(0.0, 0.1, dropped_bits=1)
)
BINARY = BinaryOutcome(
    7,
    3,
    2,
    1,
    1,
    0,
    1,
    BIG,
    -3,
    4,
    Confusion(1, 2, 3, 4),
    ScoreBins(tuple(range(10)), tuple(range(1, 11)), tuple(range(2, 12)), (*range(9), BIG)),
    numbers(0.25, 1.5),
    numbers(0.5),
    numbers(0.75),
    numbers(0.125, 0.25, 0.5),
)
MULTICLASS = MulticlassOutcome(7, 4, 1, 1, 5, 1, 1, BIG, 6, (("a", "b", 3), ("b", "b", 4)))
BLOCKS = BlockSums(
    "00112233aabbccdd",
    np.array([-1, 377_000], dtype=np.int64),
    np.array([3, 6], dtype=np.int64),
    np.array([[-5, 2**40], [7, 0]], dtype=np.int64),
)
MANY_CLASSES = MulticlassOutcome(7, 4, 1, 1, pairs=None)

BY_DAY = Profile("0123456789abcdef", 9, {}, {"outcome_days": {-1: (2, BIG), 15_706: (7, 5)}})

PROFILES = {
    "regression": profile_of(REGRESSION),
    "binary": profile_of(BINARY),
    "multiclass": profile_of(MULTICLASS),
    "many_classes": profile_of(MANY_CLASSES),
    "no_task": profile_of(None),
    "by_block": profile_of(None).with_part(block_sums.PART, BLOCKS),
    "outcome_days": BY_DAY,
    "season": with_season(profile_of(REGRESSION)),
}

if __name__ == "__main__":
    for name, made in PROFILES.items():
        file = GOLDEN / f"{name}.pane"
        if not file.exists():
            file.write_bytes(codec.encode(made))
