"""Monitor files say how tables are written; what cannot be meant is refused with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from service.config import monitor_file
from service.config.monitor import Monitor
from service.core.rows.number_format import NumberFormat
from service.errors import ConfigurationError
from service.sources.references.file import FileReference
from service.sources.replay.config import ReplayConfig
from service.sources.table_format import CsvFormat, TimeFormat

GOOD = """\
source: {type: replay, path: a.csv, timestamp: at, rows: 10}
reference: {path: b.csv}
columns:
  size: {kind: numerical}
  colour: categorical
window: {size_rows: 10, hop_rows: 10}
"""


def load(tmp_path: Path, *changes: tuple[str, str]) -> Monitor:
    text = GOOD
    for before, after in changes:
        assert before in text
        text = text.replace(before, after)
    (tmp_path / "a.yaml").write_text(text)
    return monitor_file.load(tmp_path / "a.yaml", tmp_path)


def test_times_and_dialects_reach_the_sources(tmp_path: Path) -> None:
    """All options are handed on; a reference has the source's unless it says its own."""
    monitor = load(
        tmp_path,
        (
            "timestamp: at",
            "timestamp: {column: at, unit: ms}, csv: {separator: tab, encoding: latin-1, decimal: ','}",
        ),
        ("kind: numerical", "kind: numerical, decimal: ',', thousands: '.', percent: true, strip: EUR"),
    )
    source, reference = monitor.source, monitor.reference
    assert isinstance(source, ReplayConfig)
    assert isinstance(reference, FileReference)
    assert source.time_column == "at"
    assert source.table_format.time == TimeFormat("ms")
    assert source.table_format.csv == CsvFormat("\t", "latin-1", '"', NumberFormat(","))
    assert monitor.schema_.columns[0].number == NumberFormat(",", ".", percent=True, strip=("EUR",))
    other = load(tmp_path, ("path: b.csv", "path: b.csv, timestamp: {column: t, timezone: Europe/Berlin}"))
    assert isinstance(other.reference, FileReference)
    assert other.reference.timestamp is not None
    assert other.reference.timestamp.time_format() == TimeFormat(zone="Europe/Berlin")


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        (
            "timestamp: at",
            "timestamp: {column: at, unit: min}",
            r"a\.yaml:1: .*unit: .*'s', 'ms', 'us' or 'ns'",
        ),
        ("timestamp: at", "timestamp: {column: at, format: '%H:%M'}", "expected year, month and day"),
        ("timestamp: at", "timestamp: {column: at, format: 'yyyy-mm-dd'}", "expected year, month and day"),
        ("timestamp: at", "timestamp: {column: at, format: '%Q'}", "expected strptime's directives"),
        ("timestamp: at", "timestamp: {column: at, timezone: Europe/Berln}", "the nearest is Europe/Berlin"),
        ("timestamp: at", "timestamp: {column: at, unit: s, format: '%Y%m%d'}", "not both"),
        ("timestamp: at", "timestamp: {unit: s}", "column"),
        ("timestamp: at", "timestamp: at, csv: {separator: ';;'}", "expected one sign"),
        ("timestamp: at", "timestamp: at, csv: {encoding: latin-99}", "no such encoding: 'latin-99'"),
        ("timestamp: at", "timestamp: at, csv: {encoding: base64}", "no such encoding: 'base64'"),
        ("timestamp: at", "timestamp: at, csv: {decimal: ',', thousands: ','}", "are both ','"),
        ("kind: numerical", "kind: numerical, thousands: '.'", "are both '.'"),
        ("kind: numerical", "kind: categorical, percent: true", "belong to numbers; this is categorical"),
        ("kind: numerical", "kind: numerical, quality: {missing: 0.1}", "did you mean 'missing_share'"),
        ("kind: numerical", "kind: numerical, quality: {missing_share: -1}", "greater than or equal to 0"),
        ("kind: numerical", "kind: numerical, quality: {missing_share: lots}", "quality"),
    ],
)
def test_what_cannot_be_meant_is_refused(tmp_path: Path, before: str, after: str, message: str) -> None:
    """Each with the nearest name or what was expected."""
    with pytest.raises(ConfigurationError, match=message):
        load(tmp_path, (before, after))


def test_quality_limits_are_numbers_or_off(tmp_path: Path) -> None:
    """`off` takes a verdict away, `default` is the default, for all columns or for one."""
    text = "window:"
    limits = "quality: {missing_share: off, unparsable_share: 0.2, new_category_share: default}\nwindow:"
    monitor = load(
        tmp_path, (text, limits), ("kind: numerical", "kind: numerical, quality: {missing_share: 0.4}")
    )
    plan = monitor.measure_plan.quality
    assert plan.everywhere == {"missing_share": None, "unparsable_share": 0.2}
    assert plan.by_column == {"size": {"missing_share": 0.4}, "colour": {}}
