"""Quality of text columns: how many texts are empty, how many words are new, how long the texts are.

The drift methods for numbers also compare the distribution of the lengths with the reference's.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from service.core.measurement import Aspect, Measurement, Series, Worse
from service.core.profile.texts import TextCounts
from service.methods.stats.alignment import numbers
from service.methods.stats.shares import NO_VALUES, Share, measured_share

if TYPE_CHECKING:
    from collections.abc import Iterator

    from service.core.profile.distribution import Distribution
    from service.core.profile.profile import ColumnProfile

NO_WORDS = "no word in the window"


def measure_texts(column: str, reference: ColumnProfile, current: ColumnProfile) -> Iterator[Measurement]:
    """Measure a text column: the share of empty texts, the share of unknown words, the mean length.

    An empty text has at most white space. A word is unknown where the reference does not have it.
    """
    before, now = reference.text or TextCounts(), current.text or TextCounts()
    rows = current.distribution.finite
    yield measured_share(
        Series(Aspect.QUALITY, "empty_text_share", column, unit="share"),
        Share(before.empty, reference.distribution.finite),
        Share(now.empty, rows),
        empty=NO_VALUES,
    )
    unknown = measured_share(
        Series(Aspect.QUALITY, "out_of_vocabulary_share", column, unit="share"),
        Share(before.unknown, before.words),
        Share(now.unknown, now.words),
        empty=NO_WORDS if rows else NO_VALUES,
    )
    yield replace(unknown, rows=rows)
    length = Series(Aspect.QUALITY, "mean_text_length", column, unit="characters", worse=Worse.BOTH)
    baseline = _mean(reference.distribution)
    if not rows:
        yield Measurement(length, None, rows, NO_VALUES, reference=baseline)
        return
    yield Measurement(length, _mean(current.distribution), rows, reference=baseline)


def _mean(lengths: Distribution) -> float | None:
    if not lengths.finite:
        return None
    return float(np.dot(numbers(lengths), lengths.counts)) / lengths.finite
