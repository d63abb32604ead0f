"""Join late labels to the rows that wait for them, and correct the panes that count those rows.

A label goes to every row that waits under its id: a row that was sent twice is counted twice, and gets its
label twice. A label that finds no row is rejected with the reason and not kept: labels follow their rows.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from service.core.labels import correction, pending_rows
from service.core.profile import profile
from service.core.rows.batch import Labels, Numbers
from service.core.rows.label_text import described
from service.core.rows.row_hash import NOTHING
from service.core.rows.take import Reject
from service.core.time_units import to_datetime

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from numpy.typing import NDArray

    from service.core.labels.pending_rows import PendingRows
    from service.core.profile.profile import Profile
    from service.core.profile.spec.spec import ProfileSpec
    from service.core.rows.batch import Batch
    from service.core.rows.late_labels import LateLabels
    from service.core.rows.schema import Schema

KEPT_REJECTS = 100  # per cycle; the others are only counted
NO_ID = "the label has no id"
NO_LABEL = "the label is missing"
NO_NUMBER = "the label is no number"
SECOND = "a second label for this id"
FIRST_STAYS = (
    "the first stays. Where the source can be read again, correct the label there and run "
    "`tidegauge monitor reset`; what was sent stays"
)
NOT_WAITING = "no row waits for a label under this id: it is unknown, labelled already or was given up"
LABELLED = f"the row of this id has its label already: {FIRST_STAYS}"
NO_PANE = "the row's pane is no longer kept"


@dataclass(frozen=True, slots=True)
class ValidLabels:
    """The labels that can be used, at most one per id; `rejects` are the first of the `rejected` others.

    `useless` says when each label without an id or that is no number was known (UTC microseconds), and
    `useless_reason` what is wrong with the first of them.
    """

    labels: LateLabels
    rejects: tuple[Reject, ...] = ()
    rejected: int = 0
    useless: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    useless_reason: str = ""


@dataclass(frozen=True, slots=True)
class JoinedLabels:
    """The result of joining a cycle's labels.

    `waiting`: the cycle's own rows that wait for their label.
    `identity`: the ids that wait no longer.
    `done`: the rows that have their label now.
    `corrections`: the corrections of panes, by key.
    `rows`: the labelled rows with their labels, one batch per pane.
    `rejects`: the first rejected labels.
    `rejected`: how many labels were rejected.
    `found`: how many labels have a row.
    `unmatched`: when each label that has none was known (UTC microseconds).
    `unmatched_id`: the id of the last of these, with its type.
    `useless`: when each label without an id, or that is no number, was known.
    `useless_reason`: what is wrong with the first of these.
    """

    waiting: PendingRows
    identity: NDArray[np.uint64] = field(default_factory=lambda: np.zeros(0, dtype=np.uint64))
    done: PendingRows = field(default_factory=pending_rows.none)
    corrections: Mapping[int, Profile] = field(default_factory=dict)
    rows: tuple[Batch, ...] = ()
    rejects: tuple[Reject, ...] = ()
    rejected: int = 0
    found: int = 0
    unmatched: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    unmatched_id: str = ""
    useless: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    useless_reason: str = ""


def signed(identity: NDArray[np.uint64]) -> list[int]:
    """Return hashes as signed 64-bit integers, as a store keeps them."""
    found: list[int] = identity.view(np.int64).tolist()
    return found


def validate(labels: LateLabels, target: str) -> ValidLabels:
    """Reject labels without a value or an id, and of those left all but the first label of each id."""
    column = labels.labels
    reasons = np.full(len(labels), "", dtype=object)
    if isinstance(column, Numbers):
        reasons[np.isnan(column.values)] = NO_LABEL
        if column.unparsable is not None:
            reasons[column.unparsable] = NO_NUMBER
    else:
        reasons[column.codes < 0] = NO_LABEL
    reasons[labels.identity == NOTHING] = NO_ID
    earlier = np.arange(len(labels))  # of each label the first usable one of its id
    usable = np.flatnonzero(reasons == "")
    _, places, groups = np.unique(labels.identity[usable], return_index=True, return_inverse=True)
    earlier[usable] = usable[places[groups]]
    reasons[earlier != np.arange(len(labels))] = SECOND
    refused = np.flatnonzero(reasons != "")
    if not len(refused):
        return ValidLabels(labels)
    said = reasons[refused].tolist()
    for at, row in enumerate(refused[:KEPT_REJECTS].tolist()):
        if said[at] == SECOND:
            said[at] = _second(*_shown(column.take(np.array([earlier[row], row]))))
    rejects = _rejects(labels, refused, said, target)
    useless = np.flatnonzero(np.isin(reasons.astype(str), (NO_ID, NO_NUMBER)))
    return ValidLabels(
        labels.take(np.flatnonzero(reasons == "")),
        rejects,
        len(refused),
        labels.labelled_at[useless],
        str(reasons[useless[0]]) if len(useless) else "",
    )


def _second(first: object, second: object) -> str:
    """Return why a label is refused whose id has another in the same cycle."""
    if first == second:
        return f"{SECOND}, equal to the first: it counts once"
    return f"{SECOND}: {second!r}, where the first says {first!r}; {FIRST_STAYS}"


def join_labels(
    valid: ValidLabels,
    found: PendingRows,
    fresh: PendingRows,
    *,
    panes: NDArray[np.int64],
    schema: Schema,
    spec: ProfileSpec,
    labelled: Collection[int] = (),
) -> JoinedLabels:
    """Join labels to the rows that wait: those `found` in the store and the cycle's `fresh` ones.

    `panes` (int64, ascending) are the keys of the existing panes. Raises CodecError where a stored row cannot
    be read. `labelled` are ids, signed, whose rows have a label already.
    """
    labels = valid.labels
    everyone = pending_rows.joined([found, fresh])
    order = np.argsort(labels.identity, kind="stable")
    known = labels.identity[order]
    places = np.searchsorted(known, everyone.identity)
    matched = np.zeros(len(everyone), dtype=np.bool_)
    inside = places < len(known)
    matched[inside] = known[places[inside]] == everyone.identity[inside]
    kept = np.isin(everyone.panes, panes)
    rows = np.flatnonzero(matched & kept)
    chosen, which = everyone.take(rows), order[places[rows]]
    corrections, batches = _corrected(chosen, labels.labels.take(which), schema, spec)
    waiting = fresh.take(np.flatnonzero(~matched[len(found) :]))
    identity = np.unique(everyone.identity[matched])
    unknown = np.flatnonzero(~np.isin(labels.identity, identity))
    gone = np.setdiff1d(np.flatnonzero(np.isin(labels.identity, everyone.identity[matched & ~kept])), unknown)
    refused = np.concatenate([unknown, gone])
    has_label = np.isin(labels.identity.view(np.int64)[unknown], np.array([*labelled], dtype=np.int64))
    reasons = [LABELLED if each else NOT_WAITING for each in has_label.tolist()] + [NO_PANE] * len(gone)
    rejects = _rejects(labels, refused, reasons, pending_rows.target_of(schema).name)
    return JoinedLabels(
        waiting,
        identity,
        chosen,
        corrections,
        batches,
        (*valid.rejects, *rejects)[:KEPT_REJECTS],
        valid.rejected + len(refused),
        found=len(labels) - len(unknown),
        unmatched=labels.labelled_at[unknown[~has_label]],
        unmatched_id=_described(labels.names.take(unknown[~has_label][-1:])),
        useless=valid.useless,
        useless_reason=valid.useless_reason,
    )


def _described(ids: Numbers | Labels) -> str:
    if isinstance(ids, Labels) and len(ids.codes) and ids.codes[0] >= 0:
        return described(str(ids.labels[ids.codes[0]]), ids.typed)
    return ""


def _corrected(
    rows: PendingRows, label: Numbers | Labels, schema: Schema, spec: ProfileSpec
) -> tuple[dict[int, Profile], tuple[Batch, ...]]:
    parts: dict[int, list[Profile]] = {}
    batches = []
    target = pending_rows.target_of(schema).name
    for batch, places in pending_rows.unpacked(rows, schema, spec) if len(rows) else ():
        own = label.take(places)
        pane = int(rows.panes[places[0]])
        parts.setdefault(pane, []).append(correction.of(batch, own, schema, spec))
        batches.append(batch.with_column(target, own))
    return {pane: profile.merge(found) for pane, found in parts.items()}, tuple(batches)


def _rejects(
    labels: LateLabels, refused: NDArray[np.intp], reasons: list[str], target: str
) -> tuple[Reject, ...]:
    part = labels.take(refused[:KEPT_REJECTS])
    shown = zip(_shown(part.names), _shown(part.labels), part.labelled_at.tolist(), reasons, strict=False)
    return tuple(
        Reject(
            {"id": name, target: value, "labelled_at": to_datetime(at).isoformat()},
            reason,
        )
        for name, value, at, reason in shown
    )


def _shown(column: Numbers | Labels) -> list[Any]:
    if isinstance(column, Numbers):
        return [None if np.isnan(value) else value for value in column.values.tolist()]
    texts = [*column.labels.tolist(), None]  # code -1, missing, is the last
    return [texts[code] for code in column.codes.tolist()]
