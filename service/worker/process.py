"""The worker process's loop: answers calls, one after another, until the service closes the pipe."""

from __future__ import annotations

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

    Find = Callable[[str], Callable[..., Any]]

SEED = 0


def serve(find: Find) -> None:
    """Answer calls from standard input on what was standard output.

    `find` returns the function of a name, its module imported; that is not part of the call's own time.
    """
    calls = sys.stdin.buffer
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # libraries print: not among our answers
    while head := calls.read(HEAD.size):
        _, size = HEAD.unpack(head)
        try:
            _answer(find, calls.read(size), answers)
        except BrokenPipeError:  # the service is gone
            return


def _answer(find: Find, request: bytes, answers: BinaryIO) -> None:
    try:
        name, arguments = pickle.loads(request)  # noqa: S301 - from the service itself, through its own pipe
        function = find(name)
        _send(answers, Mark.IMPORTED, b"")
        warnings.simplefilter("ignore")
        random.seed(SEED)
        np.random.seed(SEED)  # noqa: NPY002 - the generator that Evidently draws from
        reply = pickle.dumps(function(*arguments))
    except BrokenPipeError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever it was, the caller has to know
        _send(answers, Mark.ERROR, pickle.dumps(f"{type(error).__name__}: {error}"))
    else:
        _send(answers, Mark.RESULT, reply)


def _send(answers: BinaryIO, mark: Mark, content: bytes) -> None:
    answers.write(HEAD.pack(mark, len(content)) + content)
    answers.flush()
