"""The texts that a checkpoint keeps of alarms."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.core.alarm_state import AlarmHistory, AlarmName
from service.core.measurement import Aspect


@pytest.mark.parametrize(
    ("text", "windows", "raised"),
    [("", (), False), (".x", (False, True), False), ("xx.!", (True, True, False), True)],
)
def test_a_history_is_readable(text: str, windows: tuple[bool, ...], raised: bool) -> None:
    """`x` is a breached and `.` a clear window, `!` a raised alarm: as checkpoints hold them today."""
    history = AlarmHistory(windows, raised)
    assert (history.encode(), AlarmHistory.decode(text)) == (text, history)


@given(st.lists(st.booleans(), max_size=8), st.booleans())
def test_a_history_comes_back(windows: list[bool], raised: bool) -> None:
    """Decoding is encoding's inverse."""
    history = AlarmHistory(tuple(windows), raised)
    assert AlarmHistory.decode(history.encode()) == history


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (AlarmName(Aspect.DRIFT, "size", "", "ks", "evidently"), "drift|size"),
        (AlarmName(Aspect.DRIFT, "", "", "drift_share"), "drift|||drift_share|"),
        (AlarmName(Aspect.QUALITY, "a|b", "c=d", "missing_share"), "quality|a|b|c=d|missing_share|"),
    ],
)
def test_a_name_is_readable_and_comes_back(name: AlarmName, text: str) -> None:
    """A column's drift is one alarm whatever the method; decoding gives what identifies the alarm."""
    assert name.encode() == text
    assert AlarmName.decode(text).encode() == text


def test_a_columns_drift_may_have_separators_in_its_name() -> None:
    """However many there are, the name is the column's."""
    assert AlarmName.decode("drift|a|b|c|d|e") == AlarmName(Aspect.DRIFT, "a|b|c|d|e")
