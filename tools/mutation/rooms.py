"""Which files are mutated, and the fast tests that answer for them: a room's own, not the whole suite."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Room:
    """Files and folders to mutate, files and folders of tests, and of these the ones that take too long.

    A mutant that survives runs every test that reaches it, so that a test of many seconds costs hours.
    """

    files: tuple[str, ...]
    tests: tuple[str, ...]
    without: tuple[str, ...] = ()


ROOMS = {
    "alarm": Room(("service/methods/alarm.py",), ("tests/unit/methods/test_alarm.py",)),
    "windows": Room(("service/core/windows",), ("tests/unit/core/windows",)),
    "cycle": Room(("service/cycle",), ("tests/unit/cycle",), ("tests/unit/cycle/test_interruptions.py",)),
    "labels": Room(
        ("service/core/labels",),
        (
            "tests/unit/core/labels",
            "tests/unit/cycle/test_late_labels.py",
            "tests/property/test_correction.py",
            "tests/property/test_pending.py",
        ),
    ),
    "drift": Room(
        ("service/methods/drift",),
        (
            "tests/unit/methods/drift",
            "tests/unit/methods/test_measure_window.py",
            "tests/unit/methods/test_not_kept.py",
        ),
    ),
    "profile": Room(
        ("service/core/profile",),
        ("tests/unit/core/profile", "tests/property/profile", "tests/property/test_compression.py"),
    ),
}
