"""Reads the rows that a scenario changes, and writes the changed ones as a replay reads them."""

from __future__ import annotations

import os
import zipfile
import zlib
from typing import TYPE_CHECKING

import pandas as pd
import pyarrow as pa
from pyarrow import parquet

from service.errors import SourceError

if TYPE_CHECKING:
    from pathlib import Path

    from simulator.scenario import Applied

PARQUET_MARK = b"PAR1"
UNFINISHED = ".unfinished"
ROW_GROUP_ROWS = 8_192  # what a replay holds in memory
FILE_ERRORS = (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error, pa.ArrowException)

# Types with a missing value of their own, so that whole numbers and booleans keep their type.
NULLABLE = {
    **{
        getattr(pa, name.lower())(): getattr(pd, f"{name}Dtype")()
        for name in ("Int8", "Int16", "Int32", "Int64")
    },
    **{
        getattr(pa, name.lower())(): getattr(pd, f"{name}Dtype")()
        for name in ("UInt8", "UInt16", "UInt32", "UInt64")
    },
    pa.bool_(): pd.BooleanDtype(),
}


def read(path: Path) -> pd.DataFrame:
    """Return all rows and columns of a Parquet file, or of a CSV file (tabs where it ends in .tsv).

    Raises SourceError where the file cannot be read or holds no rows.
    """
    try:
        with path.open("rb") as file:
            is_parquet = file.read(len(PARQUET_MARK)) == PARQUET_MARK
        frame = _of_parquet(path) if is_parquet else _of_csv(path)
    except FILE_ERRORS as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise SourceError(f"{path}: cannot be read: {reason}; expected a Parquet or CSV file") from error
    if not len(frame):
        raise SourceError(f"{path}: the file holds no rows; expected at least one")
    return frame


def labels_path(into: Path) -> Path:
    """Return the file of the late labels of the rows in `into`: NAME.labels.parquet in the same folder."""
    return into.with_name(f"{into.stem}.labels.parquet")


def write(applied: Applied, into: Path) -> list[Path]:
    """Write the rows as Parquet, and the late labels in the same folder; return the files written.

    Each file is complete or absent; labels of an earlier scenario are removed. Raises SourceError where a
    column holds what Parquet cannot, OSError where the folder cannot be written.
    """
    into.parent.mkdir(parents=True, exist_ok=True)
    labels = labels_path(into)
    _write_parquet(applied.rows, into)
    if applied.labels is None:
        labels.unlink(missing_ok=True)
        return [into]
    _write_parquet(applied.labels, labels)
    return [into, labels]


def _of_parquet(path: Path) -> pd.DataFrame:
    frame = parquet.read_table(path).to_pandas(types_mapper=NULLABLE.get)
    if not isinstance(frame, pd.DataFrame):
        raise TypeError(f"{path}: expected a table")
    return frame


def _of_csv(path: Path) -> pd.DataFrame:
    # Read as the replay reads it, so that an unchanged value stays the same.
    return pd.read_csv(
        path,
        sep="\t" if ".tsv" in path.suffixes else ",",
        low_memory=False,
        float_precision="round_trip",
        encoding_errors="replace",
    )


def _write_parquet(frame: pd.DataFrame, path: Path) -> None:
    unfinished = path.with_name(path.name + UNFINISHED)
    try:
        frame.to_parquet(unfinished, index=False, row_group_size=ROW_GROUP_ROWS, compression="zstd")
        with unfinished.open("rb") as file:
            os.fsync(file.fileno())
        unfinished.replace(path)
    except pa.ArrowException as error:
        raise SourceError(f"{path}: cannot be written: {error}; expected one type per column") from error
    finally:
        unfinished.unlink(missing_ok=True)
