"""The tokens that a running service knows, in memory; a check costs a hash and a comparison."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING

from service.access.secret import digest_of, id_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from service.core.access import Grant, Token

_NOBODY = bytes(32)  # what an unknown id is compared with, so that it takes as long as a known one


class Tokens:
    """Which tokens are taken: those of the database, and one of the settings.

    `now` is the clock (UTC microseconds), by which the last use of each is noted.
    """

    def __init__(self, *, fixed: tuple[str, Grant] | None = None, now: Callable[[], int]) -> None:
        self._fixed = None if fixed is None else (digest_of(fixed[0]), fixed[1])
        self._by_id: Mapping[str, Token] = {}
        self._now = now
        self._used: dict[str, int] = {}
        self._refused: frozenset[str] = frozenset()
        self._is_outdated = False

    @property
    def is_outdated(self) -> bool:
        """Whether which tokens there are was never read, or too long ago, so that none of them is taken."""
        return self._is_outdated

    @property
    def has_fixed(self) -> bool:
        """Whether the settings name a token."""
        return self._fixed is not None

    @property
    def known(self) -> Mapping[str, Token]:
        """The tokens of the database, by id."""
        return self._by_id

    def replace(self, tokens: Iterable[Token]) -> None:
        """Take exactly these tokens from now on, but those that are refused, and that of the settings."""
        self._by_id = {token.id: token for token in tokens if token.id not in self._refused}
        self._is_outdated = False

    def refuse(self, ids: Collection[str]) -> None:
        """Refuse the tokens of these ids, whatever the database says of them."""
        self._refused = frozenset(ids)
        if not self._refused.isdisjoint(self._by_id):
            self._by_id = {name: token for name, token in self._by_id.items() if name not in self._refused}

    def outdate(self) -> None:
        """Take none but that of the settings, until the next `replace`."""
        self._by_id = {}
        self._is_outdated = True

    def grant_of(self, given: str) -> Grant | None:
        """Return what a token admits to; None where it is not taken.

        How long that takes says nothing of how much of a wrong token is right: whole hashes are compared.
        """
        digest = digest_of(given)
        if self._fixed is not None and hmac.compare_digest(digest, self._fixed[0]):
            return self._fixed[1]
        name = id_of(given)
        known = None if name is None else self._by_id.get(name)
        same = hmac.compare_digest(digest, _NOBODY if known is None else known.digest)
        if known is None or not same:
            return None
        self._used[known.id] = self._now()
        return known.grant

    def take_used(self) -> dict[str, int]:
        """Return when each token was used last (UTC microseconds), of those used since the last call."""
        used, self._used = self._used, {}
        return used
