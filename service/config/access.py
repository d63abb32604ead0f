"""The types of the settings that say who may come in."""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated

from pydantic import BeforeValidator
from pydantic_settings import NoDecode

from service.core.access import Scope, scopes_of

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def _words(value: object) -> object:
    return (
        tuple(word.strip().lower() for word in value.split(",") if word.strip())
        if isinstance(value, str)
        else value
    )


def _networks(value: object) -> object:
    if not isinstance(value, str):
        return value
    found = []
    for word in value.split(","):
        if not word.strip():
            continue
        try:
            found.append(ipaddress.ip_network(word.strip()))
        except ValueError as error:
            raise ValueError(
                f"{error}; expected addresses or networks, separated by commas, such as 10.0.0.7,10.1.0.0/16"
            ) from None
    return tuple(found)


def _scopes(value: object) -> object:
    return scopes_of([word.strip() for word in value.split(",")]) if isinstance(value, str) else value


def header_name(name: str) -> str:
    """Return a header's name in lower case. Raises ValueError where it cannot be one, or is sent by all."""
    lower = name.strip().lower()
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,99}", lower):
        raise ValueError(f"expected a header's name such as X-WEBAUTH-USER, got {name!r}")
    if lower in {"host", "origin", "authorization", "cookie", "accept", "user-agent", "content-type"}:
        raise ValueError(f"every caller sends {name}; expected one that the proxy alone sets: X-WEBAUTH-USER")
    return lower


def is_loopback(host: str) -> bool:
    """Return whether only this machine reaches an address."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


Words = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_words)]
Networks = Annotated[tuple[Network, ...], NoDecode, BeforeValidator(_networks)]
Scopes = Annotated[frozenset[Scope], NoDecode, BeforeValidator(_scopes)]
