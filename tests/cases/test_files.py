"""Cases of times, numbers and headers in files, from public bug reports; `data/` says where each is from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from service.checks.column_findings import column_notes
from service.config import monitor_file
from service.core.profile import profile
from service.core.rows.batch import Numbers
from service.errors import SourceError
from service.methods.measure_window import measure
from tests.unit.sources.context import context_of

if TYPE_CHECKING:
    from service.config.monitor import Monitor
    from service.core.measurement import Measurement
    from service.core.rows.take import Take

DATA = Path(__file__).parent / "data"


def monitor_of(case: str, name: str, tmp_path: Path, *changes: tuple[str, str]) -> Monitor:
    """Read a case's monitor file, with the case's folder in it."""
    text = (DATA / case / f"{name}.yaml").read_text().replace("CASE", str(DATA / case))
    for before, after in changes:
        assert before in text
        text = text.replace(before, after)
    path = tmp_path / f"{name}.yaml"
    path.write_text(text)
    return monitor_file.load(path, tmp_path)


async def first_take(monitor: Monitor) -> Take:
    """Take a monitor's first rows."""
    source = monitor.source.build(context_of(monitor))
    try:
        return await source.take(None)
    finally:
        await source.close()


def measured(monitor: Monitor, take: Take) -> dict[tuple[str, str], Measurement]:
    """Measure the take as one window, by column and metric."""
    schema = monitor.schema_
    reference = profile.of(monitor.reference.load(monitor.source, schema), schema)
    found = measure(reference, profile.of(take.batch, schema), schema, monitor.measure_plan)
    return {(one.series.column, one.series.metric): one for one in found}


async def test_bigquerys_utc_is_read(tmp_path: Path) -> None:
    """12: `2024-03-01 00:00:00 UTC`, as BigQuery writes times, is a time in every row."""
    take = await first_take(monitor_of("12-bigquery-utc", "c12", tmp_path))
    assert (take.rejected, take.batch.rows) == (0, 100)
    expected = pd.date_range("2024-03-01", periods=100, freq="10min").as_unit("us").astype(np.int64)
    assert take.batch.event_time.tolist() == expected.tolist()


def numbers(path: Path) -> np.ndarray:
    """Read the income of a file whose numbers have thousands separators."""
    return pd.read_csv(path, thousands=",")["income"].to_numpy(dtype=float)


@pytest.mark.parametrize("name", ["c14_same", "c14_pqref"])
async def test_thousands_are_read_where_the_column_says_so(tmp_path: Path, name: str) -> None:
    """14: with `thousands` every value is read, and the drift is that of all values."""
    case = "14-thousands"
    monitor = monitor_of(
        case, name, tmp_path, ("income: numerical", 'income: {kind: numerical, thousands: ","}')
    )
    take = await first_take(monitor)
    column = take.batch.columns["income"]
    assert isinstance(column, Numbers)
    current = numbers(DATA / case / "cur.csv")[:250]
    assert np.array_equal(column.values, current)
    reference = (
        numbers(DATA / case / "ref.csv")
        if name == "c14_same"
        else pd.read_parquet(DATA / case / "ref.parquet")["income"].to_numpy()
    )
    found = measured(monitor, take)
    assert found["income", "unparsable_share"].value == 0.0
    assert found["income", "ks"].value == pytest.approx(stats.ks_2samp(reference, current).pvalue, abs=1e-9)


async def test_thousands_are_said_where_nothing_says_so(tmp_path: Path) -> None:
    """14: without the option both sides' shares are said, `check` names the option, and it is a breach."""
    monitor = monitor_of("14-thousands", "c14_same", tmp_path)
    take = await first_take(monitor)
    share = measured(monitor, take)["income", "unparsable_share"]
    assert (share.value, share.reference, share.breached) == (0.336, 0.338, True)
    assert share.reason == "33.6 % of the rows hold no number, 33.8 % in the reference; they are left out"
    (note,) = column_notes(take.batch, monitor.schema_)
    assert note == (
        'income: holds texts such as "2,039.67"; expected numbers; write income: {kind: numerical, '
        'thousands: ","}: 84 of 250 rows (33.6%) are left out'
    )
    reference = monitor.reference.load(monitor.source, monitor.schema_)
    (note,) = column_notes(reference, monitor.schema_)
    assert note.endswith("169 of 500 rows (33.8%) are left out")


async def test_a_header_with_a_name_twice_is_refused(tmp_path: Path) -> None:
    """15: of two columns of one name none is taken silently; both places are said."""
    with pytest.raises(SourceError, match=r"'amount' is in the data more than once \(columns 2 and 3\)"):
        await first_take(monitor_of("15-duplicate-header", "c15", tmp_path))
