"""Who may do what: every route, by the scope and the monitors of a token, and where the service is bound."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from fastapi.routing import APIRoute
from starlette.routing import Mount, Route

from service.access.rules import need_of
from service.access.secret import digest_of, new_token
from service.api.app import build
from service.core.access import Grant, Scope, Token
from tests.unit.api.doors import Queries, callables, gate

WORD = "word"
OPEN, ALL, ONE, OWN = "open", "all monitors", "one monitor", "the token's own monitors"
# What each route asks for: a new one has to be written down here, whatever it is.
TABLE: dict[tuple[str, str], tuple[str, str] | str] = {
    ("GET", "/healthz"): OPEN,
    ("GET", "/readyz"): OPEN,
    ("GET", "/readyz/ingest"): OPEN,
    ("GET", "/metrics"): OPEN,
    ("GET", "/sign-in"): OPEN,
    ("POST", "/sign-in"): OPEN,
    ("GET", "/sign-in/style.css"): OPEN,
    ("POST", "/sign-out"): OPEN,
    ("GET", "/openapi.json"): ("read", OWN),
    ("GET", "/docs"): ("read", OWN),
    ("GET", "/docs/docs.js"): ("read", OWN),
    ("GET", "/index.html"): ("read", OWN),
    ("GET", "/v1/monitors"): ("read", OWN),
    ("GET", "/v1/overview"): ("read", OWN),
    ("GET", "/v1/events"): ("read", OWN),
    ("GET", "/v1/stream"): ("read", OWN),
    ("GET", "/v1/files/refused"): ("read", OWN),
    ("GET", "/v1/monitors/{name}"): ("read", ONE),
    ("GET", "/v1/monitors/{name}/state"): ("read", ONE),
    ("GET", "/v1/monitors/{name}/series"): ("read", ONE),
    ("GET", "/v1/monitors/{name}/windows"): ("read", ONE),
    ("GET", "/v1/monitors/{name}/windows/latest"): ("read", ONE),
    ("GET", "/v1/monitors/{name}/windows/report"): ("read", ONE),
    ("GET", "/v1/monitors/{name}/windows/{window}/report"): ("read", ONE),
    ("GET", "/v1/monitors/{name}/columns"): ("read", ONE),
    ("GET", "/v1/monitors/{name}/columns/{column}/distribution"): ("read", ONE),
    ("GET", "/v1/monitors/{name}/events"): ("read", ONE),
    ("GET", "/v1/monitors/{name}/intake"): ("read", ONE),
    ("GET", "/v1/monitors/{name}/metrics"): ("read", ONE),
    ("PUT", "/v1/monitors/{name}"): ("admin", ONE),
    ("POST", "/v1/monitors/{name}/rows"): ("rows", ONE),
    ("POST", "/v1/monitors/{name}/labels"): ("labels", ONE),
    ("POST", "/v1/monitors/{name}/kserve"): ("rows", ONE),
    ("POST", "/v1/kserve"): ("rows", ALL),
    ("GET", "/v1/kserve"): ("read", ALL),
    ("POST", "/v1/monitors/{name}/logs"): ("rows", ONE),
    ("POST", "/v1/logs"): ("rows", ALL),
    ("GET", "/v1/logs"): ("read", ALL),
}
MOUNTED = {"/docs": "/docs/docs.js", "": "/index.html"}
UNKNOWN = [("DELETE", "/v1/monitors/shop"), ("PATCH", "/v1/monitors/shop"), ("POST", "/v1/of/tomorrow")]


class Shop(Queries):
    name = "shop"


class Unbothered:
    """An intake that can always make rows durable."""

    def takes(self, _: str) -> bool:
        return False

    def trouble(self) -> None:
        return None


class Taken:
    """Takes every monitor that is sent."""

    async def put(self, _name: str, _body: bytes, _sender: str) -> bool:
        return True


def routes(app: Any) -> set[tuple[str, str]]:
    """Return the method and path of every route; of a folder of files one of its files."""
    found = set()
    for route in _flat(app.routes):
        if isinstance(route, Mount):
            found.add(("GET", MOUNTED[route.path]))
        else:
            path = route.path.replace(":any_text", "")
            found |= {(method, path) for method in (route.methods or ()) if method != "HEAD"}
    return found


def _flat(found: Any) -> list[Any]:
    known = []
    for route in found:
        if isinstance(route, APIRoute | Route | Mount):
            known.append(route)
        else:  # a router that FastAPI includes as a whole
            known += _flat(route.original_router.routes)
    return known


def test_every_route_is_in_the_table() -> None:
    """A route that nobody has decided on turns this red."""
    assert routes(build(callables())) == TABLE.keys()


def _tokens() -> dict[tuple[str, str], tuple[Token, str]]:
    """Make a token for each scope, for all monitors, for the one asked for, and for another."""
    made = {}
    for scope in Scope:
        for kind, monitors in {ALL: None, ONE: frozenset({"shop"}), "another": frozenset({"other"})}.items():
            own, secret = new_token()
            made[scope.value, kind] = (
                Token(own, digest_of(secret), Grant(frozenset({scope}), monitors)),
                secret,
            )
    return made


async def _is_let_in(app: Any, method: str, path: str, **headers: str) -> bool:
    filled = path.replace("{name}", "shop").replace("{column}", "size").replace("{window}", "1")
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://tidegauge.test") as client:
        # The stream never ends: HEAD asks for the same, and gets its headers alone.
        answer = await client.request("HEAD" if path == "/v1/stream" else method, filled, headers=headers)
    refused = answer.status_code in {401, 403}
    return not (refused and answer.headers["content-type"] == "application/json")  # the form answers in HTML


@pytest.fixture(scope="module")
def tokens() -> dict[tuple[str, str], tuple[Token, str]]:
    return _tokens()


@pytest.fixture(scope="module")
def closed(tokens: dict[tuple[str, str], tuple[Token, str]]) -> Any:
    """Build the service as it is bound to other machines too."""
    found = gate()
    found.tokens.replace(token for token, _ in tokens.values())
    return build(callables(queries=Shop(), intake=Unbothered(), monitors=Taken(), gate=found))


@pytest.fixture(scope="module")
def unlocked() -> Any:
    """Build the service as it is bound to this machine."""
    return build(callables(queries=Shop(), intake=Unbothered(), monitors=Taken()))


@pytest.fixture(scope="module")
def locked() -> Any:
    """Build the same, with a token in the settings."""
    gated = gate(is_open=True, ingest_token=WORD)
    return build(callables(queries=Shop(), intake=Unbothered(), monitors=Taken(), gate=gated))


@pytest.mark.parametrize(("method", "path"), [*TABLE, *UNKNOWN])
async def test_who_may_where_the_service_is_bound_elsewhere(
    closed: Any, tokens: dict[tuple[str, str], tuple[Token, str]], method: str, path: str
) -> None:
    """Exactly the scope of the table lets in, for the monitors of the table; without a token nobody."""
    needed = TABLE.get((method, path), ("admin", ONE if path.endswith("shop") else ALL))
    assert await _is_let_in(closed, method, path) == (needed == OPEN)
    wrong = f"Bearer {new_token()[1]}"
    assert await _is_let_in(closed, method, path, authorization=wrong) == (needed == OPEN)
    for (scope, monitors), (_, secret) in tokens.items():
        allowed = needed == OPEN or (
            scope == needed[0]
            and (monitors == ALL or needed[1] == OWN or (monitors == ONE and needed[1] == ONE))
        )
        found = await _is_let_in(closed, method, path, authorization=f"Bearer {secret}")
        assert found == allowed, (scope, monitors)


@pytest.mark.parametrize(("method", "path"), [*TABLE, *UNKNOWN])
async def test_who_may_where_the_service_is_bound_to_this_machine(
    unlocked: Any, locked: Any, method: str, path: str
) -> None:
    """Everyone may do everything, but where the settings have a token rows and labels ask for it."""
    assert await _is_let_in(unlocked, method, path)
    sends = TABLE.get((method, path), OPEN) in {("rows", ONE), ("labels", ONE), ("rows", ALL)}
    assert await _is_let_in(locked, method, path) is not sends
    assert await _is_let_in(locked, method, path, authorization="Bearer wrong") is not sends
    assert await _is_let_in(locked, method, path, authorization=f"Bearer {WORD}")


@pytest.mark.parametrize(
    "path",
    [
        "//v1/monitors/shop/rows", "/v1//monitors/shop/rows", "/v1/monitors/shop/rows/", "/v1/monitors//rows",
        "/v1/monitors/shop/rows\n", "/V1/monitors/shop/rows", "/healthz/", "/healthz/../v1/monitors",
        "/readyz", "/v1/monitors/shop/x/rows", "/v1/t/tg_1/monitors/shop/rows", "/sign-in/other", "/metrics2",
    ],
)  # fmt: skip
def test_a_path_that_only_looks_like_another_is_closed(path: str) -> None:
    """What the rules do not name exactly asks for `admin` to write: no spelling of a path is a way around."""
    need = need_of("POST", path)
    assert path == "/readyz" or (need is not None and need.scope is Scope.ADMIN)
