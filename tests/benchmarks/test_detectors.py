"""What detectors and cells cost, and what the page on delay and false alarms rests on, on one seed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from service.core.profile import distribution, error_cells
from service.core.profile.spec import cell_edges
from service.core.rows.batch import Labels, Numbers
from service.core.rows.schema import Kind
from service.methods.concept.detectors import DETECTORS, feed, start
from service.methods.concept.error_split import measure_concept
from tests.benchmarks.change_streams import CHANGE, STREAMS, errors_of
from tests.benchmarks.detector_page import WINDOWED, alarms_of, windowed

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture


@pytest.mark.parametrize("name", sorted(DETECTORS))
def test_feeding_a_thousand_errors(benchmark: BenchmarkFixture, name: str) -> None:
    """A detector takes a cycle's 1,000 errors, its state read from bytes and written again."""
    errors = (np.random.default_rng(1).random(1_000) < 0.2).astype(np.float64)
    times = np.arange(1_000, dtype=np.int64)
    state = feed(start(name), errors, times)[0]
    after, _ = benchmark.pedantic(feed, (state, errors, times), rounds=5, warmup_rounds=1)
    assert after != state


def test_counting_thirteen_columns(benchmark: BenchmarkFixture) -> None:
    """A window of 5,000 rows is counted by the cells of 10 numerical and 3 categorical columns."""
    draw = np.random.default_rng(2)
    names = np.array([f"label {i:02}" for i in range(16)])
    columns: dict[str, Numbers | Labels] = {f"n{i}": Numbers(draw.normal(size=5_000)) for i in range(10)}
    columns |= {f"c{i}": Labels(draw.integers(0, 16, 5_000), names) for i in range(3)}
    edges = {
        name: cell_edges.edges_of(distribution.of_numbers(column.values), Kind.NUMERICAL)
        if isinstance(column, Numbers)
        else cell_edges.edges_of(distribution.of_codes(column.codes, column.labels), Kind.CATEGORICAL)
        for name, column in columns.items()
    }
    error = np.abs(draw.normal(0.0, 8.0, 5_000))
    found = benchmark.pedantic(error_cells.of_columns, (columns, error, edges), rounds=200, warmup_rounds=5)
    assert {sum(counts.labelled) for counts in found.values()} == {5_000}
    assert len(measure_concept(found, found, "n0")) == 4 * 13


def test_a_sudden_change_is_found() -> None:
    """On SEA's jump ADWIN, Page-Hinkley and both windowed measures speak within 1,500 rows, not before."""
    found = alarms_of(errors_of(STREAMS["SEA, sudden"], 1))
    for name in ("adwin", "page_hinkley", *WINDOWED):
        assert CHANGE <= found[name][0] < CHANGE + 1_500, name


def test_the_concept_part_tells_moved_inputs_apart() -> None:
    """Inputs that move to harder rows change the error in each window, the concept part in almost none."""
    found = windowed(errors_of(STREAMS["inputs moved, same relation"], 1))
    error_change, concept = (found[name] for name in WINDOWED)
    assert len([row for row in error_change if row >= CHANGE]) == 10
    assert len(concept) <= 1


def test_a_steady_stream_is_silent() -> None:
    """Where nothing changes neither windowed measure speaks."""
    assert windowed(errors_of(STREAMS["steady"], 1)) == {name: [] for name in WINDOWED}
