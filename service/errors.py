"""Every error that Tidegauge raises, under one root, so that a caller can catch all of them and nothing else.

TidegaugeError
├── ConfigurationError
├── SourceError
├── ReferenceDataError
├── ProfileError
├── CodecError
├── StoreError
│   ├── MigrationError
│   └── EmbeddedServerError
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


class SourceError(TidegaugeError):
    """A source could not deliver its rows."""


class ReferenceDataError(TidegaugeError):
    """A monitor's reference could not be read or holds no rows."""


class LabelError(ReferenceDataError):
    """A label that a monitor file names is none of the reference's."""


class ProfileError(TidegaugeError):
    """Two profiles of different specifications cannot be merged."""


class CodecError(TidegaugeError):
    """Stored bytes are not a profile that this version can read."""


class StoreError(TidegaugeError):
    """The database refused or could not be reached."""


class MigrationError(StoreError):
    """The schema could not be brought up to date."""


class EmbeddedServerError(StoreError):
    """The embedded Postgres could not be started."""


class WorkerError(TidegaugeError):
    """A call to the worker process gave no result."""


class ReportError(TidegaugeError):
    """There is nothing to make a report of."""
