"""The unit of every time in the service: UTC microseconds since 1970."""

from __future__ import annotations

import datetime as dt

MICROSECOND = dt.timedelta(microseconds=1)
SECOND = 1_000_000  # microseconds
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
