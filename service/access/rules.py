"""What each path asks for. What no rule names is closed: reading asks for `read`, the rest for `admin`."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import unquote

from service.core.access import Scope

OPEN = frozenset({"/healthz", "/readyz", "/metrics", "/sign-in", "/sign-in/style.css", "/sign-out"})
OPEN_BELOW = ("/readyz/",)
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
TOKEN_PATH = "/v1/t/"  # noqa: S105 - a path, not a token
_MONITORS = ("", "v1", "monitors")
# Of paths to which something is sent, by their last part.
SENT = {"rows": Scope.ROWS, "labels": Scope.LABELS, "kserve": Scope.ROWS, "logs": Scope.ROWS}
PUSHED = frozenset({"/v1/kserve", "/v1/logs"})  # events for the monitors that their content names


@dataclass(frozen=True, slots=True)
class Need:
    """What a request asks for: a scope, of one monitor or of all (None)."""

    scope: Scope
    monitor: str | None


def need_of(method: str, path: str) -> Need | None:
    """Return what a request needs; None where it is open to everyone. `path` is decoded."""
    if path in OPEN or path.startswith(OPEN_BELOW):
        return None
    parts = tuple(path.split("/"))
    monitor = parts[3] if parts[:3] == _MONITORS and len(parts) > 3 and parts[3] else None  # noqa: PLR2004
    if method in SAFE_METHODS:
        return Need(Scope.READ, monitor)
    if method == "POST" and monitor is not None and len(parts) == 5 and parts[4] in SENT:  # noqa: PLR2004
        return Need(SENT[parts[4]], monitor)
    if method == "POST" and path in PUSHED:
        return Need(Scope.ROWS, None)
    return Need(Scope.ADMIN, monitor)


def without_token(path: str) -> tuple[str, str | None]:
    """Return a path without the token in it, and the token; `/v1/t/TOKEN/x` is `/v1/x`."""
    if not path.startswith(TOKEN_PATH):
        return path, None
    token, _, rest = path.removeprefix(TOKEN_PATH).partition("/")
    return f"/v1/{rest}", unquote(token)
