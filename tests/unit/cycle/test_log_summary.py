"""The fields of a cycle's log line."""

from __future__ import annotations

from dataclasses import replace

from service.core.event import Event
from service.core.measurement import Aspect, Measurement, Series
from service.core.rows.take import Take
from service.core.windows.moving_reference import MovingPlan
from service.cycle.log_summary import summary
from service.cycle.monitor_plan import CycleReport
from service.methods.concept.error_stream import CHANGE_POINT
from tests.memory_store import MemoryStore
from tests.unit.cycle.build import HOUR, in_order, labels_of, plan, rows, run
from tests.unit.cycle.monitors import DETECTORS


async def summaries(*takes: Take, **more: object) -> list[dict[str, object]]:
    reports: list[CycleReport] = await run(plan(takes, **more), MemoryStore())
    return [summary(report) for report in reports]


async def test_a_cycle_without_windows_says_how_many_rows_it_took() -> None:
    """What a cycle did not do has no field."""
    assert await summaries(*in_order([0])) == [{"rows": 4}]


async def test_a_cycle_with_a_window_says_what_drifted_and_how_large_the_error_is() -> None:
    """Columns that drifted are named, each once, with the newest window's rows and error."""
    (_, second) = reports = await run(plan(in_order([0, 1])), MemoryStore())
    (window,) = second.record.windows
    drifted = [m.series.column for m in window.measurements if m.series.aspect == "drift" and m.breached]
    (mae,) = (m.value for m in window.measurements if m.series.metric == "mae" and not m.series.segment)
    assert mae is not None
    columns = list(dict.fromkeys(column for column in drifted if column))
    assert columns
    assert summary(reports[-1]) == {
        "rows": 4, "window_rows": 4, "mae": round(mae, 3),
        "drifted": ",".join(columns),
    }  # fmt: skip


async def test_progress_labels_rejects_and_changes_are_said_where_there_are_any() -> None:
    """Each field comes with what it counts."""
    late = rows(0, labelled=False)
    take = Take(rows(1), {}, rejected=3, progress=0.5, labels=labels_of(late, [0, 1], at=1))
    first, second = await summaries(Take(late, {}), take, label_wait=9 * HOUR)
    assert first == {"rows": 4}
    assert (second["progress"], second["labels"], second["rejected"]) == ("50.0%", 2, 3)
    worse = [*in_order(range(12)), *in_order(range(12, 16), error=9.0)]
    lines = await summaries(*worse, detectors=DETECTORS)
    assert "page_hinkley" in {line.get("changed") for line in lines}


async def test_a_moving_reference_is_named() -> None:
    """The line says whether the newest window was compared with the declared reference or a moving one."""
    lines = await summaries(*in_order(range(9)), moving=MovingPlan(1))
    assert [line.get("reference") for line in lines] == [None, *["declared"] * 5, *["moving"] * 3]


async def test_numbers_are_rounded_and_names_are_listed() -> None:
    """Three decimals of the error, detectors once each with commas, and a dash where no column drifted."""
    *_, report = await run(plan(in_order([0, 1])), MemoryStore())
    (window,) = report.record.windows
    error = Measurement(Series(Aspect.PERFORMANCE, "mae", headline=1), 1.23456, 4)
    changes = [Event(CHANGE_POINT, HOUR, "it changed", metric=name) for name in ("ddm", "adwin", "ddm")]
    record = replace(report.record, windows=(replace(window, measurements=(error,)),), events=tuple(changes))
    assert summary(replace(report, record=record)) == {
        "rows": 4, "window_rows": 4, "mae": 1.235, "drifted": "-", "changed": "ddm,adwin",
    }  # fmt: skip


async def test_a_classifiers_line_has_its_headline_metric() -> None:
    """The first of the metrics that represent a monitor on an overview, whatever its task."""
    (_, second) = await run(plan(in_order([0, 1])), MemoryStore())
    (window,) = second.record.windows
    best = Measurement(Series(Aspect.PERFORMANCE, "roc_auc", headline=1), 0.81234, 4)
    other = Measurement(Series(Aspect.PERFORMANCE, "accuracy", headline=2), 0.7, 4)
    ours = tuple(m for m in window.measurements if m.series.aspect is not Aspect.PERFORMANCE)
    window = replace(window, measurements=(*ours, other, best))
    line = summary(replace(second, record=replace(second.record, windows=(window,))))
    assert (line["roc_auc"], line.get("accuracy")) == (0.812, None)


async def test_a_long_list_of_drifted_columns_is_cut() -> None:
    """Eight columns are named, the others are counted; a very long name is cut."""
    (_, second) = await run(plan(in_order([0, 1])), MemoryStore())
    (window,) = second.record.windows
    names = ["x" * 60, *(f"c{k:02}" for k in range(11))]
    drifted = tuple(
        Measurement(Series(Aspect.DRIFT, "psi", name), 1.0, 4, threshold=0.1, breached=True) for name in names
    )
    window = replace(window, measurements=drifted)
    line = summary(replace(second, record=replace(second.record, windows=(window,))))
    assert line["drifted"] == ",".join(["x" * 39 + "…", *names[1:8]]) + " and 4 more"
