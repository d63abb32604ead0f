"""What a source knows of how its rows came: other columns, ids, order; alike from a frame and from Arrow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from service.core.profile import profile, row_counts
from service.core.rows.schema import Column, Kind, Schema
from service.errors import SourceError
from service.sources.tables import from_arrow, from_pandas, pandas_labels
from service.sources.tables.file import open_ordered, read_rows

if TYPE_CHECKING:
    from pathlib import Path

SCHEMA = Schema((Column("size", Kind.NUMERICAL),), identity="key")
TIMES = pd.to_datetime(["2013-02-01", "2013-02-03", "2013-02-02", "2013-02-02"], utc=True)


def table(keys: Any, **more: Any) -> pd.DataFrame:
    return pd.DataFrame({"at": TIMES, "size": [1.0, 2.0, 3.0, 4.0], "key": keys, **more})


@pytest.mark.parametrize(
    "way", [from_pandas.to_batch, lambda rows, *rest: from_arrow.to_batch(pa.table(rows), *rest)]
)
def test_other_columns_ids_and_order_are_kept(way: Any) -> None:
    """Both ways name the other columns, hash the ids, and mark the rows that step back in time."""
    rows = table(["a", "b", "a", None], other=1, zero=2)
    found = way(rows, SCHEMA, "at").batch.arrival
    assert found.unwatched == ("other", "zero")
    assert found.backwards.tolist() == [False, False, True, False]
    ids = found.identity.tolist()
    assert (ids[0] == ids[2], ids[0] == ids[1], ids[3]) == (True, False, 0)


@pytest.mark.parametrize(
    "keys",
    [
        pd.Series([5, 6, 5, None], dtype="Int64"),
        pd.Series([5.0, 6.0, 5.0, np.nan]),
        pd.Series(["5", "6", "5", ""], dtype=object),
        pd.Series(["5", "6", "5", " "]).astype("category"),
        pd.Series([5, "6", 5.0, None], dtype=object),
    ],
)
def test_an_id_is_the_same_in_any_type(keys: pd.Series[Any]) -> None:
    """5, 5.0 and "5" are one id, in a frame and in Arrow; empty text is a missing one."""
    expected = pandas_labels.identities(pd.Series(["5", "6", "5", None])).hashes.tolist()
    assert pandas_labels.identities(keys).hashes.tolist() == expected
    if keys.map(type).nunique() < 3:  # Arrow has no column of mixed types
        batch = from_arrow.to_batch(pa.table(table(keys)), SCHEMA, "at").batch
        assert batch.arrival.identity is not None
        assert batch.arrival.identity.tolist() == expected


def test_large_ids_are_not_rounded() -> None:
    """Integers that one double stands for are two ids."""
    keys = [2**62, 2**62 + 1, 2**62, 0]
    for batch in (
        from_pandas.to_batch(table(keys), SCHEMA, "at").batch,
        from_arrow.to_batch(pa.table(table(keys)), SCHEMA, "at").batch,
    ):
        assert batch.arrival.identity is not None
        assert len(set(batch.arrival.identity.tolist())) == 3


def test_an_id_that_did_not_come_is_missing_in_every_row() -> None:
    """Without its column the ids are missing, not repeated; twice it is refused like any needed column."""
    batch = from_pandas.to_batch(table(1).drop(columns="key"), SCHEMA, "at").batch
    counted = profile.of(batch, SCHEMA)[row_counts.PART].identities
    assert counted is not None
    assert (counted.rows, counted.missing) == (0, 4)
    doubled = pd.concat([table(1), table(2)[["key"]]], axis=1)
    with pytest.raises(SourceError, match="'key' is in the data more than once"):
        from_pandas.to_batch(doubled, SCHEMA, "at")


def test_rejected_rows_take_their_ids_along() -> None:
    """Ids, order and values belong to the rows that stay."""
    rows = table(["a", "b", "c", "d"])
    rows["at"] = ["2013-02-02", "soon", "2013-02-01", "2013-02-03"]
    batch = from_pandas.to_batch(rows, SCHEMA, "at").batch
    kept = pandas_labels.identities(pd.Series(["a", "c", "d"])).hashes
    assert batch.arrival.identity is not None
    assert batch.arrival.backwards is not None
    assert batch.arrival.identity.tolist() == kept.tolist()
    assert batch.arrival.backwards.tolist() == [False, True, False]


@pytest.mark.parametrize("name", ["a.csv", "a.parquet"])
@pytest.mark.parametrize("ordered", [True, False])
def test_a_file_tells_of_columns_that_are_not_read(tmp_path: Path, name: str, ordered: bool) -> None:
    """Every column's name is known however the file is read, and ids follow their rows when sorted."""
    rows = table(["a", "b", "c", "b"], other=1)
    if ordered:
        rows = rows.sort_values("at", kind="stable")
    path = tmp_path / name
    if path.suffix == ".parquet":
        rows.to_parquet(path, index=False)
    else:
        rows.to_csv(path, index=False)
    opened = open_ordered(path, SCHEMA, "at")
    batch = opened.read(0, 4)
    opened.close()
    assert batch.arrival.unwatched == read_rows(path, SCHEMA, timestamp="at").arrival.unwatched == ("other",)
    assert batch.arrival.identity is not None
    expected = pandas_labels.identities(pd.Series(["a", "c", "b", "b"])).hashes
    assert expected is not None
    assert batch.arrival.identity.tolist() == expected.tolist()
    assert profile.of(batch, SCHEMA)[row_counts.PART].backwards == (0 if ordered else 1)
