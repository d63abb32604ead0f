"""Recognise files that cannot be read by their first bytes, and say what to do about each."""

from __future__ import annotations

from typing import NamedTuple

from service.errors import SourceError

CONVERT = "write it as Parquet, CSV or JSON lines"


class _Foreign(NamedTuple):
    """Bytes at an offset, what a file is that has them there, and what to do."""

    mark: bytes
    what: str
    advice: str = CONVERT
    offset: int = 0


_FOREIGN = (
    _Foreign(b"PARE", "a Parquet file with an encrypted footer", "write it without encryption"),
    _Foreign(b"FEA1", "a Feather file of version 1", "write it as Feather version 2, Parquet or CSV"),
    _Foreign(b"\xd0\xcf\x11\xe0", "an old Excel workbook (.xls)", "save its sheet as CSV, or write Parquet"),
    _Foreign(b"ORC", "an ORC file"),
    _Foreign(b"Obj\x01", "an Avro file"),
    _Foreign(b"\x89HDF", "an HDF5 file"),
    _Foreign(b"\x93NUMPY", "a NumPy array (.npy)"),
    _Foreign(b"SQLite format 3", "an SQLite database", "write the query's rows as Parquet or CSV"),
    _Foreign(b"<stata_dta>", "a Stata file"),
    _Foreign(b"$FL2", "an SPSS file"),
    _Foreign(b"RDX", "an R data file"),
    _Foreign(b"X\n\x00\x00\x00", "an R data file (.rds)"),
    _Foreign(b"%PDF", "a PDF document", "name the file that holds the rows"),
    _Foreign(b"\x89PNG", "a picture", "name the file that holds the rows"),
    _Foreign(b"\xff\xd8\xff", "a picture", "name the file that holds the rows"),
    _Foreign(b"7z\xbc\xaf", "a 7-Zip archive", "unpack it"),
    _Foreign(b"Rar!", "a RAR archive", "unpack it"),
    _Foreign(b"\x7fELF", "a program", "name the file that holds the rows"),
    _Foreign(b"version https://git-lfs", "a pointer of Git LFS, not the file itself", "run git lfs pull"),
    _Foreign(b"ustar", "a tar archive", "unpack it and name the folder", offset=257),
)
_PICKLES = (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")
_PAGES = (b"<!doctype html", b"<html")


def refuse_foreign(head: bytes) -> None:
    """Raise SourceError where a file's first bytes are those of a format that is not read."""
    for foreign in _FOREIGN:
        if head.startswith(foreign.mark, foreign.offset):
            raise _refusal(foreign.what, foreign.advice)
    if head.startswith(_PICKLES):
        raise _refusal("a Python pickle", "it could run any code and is never opened: write it as Parquet")
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if start[:14].lower().startswith(_PAGES):
        raise _refusal("an HTML page, perhaps of an error or a log-in", "download the file itself")
    if start.startswith(b"<?xml"):
        raise _refusal("an XML document", CONVERT)
    if start.startswith(b"[") and start[1:].lstrip()[:1] in (b"{", b"[", b"]"):
        raise _refusal("a JSON array", "write one object per line (JSON lines), as jq -c '.[]' does")


def archive_refusal(names: list[str]) -> SourceError:
    """Return the error for a ZIP archive that is not one table."""
    if any(name.startswith("xl/") for name in names):
        return _refusal("an Excel workbook (.xlsx)", "save its sheet as CSV, or write Parquet")
    if "content.xml" in names:
        return _refusal("an OpenDocument file (.ods)", "save its sheet as CSV, or write Parquet")
    if any(name.endswith(".npy") for name in names):
        return _refusal("NumPy arrays (.npz)", CONVERT)
    shown = ", ".join(names[:3]) + (" ..." if len(names) > 3 else "")  # noqa: PLR2004 - a few names say it
    return _refusal(f"a ZIP archive of {len(names)} files ({shown})", "unpack it and name the folder")


def _refusal(what: str, advice: str) -> SourceError:
    return SourceError(f"it is {what}, which is not read; {advice}")
