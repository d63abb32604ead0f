"""A reverse proxy that has signed people in, and names them in a header."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from service.core.access import Grant

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class TrustedProxy:
    """Whose header is believed.

    - `header`: its name, in lower case
    - `networks`: the addresses that a proxy connects from
    - `grant`: what whom it names may do
    """

    header: str
    networks: tuple[Network, ...]
    grant: Grant

    def vouches(self, peer: str | None, values: list[str]) -> bool:
        """Return whether a connection from `peer` with these values of the header is let in.

        Two values are refused: one may be the caller's own, which the proxy has not removed.
        """
        return len(values) == 1 and values[0].strip() != "" and self.trusts(peer)

    def trusts(self, peer: str | None) -> bool:
        """Return whether a connection comes from a proxy."""
        try:
            address = ipaddress.ip_address(peer or "")
        except ValueError:
            return False
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        return any(address in network for network in self.networks)
