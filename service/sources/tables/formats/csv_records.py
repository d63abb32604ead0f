"""The bytes of a CSV file without the records whose cells are not as many as its header's.

What is left out is a reject with its line, never a row that is filled up with missing values. Cells that hold
line breaks pass and are remarked: where two stray quotes swallow the rows between them, they look like that.
"""

from __future__ import annotations

import codecs
import io
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any, NamedTuple

import numpy as np

from service.core.rows.take import Reject
from service.errors import SourceError
from service.sources.tables.formats.csv_cells import cells_of, split

if TYPE_CHECKING:
    from collections.abc import Iterator

    from service.sources.tables.formats.csv_cells import Records, Signs

CHUNK_BYTES = 1 << 22
MAX_REJECTS = 100  # that are kept of a file
MIN_NAMES = 3  # of a header that no row of data repeats
MAX_LOOKED_AT = 10_000  # records over several lines whose cells are looked at


class LongCell(NamedTuple):
    """A cell that holds line breaks.

    - `first_line`, `last_line`: those of its record.
    - `holds_rows`: whether whole rows seem to be in it.
    """

    first_line: int
    last_line: int
    holds_rows: bool


@dataclass(slots=True)
class Noticed:
    """What was seen of a file's records.

    - `records`: how many there are, the header and blank lines not counted.
    - `rejected`: how many of them were left out.
    - `rejects`: the first of these.
    - `long_cells`: by column, the first cell over several lines; one that seems to hold rows goes first.
    """

    records: int = 0
    rejected: int = 0
    rejects: list[Reject] = field(default_factory=list)
    long_cells: dict[str, LongCell] = field(default_factory=dict)


class CheckedRecords(io.RawIOBase):
    """A stream of the records that have as many cells as there are names; `noticed` is whole at its end.

    Raises SourceError where a quote is never closed.
    """

    def __init__(
        self, stream: IO[bytes], names: list[str], signs: Signs, skipped: int, *, instead_of_nul: bytes
    ) -> None:
        """Check a stream that has `skipped` lines before its header."""
        self.noticed = Noticed()
        self._instead_of_nul = instead_of_nul  # which pandas takes for the end of its cell
        self._stream, self._names, self._signs = stream, names, signs
        self._skipped, self._in_header = skipped, True
        self._line, self._looked_at = 1, 0
        self._header = b""
        self._parts = self._checked()
        self._ready = memoryview(b"")

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def readinto(self, buffer: Any, /) -> int:
        """Fill the buffer with the bytes that follow."""
        while not self._ready:
            part = next(self._parts, None)
            if part is None:
                return 0
            self._ready = memoryview(part)
        taken, self._ready = self._ready[: len(buffer)], self._ready[len(buffer) :]
        buffer[: len(taken)] = taken
        return len(taken)

    def _checked(self) -> Iterator[bytes]:
        rest, size = self._read(CHUNK_BYTES).removeprefix(codecs.BOM_UTF8), CHUNK_BYTES
        while more := self._read(size):
            content = rest + more
            # A return at the very end may be half of a line break.
            cut = max(content.rfind(b"\n"), content.rfind(b"\r", 0, -1)) + 1
            found = split(content[:cut], self._signs)
            stop = cut if found.open_from is None else found.open_from
            yield from self._passed(content[:stop], found)
            rest = content[stop:]
            size = max(CHUNK_BYTES, len(rest))  # a cell over many chunks is not searched again for each
        found = split(rest, self._signs)
        if found.open_from is None:
            yield from self._passed(rest, found)
        else:
            yield from self._passed(rest[: found.open_from], found)
            self._end_in_quotes(rest[found.open_from :])

    def _read(self, size: int) -> bytes:
        content = self._stream.read(size)
        return content.replace(b"\0", self._instead_of_nul) if b"\0" in content else content

    def _passed(self, content: bytes, found: Records) -> Iterator[bytes]:
        first_lines = self._line + np.cumsum(found.lines) - found.lines
        self._line += int(found.lines.sum())
        starts = np.concatenate([np.zeros(1, dtype=np.intp), found.ends[:-1]])[: len(found.ends)]
        begin = self._end_of_header(content, starts, found)
        wrong = found.cells != len(self._names)
        wrong[:begin] = False
        for place in np.flatnonzero(wrong & (found.cells == 1)).tolist():
            wrong[place] = not _is_blank(content[starts[place] : found.ends[place]], self._signs)
        self.noticed.records += len(wrong) - begin
        for place in self._repeated(content, starts, found, begin):
            wrong[place] = True
        for place in np.flatnonzero(wrong).tolist():
            lines = int(first_lines[place]), int(found.lines[place])
            reason = _miscounted(lines, int(found.cells[place]), len(self._names))
            if found.cells[place] == len(self._names):
                reason = f"line {lines[0]} repeats the header"
            if content[found.ends[place] - 1] not in b"\r\n":
                reason += "; the file ends within that line, which was perhaps half written"
            self._reject(int(first_lines[place]), reason)
        for place in (begin + np.flatnonzero((found.lines > 1)[begin:] & ~wrong[begin:])).tolist():
            self._look_at(content[starts[place] : found.ends[place]], int(first_lines[place]))
        begun = 0
        for place in np.flatnonzero(wrong).tolist():
            yield content[begun : starts[place]]
            begun = int(found.ends[place])
        yield content[begun:]

    def _repeated(self, content: bytes, starts: Any, found: Records, begin: int) -> list[int]:
        # The header again, as where files were put one behind the other. Of one or two names it may be data.
        length = len(self._header)
        if len(self._names) < MIN_NAMES:
            return []
        lengths = found.ends - starts
        alike = np.flatnonzero((lengths >= length) & (lengths <= length + 2))
        alike = alike[alike >= begin]
        values = np.frombuffer(content, dtype=np.uint8)
        for place in (0, length // 2, length - 1):
            alike = alike[values[starts[alike] + place] == self._header[place]]
        same = (
            p for p in alike.tolist() if content[starts[p] : found.ends[p]].rstrip(b"\r\n") == self._header
        )
        return list(same)

    def _end_of_header(self, content: bytes, starts: Any, found: Records) -> int:
        # The number of records up to the header's end: directive, blank lines, header.
        place = 0
        while self._in_header and place < len(found.ends):
            record = content[starts[place] : found.ends[place]]
            if self._skipped:
                self._skipped -= 1
            elif not _is_blank(record, self._signs):
                self._in_header = False
                self._header = record.rstrip(b"\r\n")
            place += 1
        return place

    def _end_in_quotes(self, record: bytes) -> None:
        quote = self._signs.quote.decode()
        if len(record.splitlines()) > 1:
            raise SourceError(
                f"a quote {quote} that opens a cell in line {self._line} is never closed; remove it, or name "
                "the sign around cells by csv: {quote: ...}"
            )
        self.noticed.records += 1
        self._reject(
            self._line, f"line {self._line}, the last one, ends within {quote}; it was perhaps half written"
        )

    def _reject(self, line: int, reason: str) -> None:
        self.noticed.rejected += 1
        if len(self.noticed.rejects) < MAX_REJECTS:
            # The line alone: under which names its cells belong is not known, so none could be masked.
            self.noticed.rejects.append(Reject({"line": line}, reason))

    def _look_at(self, record: bytes, line: int) -> None:
        self._looked_at += 1
        if self._looked_at > MAX_LOOKED_AT:
            return
        last = line + len(record.rstrip(b"\r\n").splitlines()) - 1
        for name, cell in zip(self._names, cells_of(record, self._signs), strict=True):
            inside = cell.splitlines()
            if len(inside) < 2:  # noqa: PLR2004 - one line
                continue
            # Two stray quotes put all separators of the lines between them into one cell.
            separators = len(self._names) - 1
            held = cell.count(self._signs.separator)
            rows = separators > 1 and held == separators * (len(inside) - 1)
            known = self.noticed.long_cells.get(name)
            if known is None or (rows and not known.holds_rows):
                self.noticed.long_cells[name] = LongCell(line, last, rows)


def _is_blank(record: bytes, signs: Signs) -> bool:
    return not record.strip(b" \t\r\n".replace(signs.separator, b""))


def _miscounted(lines: tuple[int, int], cells: int, names: int) -> str:
    first, count = lines
    last = first + count - 1
    where = f"line {first} has" if count == 1 else f"lines {first} to {last}, which quotes make one row, have"
    return f"{where} {cells} cell{'s' * (cells != 1)}, and the header {names} name{'s' * (names != 1)}"
