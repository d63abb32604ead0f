"""Objects that KServe's own agent wrote to an object store, captured: 48 requests by 8 clients.

The requests `order-0` to `order-47` are of one to three rows, in turns of the Open Inference Protocol and of
KServe v1; that of `order-20` failed, the fourth has a made id, every tenth is compressed, and a GET is among
them. `tools/kserve/capture_objects.py` makes the files: a line per object with its key, when it was written,
and its content in Base64.
"""

from __future__ import annotations

import base64
import gzip
import json
import os
from datetime import datetime
from pathlib import Path
from typing import Any

DATA = Path(__file__).parent / "data"
SOURCE = {"format": "kserve", "inference_service": "toy", "namespace": "shop"}
FAILED = 20
ROWS = sum(1 + number % 3 for number in range(48) if number != FAILED)
PAIRS = 47


def captured(name: str) -> list[dict[str, Any]]:
    """Return the objects of a capture."""
    with gzip.open(DATA / f"kserve_objects_{name}.jsonl.gz", "rt") as file:
        return [json.loads(line) for line in file]


def lay_out(objects: list[dict[str, Any]], folder: Path) -> None:
    """Write objects as files of the time at which the agent wrote them."""
    for each in objects:
        path = folder / each["key"]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(base64.b64decode(each["body"]))
        at = datetime.fromisoformat(each["modified"]).timestamp()
        os.utime(path, (at, at))
