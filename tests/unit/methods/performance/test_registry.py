"""The table of metrics agrees with itself, with what is measured and with the docs."""

from __future__ import annotations

import math
import re
from pathlib import Path

import pytest

from service.core.measurement import Worse
from service.core.rows.task import Binary, Multiclass, Regression, Task
from service.methods.performance import registry
from tests.unit.methods.build import performance

DOCS = Path(__file__).parents[4] / "docs" / "performance.md"
TASKS: dict[str, Task] = {
    "regression": Regression("guess", "truth"),
    "binary": Binary("truth", "guess", "score", positive=("yes",)),
    "multiclass": Multiclass("truth", "guess", (("yes", "score"), ("no", "other"))),
}
ROWS = {
    "regression": {"guess": [1.0, 2.0], "truth": [1.0, 3.0]},
    "binary": {"guess": ["yes", "no"], "truth": ["yes", "no"], "score": [0.9, 0.2]},
    "multiclass": {"guess": ["yes", "no"], "truth": ["yes", "no"], "score": [0.9, 0.2], "other": [0.1, 0.8]},
}


def documented(heading: str) -> dict[str, dict[str, str]]:
    """Return the rest of the row of each metric in a table of the docs, by task and metric."""
    text = DOCS.read_text()
    found: dict[str, dict[str, str]] = {}
    task = ""
    for line in text[text.index(heading) :].splitlines()[2:]:
        if not line.startswith("|"):
            break
        first, names, rest = line.strip("|").split("|", 2)
        task = first.strip().split()[0] if first.strip() else task
        found.setdefault(task, {}).update(dict.fromkeys(re.findall(r"`(\w+)`", names), rest))
    return found


def test_one_name_means_one_thing() -> None:
    """A metric of two tasks has one unit, one worse side and one range, so that a series is one thing."""
    for metric in registry.ALL:
        same = [other for other in registry.ALL if other.name == metric.name]
        assert len({(m.unit, m.worse, m.within, m.from_reference, m.headline) for m in same}) == 1


def test_the_headline_of_each_task_is_known() -> None:
    """No two metrics share a rank, the docs have their order, and each task has one without scores."""
    ranks = {metric.headline: metric.name for metric in registry.ALL if metric.headline is not None}
    assert len(ranks) == len({m.name for m in registry.ALL if m.headline is not None})
    said = ", ".join(f"`{ranks[rank]}`" for rank in sorted(ranks))
    assert f"represented by the first of {said} that has a value" in DOCS.read_text()
    for task in (*TASKS.values(), Binary("truth", "guess"), Multiclass("truth", "guess")):
        assert any(metric.headline for metric in registry.metrics_of(task))


@pytest.mark.parametrize("name", TASKS)
def test_what_is_in_the_table_is_measured(name: str) -> None:
    """Every row of a task's table gives a series of its unit, worse side and rank, within its range."""
    got = performance(TASKS[name], ROWS[name])
    listed = {metric.name: metric for metric in registry.metrics_of(TASKS[name])}
    measured = {m.series.metric: m for m in got.values()}
    assert measured.keys() - listed.keys() == {"pending_rows"}
    for metric in listed.values():
        m = measured[metric.name]
        assert (m.series.unit, m.series.worse) == (metric.unit, metric.worse)
        assert m.series.headline == (None if m.series.segment else metric.headline)
        low, high = metric.within
        assert m.value is None or low <= m.value <= high


@pytest.mark.parametrize("name", TASKS)
def test_the_docs_list_what_is_measured(name: str) -> None:
    """The docs' table has a row for every metric of the task, with its worse side, and none of another."""
    rows = documented("| task | metric |")[name]
    listed = {metric.name: metric for metric in registry.metrics_of(TASKS[name])}
    assert rows.keys() == listed.keys()
    for metric in listed.values():
        assert metric.worse in rows[metric.name].split("|")[-2], metric.name


@pytest.mark.parametrize("name", ["regression", "binary"])
def test_the_docs_list_what_is_estimated(name: str) -> None:
    """The docs' table of estimates names what is estimated, and each has the realised metric's meaning."""
    realised = {metric.name: metric for metric in registry.metrics_of(TASKS[name])}
    estimated = {m.name.removeprefix("estimated_"): m for m in registry.estimated_metrics_of(TASKS[name])}
    assert documented("| task | estimated |")[name].keys() == estimated.keys()
    for metric, estimate in estimated.items():
        assert (estimate.unit, estimate.worse, estimate.within) == (
            realised[metric].unit,
            realised[metric].worse,
            realised[metric].within,
        )
        assert (estimate.needs_labels, estimate.headline) == (False, None)


def test_a_threshold_of_a_metric_worse_both_ways_is_a_distance() -> None:
    """Thresholds lie within the metric's range; a distance is never negative."""
    within = {metric.name: metric.threshold_within for metric in registry.ALL}
    assert (within["roc_auc"], within["r2"]) == ((0.0, 1.0), (-math.inf, 1.0))
    assert (within["mean_error"], within["positive_rate"]) == ((0.0, math.inf), (0.0, 1.0))
    assert {m.worse for m in registry.ALL if m.from_reference} == {Worse.BOTH}
