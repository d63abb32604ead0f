"""A part that a build did not keep gives measurements without a value and with the reason, never a zero."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from service.core.blocks.plan import BlockRules
from service.core.measurement import Measurement, Series
from service.core.profile import profile
from service.core.profile.part import NOT_KEPT
from service.core.profile.parts import PARTS
from service.core.profile.profile import Profile
from service.core.reference import reference as references
from service.core.reference.outcome_blocks import OutcomeBlockRules
from service.core.reference.reference import Reference
from service.core.rows.batch import Arrival, Batch, Labels, Numbers, Texts, steps_back
from service.core.rows.schema import Column, Kind, Role, Schema
from service.core.rows.task import Binary, Multiclass
from service.core.season.season import Season, SeasonKind
from service.methods.block_test import model as block_model
from service.methods.drift.columns import DriftPlan
from service.methods.health import TrafficPlan
from service.methods.measure_window import MeasurePlan, measure

FEATURES = (
    Column("size", Kind.NUMERICAL),
    Column("weight", Kind.NUMERICAL),
    Column("colour", Kind.CATEGORICAL),
    Column("note", Kind.TEXT),
)
SCHEMAS = {
    "regression": Schema(
        (
            *FEATURES,
            Column("guess", Kind.NUMERICAL, Role.PREDICTION),
            Column("truth", Kind.NUMERICAL, Role.TARGET),
        ),
        identity="key",
    ),
    "binary": Schema(
        (
            *FEATURES,
            Column("answer", Kind.CATEGORICAL, Role.PREDICTION),
            Column("score", Kind.NUMERICAL, Role.PREDICTION),
            Column("label", Kind.CATEGORICAL, Role.TARGET),
        ),
        Binary("label", "answer", "score", positive=("blue",)),
    ),
    "multiclass": Schema(
        (
            *FEATURES,
            Column("answer", Kind.CATEGORICAL, Role.PREDICTION),
            Column("label", Kind.CATEGORICAL, Role.TARGET),
        ),
        Multiclass("label", "answer"),
    ),
    "no task": Schema(FEATURES),
}
DRIFT = DriftPlan(
    methods=("ks", "ks:season", "abs_text_content_drift"),
    multivariate=("pca", "domain_classifier"),
    false_alarm_rate=0.01,
)
PLAN = MeasurePlan(drift=DRIFT, traffic=TrafficPlan(), own_limits=("mae", "brier", "accuracy"))
HOUR = 3_600_000_000
# What each part is needed for, in one of the schemas at least.
NEEDED = {
    "outcome": "mae",
    "row_counts": "duplicate_row_share",
    "texts": "out_of_vocabulary_share",
    "error_cells": "estimated_mae",
    "row_sample": "domain_classifier_auc",
    "pca_reconstruction": "pca_reconstruction_error",
    "segments": "row_share",
    "block_sums": "block_test",
    "outcome_days": "mae",
    "season_rows": "season_matched_mae",
}


def rows(seed: int, count: int) -> Batch:
    """Draw rows with every column of the schemas, an id and an order."""
    draw = np.random.default_rng(seed)
    names = np.array(["blue", "green"])
    guess = draw.normal(10.0, 2.0, count)
    numbers = {
        "size": draw.normal(size=count),
        "weight": draw.normal(size=count),
        "guess": guess,
        "truth": guess + draw.normal(size=count),
        "score": draw.uniform(size=count),
    }
    labels = {name: draw.integers(0, 2, count) for name in ("colour", "answer", "label")}
    note = np.array(["late " * int(words) for words in draw.integers(0, 4, count)], dtype=object)
    times = np.arange(count, dtype=np.int64) * HOUR
    ids = draw.integers(1, 2**62, count).astype(np.uint64)
    return Batch(
        count,
        times,
        {
            **{name: Numbers(values) for name, values in numbers.items()},
            **{name: Labels(codes, names) for name, codes in labels.items()},
            "note": Texts(note),
        },
        Arrival(("extra",), ids, steps_back(times)),
    )


def measured(
    before: Profile, now: Profile, schema: Schema, reference: Reference
) -> dict[Series, Measurement]:
    """Measure all that can be measured."""
    assert reference.blocks is not None
    plan = PLAN.with_limits_of(reference)
    found = measure(
        before,
        now,
        schema,
        plan,
        reference.spec,
        estimator=reference.estimator,
        seasonal=reference.seasonal,
        blocks=block_model.fit(reference.blocks),
    )
    return {each.series: each for each in found}


def without(whole: Profile, name: str) -> Profile:
    """Return the profile as a build that does not know the part would have written it."""
    return replace(whole, parts={each: value for each, value in whole.parts.items() if each != name})


@pytest.mark.parametrize("part", [part.name for part in PARTS])
@pytest.mark.parametrize("task", SCHEMAS)
@pytest.mark.parametrize("side", ["reference", "window", "both"])
def test_what_rests_on_a_part_that_was_not_kept_has_the_reason(part: str, task: str, side: str) -> None:
    """The series are the same; each has the value that it had, or none and the reason."""
    schema = SCHEMAS[task]
    made = references.of(
        rows(1, 400),
        schema,
        by=("colour",),
        sample_rows=100,
        components=True,
        outcome_rules=OutcomeBlockRules(),
        season=Season(SeasonKind.WEEKEND),
        blocks=BlockRules(),
    )
    batch = rows(2, 300).taken(400 * HOUR, live=True).numbered(0)
    now = profile.of(batch, schema, made.spec)
    complete = measured(made.profile, now, schema, made)
    before = without(made.profile, part) if side != "window" else made.profile
    found = measured(before, without(now, part) if side != "reference" else now, schema, made)
    # The classes are in the rows' outcomes alone: where neither side has one, they have no series.
    unnamed = {series for series in complete if "class=" in series.segment} if side == "both" else set()
    assert found.keys() <= complete.keys() <= found.keys() | unnamed
    for series, each in found.items():
        if each.value is not None:
            assert each.value == complete[series].value, series
        elif NOT_KEPT not in str(each.reason):
            assert each.reason == complete[series].reason, series
    if side != "reference":
        gone = {series.metric for series, each in found.items() if NOT_KEPT in str(each.reason)}
        assert (NEEDED[part] in gone) is any(series.metric == NEEDED[part] for series in complete)


def test_every_part_is_asked_for() -> None:
    """A new part names here what rests on it."""
    assert set(NEEDED) == {part.name for part in PARTS}
