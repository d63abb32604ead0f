"""The directives that are proposed for times which are not ISO 8601."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from service.core.rows.schema import Column, Kind, Schema
from service.errors import SourceError
from service.sources.table_format import TimeFormat
from service.sources.tables.event_time import NARROW, REASONS
from service.sources.tables.file import open_ordered
from service.sources.tables.pandas_time import event_times
from service.sources.tables.time_text import formats_of

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("texts", "formats"),
    [
        (["2024030109", "2024030110"], ("%Y%m%d%H",)),
        (["202403010930"], ("%Y%m%d%H%M",)),
        (["20240301"], ("%Y%m%d",)),
        (["1709251200"], ()),  # seconds since 1970
        (["240301"], ()),
        (["2024030109", "202403010930"], ()),
        (["01/02/2024 10:00"], ("%d/%m/%Y %H:%M", "%m/%d/%Y %H:%M")),
        (["01/02/2024 10:00", "01/13/2024 10:00"], ("%m/%d/%Y %H:%M",)),
        (["13/02/2024 01:30 PM"], ("%d/%m/%Y %I:%M %p",)),
        (["2024-03-01 01:30 PM"], ("%Y-%m-%d %I:%M %p",)),
        (["1 Mar 2024", "12 Apr 2024"], ("%d %b %Y",)),
        (["Mar 1, 2024, 01:30 PM"], ("%b %d, %Y, %I:%M %p",)),
        (["Fri, 01 Mar 2024 10:00:00 GMT"], ("%a, %d %b %Y %H:%M:%S %Z",)),
        (["01/Mar/2024:10:00:00 +0100"], ("%d/%b/%Y:%H:%M:%S %z",)),
        (["soon"], ()),
        ([], ()),
    ],
)
def test_directives_that_read_all_texts(texts: list[str], formats: tuple[str, ...]) -> None:
    """Two are proposed where the day or the month may be first; a count since 1970 has none."""
    assert formats_of(texts) == formats


@pytest.mark.parametrize(
    ("cells", "advice"),
    [
        (["1 Mar 2024"] * 2, 'write timestamp: {column: at, format: "%d %b %Y"}'),
        (["3/1/2024"] * 2, 'format: "%d/%m/%Y"}, or "%m/%d/%Y" where the month is first'),
        (["45352.5"] * 2, "as a spreadsheet's number of days it would be 2024-03-01"),
        (["1709251200"] * 2, "by unit: s it would be 2024-03-01T00:00:00Z"),
    ],
)
def test_a_refusal_says_what_would_read_the_times(cells: list[str], advice: str, tmp_path: Path) -> None:
    """What is advised reads the very cells."""
    path = tmp_path / "a.csv"
    pd.DataFrame({"at": cells, "size": 1.0}).to_csv(path, index=False)
    with pytest.raises(SourceError) as caught:
        open_ordered(path, Schema((Column("size", Kind.NUMERICAL),)), "at")
    assert advice in str(caught.value)


def test_a_narrow_float_is_no_time() -> None:
    """Seconds in a 32-bit float are up to a minute from what was meant."""
    found = event_times(pd.Series([1709251300.0, np.nan], dtype=np.float32), TimeFormat("s"))
    assert [REASONS[reason] for reason in found.reasons] == [REASONS[NARROW], "is missing"]
