"""A label finds every row that waits for it, and what finds none says why."""

from __future__ import annotations

import numpy as np

from service.core.labels import join, pending_rows
from service.core.labels.join import JoinedLabels
from service.core.labels.pending_rows import PendingRows
from service.core.profile.outcome import outcome
from service.core.profile.spec import spec
from service.core.rows import row_hash
from service.core.rows.batch import Arrival, Batch, Labels, Numbers
from service.core.rows.late_labels import LateLabels
from service.core.rows.schema import Column, Kind, Role, Schema
from service.methods.concept import error_stream

SCHEMA = Schema(
    (Column("guess", Kind.NUMERICAL, Role.PREDICTION), Column("truth", Kind.NUMERICAL, Role.TARGET)),
    identity="key",
)
SECOND = 1_000_000


def _hashed(names: list[str]) -> np.ndarray:
    return row_hash.of_texts(np.array(names, dtype=np.str_))


def labels(given: dict[str, float] | list[tuple[str, float]], unparsable: tuple[int, ...] = ()) -> LateLabels:
    pairs = list(given.items()) if isinstance(given, dict) else given
    names = [name for name, _ in pairs]
    marks = np.isin(np.arange(len(pairs)), unparsable)
    shown, codes = np.unique(np.array(names, dtype=np.str_), return_inverse=True)
    return LateLabels(
        _hashed(names),
        Numbers(np.array([value for _, value in pairs], dtype=np.float64), marks if unparsable else None),
        SECOND * np.arange(len(pairs), dtype=np.int64),
        Labels(codes, shown),
    )


def waiting(names: list[str], panes: list[int]) -> PendingRows:
    """Make rows of a guess of 10 that wait under `names`."""
    batch = Batch(
        len(names),
        np.arange(len(names), dtype=np.int64),
        {"guess": Numbers(np.full(len(names), 10.0))},
        Arrival(identity=_hashed(names)),
    )
    return pending_rows.waiting(batch, np.array(panes, dtype=np.int64), SCHEMA, spec.NONE)


def join_labels(late: LateLabels, found: PendingRows, fresh: PendingRows, panes: list[int]) -> JoinedLabels:
    sifted = join.validate(late, "truth")
    known = np.array(panes, dtype=np.int64)
    return join.join_labels(sifted, found, fresh, panes=known, schema=SCHEMA, spec=spec.NONE)


def _labelled(found: JoinedLabels) -> dict[int, tuple[int, int]]:
    outcomes = {pane: part[outcome.PART] for pane, part in found.corrections.items()}
    return {pane: (o.labelled, o.pending) for pane, o in outcomes.items() if o is not None}


def test_a_label_goes_to_every_row_under_its_id() -> None:
    """To one in the store, to its duplicate in another pane, and to one of the same cycle."""
    found = join_labels(
        labels({"a": 12.0, "b": 13.0}), waiting(["a", "a"], [1, 2]), waiting(["b", "c"], [3, 3]), [1, 2, 3]
    )
    assert _labelled(found) == {1: (1, -1), 2: (1, -1), 3: (1, -1)}
    assert found.waiting.identity.tolist() == _hashed(["c"]).tolist()
    assert sorted(found.identity.tolist()) == sorted(_hashed(["a", "b"]).tolist())
    assert (found.rejected, found.rejects) == (0, ())
    errors, times = error_stream.errors_to_feed(SCHEMA, *found.rows)
    assert sorted(zip(errors.tolist(), times.tolist(), strict=True)) == [(2.0, 0), (2.0, 1), (3.0, 0)]


def test_what_says_nothing_or_finds_no_row_is_refused() -> None:
    """Each label that is not used is shown with its id, its value, its time and the reason."""
    late = labels(
        [("a", 1.0), ("a", 2.0), ("", 3.0), ("b", np.nan), ("c", np.nan), ("d", 4.0), ("e", 5.0)], (4,)
    )
    found = join_labels(late, waiting(["a", "b", "c", "e"], [1, 1, 1, 9]), pending_rows.none(), [1])
    told = {(reject.row["id"], reject.row["truth"]): reject.reason for reject in found.rejects}
    assert told == {
        ("a", 2.0): f"{join.SECOND}: 2.0, where the first says 1.0; {join.FIRST_STAYS}",
        ("", 3.0): join.NO_ID,
        ("b", None): join.NO_LABEL,
        ("c", None): join.NO_NUMBER,
        ("d", 4.0): join.NOT_WAITING,
        ("e", 5.0): join.NO_PANE,
    }
    assert found.rejected == 6
    assert found.rejects[0].row["labelled_at"] == "1970-01-01T00:00:01+00:00"
    assert _labelled(found) == {1: (1, -1)}


def test_the_first_usable_label_counts_and_what_follows_says_what_it_is() -> None:
    """An empty label takes nobody's place; an equal second one is told from a correction, by both values."""
    late = labels([("a", np.nan), ("a", 2.0), ("a", 2.0), ("a", 3.0)])
    found = join_labels(late, waiting(["a"], [1]), pending_rows.none(), [1])
    assert [reject.reason for reject in found.rejects] == [
        join.NO_LABEL,
        f"{join.SECOND}, equal to the first: it counts once",
        f"{join.SECOND}: 3.0, where the first says 2.0; {join.FIRST_STAYS}",
    ]
    assert _labelled(found) == {1: (1, -1)}
    assert "`tidegauge monitor reset`" in join.LABELLED


def test_a_flood_of_strays_is_counted_and_few_are_kept() -> None:
    """A file of labels that belong to other rows does not fill the table of rejected rows."""
    found = join_labels(
        labels({f"x{n}": 1.0 for n in range(500)}), pending_rows.none(), pending_rows.none(), []
    )
    assert (found.rejected, len(found.rejects)) == (500, join.KEPT_REJECTS)


def test_an_infinite_label_is_a_label() -> None:
    """As in a row that has it at once: the row is unusable and waits no longer."""
    found = join_labels(labels({"a": np.inf}), waiting(["a"], [1]), pending_rows.none(), [1])
    turned_out = found.corrections[1][outcome.PART]
    assert turned_out is not None
    assert (turned_out.labelled, turned_out.pending, turned_out.unusable) == (0, -1, 1)
