"""Messages in JSON: one object each."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from service.errors import UnreadableRowsError
from service.sources.http import json_rows
from service.sources.kafka.messages import EMPTY, Records, fault_of_value
from service.sources.tables.formats import json_lines

if TYPE_CHECKING:
    from collections.abc import Sequence

    from service.sources.kafka.messages import RecordLimits

EXPECTED = 'expected one object per message, such as {"a": 1}'


@dataclass(frozen=True, slots=True)
class JsonFormat:
    """Reads objects of JSON."""

    def parsed(self, values: Sequence[bytes | None], limits: RecordLimits) -> Records:
        """Return what all messages hold, read as the lines of one text.

        Raises UnreadableRowsError where one of them is no single line or no object: it has to be found.
        """
        lines = [value for value in values if value]
        text = b"\n".join(lines)
        if len(lines) < len(values) or text.count(b"\n") >= len(lines) or b"\r" in text:
            raise UnreadableRowsError("a message is not one line")
        columns, rows = json_rows.parsed_lines(text)
        if rows < len(values) or limits.has_unwatched(columns, rows):
            raise UnreadableRowsError("a message holds no row")
        return Records(columns, None, {})

    def parsed_each(self, values: Sequence[bytes | None], limits: RecordLimits) -> Records:
        """Return what each message holds."""
        faults, places, records = dict[int, str](), list[int](), list[dict[str, Any]]()
        for place, value in enumerate(values):
            found = _record(value)
            fault = found if isinstance(found, str) else limits.fault_of(found)
            if fault is not None:
                faults[place] = fault
            elif isinstance(found, dict):
                places.append(place)
                records.append(found)
        columns, _ = json_lines.columns_of(records)
        return Records(columns, places, faults)


def _record(value: bytes | None) -> dict[str, Any] | str:
    # The object, or what is wrong.
    fault = fault_of_value(value)
    if fault is not None or value is None:
        return fault or EMPTY
    if not value.strip():
        return EMPTY
    try:
        record = json.loads(value.removeprefix(b"\xef\xbb\xbf"), object_pairs_hook=json_lines.each_once)
    except RecursionError:
        return f"it is nested too deeply; {EXPECTED}"
    except ValueError as error:
        return f"it is no JSON: {error}; {EXPECTED}"
    if isinstance(record, list):
        return f"it is an array of {len(record)}; {EXPECTED}"
    return record if isinstance(record, dict) else f"it is JSON, but no object; {EXPECTED}"
