"""What is read of one request at most."""

from __future__ import annotations

from service.errors import RowsTooLargeError

MAX_RECORDS = 100_000
MAX_FIELDS = 2_000_000  # of protobuf; an empty one takes two bytes there, and fifty times as much once read


def check_records(records: int) -> None:
    """Raise RowsTooLargeError where a request has too many log records."""
    if records > MAX_RECORDS:
        raise RowsTooLargeError(
            f"the request has more than {MAX_RECORDS:,} log records; send them in several requests"
        )


def check_fields(fields: int) -> None:
    """Raise RowsTooLargeError where a request's protobuf has too many fields."""
    if fields > MAX_FIELDS:
        raise RowsTooLargeError(
            f"the request has more than {MAX_FIELDS:,} values; send the records in several requests"
        )
