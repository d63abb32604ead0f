"""The entry point of the tests' worker processes, and the functions that they are asked for."""

from __future__ import annotations

import os
import random
import signal
import threading
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import numpy as np

from service.worker.process import serve

if TYPE_CHECKING:
    from collections.abc import Callable


class Asked(StrEnum):
    DRAWS = "draws"
    ENVIRONMENT = "environment"
    REFUSE = "refuse"
    DIE = "die"
    NEVER = "never"
    CHATTER = "chatter"
    ECHO = "echo"
    UNKNOWN = "the unknown"


def draws() -> tuple[float, float, list[str]]:
    # The generators that libraries draw from where they are given none.
    return random.random(), float(np.random.random()), list({"a", "b", "c", "d", "e"})  # noqa: NPY002, S311


def environment(name: str) -> str | None:
    return os.environ.get(name)


def refuse(what: str) -> None:
    raise ValueError(f"no {what}")


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def never() -> None:
    threading.Event().wait()


def chatter() -> int:
    print("a library says hello")  # noqa: T201 - as libraries do
    return len(b"x" * 5_000_000)


def echo(content: bytes) -> bytes:
    return content


def find(name: str) -> Callable[..., Any]:
    found: Callable[..., Any] = globals()[name]
    return found


if __name__ == "__main__":
    serve(find)
