"""Why there is no number: the one exception that a method raises on input it is not defined for."""

from __future__ import annotations


class Unmeasurable(ValueError):  # noqa: N818 - a state of the data with its reason, no fault of the program
    """The method has no finite value for these two distributions; the message is the reason to show."""
