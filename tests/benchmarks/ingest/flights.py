"""The flights that are sent: 13 columns, as NDJSON, as Arrow, one by one as JSON, and as COPY's text."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING

import pyarrow as pa

from tests.parity.flights import LABELS, NUMBERS, completed, january

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

COLUMNS = (*NUMBERS, *LABELS)
MONITOR = """\
source: {{type: http}}
reference: {{path: "{reference}"}}
columns: {{{columns}}}
window: {{size: 1d, min_rows: 100}}
drift: {{thresholds: evidently}}
cycle_seconds: 86400
"""


def rows(count: int) -> pd.DataFrame:
    """Return flights of the year, whole numbers typed as such, repeated until there are `count`."""
    year = completed()[list(COLUMNS)]
    year = year.astype(dict.fromkeys(NUMBERS, "int64"))
    places = [place % len(year) for place in range(count)]
    return year.iloc[places].reset_index(drop=True)


def monitor_file(folder: Path) -> str:
    """Write the reference into a folder; return the text of the monitor file."""
    path = folder / "reference.parquet"
    january()[list(COLUMNS)].to_parquet(path, index=False)
    kinds = [f"{name}: numerical" for name in NUMBERS] + [f"{name}: categorical" for name in LABELS]
    return MONITOR.format(reference=path, columns=", ".join(kinds))


def ndjson(frame: pd.DataFrame) -> bytes:
    """Return rows as an object per line, as `json.dumps` writes them."""
    records = frame.to_dict("records")
    return "\n".join(map(json.dumps, records)).encode() + b"\n"


def arrow(frame: pd.DataFrame) -> bytes:
    """Return rows as an Arrow stream."""
    table, sink = pa.Table.from_pandas(frame, preserve_index=False), pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    content: bytes = sink.getvalue().to_pybytes()
    return content


def single(frame: pd.DataFrame) -> list[bytes]:
    """Return a JSON object per row."""
    return [json.dumps(record).encode() for record in frame.to_dict("records")]


def copy_text(frame: pd.DataFrame) -> bytes:
    """Return rows as `COPY ... FROM STDIN` reads them."""
    sink = io.StringIO()
    frame.to_csv(sink, sep="\t", header=False, index=False)
    return sink.getvalue().encode()
