"""What the service has its worker process compute, computed here: a single call has nothing else to do."""

from __future__ import annotations

import random
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from service.core.worker_call import Answer
from service.methods.drift import in_worker
from service.methods.measure_window import settle
from service.wiring.worker_process import find
from service.worker.process import SEED

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from service.core.measurement import Measurement
    from service.core.worker_call import Call


def settled(measurements: Sequence[Measurement]) -> tuple[Measurement, ...]:
    """Return the measurements with those of Evidently's own tests and the domain classifier filled in."""
    calls = in_worker.calls(measurements)
    return settle(measurements, {call: _answers(call) for call in calls}) if calls else tuple(measurements)


def _answers(call: Call) -> Mapping[str, Answer]:
    try:
        with _as_in_the_worker():
            answers: Mapping[str, Answer] = find(call.function)(*call.arguments)
    except Exception as error:  # noqa: BLE001 - the reason of these measurements, as the worker process gives it
        return {"": Answer(reason=f"{type(error).__name__}: {error}")}
    return answers


@contextmanager
def _as_in_the_worker() -> Iterator[None]:
    # The same draws as there, and the caller's own generators as they were.
    own: tuple[Any, Any] = random.getstate(), np.random.get_state()  # noqa: NPY002 - the one Evidently draws from
    random.seed(SEED)
    np.random.seed(SEED)  # noqa: NPY002 - as above
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        random.setstate(own[0])
        np.random.set_state(own[1])  # noqa: NPY002 - as above
