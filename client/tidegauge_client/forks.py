"""What happens to pipelines when the process forks and when it ends."""

from __future__ import annotations

import atexit
import os
import sys
import time
from typing import TYPE_CHECKING
from weakref import WeakSet

if TYPE_CHECKING:
    from tidegauge_client.pipeline import Pipeline

_pipelines: WeakSet[Pipeline] = WeakSet()


def register(pipeline: Pipeline) -> None:
    """Close a pipeline at the end of the process, and begin with an empty one in forked children."""
    _pipelines.add(pipeline)


def finish_with_multiprocessing() -> None:
    """Close the pipelines at the end of a child of multiprocessing, which may end without atexit."""
    util = sys.modules.get("multiprocessing.util")
    process = sys.modules.get("multiprocessing.process")
    if util is not None and process is not None and process.parent_process() is not None:
        util.Finalize(None, _close_all, exitpriority=0)


def _close_all() -> None:
    began = time.monotonic()
    for pipeline in list(_pipelines):
        pipeline.close(max(0.0, pipeline.exit_seconds - (time.monotonic() - began)), for_good=True)


def _after_fork() -> None:
    for pipeline in list(_pipelines):
        pipeline.after_fork()


atexit.register(_close_all)
os.register_at_fork(after_in_child=_after_fork)
