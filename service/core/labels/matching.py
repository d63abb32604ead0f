"""How many of the labels that come late find a row, and what both sides' ids look like where most do not.

Counted over about the last RECENT labels: beyond twice as many both counts are halved, so that old trouble is
forgotten and a restart goes on with the same counts. A label that was known before the first row happened
belongs to none of the rows and is not counted. One that cannot be used, without an id or no number, finds
none. One that finds no row is unknown, was given already, or its
row was given up; ids that never meet look the same, which is why an example of each is kept.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from service.core.event import Event

if TYPE_CHECKING:
    from service.core.labels.join import JoinedLabels
    from service.core.rows.take import Take

RECENT = 10_000
MOST_SHARE = 0.5
MIN_LABELS = 10  # before one speaks of most of them
UNMATCHED = "labels_unmatched"
# In what one id may be written in two ways.
_SIGNS = (
    ("end in .0, as numbers do where one is missing", re.compile(r"^\d+\.0$")),
    ("have zeros in front", re.compile(r"^0\d+$")),
    ("are in quotes or braces", re.compile(r"^[\"'{]")),
    ("have dashes", re.compile(r"^[{0-9a-fA-F]+(-[0-9a-fA-F]+){4}}?$")),
    ("have an exponent", re.compile(r"^\d+(\.\d+)?[eE]\+?\d+$")),
    ("begin with letters", re.compile(r"^[A-Za-z]+[^A-Za-z]*\d$")),
)


@dataclass(frozen=True, slots=True)
class LabelMatching:
    """The counts of recent labels.

    found: labels that found a row or several.
    unmatched: labels that found none.
    label_id: the id of the last one that found none, with its type; empty until there is one.
    row_id: an id of a row, likewise.
    since: when the first row happened (UTC microseconds), None before any came.
    is_told: whether an event has said that most find none.
    useless: how many of the unmatched could not be used.
    useless_reason: what was wrong with the last of these.
    """

    found: int = 0
    unmatched: int = 0
    label_id: str = ""
    row_id: str = ""
    since: int | None = None
    is_told: bool = False
    useless: int = 0
    useless_reason: str = ""

    @property
    def labels(self) -> int:
        """How many labels were counted."""
        return self.found + self.unmatched

    @property
    def share(self) -> float | None:
        """The share of labels that found no row; None before any came."""
        return self.unmatched / self.labels if self.labels else None

    @property
    def fails(self) -> bool:
        """Whether most labels find no row."""
        return self.labels >= MIN_LABELS and (self.share or 0.0) > MOST_SHARE

    @property
    def account(self) -> str:
        """What became of the labels, in words."""
        if self.useless > MOST_SHARE * self.labels:
            return (
                f"{self.useless:,} of the last {self.labels:,} labels cannot be used: {self.useless_reason}"
            )
        told = f"{self.unmatched:,} of the last {self.labels:,} labels found no row that waits"
        if not self.label_id or not self.row_id:
            return f"{told}; the rows that came have no id" if self.label_id else told
        hint = difference(self.label_id, self.row_id)
        return f"{told}: an id among the labels is {self.label_id}, among the rows {self.row_id}{hint}"


def _bare(described: str) -> str:
    # The id alone, of `the text "7"` and `the number 7`.
    return described.removeprefix('the text "').removesuffix('"').rsplit("the number ", 1)[-1]


def difference(label_id: str, row_id: str) -> str:
    """Return in what the ids of the two sides are written otherwise, as far as one of each shows it."""
    label, row = _bare(label_id), _bare(row_id)
    for says, pattern in _SIGNS:
        marked = [bool(pattern.search(text)) for text in (label, row)]
        if marked[0] != marked[1]:
            return f"; those of the {'labels' if marked[0] else 'rows'} {says}"
    if (
        label.casefold() != label.upper()
        and row.casefold() != row.upper()
        and label.isupper() != row.isupper()
    ):
        return f"; those of the {'labels' if label.isupper() else 'rows'} are in capitals"
    return "; they look alike: do the labels come before their rows, or belong to others?"


def follow(
    before: LabelMatching, take: Take, joined: JoinedLabels
) -> tuple[LabelMatching, tuple[Event, ...]]:
    """Return the counts after a take, and an event where most labels have come to find no row."""
    since, rows = before.since, take.batch
    if since is None and rows.rows:
        since = int(rows.event_time.min())
    missed = 0 if since is None else int((joined.unmatched >= since).sum())
    spoilt = 0 if since is None else int((joined.useless >= since).sum())
    found, unmatched = before.found + joined.found, before.unmatched + missed + spoilt
    useless = before.useless + spoilt
    while found + unmatched > 2 * RECENT:
        found, unmatched, useless = found // 2, unmatched // 2, useless // 2
    after = replace(
        before,
        found=found,
        unmatched=unmatched,
        label_id=(missed and joined.unmatched_id) or before.label_id,
        row_id=rows.arrival.example_id or before.row_id,
        since=since,
        useless=useless,
        useless_reason=joined.useless_reason or before.useless_reason,
    )
    is_over = (after.share or 0.0) <= MOST_SHARE / 2
    after = replace(after, is_told=after.fails or (before.is_told and not is_over))
    if before.is_told or not after.is_told or take.labels is None or not len(take.labels):
        return after, ()
    at = int(take.labels.labelled_at.max())
    details = {"unmatched": unmatched, "labels": found + unmatched}
    return after, (Event(UNMATCHED, at, after.account, details=details),)
