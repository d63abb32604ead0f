"""The worker process's entry point: which function each WorkerFunction is.

Modules are imported when a function of theirs is first called: the domain classifier needs no Evidently, and
the service itself, which starts this module by its name, imports neither.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from service.core.worker_call import WorkerFunction
from service.worker.process import serve

if TYPE_CHECKING:
    from collections.abc import Callable


def find(name: str) -> Callable[..., Any]:
    """Return the function that the WorkerFunction of this value stands for, its module imported."""
    match WorkerFunction(name):
        case WorkerFunction.STATISTICAL_TEST:
            from service.worker.evidently_tests import score

            return score
        case WorkerFunction.TEXT_TEST:
            from service.worker.evidently_tests import score_texts

            return score_texts
        case WorkerFunction.DOMAIN_CLASSIFIER:
            from service.worker.domain_classifier import tell_apart

            return tell_apart
        case WorkerFunction.MAKE_REPORT:
            from service.reports.evidently_report import made

            return made
        case WorkerFunction.KEEP_REPORT:
            from service.reports.evidently_report import keep

            return keep
        case WorkerFunction.FIND_REPORT:
            from service.reports.evidently_report import kept

            return kept


if __name__ == "__main__":
    serve(find)
