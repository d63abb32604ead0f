from __future__ import annotations

import pytest

from service.core.paging import PageOf, PageRequest, page_of

NAMES = ["size", "colour", "cost of it", "Cost"]


@pytest.mark.parametrize(
    ("request_", "entries", "matched"),
    [
        (PageRequest(), NAMES, 4),
        (PageRequest(number=2), [], 4),
        (PageRequest(limit=3), NAMES[:3], 4),
        (PageRequest(number=2, limit=3), NAMES[3:], 4),
        (PageRequest(number=9, limit=3), [], 4),
        (PageRequest("COST"), ["cost of it", "Cost"], 2),
        (PageRequest("it cost"), ["cost of it"], 1),
        (PageRequest("cost", number=2, limit=1), ["Cost"], 2),
        (PageRequest("nothing"), [], 0),
    ],
)
def test_a_page_has_its_entries_and_the_totals(
    request_: PageRequest, entries: list[str], matched: int
) -> None:
    """Every word has to be found, in any order and case; a page beyond the last is empty and still counts."""
    assert page_of(NAMES, request_, str) == PageOf(entries, matched, 4)
