"""The width of a 95 % confidence band."""

from __future__ import annotations

Z_95 = 1.959963984540054  # standard errors to either side: the normal distribution's 97.5 % quantile
