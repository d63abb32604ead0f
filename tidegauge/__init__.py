"""Tidegauge as a library: one call that measures a table against a reference.

The distribution is called `tidegauge` and its package `service`, a name that no caller's code should depend
on. What is exported here is the public interface; everything else may change from version to version.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from service import __version__

if TYPE_CHECKING:
    from service.core.measurement import Measurement
    from service.errors import ConfigurationError, TidegaugeError
    from service.library.measure import measure
    from service.library.measured import Measured

__all__ = ["ConfigurationError", "Measured", "Measurement", "TidegaugeError", "__version__", "measure"]

_HOMES = {
    "measure": "service.library.measure",
    "Measured": "service.library.measured",
    "Measurement": "service.core.measurement",
    "ConfigurationError": "service.errors",
    "TidegaugeError": "service.errors",
}


def __getattr__(name: str) -> Any:
    """Import what is asked for when it is: pandas takes half a second."""
    if name not in _HOMES:
        raise AttributeError(f"module 'tidegauge' has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415

    return getattr(import_module(_HOMES[name]), name)
