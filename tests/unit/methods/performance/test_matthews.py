from __future__ import annotations

import pytest

from service.core.rows.task import Binary
from tests.unit.methods.build import performance

TASK = Binary("truth", "guess", positive=("yes",))
YES, NO = "yes", "no"


@pytest.mark.parametrize(
    ("truth", "guess", "reason"),
    [
        ([NO, NO], [YES, NO], "no row is positive: nothing to correlate"),
        ([YES, YES], [YES, NO], "no row is negative: nothing to correlate"),
        ([YES, NO], [NO, NO], "no row was predicted positive: nothing to correlate"),
        ([YES, NO], [YES, YES], "no row was predicted negative: nothing to correlate"),
        ([None, None], [YES, NO], "no labels yet"),
    ],
)
def test_one_class_alone_has_no_correlation(
    truth: list[str | None], guess: list[str | None], reason: str
) -> None:
    """Where a class was never true or never predicted there is a reason, not scikit-learn's 0."""
    got = performance(TASK, {"truth": truth, "guess": guess})["mcc"]
    assert (got.value, got.low, got.high, got.reason) == (None, None, None, reason)


@pytest.mark.parametrize(("guess", "value"), [([YES, NO] * 5, 1.0), ([NO, YES] * 5, -1.0)])
def test_all_right_and_all_wrong_are_not_certain(guess: list[str], value: float) -> None:
    """The ends are reached exactly, and few rows leave a band of a width within -1 to 1."""
    got = performance(TASK, {"truth": [YES, NO] * 5, "guess": guess})["mcc"]
    assert got.value == value
    assert -1.0 <= got.low < got.high <= 1.0
    assert got.high - got.low > 0.5
