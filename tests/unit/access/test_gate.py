"""The gate: tokens in the header and in the path, sessions, proxies, and pages of other sites."""

from __future__ import annotations

import ipaddress
from dataclasses import replace

import pytest

from service.access.gate import Asked, Gate
from service.access.proxy import TrustedProxy
from service.access.rules import without_token
from service.access.secret import digest_of, new_token
from service.access.session import COOKIE, SESSION_SECONDS, session_token, signed_session
from service.core.access import Grant, Scope, Token
from tests.unit.api.doors import NOW, gate

ROWS = "/v1/monitors/shop/rows"
STATE = "/v1/monitors/shop/state"


def _asked(
    method: str, path: str, *, peer: str = "192.0.2.7", token: str | None = None, **headers: str
) -> Asked:
    given = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Asked(method, path, given, peer, token)


def _status(found: Gate, method: str, path: str, *, token: str | None = None, **headers: str) -> int:
    refusal = found.refusal(_asked(method, path, token=token, **headers))
    return 200 if refusal is None else refusal.status


def _with_token(found: Gate, *scopes: Scope, monitors: frozenset[str] | None = None) -> tuple[Token, str]:
    own, secret = new_token()
    token = Token(own, digest_of(secret), Grant(frozenset(scopes), monitors))
    found.tokens.replace([*found.tokens.known.values(), token])
    return token, secret


def test_a_token_in_the_path_sends_and_does_nothing_else() -> None:
    """For senders without headers; what a browser shows, or writes into a history, never holds one."""
    found = gate()
    _, secret = _with_token(found, *Scope)
    assert _status(found, "POST", ROWS, token=secret) == 200
    assert _status(found, "POST", "/v1/monitors/shop/labels", token=secret) == 200
    assert _status(found, "GET", STATE, token=secret) == 403
    assert _status(found, "PUT", "/v1/monitors/shop", token=secret) == 403
    assert _status(found, "GET", "/healthz", token=secret) == 403
    assert _status(found, "POST", ROWS, token=new_token()[1]) == 401
    _, limited = _with_token(found, Scope.ROWS, monitors=frozenset({"other"}))
    assert _status(found, "POST", ROWS, token=limited) == 403


def test_a_path_loses_its_token() -> None:
    """What is behind the gate sees the path as if the token had been in a header."""
    assert without_token("/v1/t/tg_1/monitors/a/rows") == ("/v1/monitors/a/rows", "tg_1")
    assert without_token("/v1/t/tg_1") == ("/v1/", "tg_1")
    assert without_token("/v1/t//monitors") == ("/v1/monitors", "")
    assert without_token("/v1/things/a") == ("/v1/things/a", None)


@pytest.mark.parametrize("scheme", ["bearer", "BEARER", "Bearer"])
def test_the_scheme_has_no_case(scheme: str) -> None:
    """`Bearer` in any case, and no other scheme."""
    found = gate()
    _, secret = _with_token(found, Scope.READ)
    assert _status(found, "GET", STATE, authorization=f"{scheme} {secret}") == 200
    assert _status(found, "GET", STATE, authorization=f"Basic {secret}") == 401
    assert _status(found, "GET", STATE, authorization=secret) == 401


def test_a_session_reads_and_never_writes() -> None:
    """A cookie goes along with whatever a page sends: it admits to reading alone, whatever its token may."""
    found = gate()
    token, _ = _with_token(found, *Scope)
    cookie = f"other=1; {COOKIE}={signed_session(token, NOW)}"
    assert _status(found, "GET", STATE, cookie=cookie) == 200
    assert _status(found, "HEAD", "/v1/stream", cookie=cookie) == 200
    assert _status(found, "POST", ROWS, cookie=cookie) == 401
    assert _status(found, "PUT", "/v1/monitors/shop", cookie=cookie, sec_fetch_site="same-origin") == 401


def test_a_session_ends_with_its_time_and_with_its_token() -> None:
    """Seven days, or until the token is revoked, whichever is first; a changed cookie is none."""
    found = gate()
    token, _ = _with_token(found, Scope.READ)
    value = signed_session(token, NOW)
    known = found.tokens.known
    assert session_token(value, known, NOW + SESSION_SECONDS * 1_000_000 - 1) == token
    assert session_token(value, known, NOW + SESSION_SECONDS * 1_000_000) is None
    own, until, signature = value.split(".")
    assert session_token(f"{own}.{int(until) + 1}.{signature}", known, NOW) is None
    other, _ = _with_token(found, Scope.READ)
    assert session_token(f"{other.id}.{until}.{signature}", found.tokens.known, NOW) is None
    assert session_token(value, {}, NOW) is None
    assert session_token("", known, NOW) is None
    sent = _asked("GET", STATE, cookie=f"{COOKIE}={value}")
    assert found.refusal(sent) is None
    found.tokens.replace([])
    assert found.refusal(sent) is not None


PROXY = TrustedProxy("x-webauth-user", (ipaddress.ip_network("10.1.0.0/16"),), Grant(frozenset({Scope.READ})))


def test_a_proxy_vouches_by_its_header_from_its_address() -> None:
    """From anywhere else, empty or twice, the header is nothing; what it admits to is what was set."""
    found = gate(proxy=PROXY)

    def status(peer: str, *names: str, method: str = "GET", path: str = STATE) -> int:
        headers = [(b"x-webauth-user", name.encode()) for name in names]
        refusal = found.refusal(Asked(method, path, headers, peer))
        return 200 if refusal is None else refusal.status

    assert status("10.1.2.3", "ada") == 200
    assert status("::ffff:10.1.2.3", "ada") == 200
    assert status("10.2.0.1", "ada") == 401
    assert status("", "ada") == 401
    assert status("10.1.2.3", " ") == 401
    assert status("10.1.2.3", "ada", "eve") == 401
    assert status("10.1.2.3", "ada", method="POST", path=ROWS) == 403


def test_a_page_of_another_site_cannot_make_a_proxy_or_an_open_service_write() -> None:
    """What a browser sends for another site's page is refused; a program, which says nothing, is not."""
    writes = replace(PROXY, grant=Grant(frozenset(Scope)), networks=(ipaddress.ip_network("192.0.2.0/24"),))
    for found, named in ((gate(proxy=writes), {"x_webauth_user": "ada"}), (gate(is_open=True), {})):
        host = {"host": "tidegauge.test:8000", **named}
        assert _status(found, "POST", ROWS, **host) == 200
        assert _status(found, "POST", ROWS, **host, origin="http://tidegauge.test:8000") == 200
        assert _status(found, "POST", ROWS, **host, sec_fetch_site="same-origin") == 200
        assert _status(found, "POST", ROWS, **host, origin="http://evil.test") == 403
        assert _status(found, "POST", ROWS, **host, origin="null") == 403
        assert _status(found, "POST", ROWS, **host, origin="http://tidegauge.test:9999") == 403
        for site in ("cross-site", "same-site"):
            assert _status(found, "POST", ROWS, **host, sec_fetch_site=site) == 403
        assert _status(found, "GET", STATE, **host, sec_fetch_site="cross-site") == 200


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:8000", 200), ("[::1]:8000", 200), ("localhost", 200), ("a.localhost:80", 200), ("", 200),
        ("live:8000", 200), ("10.0.0.9", 200), ("tidegauge.test", 200), ("tidegauge.test.", 200),
        ("evil.test:8000", 403), ("127.0.0.1.evil.test", 403), ("[", 403),
    ],
)  # fmt: skip
def test_an_open_service_is_not_called_by_a_strangers_name(host: str, status: int) -> None:
    """A page whose name was pointed at this machine (DNS rebinding) reads nothing; probes are let in."""
    found = gate(is_open=True)
    assert _status(found, "GET", STATE, host=host) == status
    assert _status(found, "POST", ROWS, host=host) == status
    assert _status(found, "GET", "/healthz", host=host) == 200


def test_no_refusal_holds_what_was_given() -> None:
    """A token that is nearly right, or of the wrong scope, is in no message."""
    found = gate()
    _, secret = _with_token(found, Scope.ROWS)
    for asked in (
        _asked("GET", STATE, authorization=f"Bearer {secret}"),
        _asked("GET", STATE, authorization=f"Bearer {secret[:-1]}"),
        _asked("GET", STATE, token=secret),
        _asked("POST", ROWS, token=secret[:-1]),
        _asked("GET", STATE, cookie=f"{COOKIE}={secret}"),
    ):
        refusal = found.refusal(asked)
        assert refusal is not None
        assert secret[4:20] not in refusal.reason


@pytest.mark.parametrize(
    "others",
    ["a[b]=1; ", '{"x": 1}=2; ', "=; ; a; ", "ä=ö; ", 'x="a;b"; ', f"{COOKIE}=old; ", f"not_{COOKIE}=1; "],
)
@pytest.mark.parametrize("quote", ["", '"'])
def test_a_session_is_found_among_whatever_other_services_have_left(others: str, quote: str) -> None:
    """Cookies belong to a host and not to a port: those of another program may be no proper ones."""
    found = gate()
    token, _ = _with_token(found, Scope.READ)
    session = f"{COOKIE}={quote}{signed_session(token, NOW)}{quote}"
    assert _status(found, "GET", STATE, cookie=others + session) == 200
    assert _status(found, "GET", STATE, cookie=f"{session}; {others}") == 200
    assert _status(found, "GET", STATE, cookie=others) == 401


def test_two_headers_with_tokens_are_refused() -> None:
    """A proxy before the service may have looked at the one, and the service at the other."""
    found = gate()
    _, secret = _with_token(found, Scope.ROWS)
    for given in ((secret, "x"), ("x", secret), (secret, secret)):
        headers = [(b"authorization", f"Bearer {each}".encode()) for each in given]
        refusal = found.refusal(Asked("POST", ROWS, headers))
        assert refusal is not None
        assert refusal.status == 401
