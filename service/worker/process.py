"""What runs in the worker process: calls, one after another, until the service closes the pipe."""

from __future__ import annotations

import importlib
import os
import pickle
import random
import sys
import warnings
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from service.worker.messages import HEAD, Mark

if TYPE_CHECKING:
    from collections.abc import Callable

SEED = 0


def main() -> None:
    """Answer calls from standard input on what was standard output."""
    questions = sys.stdin.buffer
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # libraries print: not among our answers
    while head := questions.read(HEAD.size):
        _, size = HEAD.unpack(head)
        try:
            _answer(questions.read(size), answers)
        except BrokenPipeError:  # the service is gone
            return


def _answer(request: bytes, answers: BinaryIO) -> None:
    try:
        name, arguments = pickle.loads(request)  # noqa: S301 - from the service itself, through its own pipe
        function = _function(name)
        _send(answers, Mark.IMPORTED, b"")
        warnings.simplefilter("ignore")
        random.seed(SEED)
        np.random.seed(SEED)  # noqa: NPY002 - the generator that Evidently draws from
        reply = pickle.dumps(function(*arguments))
    except BrokenPipeError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever it was, the service has to tell it
        _send(answers, Mark.ERROR, pickle.dumps(f"{type(error).__name__}: {error}"))
    else:
        _send(answers, Mark.RESULT, reply)


def _function(name: str) -> Callable[..., Any]:
    module, _, attribute = name.partition(":")
    function: Callable[..., Any] = getattr(importlib.import_module(module), attribute)
    return function


def _send(answers: BinaryIO, mark: Mark, content: bytes) -> None:
    answers.write(HEAD.pack(mark, len(content)) + content)
    answers.flush()


if __name__ == "__main__":
    main()
