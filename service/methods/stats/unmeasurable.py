"""The exception that a method raises on input for which it has no value, and reasons that methods share."""

from __future__ import annotations

NO_LABELS = "no labels yet"


class Unmeasurable(ValueError):  # noqa: N818 - a state of the data with its reason, no fault of the program
    """The method has no finite value for these two distributions; the message is the reason to show."""
