"""Who may do what: scopes, and the tokens that carry them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime


class Scope(StrEnum):
    """What a token admits to; none of them includes another.

    - `rows`: send rows
    - `labels`: send labels
    - `read`: read states, measurements, reports and the live page
    - `admin`: make, change and remove monitors
    """

    ROWS = "rows"
    LABELS = "labels"
    READ = "read"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Grant:
    """What a caller may do: some scopes, of some monitors or of all (None)."""

    scopes: frozenset[Scope]
    monitors: frozenset[str] | None = None

    def allows(self, scope: Scope, monitor: str | None) -> bool:
        """Return whether it admits to `scope` of a monitor; None asks for what concerns all monitors."""
        return scope in self.scopes and (self.monitors is None or monitor in self.monitors)


@dataclass(frozen=True, slots=True)
class Token:
    """A token as it is kept: its secret is not known, only the SHA-256 of it.

    - `id`: the public part, by which it is found
    - `digest`: SHA-256 of the whole token
    - `grant`: what it admits to
    """

    id: str
    digest: bytes
    grant: Grant


@dataclass(frozen=True, slots=True)
class ListedToken:
    """A token as it is listed to people; instants are UTC.

    - `id`: the public part
    - `name`: whose it is, in words
    - `grant`: what it admits to
    - `created_at`: when it was made
    - `last_used_at`: when a service saw it last, to the minute; None where none did
    - `revoked_at`: since when it is refused; None while it is taken
    """

    id: str
    name: str
    grant: Grant
    created_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None


ALL_SCOPES = frozenset(Scope)


def scopes_of(words: Collection[str]) -> frozenset[Scope]:
    """Return scopes by their names. Raises ValueError with the list for an unknown one, or for none."""
    known = [scope.value for scope in Scope]
    unknown = sorted(set(words) - set(known))
    if unknown or not words:
        said = f"no scope is named {unknown[0]!r}" if unknown else "no scope is given"
        raise ValueError(f"{said}; expected one or more of {', '.join(known)}")
    return frozenset(Scope(word) for word in words)
