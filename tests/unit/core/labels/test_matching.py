"""Counting labels that find no row, and saying so once."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from service.core.labels import pending_rows
from service.core.labels.join import JoinedLabels
from service.core.labels.matching import MIN_LABELS, RECENT, LabelMatching, difference, follow
from service.core.measurement import Aspect, Measurement, Series
from service.core.rows.batch import Arrival, Batch, Labels
from service.core.rows.late_labels import LateLabels
from service.core.rows.take import Take
from service.methods.quality.late_labels import explained, measure_matching

NOTHING = Labels(np.zeros(0, np.int64), np.zeros(0, np.str_))


def take(*, at: int, labels: int, row_id: str = "") -> Take:
    late = LateLabels(np.ones(labels, np.uint64), NOTHING, np.full(labels, at), NOTHING)
    rows = Batch(1, np.array([100]), {}, Arrival(example_id=row_id or None))
    return Take(rows, {}, labels=late)


def joined(found: int, unmatched: int, at: int, last: str = "the number 2") -> JoinedLabels:
    return JoinedLabels(
        pending_rows.none(),
        found=found,
        unmatched=np.full(unmatched, at),
        unmatched_id=last if unmatched else "",
    )


def test_most_labels_without_a_row_are_said_once() -> None:
    """The event comes when most find none, names an id of each side, and comes again only after recovery."""
    before, events = follow(
        LabelMatching(),
        take(at=200, labels=MIN_LABELS, row_id='the text "000002"'),
        joined(0, MIN_LABELS, 200),
    )
    (event,) = events
    assert event.message.startswith(
        "10 of the last 10 labels found no row that waits: an id among the labels is"
    )
    assert event.message.endswith(
        'is the number 2, among the rows the text "000002"; those of the rows have zeros in front'
    )
    again, more = follow(before, take(at=201, labels=1), joined(0, 1, 201))
    assert more == ()
    assert again.row_id == 'the text "000002"'
    over, none = follow(again, take(at=202, labels=90), joined(90, 0, 202))
    assert (none, over.is_told, over.fails) == ((), False, False)


@pytest.mark.parametrize(
    ("label", "row", "hint"),
    [
        ("7.0", "7", "those of the labels end in .0"),
        ("7", "007", "those of the rows have zeros in front"),
        ('"7"', "7", "those of the labels are in quotes"),
        ("K7", "k8", "those of the labels are in capitals"),
        ("order-7", "7", "those of the labels begin with letters"),
        ("1.2E+11", "123000000000", "those of the labels have an exponent"),
        (
            "0e5b1c0a-0000-4000-8000-000000000001",
            "0e5b1c0a000040008000000000000002",
            "those of the labels have dashes",
        ),
        ("7", "8", "they look alike: do the labels come before their rows"),
    ],
)
def test_the_difference_of_two_ids_is_said(label: str, row: str, hint: str) -> None:
    """As far as one id of each side shows it."""
    assert difference(f'the text "{label}"', f'the text "{row}"').startswith(f"; {hint}")


def test_labels_that_cannot_be_used_find_no_row() -> None:
    """A column of labels that are no numbers is no reason to wait: it is said, and a breach."""
    spoilt = replace(joined(0, 0, 200), useless=np.full(20, 200), useless_reason="the label is no number")
    after, events = follow(LabelMatching(), take(at=200, labels=20), spoilt)
    assert (after.share, measure_matching(after).breached, len(events)) == (1.0, True, 1)
    assert after.account == "20 of the last 20 labels cannot be used: the label is no number"


def test_labels_of_rows_before_the_first_are_not_counted() -> None:
    """A label that was known before any row happened belongs to none of them."""
    after, events = follow(LabelMatching(), take(at=99, labels=50), joined(0, 50, 99))
    assert (after.labels, events, measure_matching(after).reason) == (0, (), "no label has come yet")


def test_old_counts_are_forgotten() -> None:
    """Beyond twice the labels that count both counts are halved."""
    full = LabelMatching(found=2 * RECENT, since=0)
    after, _ = follow(full, take(at=200, labels=2), joined(0, 2, 200))
    assert (after.found, after.unmatched) == (RECENT, 1)


def test_a_few_labels_are_no_verdict() -> None:
    """Below ten labels nothing is breached; above, more than half is."""
    some = measure_matching(LabelMatching(found=1, unmatched=8))
    assert (some.value, some.breached) == (8 / 9, False)
    assert measure_matching(LabelMatching(found=5, unmatched=5)).breached is False
    assert measure_matching(LabelMatching(found=5, unmatched=6)).breached is True


def test_performance_without_labels_says_why() -> None:
    """Only the reason `no labels yet` changes, and only where most labels find no row."""
    series = Series(Aspect.PERFORMANCE, "mae")
    measured = (Measurement(series, None, 0, "no labels yet"), Measurement(series, None, 0, "too few rows"))
    assert explained(measured, LabelMatching(found=9)) == measured
    failing = replace(LabelMatching(unmatched=10), label_id="the number 2", row_id='the text "02"')
    told = explained(measured, failing)
    assert told[0].reason == f"no labels yet: {failing.account}"
    assert told[1] == measured[1]
