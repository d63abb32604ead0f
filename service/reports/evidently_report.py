"""Make Evidently's report of a window and keep it in a workspace. Imported in the worker process alone.

A report is kept as Evidently's snapshot, a hundredth of its HTML; the HTML is drawn when somebody asks.
"""

from __future__ import annotations

import html
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evidently import Dataset, Report
from evidently.core.report import Snapshot
from evidently.presets import ClassificationPreset, DataDriftPreset, DataSummaryPreset, RegressionPreset
from evidently.sdk.models import PanelMetric
from evidently.sdk.panels import DashboardPanelPlot
from evidently.ui.workspace import Workspace

from service.core.rows.task import Regression
from service.core.time_units import to_datetime
from service.reports import evidently_dataset

if TYPE_CHECKING:
    from datetime import datetime

    import pandas as pd

    from service.core.rows.task import Task
    from service.reports.request import ReportRequest

NOTE = "note"
INDEX = "windows.json"


def made(order: ReportRequest) -> str:
    """Make the report of a window, keep it, and return its HTML.

    Raises ValueError where no column has a value on both sides.
    """
    snapshot = _kept(order)
    return _page(snapshot, snapshot.report.metadata.get(NOTE))


def keep(order: ReportRequest) -> None:
    """Make the report of a window and keep it, for whoever asks later; raises what `made` does."""
    _kept(order)


def _kept(order: ReportRequest) -> Snapshot:
    snapshot = _report(order)
    workspace = Workspace.create(order.folder)
    project = _project(workspace, order)
    runs = _runs(workspace, project)
    replaced = runs.pop(str(order.window), None)
    runs[str(order.window)] = str(workspace.add_run(project, snapshot).id)
    surplus = list(runs)[: max(0, len(runs) - order.kept)]
    dropped = [runs.pop(window) for window in surplus]
    _write(workspace, project, runs)
    for run in (*dropped, *([] if replaced is None else [replaced])):
        workspace.delete_run(project, run)
    return snapshot


def kept(folder: str, monitor: str, window: int) -> str | None:
    """Return the HTML of a report that is kept already, None where there is none."""
    workspace = Workspace.create(folder)
    for project in _named(workspace, monitor):
        run = _runs(workspace, project).get(str(window))
        model = None if run is None else workspace.get_run(project, run)
        if model is not None:
            return _page(Snapshot.load_model(model), model.metadata.get(NOTE))
    return None


def _report(order: ReportRequest) -> Snapshot:
    schema = order.schema
    current, reference = (evidently_dataset.frame(side, schema) for side in (order.current, order.reference))
    names = evidently_dataset.usable(schema, current, reference)
    if not names:
        raise ValueError("no column has a value both in the window's sample and in the reference's")
    left_out = [f"{name}: no value on one side" for name in schema.names if name not in names]
    reason = _no_performance(schema.task, current, reference)
    measured = schema.task is not None and reason is None
    if reason:
        left_out.append(f"performance: {reason}")
    presets: list[Any] = [DataDriftPreset(columns=names), DataSummaryPreset(columns=names)]
    if measured:
        presets.append(RegressionPreset() if isinstance(schema.task, Regression) else ClassificationPreset())
    wanted = evidently_dataset.definition(schema, names, performance=measured)
    sides = [Dataset.from_pandas(side, data_definition=wanted) for side in (current, reference)]
    try:
        return _run(order, presets, sides, left_out)
    except Exception:  # noqa: BLE001 - Evidently raises whatever its parts do
        works = [preset for preset in presets if _works(preset, sides, left_out)]
        return _run(order, works, sides, left_out)


def _run(order: ReportRequest, presets: list[Any], sides: list[Dataset], left_out: list[str]) -> Snapshot:
    start, end = to_datetime(order.start), to_datetime(order.end)
    return Report(presets, metadata={"window": str(order.window), NOTE: _note(order, left_out)}).run(
        *sides,
        timestamp=end.replace(tzinfo=None),
        name=f"{order.monitor}: {_instant(start)} to {_instant(end)} UTC",
    )


def _instant(when: datetime) -> str:
    """Return an instant to the minute, or to the second where it does not lie on one."""
    return f"{when:%Y-%m-%d %H:%M:%S}" if when.second else f"{when:%Y-%m-%d %H:%M}"


def _no_performance(task: Task | None, current: pd.DataFrame, reference: pd.DataFrame) -> str | None:
    if task is None:
        return None
    for side, table in (("window's", current), ("reference's", reference)):
        without = evidently_dataset.unlabelled(table, task)
        # Evidently leaves such rows out of a regression, and takes them for a class of their own otherwise.
        if without == len(table) or (without and not isinstance(task, Regression)):
            return f"{without} of the {side} {len(table)} sampled rows have no label"
    return None


def _works(preset: Any, sides: list[Dataset], left_out: list[str]) -> bool:
    # One preset that cannot take these rows must not cost the whole report.
    try:
        Report([preset]).run(*sides)
    except Exception as error:  # noqa: BLE001 - as above
        left_out.append(f"{type(preset).__name__}: {type(error).__name__}: {error}")
        return False
    return True


def _note(order: ReportRequest, left_out: list[str]) -> str:
    text = (
        f"Drawn from a seeded sample: {order.current.rows:,} of the window's {order.rows:,} rows and "
        f"{order.reference.rows:,} of the reference's {order.reference_rows:,}."
    )
    return f"{text} Left out: {'; '.join(left_out)}." if left_out else text


def _page(snapshot: Snapshot, said: Any) -> str:
    drawn: str = snapshot.get_html_str(as_iframe=False)
    title, note = html.escape(snapshot.get_name() or ""), html.escape(str(said))
    banner = f'<p style="margin:1rem;font:14px sans-serif"><strong>{title}</strong><br>{note}</p>'
    head, mark, rest = drawn.partition("<body>")
    return f"{head}{mark}{banner}{rest}" if mark else banner + drawn


def _project(workspace: Workspace, order: ReportRequest) -> Any:
    for project in _named(workspace, order.monitor):
        return project
    project = workspace.create_project(order.monitor, order.description or None)
    for title, metric, labels in _panels(order.schema.task):
        values = [PanelMetric(legend=title, metric=metric, metric_labels=labels)]
        plot = DashboardPanelPlot(title=title, size="half", values=values, plot_params={"plot_type": "line"})
        project.dashboard.add_panel(plot)
    project.save()
    return project.id


def _panels(task: Task | None) -> list[tuple[str, str, dict[str, str]]]:
    panels = [("Share of drifted columns", "DriftedColumnsCount", {"value_type": "share"})]
    if isinstance(task, Regression):
        panels.append(("Mean absolute error", "MAE", {"value_type": "mean"}))
    elif task is not None:
        panels += [("Accuracy", "Accuracy", {}), ("F1", "F1Score", {})]
    return panels


def _named(workspace: Workspace, monitor: str) -> list[Any]:
    return [project.id for project in workspace.search_project(monitor) if project.name == monitor]


def _runs(workspace: Workspace, project: Any) -> dict[str, str]:
    # Which of Evidently's runs is of which window, the oldest report first: to find one without reading all.
    try:
        found: dict[str, str] = json.loads(_index(workspace, project).read_text())
    except FileNotFoundError:
        return {}
    return found


def _write(workspace: Workspace, project: Any, runs: dict[str, str]) -> None:
    unfinished = _index(workspace, project).with_suffix(".unfinished")
    unfinished.write_text(json.dumps(runs))
    unfinished.replace(_index(workspace, project))


def _index(workspace: Workspace, project: Any) -> Path:
    return Path(workspace.path) / str(project) / INDEX
