"""Say in the OpenAPI document what each path asks for, and how every path can refuse."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import FastAPI

from service.access.rules import need_of
from service.access.session import COOKIE
from service.api.access.middleware import without_path_token

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

SCHEMES = {
    "token": {
        "type": "http",
        "scheme": "bearer",
        "description": (
            "A token of `tidegauge token create`, where the service is reached from other machines. Rows and "
            "labels may also be sent to `/v1/t/TOKEN/...` instead of `/v1/...`."
        ),
    },
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": COOKIE,
        "description": "A browser's session, which `/sign-in` begins. It admits to reading.",
    },
}
REFUSALS = {
    "401": "a token is asked for, and is missing, wrong or revoked",
    "403": "the token does not admit to this, or a page of another site sent the request",
    "404": "there is no monitor of this name, or nothing of that name in it",
    "503": "the database does not answer now",
}
_DETAIL = {"type": "object", "properties": {"detail": {"type": "string"}}, "required": ["detail"]}


class GuardedApi(FastAPI):
    """An application whose document says what each path needs; it takes tokens out of paths."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request; whatever is put around the application, as tracing is, sees no token in a path."""
        await super().__call__(without_path_token(scope) if scope["type"] == "http" else scope, receive, send)

    def openapi(self) -> dict[str, Any]:
        """Return the OpenAPI document, made once."""
        if self.openapi_schema is None:
            _add_access(super().openapi())
        return super().openapi()


def _add_access(document: dict[str, Any]) -> None:
    document.setdefault("components", {})["securitySchemes"] = SCHEMES
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            need = need_of(method.upper(), path)
            if need is None:
                operation["security"] = []
                continue
            by_session: list[dict[str, list[str]]] = [{"session": []}] if method == "get" else []
            operation["security"] = [{"token": []}, *by_session]
            operation["x-scope"] = need.scope.value
            for status, said in REFUSALS.items():
                if status != "404" or "{name}" in path:
                    content = {"application/json": {"schema": _DETAIL}}
                    operation["responses"].setdefault(status, {"description": said, "content": content})
