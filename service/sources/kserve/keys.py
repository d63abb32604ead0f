"""What keys of a monitor file mean that name an inference service, whichever door its events come by."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from service.core.time_units import SECOND

MAX_WAIT = 6 * 86_400 * SECOND  # ids are known for seven days

Name = Annotated[str, Field(min_length=1, max_length=253)]
Component = Literal["predictor", "transformer", "explainer"]
