"""Schema of a monitor file's section on rows that come again."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from service.config.base import PositiveDuration, Section
from service.core.time_units import SECOND


class DeduplicateConfig(Section):
    """Rows that come again count once; `deduplicate: id` is short for `{by: id}`.

    - `by`: what tells rows apart; the monitor's `id`.
    - `within`: how far the times of two rows of one id may lie apart, so that they are one.
    """

    by: Literal["id"]
    within: PositiveDuration = Field(default=7 * 86_400 * SECOND)


def _by_alone(value: Any) -> Any:
    return {"by": value} if isinstance(value, str) else value


AnyDeduplicate = Annotated[DeduplicateConfig | None, BeforeValidator(_by_alone)]
