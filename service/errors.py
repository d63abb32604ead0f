"""Every error that Tidegauge raises, under one root, so that a caller can catch all of them and nothing else.

TidegaugeError
├── ConfigurationError
├── SourceError
├── DefinedByFileError
├── ReferenceDataError
├── NotYetError
├── ProfileError
├── CodecError
├── StoreError
│   ├── StoreUnavailableError
│   ├── LeaseLostError
│   ├── MigrationError
│   └── EmbeddedServerError
├── IntakeError
│   ├── NoInboxError
│   ├── UnroutedEventError
│   ├── UnknownFormatError
│   ├── UnreadableRowsError
│   ├── RowsTooLargeError
│   ├── BacklogError
│   └── InboxUnavailableError
├── WorkerError
└── ReportError
"""

from __future__ import annotations


class TidegaugeError(Exception):
    """Something went wrong in Tidegauge."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or type(self).__doc__)


class ConfigurationError(TidegaugeError):
    """A variable or a monitor file is wrong; nothing was started."""


class DefinedByFileError(TidegaugeError):
    """A monitor was sent whose name a monitor file has."""


class SourceError(TidegaugeError):
    """A source could not deliver its rows."""


class ReferenceDataError(TidegaugeError):
    """A monitor's reference could not be read or holds no rows."""


class NotYetError(TidegaugeError):
    """What a monitor needs has not come yet; its cycles wait, and nothing is wrong."""


class LabelError(ReferenceDataError):
    """A label that a monitor file names is none of the reference's."""


class ProfileError(TidegaugeError):
    """Two profiles of different specifications cannot be merged."""


class CodecError(TidegaugeError):
    """Stored bytes are no profile, or no fitted alarms, that this version can read."""


class StoreError(TidegaugeError):
    """The database refused or could not be reached."""


class StoreUnavailableError(StoreError):
    """The database is away, or cannot write now.

    `transaction` is that of a write that may have been committed all the same; None where none can have been.
    """

    def __init__(self, message: str | None = None, transaction: str | None = None) -> None:
        super().__init__(message)
        self.transaction = transaction


class LeaseLostError(StoreError):
    """Another replica holds the lease now; nothing was written."""


class MigrationError(StoreError):
    """The schema could not be brought up to date."""


class EmbeddedServerError(StoreError):
    """The embedded Postgres could not be started."""


class IntakeError(TidegaugeError):
    """Rows that were sent were not taken; none of them was kept.

    `retry_seconds` is how soon it makes sense to send them again; None where it makes none.
    """

    def __init__(self, message: str | None = None, *, retry_seconds: int | None = None) -> None:
        super().__init__(message)
        self.retry_seconds = retry_seconds


class NoInboxError(IntakeError):
    """The monitor's source takes no rows that are sent."""


class UnroutedEventError(IntakeError):
    """No monitor takes the event."""


class UnknownFormatError(IntakeError):
    """The content is of a type that is not read."""


class UnreadableRowsError(IntakeError):
    """The content is not what its type says, or no row of it can be used."""


class RowsTooLargeError(IntakeError):
    """The content is larger than is taken at once."""


class BacklogError(IntakeError):
    """More rows wait than cycles can measure soon."""


class InboxUnavailableError(IntakeError):
    """Rows cannot be made durable now."""


class WorkerError(TidegaugeError):
    """A call to the worker process gave no result."""


class ReportError(TidegaugeError):
    """There is nothing to make a report of."""
