"""The frame of the messages between the service and its worker process."""

from __future__ import annotations

import struct
from enum import IntEnum

HEAD = struct.Struct(">BQ")  # before each message: its mark and its length in bytes


class Mark(IntEnum):
    """What a message is."""

    CALL = 1  # (function's name, arguments), pickled
    IMPORTED = 2  # the function's module is imported and the call begins
    RESULT = 3  # what the function returned, pickled
    ERROR = 4  # what it raised, as a pickled text
