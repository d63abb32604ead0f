"""Schema of a monitor file's change-point detectors: their names, or names with parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BeforeValidator

from service.errors import ConfigurationError
from service.methods.concept import detectors as detector

if TYPE_CHECKING:
    from service.core.rows.task import Task
    from service.methods.concept.error_stream import Detectors


def _by_name(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: {} if parameters is None else parameters for name, parameters in value.items()}
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise ValueError(
            "expected names, such as [adwin, ddm], or names with parameters, such as {adwin: {}}"
        )
    twice = [name for name in value if value.count(name) > 1]
    if twice:
        raise ValueError(f"{twice[0]!r} is listed twice; expected each detector once")
    return {name: {} for name in value}


DetectorConfigs = Annotated[dict[str, dict[str, bool | int | float | str]], BeforeValidator(_by_name)]


def check_detectors(detectors: Detectors, task: Task | None) -> None:
    """Raise ValueError, beginning with the key that is wrong, where a detector cannot be built."""
    if detectors and task is None:
        raise ValueError("detectors: needs a prediction and a target, which this monitor does not name")
    for name, parameters in detectors.items():
        where = f"detectors.{name}"
        try:
            detector.start(name)
            for key, value in parameters.items():
                where = f"detectors.{name}.{key}"
                detector.check_parameter(name, key, value)
            where = f"detectors.{name}"
            detector.start(name, parameters)
        except ConfigurationError as error:
            raise ValueError(f"{where}: {error}") from error
