"""How the service and its worker process tell each other where a message ends and what it is."""

from __future__ import annotations

import struct
from enum import IntEnum

HEAD = struct.Struct(">BQ")  # before each message: its mark and its length in bytes


class Mark(IntEnum):
    """What a message is."""

    CALL = 1  # (function, arguments), pickled
    IMPORTED = 2  # the call's module is there and the call begins
    RESULT = 3  # what the function returned, pickled
    ERROR = 4  # what it raised, as a pickled text
