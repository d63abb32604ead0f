"""Requests that a page of another site made a browser send.

Where the network's place or a cookie lets a browser in, any page that it shows could send with it. Browsers
say where a request comes from (`Sec-Fetch-Site`, `Origin`); programs say nothing and are let in. A name that
an attacker has pointed at this machine (DNS rebinding) shows in `Host`: addresses, `localhost` and names
without a dot cannot be pointed anywhere by strangers.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Collection

_OWN = frozenset({"same-origin", "none"})


def is_cross_site(site: str | None, origin: str | None, host: str | None) -> bool:
    """Return whether a browser sent a request for a page of another origin, by three of its headers."""
    if site is not None:
        return site.lower() not in _OWN
    if origin is None:
        return False
    try:
        return urlsplit(origin).netloc.lower() != (host or "").lower()
    except ValueError:
        return True


def is_own_host(host: str | None, named: Collection[str]) -> bool:
    """Return whether a request's `Host` is one that no stranger can have pointed here, or is `named`."""
    if not host:
        return True  # HTTP/1.0, and no browser
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    name = name.rstrip(".")
    if name in named or "." not in name or name.endswith(".localhost"):
        return bool(name)
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
