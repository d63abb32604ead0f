"""Checks a database URL before anything connects: what is wrong with it, without showing any part of it.

A password with a raw `@`, `:`, `/`, `#` or `?` moves the borders of the URL's parts, so that a piece of it
would be taken for the host, the port or the database, tried, and shown in a message.
"""

from __future__ import annotations

import re
from urllib.parse import parse_qs, unquote

EXPECTED = "expected postgresql://USER:PASSWORD@HOST:PORT/DATABASE"
SCHEMES = ("postgresql", "postgres")
MAX_PORT = 65_535
_RAW = {"@": "%40", ":": "%3A", "/": "%2F", "#": "%23", "?": "%3F", "[": "%5B", "]": "%5D", " ": "%20"}


def check_database_url(url: str) -> None:
    """Raise ValueError, which shows no part of the URL, where `url` cannot be one of a Postgres database."""
    scheme, separator, rest = url.partition("://")
    if not separator:
        raise ValueError(EXPECTED)
    _check_scheme(scheme.lower())
    if any(character.isspace() or not character.isprintable() for character in rest):
        raise ValueError(f"has white space or a control character in it; write a space as %20; {EXPECTED}")
    authority, path, query = _parts(rest)
    user_info, _, hosts = authority.rpartition("@")
    user, _, password = user_info.partition(":")
    _refuse_raw(user)
    _refuse_raw(password)
    if not re.fullmatch(r"(?:[^%]|%[0-9A-Fa-f]{2})*", user_info):
        raise ValueError("user or password has a % that begins no %-code; write % as %25")
    for host in hosts.split(",") if hosts else []:
        _check_host(host)
    named = parse_qs(query)
    if not unquote(path.removeprefix("/")) and not named.keys() & {"dbname", "database"}:
        raise ValueError(f"names no database; {EXPECTED}")
    if "/" in path.removeprefix("/"):
        raise ValueError(f"has a / in the database's name or in the password; write / as %2F; {EXPECTED}")


def _check_scheme(scheme: str) -> None:
    if scheme in SCHEMES:
        return
    if scheme.startswith(("postgresql+", "postgres+", "jdbc:postgresql")):
        raise ValueError(f"a driver's name belongs to another program's URL; {EXPECTED}")
    raise ValueError(f"is no Postgres URL; {EXPECTED}")


def _parts(rest: str) -> tuple[str, str, str]:
    """Return user, password and hosts; the path; the query."""
    before, raw, _ = rest.partition("#")
    if raw:
        raise ValueError(f"has a raw # in it; write # as %23; {EXPECTED}")
    end = min((before.find(sign) for sign in "/?" if sign in before), default=len(before))
    authority, behind = before[:end], before[end:]
    if "@" in behind:  # the password went on behind what looked like the end of the host
        raw = behind[0]
        raise ValueError(
            f"has a raw {raw} in the password; write {raw} as {_RAW[raw]} and @ as %40; {EXPECTED}"
        )
    path, _, query = behind.partition("?")
    return authority, path, query


def _refuse_raw(text: str) -> None:
    for sign, code in _RAW.items():
        if sign in text:
            raise ValueError(f"has a raw {sign} in the user or password; write {sign} as {code}; {EXPECTED}")


def _check_host(host: str) -> None:
    found = re.fullmatch(r"(?P<name>\[[0-9A-Fa-f:.%]+\]|[^\[\]:]*)(?::(?P<port>.*))?", host)
    if found is None:
        raise ValueError(f"the host cannot be read (an IPv6 address stands in brackets); {EXPECTED}")
    port = found["port"]
    if port is None:
        return
    if not re.fullmatch(r"\d{1,5}", port, re.ASCII) or not 1 <= int(port) <= MAX_PORT:
        raise ValueError(
            f"the port is no number from 1 to {MAX_PORT}; where it is a password, the host is missing behind "
            f"it: {EXPECTED}"
        )
