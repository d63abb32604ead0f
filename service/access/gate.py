"""Decide whether a request is let in: in memory, before anything of its body is read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from service.access.cross_site import is_cross_site, is_own_host
from service.access.rules import METRICS, READ_METRICS, SAFE_METHODS, SENT, need_of
from service.access.session import session_cookies, session_token

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from service.access.proxy import TrustedProxy
    from service.access.rules import Need
    from service.access.tokens import Tokens
    from service.core.access import Grant

_SENDING = frozenset(SENT.values())


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as the gate sees it.

    - `method`, `path`: the path decoded and without a token
    - `headers`: names in lower case
    - `peer`: the address that it comes from; None where that is not known
    - `path_token`: the token that its path held; None where it held none
    """

    method: str
    path: str
    headers: Iterable[tuple[bytes, bytes]]
    peer: str | None = None
    path_token: str | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request is not let in: the status of the answer, and what it says."""

    status: int
    reason: str


@dataclass(frozen=True, slots=True)
class Gate:
    """Who is let in.

    - `tokens`: those that are taken
    - `is_open`: whether everyone who reaches the service may do everything; a token of the settings is asked
      for even then where rows and labels are sent
    - `hosts`: further names by which an open service is called
    - `proxy`: whose header is believed; None for nobody's
    - `now`: the clock (UTC microseconds)
    - `metrics_open`: whether `/metrics`, and the monitors' names on `/readyz`, are for everyone
    """

    tokens: Tokens
    is_open: bool
    now: Callable[[], int]
    hosts: frozenset[str] = frozenset()
    proxy: TrustedProxy | None = None
    metrics_open: bool = True

    def refusal(self, asked: Asked) -> Refusal | None:
        """Return why a request is not let in; None where it is."""
        if asked.path_token is not None:
            return self._by_path(asked, asked.path_token)
        need = self._need(asked)
        if need is None:
            return None
        headers = _chosen(asked.headers)
        authorization = headers.get(b"authorization")
        if sum(name == b"authorization" for name, _ in asked.headers) > 1:
            return Refusal(401, _TWICE)
        if self.is_open and not (self.tokens.has_fixed and need.scope in _SENDING):
            return self._from_here(asked.method, headers)
        if authorization is not None:
            return self._by_header(authorization, need)
        return self._by_ambient(asked, headers, need)

    def visible(self, asked: Asked) -> frozenset[str] | None:
        """Return the monitors that an answer to a request may name; None for all.

        By whom it comes from, whatever it asks for: also where the path is open to everyone.
        """
        if self.is_open:
            return None
        grant = self._grant(asked)
        if grant is not None:
            return grant.monitors
        return None if self.metrics_open else frozenset()

    def _grant(self, asked: Asked) -> Grant | None:
        if asked.path_token is not None:
            return self.tokens.grant_of(asked.path_token)
        headers = _chosen(asked.headers)
        authorization = headers.get(b"authorization")
        if authorization is not None:
            return self._bearer(authorization)
        return self._ambient(asked)

    def _need(self, asked: Asked) -> Need | None:
        if asked.path == METRICS and not self.metrics_open and not self.is_open:
            return READ_METRICS
        return need_of(asked.method, asked.path)

    def _by_path(self, asked: Asked, token: str) -> Refusal | None:
        need = need_of(asked.method, asked.path)
        if need is None or need.scope not in _SENDING:
            return Refusal(
                403, "a token in the path is for sending rows and labels; expected the header "
                "Authorization: Bearer TOKEN",
            )  # fmt: skip
        grant = self.tokens.grant_of(token)
        if grant is None:
            if self.is_open and not self.tokens.has_fixed:
                return self._from_here(asked.method, _chosen(asked.headers))
            return self._undecided() or Refusal(
                401, "the token in the path is wrong or revoked; `tidegauge token list` lists them"
            )
        return None if need.is_met_by(grant) else _beyond(need)

    def _by_header(self, authorization: str, need: Need) -> Refusal | None:
        grant = self._bearer(authorization)
        if grant is None:
            return self._undecided() or Refusal(401, _WRONG)
        return None if need.is_met_by(grant) else _beyond(need)

    def _undecided(self) -> Refusal | None:
        """Return that nobody can say which tokens are taken; None where somebody can."""
        return Refusal(503, _OUTDATED) if self.tokens.is_outdated else None

    def _bearer(self, authorization: str) -> Grant | None:
        scheme, _, given = authorization.partition(" ")
        return self.tokens.grant_of(given.strip()) if scheme.lower() == "bearer" else None

    def _by_ambient(self, asked: Asked, headers: dict[bytes, str], need: Need) -> Refusal | None:
        grant = self._ambient(asked)
        if grant is None:
            return (self._undecided() if b"cookie" in headers else None) or Refusal(401, _MISSING)
        return _cross_site(asked.method, headers) if need.is_met_by(grant) else _beyond(need)

    def _ambient(self, asked: Asked) -> Grant | None:
        """Return what a browser may do that sends no token of its own accord."""
        if self.proxy is not None:
            name = self.proxy.header.encode()
            values = [value.decode("latin-1") for each, value in asked.headers if each == name]
            if values and self.proxy.vouches(asked.peer, values):
                return self.proxy.grant
        if asked.method not in SAFE_METHODS:
            return None  # a session reads: whatever writes has a token that no other page can make it send
        cookies = (value.decode("latin-1") for name, value in asked.headers if name == b"cookie")
        sessions = (
            session_token(value, self.tokens.known, self.now())
            for header in cookies
            for value in session_cookies(header)
        )
        return next((token.grant for token in sessions if token is not None), None)

    def _from_here(self, method: str, headers: dict[bytes, str]) -> Refusal | None:
        host = headers.get(b"host")
        if not is_own_host(host, self.hosts):
            return Refusal(
                403, f"this service is open to its own machine, and the request names the host {host!r}; "
                "expected its address or localhost. Where it is really called so, add the name to "
                "TIDEGAUGE_HTTP_NAMES",
            )  # fmt: skip
        return _cross_site(method, headers)


_WANTED = frozenset({b"authorization", b"cookie", b"host", b"origin", b"sec-fetch-site"})
_MISSING = (
    "expected the header Authorization: Bearer TOKEN; `tidegauge token create` makes a token, and a browser "
    "signs in at /sign-in"
)
_TWICE = "the header Authorization is there more than once; a proxy may have looked at another one than this"
_OUTDATED = (
    "which tokens are taken is not known: the database does not answer, and they were not read within "
    "TIDEGAUGE_TOKENS_KEPT_HOURS; send again later"
)
_WRONG = (
    "the token is wrong or revoked; expected the header Authorization: Bearer TOKEN, with one of "
    "`tidegauge token create` or that of TIDEGAUGE_INGEST_TOKEN"
)


def _chosen(headers: Iterable[tuple[bytes, bytes]]) -> dict[bytes, str]:
    return {name: value.decode("latin-1") for name, value in headers if name in _WANTED}


def _beyond(need: Need) -> Refusal:
    of = "all monitors" if need.monitor is None else f"the monitor {need.monitor!r}"
    return Refusal(
        403, f"the token does not admit to this; expected one with the scope {need.scope} for {of}; "
        "`tidegauge token list` says what each may do",
    )  # fmt: skip


def _cross_site(method: str, headers: dict[bytes, str]) -> Refusal | None:
    if method in SAFE_METHODS:
        return None
    site, origin = headers.get(b"sec-fetch-site"), headers.get(b"origin")
    if not is_cross_site(site, origin, headers.get(b"host")):
        return None
    return Refusal(
        403, "a page of another site sent this; expected the service's own page, or a program with the "
        "header Authorization: Bearer TOKEN",
    )  # fmt: skip
