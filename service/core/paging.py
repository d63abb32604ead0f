"""Search and paging of lists that may be long: which entries match, and one page of them with the totals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class PageRequest:
    """One page of the entries that match.

    - `search`: words that an entry's text has to contain, in any order and case; empty: every entry
    - `number`: the page, counted from 1
    - `limit`: entries per page; None: all of them on the first page
    """

    search: str = ""
    number: int = 1
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class PageOf(Generic[T]):
    """One page of a list: its entries, how many match the search, and how many there are in all."""

    entries: Sequence[T]
    matched: int
    total: int


def page_of(entries: Sequence[T], request: PageRequest, text: Callable[[T], str]) -> PageOf[T]:
    """Return the page of `entries` that is asked for; `text` gives the text of an entry that is searched.

    >>> page_of(["size", "colour", "cost"], PageRequest("C", number=2, limit=1), str)
    PageOf(entries=['cost'], matched=2, total=3)
    """
    words = request.search.lower().split()
    found = entries
    if words:
        found = [entry for entry in entries if _has_all(text(entry).lower(), words)]
    limit = len(found) if request.limit is None else request.limit
    first = (request.number - 1) * limit
    return PageOf(list(found[first : first + limit]), len(found), len(entries))


def _has_all(text: str, words: Sequence[str]) -> bool:
    return all(word in text for word in words)
