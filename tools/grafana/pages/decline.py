"""Why performance got worse: the inputs moved, or their relation to the target did."""

from __future__ import annotations

from tools.grafana.charts import bars, series
from tools.grafana.fields import (
    BLUE,
    NO_WINDOW,
    ORANGE,
    RED,
    TEXT,
    Json,
    column_link,
    fixed,
    override,
    widths,
)
from tools.grafana.layout import dashboard as whole
from tools.grafana.layout import row
from tools.grafana.pages.performance_now import performance_now
from tools.grafana.panels import answer_of, stat, table, words
from tools.grafana.sql import CHART, COLUMN, NEWEST, WHOLE, of_window, or_sentence
from tools.grafana.variables import axis_variable, column_variable, monitor_variable

NO_SPLIT = "No split in this time range: it is measured for regressions whose labels have come."
CHANGE_CHART = "The change of the error and its parts"
PARTS = {"error_change_data": "data", "error_change_concept": "concept", "error_change_unseen": "unseen"}
COLORS = {"data": BLUE, "concept": RED, "unseen": ORANGE}

READING = """
**The mean error changed by `error_change`; its three parts add up to it exactly.**

- **data**: the inputs moved to where the model always was better or worse. Retrain only if that is the new normal;
  check the inputs first (quality, drift).
- **concept**: the same inputs are now predicted worse (or better): the relation to the target changed. Retrain.
- **unseen**: rows where the reference has no labelled row at all. The model was never validated there.

Each column splits the change by its own cells: what a column does not explain counts as concept *for that column*.
Look first at the column whose *data* part explains most. The whole is split by the prediction's cells.
"""


def dashboard() -> Json:
    """Build the page that tells data drift and concept drift apart."""
    return whole(
        "tidegauge-decline",
        "Tidegauge 4 · Why it got worse",
        "The change of a regression's mean error against the reference, split into data drift (the inputs moved), "
        "concept drift (the relation moved) and unseen (rows where the reference had none), overall and by column.",
        [
            (4, [(8, _error()), (6, _change()), (10, _parts())]),
            (9, [(16, _stacked()), (8, words("How to read this", READING))]),
            (9, [(12, _by_column()), (12, _columns())]),
            row("The chosen column", (8, [(12, _of_column()), (12, _band())])),
        ],
        variables=[monitor_variable(), axis_variable(), column_variable(several=False)],
        marked=[CHANGE_CHART],
    )


def _of(metric: str, where: str) -> str:
    return f"max(value) FILTER (WHERE metric = '{metric}' AND {where})"


def _error() -> Json:
    return performance_now(
        "Mean absolute error",
        "Of the labelled rows of the newest window of the range, and of the reference, in the target's unit.",
        "'mae'",
        WHOLE,
    )


def _change() -> Json:
    columns = ", ".join(f"{_of(metric, 'true')} AS {name}" for metric, name in PARTS.items())
    return stat(
        "Change of the error",
        "The mean error less the reference's, in the newest window of the range; above 0 the model got worse.",
        f"SELECT {_of('error_change', 'true')} AS change, {columns} FROM {NEWEST}\n"
        f"WHERE {WHOLE} AND metric LIKE 'error_change%' AND column_name = '' HAVING count(value) > 0",
        fields="/^change$/",
        decimals=2,
        color_mode="none",  # any two samples differ: whether it is too much, the threshold's panel says
    )


def _parts() -> Json:
    return stat(
        "Of that",
        "The three parts of the change in the newest window, split by the prediction's cells: data (the inputs "
        "moved), concept (the relation moved), unseen (the reference had no such rows).",
        [answer_of("Change of the error")],
        fields="/^(data|concept|unseen)$/",
        decimals=2,
        text_mode="value_and_name",
        color_mode="none",
    )


def _stacked() -> Json:
    columns = ", ".join(f"{_of(metric, 'true')} AS {name}" for metric, name in PARTS.items())
    line = {"custom__drawStyle": "line", "custom__fillOpacity": 0, "custom__lineWidth": 2}
    apart = {
        "custom__stacking": {"group": "B", "mode": "none"},
        "color": fixed(TEXT),
    }
    return series(
        CHANGE_CHART,
        "Stacked bars: the parts; the line: the whole change. The bars below 0 made the error smaller.",
        f'SELECT "time", {columns}, {_of("error_change", "true")} AS change FROM {CHART}\n'
        f"WHERE {WHOLE} AND metric LIKE 'error_change%' AND column_name = '' GROUP BY 1 ORDER BY 1",
        drawn_as_bars=True,
        empty=NO_SPLIT,
        decimals=2,
        overrides=[*_colors(), override("change", **line, **apart)],
    )


def _by_column() -> Json:
    columns = ", ".join(f"{_of(metric, 'true')} AS {name}" for metric, name in PARTS.items())
    return bars(
        "By column, newest window",
        "The same change split by each column's own cells: a column with much 'data' moved to where the error is "
        "larger; 'concept' there is what this column does not explain.",
        f"SELECT CASE column_name WHEN '' THEN '(prediction)' ELSE column_name END AS split, {columns} FROM {NEWEST}\n"
        f"WHERE {WHOLE} AND metric LIKE 'error_change_%' GROUP BY column_name HAVING count(value) > 0\n"
        f"ORDER BY {_of('error_change_data', 'true')} DESC NULLS LAST",
        x="split",
        unit="none",
        stacked=True,
        empty=NO_SPLIT,
        overrides=_colors(),
    )


def _columns() -> Json:
    columns = ", ".join(f"{_of(metric, 'true')} AS {name}" for metric, name in PARTS.items())
    rows = f"""
SELECT column_name AS "column", {columns}, {_of("error_change", "true")} AS change,
    max(low) FILTER (WHERE metric = 'error_change_data') AS "data low",
    max(high) FILTER (WHERE metric = 'error_change_data') AS "data high", max(reason) AS note
FROM {NEWEST} WHERE {WHOLE} AND metric LIKE 'error_change%' AND column_name <> '' GROUP BY column_name
ORDER BY {_of("error_change_data", "true")} DESC NULLS LAST
"""
    return table(
        "What each column explains",
        "The parts by column in the newest window, with the 95 % band of the data part, of rows taken as independent. A "
        "click leads to the column's distribution.",
        or_sentence(
            rows,
            ("column", "data", "concept", "unseen", "change", "data low", "data high", "note"),
            "note",
            of_window(NO_SPLIT, NO_WINDOW),
        ),
        decimals=2,
        overrides=[
            *widths(column=140, data=70, concept=80, unseen=80, change=80, data_low=80, data_high=80),
            override("column", links=[column_link()]),
        ],
    )


def _of_column() -> Json:
    columns = ", ".join(f"{_of(metric, COLUMN)} AS {name}" for metric, name in PARTS.items())
    return series(
        "Split by the chosen column",
        "The parts of the change, window by window, by the cells of the column chosen above.",
        f'SELECT "time", {columns} FROM {CHART}\n'
        f"WHERE {WHOLE} AND metric LIKE 'error_change_%' AND {COLUMN} GROUP BY 1 ORDER BY 1",
        drawn_as_bars=True,
        empty=NO_SPLIT,
        decimals=2,
        overrides=_colors(),
    )


def _band() -> Json:
    return series(
        "Its concept part, with the band",
        "The concept part by the chosen column's cells and its 95 % band: where the band lies above 0, the relation "
        "got worse by more than chance.",
        f'SELECT "time", value AS concept, low, high FROM {CHART} '
        f"WHERE {WHOLE} AND metric = 'error_change_concept' AND {COLUMN} ORDER BY 1",
        empty=NO_SPLIT,
        decimals=2,
    )


def _colors() -> list[Json]:
    return [override(name, color=fixed(color)) for name, color in COLORS.items()]
