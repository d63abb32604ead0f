"""Which monitor does a path name? One that there is, or the answer is that it is not found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import Depends, HTTPException

if TYPE_CHECKING:
    from collections.abc import Callable


def known_name(monitors: Callable[[], list[dict[str, Any]]]) -> Any:
    """Return the dependency of routes with `{name}` in their path; `monitors` lists those that there are."""

    def known(name: str) -> None:
        if name not in {monitor["name"] for monitor in monitors()}:
            raise HTTPException(404, f"no monitor is named {name!r}")

    return Depends(known)
