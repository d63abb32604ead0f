"""The scores of a reference: what they are, and that its own rows are counted as a window's would be."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from service.core.blocks import sums
from service.core.blocks.plan import DAYS, HOURS, BlockRules, BlockUnit, plan_of
from service.core.blocks.reference import KNOTS, fit
from service.core.blocks.scores import UNIT, Aim, NumberScores
from service.core.rows.batch import Batch, ColumnRows, Labels, Numbers, Texts
from service.core.season.season import DAY, Season, SeasonKind


def batch(column: ColumnRows, rows: int, days: int = 10) -> Batch:
    times = np.arange(rows, dtype=np.int64) * (days * DAY) // rows
    return Batch(rows, times, {"x": column}).numbered(0)


def total(rows: Batch, made: sums.BlockSpec) -> np.ndarray:
    return sums.of(rows, made).sums.sum(axis=0) / UNIT


def test_scores_of_numbers_are_centred_ranks() -> None:
    """Of untied numbers both scores have mean 0 and variance 1; a shift moves the first by about itself."""
    values = np.random.default_rng(2).normal(5.0, 2.0, 20_000)
    made = fit(batch(Numbers(values), 20_000), ["x"], DAYS)
    assert [each.aim for each in made.spec.components] == [Aim.LOCATION, Aim.SPREAD]
    assert made.sums.sums.sum(axis=0) / (UNIT * 20_000) == pytest.approx([0.0, 0.0], abs=1e-5)
    assert made.second == pytest.approx([1.0, 1.0], abs=1e-3)
    moved = total(batch(Numbers(values + 0.2), 20_000), made.spec) / 20_000
    assert moved[0] == pytest.approx(0.1, abs=0.01)
    wider = total(batch(Numbers(5.0 + (values - 5.0) * 1.2), 20_000), made.spec) / 20_000
    assert wider[1] > 0.1


@pytest.mark.parametrize("distinct", [3, KNOTS, KNOTS + 1])
def test_a_rounding_to_32_bits_changes_no_score(distinct: int) -> None:
    """A column that is stored in half the bytes is the same column."""
    values = np.random.default_rng(3).choice(np.arange(distinct) * 0.05, 4_000)
    values[:distinct] = np.arange(distinct) * 0.05
    made = fit(batch(Numbers(values), 4_000), ["x"], DAYS)
    narrow = values.astype(np.float32).astype(np.float64)
    assert (narrow != values).any()
    found = total(batch(Numbers(narrow), 4_000), made.spec)
    assert found == pytest.approx(total(batch(Numbers(values), 4_000), made.spec), abs=1.0)


def test_infinities_are_the_ends() -> None:
    """They rank beyond every number, in the reference and in a window."""
    values = np.concatenate(([-np.inf, np.inf], np.arange(98.0)))
    made = fit(batch(Numbers(values), 100), ["x"], DAYS)
    (column,) = made.spec.columns
    assert isinstance(column, NumberScores)
    low, high = (total(batch(Numbers(np.array([v])), 1), made.spec)[0] for v in (-np.inf, np.inf))
    assert low < total(batch(Numbers(np.array([0.0])), 1), made.spec)[0]
    assert high > total(batch(Numbers(np.array([97.0])), 1), made.spec)[0]


def test_labels_have_shares_buckets_and_what_is_new() -> None:
    """Frequent labels have an indicator each; the others share buckets, and count as seen by other days."""
    random = np.random.default_rng(4)
    codes = np.where(random.random(4_000) < 0.5, 0, random.integers(1, 2_000, 4_000))
    codes[:100] = -1
    labels = np.array([f"{i:04d}" for i in range(2_001)])
    made = fit(batch(Labels(codes, labels), 4_000), ["x"], DAYS)
    aims = [each.aim for each in made.spec.components]
    assert aims.count(Aim.SHARE) == 1
    assert aims.count(Aim.BUCKET) == 8
    assert [Aim.FAMILIARITY in aims, Aim.UNSEEN in aims, aims[-1]] == [True, True, Aim.MISSING]
    unseen = aims.index(Aim.UNSEEN)
    alone = made.sums.sums[:, unseen].sum() / UNIT
    counts = np.bincount(codes[codes >= 0], minlength=2_001)
    assert alone >= (counts == 1).sum() > 100
    assert made.second[unseen] == pytest.approx(alone / 4_000)
    new = Labels(np.array([2_000, 5, -1]), labels)
    found = total(batch(new, 3), made.spec)
    assert found[-1] == 1.0
    assert found[unseen] == pytest.approx(1.0 + alone / 4_000, abs=1e-5)  # a missing one counts as the mean


def test_a_column_without_a_value_has_no_score() -> None:
    """Nor has one that never came; the lengths of texts are numbers."""
    nothing = Numbers(np.full(50, np.nan))
    assert fit(batch(nothing, 50), ["x", "absent"], DAYS).spec.components == ()
    texts = Texts(np.array(["a" * (i % 7) for i in range(50)], dtype=object))
    assert len(fit(batch(texts, 50), ["x"], DAYS).spec.components) == 2


def test_blocks_are_days_hours_or_runs() -> None:
    """Days where there are eight, else hours, else runs of rows; without times runs."""
    column = Numbers(np.zeros(4_000))
    assert plan_of(batch(column, 4_000, days=8), BlockRules()) == DAYS
    assert plan_of(batch(column, 4_000, days=8), BlockRules(whole_days=True)).parts == 1
    assert plan_of(batch(column, 4_000, days=7), BlockRules()) == HOURS
    untimed = plan_of(batch(column, 4_000, days=8), BlockRules(timed=False))
    assert (untimed.unit, untimed.length, untimed.parts) == (BlockUnit.RUN, 10, 8)
    still = Batch(4_000, np.zeros(4_000, dtype=np.int64), {"x": column})
    assert plan_of(still, BlockRules()).unit is BlockUnit.RUN
    with pytest.raises(ValueError, match="numbered"):
        sums.of(still, fit(still.numbered(0), ["x"], untimed).spec)


@pytest.mark.parametrize("kind", [SeasonKind.WEEKEND, SeasonKind.HOUR_OF_WEEK])
def test_numbers_are_ranked_within_their_cell_of_the_season(kind: SeasonKind) -> None:
    """Weekends far from other days have scores like theirs: the same spread, and a shift moves both alike."""
    rows, random = 40_000, np.random.default_rng(6)
    times = np.arange(rows, dtype=np.int64) * (56 * DAY) // rows
    weekend = np.isin((times // DAY + 3) % 7, (5, 6))
    values = random.normal(size=rows)
    apart = Batch(rows, times, {"x": Numbers(values + 5.0 * weekend)}).numbered(0)
    made = fit(apart, ["x"], replace(DAYS, season=Season(kind)))
    assert made.second == pytest.approx([1.0, 1.0], abs=1e-2)
    for moved, location in ((0.0, 0.0), (0.3, 0.29)):
        window = Batch(rows, times, {"x": Numbers(values + 5.0 * weekend + moved)}).numbered(0)
        for part in (weekend, ~weekend):
            chosen = window.take(np.flatnonzero(part))
            found = sums.of(chosen, made.spec).sums.sum(axis=0) / UNIT / chosen.rows
            assert found == pytest.approx([location, 0.05 * (moved > 0)], abs=0.03)


def test_a_thin_cell_of_the_season_is_ranked_among_all_rows() -> None:
    """Of two rows at weekends nothing is known of weekends."""
    times = np.concatenate((np.arange(400, dtype=np.int64) * DAY // 100, [2 * DAY + 1, 3 * DAY + 1]))
    assert Season(SeasonKind.WEEKEND).cells(times).tolist().count(1) > 2
    values = np.random.default_rng(7).normal(size=402)
    batch = Batch(402, np.sort(times), {"x": Numbers(values)}).numbered(0)
    few = batch.take(np.flatnonzero(Season(SeasonKind.WEEKEND).cells(batch.event_time) == 0))
    some = np.concatenate((few.event_time, [2 * DAY, 2 * DAY + 1]))
    thin = Batch(len(some), some, {"x": Numbers(values[: len(some)])}).numbered(0)
    (column,) = fit(thin, ["x"], replace(DAYS, season=Season(SeasonKind.WEEKEND))).spec.columns
    (alone,) = fit(thin, ["x"], DAYS).spec.columns
    assert isinstance(column, NumberScores)
    assert isinstance(alone, NumberScores)
    assert column.table[1].tolist() == alone.table[0].tolist()
    assert column.table[0].tolist() != alone.table[0].tolist()
