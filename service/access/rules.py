"""What each path asks for. What no rule names is closed: reading asks for `read`, the rest for `admin`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote

from service.core.access import Scope

if TYPE_CHECKING:
    from service.core.access import Grant

OPEN = frozenset({"/healthz", "/readyz", "/metrics", "/sign-in", "/sign-in/style.css", "/sign-out"})
OPEN_BELOW = ("/readyz/",)
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
TOKEN_PATH = "/v1/t/"  # noqa: S105 - a path, not a token
_MONITORS = ("", "v1", "monitors")
# Of paths to which something is sent, by their last part.
SENT = {"rows": Scope.ROWS, "labels": Scope.LABELS, "kserve": Scope.ROWS, "logs": Scope.ROWS}
# What answers with the caller's own monitors alone, of those under /v1; the page's files name none.
FILTERED = frozenset({"/v1/monitors", "/v1/overview", "/v1/events", "/v1/stream", "/v1/files/refused"})
PUSHED = frozenset({"/v1/kserve", "/v1/logs"})  # events for the monitors that their content names


@dataclass(frozen=True, slots=True)
class Need:
    """What a request asks for.

    - `scope`: of a token
    - `monitor`: which it has to admit to; None where it has to admit to all
    - `filtered`: whether a token for some monitors is let in too, because the answer shows those alone
    """

    scope: Scope
    monitor: str | None
    filtered: bool = False

    def is_met_by(self, grant: Grant) -> bool:
        """Return whether a grant admits to it."""
        return grant.allows(self.scope, self.monitor) or (self.filtered and self.scope in grant.scopes)


METRICS = "/metrics"
READ_METRICS = Need(Scope.READ, None, filtered=True)  # where they are not open


def need_of(method: str, path: str) -> Need | None:
    """Return what a request needs; None where it is open to everyone. `path` is decoded."""
    if path in OPEN or path.startswith(OPEN_BELOW):
        return None
    parts = tuple(path.split("/"))
    monitor = parts[3] if parts[:3] == _MONITORS and len(parts) > 3 and parts[3] else None  # noqa: PLR2004
    if method in SAFE_METHODS:
        return Need(Scope.READ, monitor, path in FILTERED or not path.startswith("/v1"))
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
