"""Schema of a monitor file's quality section: thresholds of what is wrong with the data."""

from __future__ import annotations

import difflib
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from service.methods.quality.limits import MEASURED

DEFAULT_WORDS = (True, "default", "on")
OFF_WORDS = (False, "off", None)


def _off_is_none(value: Any) -> Any:
    # YAML reads off as false.
    return None if isinstance(value, bool | str | None) and value in OFF_WORDS else value


def _known(limits: dict[str, float | None]) -> dict[str, float | None]:
    for name in limits:
        if name not in MEASURED:
            near = difflib.get_close_matches(name, MEASURED, n=1, cutoff=0.4)
            hint = f"; did you mean {near[0]!r}?" if near else f"; expected one of {', '.join(MEASURED)}"
            raise ValueError(f"no such measurement: {name!r}{hint}")
    return limits


def _without_defaults(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    return {name: limit for name, limit in value.items() if not _is_default(limit)}


def _is_default(limit: Any) -> bool:
    return isinstance(limit, bool | str) and limit in DEFAULT_WORDS


_Limit = Annotated[Annotated[float, Field(ge=0, allow_inf_nan=False)] | None, BeforeValidator(_off_is_none)]
QualityConfig = Annotated[dict[str, _Limit], BeforeValidator(_without_defaults), AfterValidator(_known)]
