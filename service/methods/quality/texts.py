"""Quality of text columns: empty texts, new words, lengths.

The drift methods for numbers also compare the distribution of the lengths with the reference's.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from service.core.measurement import Aspect, Measurement, Series, Worse
from service.core.profile import texts
from service.core.profile.part import NOT_KEPT
from service.core.profile.texts import TextCounts
from service.methods.stats.alignment import numbers
from service.methods.stats.shares import NO_VALUES, Share, measured_share

if TYPE_CHECKING:
    from collections.abc import Iterator

    from service.core.profile.distribution import Distribution
    from service.core.profile.profile import Profile

NO_WORDS = "no word in the window"


def measure_texts(column: str, reference: Profile, current: Profile) -> Iterator[Measurement]:
    """Measure a text column: the share of empty texts, the share of unknown words, the mean length.

    An empty text has at most white space. A word is unknown where the reference does not have it.
    """
    lengths, lengths_now = (side.columns[column].distribution for side in (reference, current))
    before, now = (_counts(column, side) for side in (reference, current))
    rows = lengths_now.finite
    yield measured_share(
        Series(Aspect.QUALITY, "empty_text_share", column, unit="share"),
        Share(before.empty, lengths.finite) if before else Share(0, 0),
        Share(now.empty, rows) if now else Share(0, 0),
        empty=NO_VALUES if now else NOT_KEPT,
    )
    unknown = measured_share(
        Series(Aspect.QUALITY, "out_of_vocabulary_share", column, unit="share"),
        Share(before.unknown, before.words) if before else Share(0, 0),
        Share(now.unknown, now.words) if now else Share(0, 0),
        empty=_why_no_words(now, rows),
    )
    yield replace(unknown, rows=rows)
    length = Series(Aspect.QUALITY, "mean_text_length", column, unit="characters", worse=Worse.BOTH)
    baseline = _mean(lengths)
    if not rows:
        yield Measurement(length, None, rows, NO_VALUES, reference=baseline)
        return
    yield Measurement(length, _mean(lengths_now), rows, reference=baseline)


def _counts(column: str, profile: Profile) -> TextCounts | None:
    kept = profile.get(texts.PART)
    return None if kept is None else kept.get(column, TextCounts())


def _why_no_words(counts: TextCounts | None, rows: int) -> str:
    if counts is None:
        return NOT_KEPT
    return NO_WORDS if rows else NO_VALUES


def _mean(lengths: Distribution) -> float | None:
    if not lengths.finite:
        return None
    return float(np.dot(numbers(lengths), lengths.counts)) / lengths.finite
