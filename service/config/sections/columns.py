"""Schema of a monitor file's column sections."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, model_validator

from service.config.base import Section
from service.config.sections.quality import QualityConfig
from service.config.written import Label, Word
from service.core.rows.number_format import NumberFormat
from service.core.rows.schema import Kind
from service.methods.quality.expectations import Expectation
from service.sources.table_config import Decimal, Thousands, check_signs


def _one_alone(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


class ColumnConfig(Section):
    """A watched column: its kind, and what is expected of its values; a row that violates it is a breach.

    `unit` is that of its numbers, for people. `decimal`, `thousands`, `percent` and `strip` say how they are
    written where they come as texts; `quality` has thresholds of the shares that are wrong with it.
    """

    kind: Kind
    min: float | None = Field(default=None, allow_inf_nan=False)
    max: float | None = Field(default=None, allow_inf_nan=False)
    allowed: tuple[Label, ...] | None = Field(default=None, min_length=1)
    not_null: bool = False
    unique: bool = False
    unit: str = Field(default="", max_length=20)
    sensitive: bool = False
    missing_words: tuple[Word, ...] | None = None
    decimal: Decimal = "."
    thousands: Thousands = ""
    percent: bool = False
    strip: Annotated[tuple[str, ...], BeforeValidator(_one_alone)] = ()
    quality: QualityConfig = Field(default={})

    @model_validator(mode="after")
    def _can_be_kept(self) -> ColumnConfig:
        bounds = (self.min, self.max, self.allowed)
        if self.kind is Kind.TEXT and (self.unique or any(bound is not None for bound in bounds)):
            raise ValueError("a text column has no min, max, allowed or unique; expected not_null at most")
        if self.kind is Kind.CATEGORICAL and (self.min is not None or self.max is not None):
            raise ValueError("min and max belong to numerical columns; expected allowed: [..] for categories")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"expected min at or below max, got {self.min:g} and {self.max:g}")
        if self.kind is Kind.NUMERICAL and self.sensitive:
            raise ValueError(
                "sensitive: a hash has no size, so numbers cannot be both hashed and measured as numbers; "
                "expected kind: categorical, whose values are hashed, or no such column at all"
            )
        if self.kind is not Kind.NUMERICAL and self.unit:
            raise ValueError(f"unit belongs to numerical columns; this is {self.kind}")
        texts = [label.text for label in self.allowed or () if isinstance(label.value, str)]
        if self.kind is Kind.NUMERICAL and texts:
            raise ValueError(f"allowed: expected numbers for a numerical column, got {texts[0]!r}")
        if self.kind is Kind.TEXT and self.missing_words is not None:
            raise ValueError("missing_words: a text column has none; every text that is there counts")
        return self

    @model_validator(mode="after")
    def _number_is_one(self) -> ColumnConfig:
        check_signs(self.decimal, self.thousands)
        if self.number_format is not None and self.kind is not Kind.NUMERICAL:
            raise ValueError(f"decimal, thousands, percent and strip belong to numbers; this is {self.kind}")
        return self

    @property
    def number_format(self) -> NumberFormat | None:
        """How the numbers are written, None where they are written plainly."""
        form = NumberFormat(self.decimal, self.thousands, self.percent, self.strip)
        return None if form == NumberFormat() else form

    @property
    def expectation(self) -> Expectation:
        """The declared expectations in the methods' form."""
        allowed: tuple[str | float, ...] | None = None
        if self.allowed is not None and self.kind is Kind.NUMERICAL:
            allowed = tuple(float(label.value) for label in self.allowed)
        elif self.allowed is not None:
            allowed = tuple(dict.fromkeys(text for label in self.allowed for text in label.texts))
        return Expectation(self.min, self.max, allowed, self.not_null, self.unique)


class ServiceConfig(Section):
    """The columns that say how the watched model was served.

    - `latency_ms`: the column of the response time in milliseconds.
    - `error`: the column that says whether the call failed (0: it did not).
    """

    latency_ms: str | None = None
    error: str | None = None
