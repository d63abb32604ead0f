"""Cycles as they are committed, by server-sent events.

Annotations are evaluated as they stand: FastAPI would not find a dependency that is local to a function.
"""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Depends, Header, HTTPException, Query
from fastapi.sse import EventSourceResponse, ServerSentEvent

from service.api.ports import Feed, Follower

RETRY_MS = 2_000
AGAIN_SECONDS = 30  # for one who finds no place


def stream_routes(feed: Feed) -> APIRouter:
    """Return `/v1/stream`."""
    router = APIRouter(tags=["live"])

    async def follow(
        last_event_id: Annotated[str | None, Header()] = None,
        after: Annotated[str | None, Query(description="as the header Last-Event-ID")] = None,
    ) -> AsyncIterator[Follower]:
        if feed.full:
            raise HTTPException(
                503, "as many follow the stream as can; ask again later", {"retry-after": str(AGAIN_SECONDS)}
            )
        follower = feed.follow(after or last_event_id)
        try:
            yield follower
        finally:
            feed.leave(follower)

    @router.get("/v1/stream", response_class=EventSourceResponse)
    async def stream(follower: Annotated[Follower, Depends(follow)]) -> AsyncIterator[ServerSentEvent]:
        """Give an event `cycle` for each committed cycle, cycles in quick succession together.

        First comes `hello`, which says whether all events after the given id follow (`resumed`) or the state
        is to be read anew. A cycle's data are `monitor`, `cycles` (how many), `state` (as of
        `/v1/monitors/{name}/state`), `changed` (numbers whose verdict changed) and `events` (new ones). An
        event `trouble` says that a cycle failed and the state could not be read.
        """
        hello = {"resumed": follower.resumed}
        yield ServerSentEvent(data=hello, event="hello", retry=RETRY_MS)
        async for telling in follower.tellings():
            yield ServerSentEvent(raw_data=telling.data, event=telling.kind, id=telling.id)

    return router
