"""The sender's own record for `tidegauge audit`: the predictions that it was answered, and their labels."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING
from uuid import uuid4

import numpy as np

from service.core.rows.id_sums import NO_ROWS, IdSums, sums_of
from service.core.rows.row_hash import of_texts

if TYPE_CHECKING:
    from pathlib import Path

ROWS, LABELS = "rows", "labels"
MAX_LINES = 10_000  # then the file becomes a line


class Record:
    """A file with a line for every answer; it is added to over many runs, and stays small."""

    def __init__(self, path: Path, monitor: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path, self._monitor = path, monitor
        self._lines = 0
        path.touch()
        self._shorten()

    def add(self, identity: str, what: str = ROWS) -> None:
        """Note that a prediction was answered, or a label logged; the line outlives the process."""
        self._file.write(
            self._line(identity, what, sums_of(of_texts(np.array([identity], dtype=np.str_)), 1))
        )
        self._file.flush()
        self._lines += 1
        if self._lines >= MAX_LINES:
            self._file.close()
            self._shorten()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _shorten(self) -> None:
        """Add up the lines, and go on with a file that has their sums."""
        totals = {ROWS: NO_ROWS, LABELS: NO_ROWS}
        for line in self._path.read_text().splitlines(keepends=True):
            if line.endswith("\n"):  # else its process was killed in the middle of it
                each = json.loads(line)
                totals[each["what"]] += IdSums(each["rows"], each["ids"], each["mixed"])
        shorter = self._path.with_suffix(".new")
        shorter.write_text(
            "".join(self._line(uuid4().hex, what, sums) for what, sums in totals.items() if sums.rows)
        )
        shorter.replace(self._path)
        self._file = self._path.open("a")
        self._lines = 0

    def _line(self, key: str, what: str, sums: IdSums) -> str:
        return json.dumps({"monitor": self._monitor, "what": what, "key": key, **asdict(sums)}) + "\n"
