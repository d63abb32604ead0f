"""The worker process's entry point finds every function, and imports no more than the function needs."""

from __future__ import annotations

import subprocess
import sys

import pytest

from service.core.worker_call import WorkerFunction
from service.wiring.worker_process import find

HEAVY = ("evidently", "sklearn", "pandas", "scipy")


def imported_by(code: str) -> set[str]:
    """Return which of the heavy packages a fresh interpreter has after running `code`."""
    shown = f"{code}\nimport sys; print(*[n for n in {HEAVY} if n in sys.modules])"
    run = subprocess.run([sys.executable, "-c", shown], capture_output=True, text=True, check=True)
    return set(run.stdout.split())


def test_the_service_starts_the_process_without_importing_what_it_runs() -> None:
    """The module that the service names to the process costs the service nothing."""
    assert imported_by("import service.wiring.worker_process") == set()


def test_the_domain_classifier_needs_no_evidently() -> None:
    """A monitor that asks for the classifier alone pays for scikit-learn and not for Evidently."""
    code = (
        "from service.core.worker_call import WorkerFunction\n"
        "from service.wiring.worker_process import find\n"
        "find(WorkerFunction.DOMAIN_CLASSIFIER.value)"
    )
    assert "sklearn" in imported_by(code)
    assert "evidently" not in imported_by(code)


def test_every_function_is_found() -> None:
    """Each function that can be asked for is one of the worker's or of the reports' (slow: Evidently)."""
    code = (
        "from service.core.worker_call import WorkerFunction\n"
        "from service.wiring.worker_process import find\n"
        "print(*[f'{find(f.value).__module__}.{find(f.value).__name__}' for f in WorkerFunction], sep='\\n')"
    )
    environment = {"DO_NOT_TRACK": "1"}
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env=environment,
    )
    assert run.stdout.split() == [
        "service.worker.evidently_tests.score",
        "service.worker.evidently_tests.score_texts",
        "service.worker.domain_classifier.tell_apart",
        "service.reports.evidently_report.made",
        "service.reports.evidently_report.keep",
        "service.reports.evidently_report.kept",
    ]


def test_a_name_that_is_none_of_them_is_an_error() -> None:
    """A call from another version of the service says so."""
    with pytest.raises(ValueError, match="'no such' is not a valid WorkerFunction"):
        find("no such")


def test_each_function_has_words_of_its_own() -> None:
    """Failures name the product's part and no import path."""
    assert not any(sign in function for function in WorkerFunction for sign in (":", "_", "service."))
