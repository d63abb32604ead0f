"""A queue of windows: each once, the longest waiting first."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from service.core.labels import key_ranges
from service.core.labels.key_ranges import KeyRanges


def _keys(queue: KeyRanges) -> list[int]:
    return [key for low, high in queue for key in range(low, high + 1)]


steps = st.lists(
    st.tuples(st.sampled_from(["add", "drop", "take"]), st.lists(st.integers(-5, 25), max_size=6)),
    max_size=12,
)


@given(steps)
def test_it_does_what_a_list_of_keys_does(drawn: list[tuple[str, list[int]]]) -> None:
    """Against a plain list: nothing stands twice, and order is kept."""
    queue: KeyRanges = ()
    plain: list[int] = []
    for step, keys in drawn:
        if step == "add":
            queue = key_ranges.added(queue, keys)
            plain += [key for key in sorted(set(keys)) if key not in plain]
        elif step == "drop":
            queue = key_ranges.without(queue, keys)
            plain = [key for key in plain if key not in keys]
        else:
            taken, queue = key_ranges.first(queue, len(keys))
            assert taken == sorted(plain[: len(keys)])
            plain = plain[len(keys) :]
        assert _keys(queue) == plain


def test_a_month_of_windows_is_a_few_numbers() -> None:
    """What a checkpoint keeps does not grow with keys that follow each other."""
    assert key_ranges.added((), range(43_200)) == ((0, 43_199),)
