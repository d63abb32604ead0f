"""What the tokens are read from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from service.core.access import Token


class TokenStore(Protocol):
    """Where tokens are kept. Raises StoreError."""

    async def read(self) -> Sequence[Token]:
        """Return the tokens that are taken, without those that were revoked."""
        ...

    async def set_used(self, used: Mapping[str, int]) -> None:
        """Note when tokens were used last (UTC microseconds), by id."""
        ...

    async def revoke(self, tokens: Collection[str]) -> None:
        """Refuse tokens, by their ids, from now on."""
        ...
