"""Cycles as they are committed, by server-sent events.

Annotations are evaluated as they stand: FastAPI would not find a dependency that is local to a function.
"""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Depends, Header, HTTPException, Query
from fastapi.sse import EventSourceResponse, ServerSentEvent

from service.api.ports import EventBroadcaster, Subscriber

RETRY_MS = 2_000
AGAIN_SECONDS = 30  # for one who finds no place


def stream_routes(feed: EventBroadcaster) -> APIRouter:
    """Return `/v1/stream`."""
    router = APIRouter(tags=["live"])

    async def subscribe(
        last_event_id: Annotated[str | None, Header()] = None,
        after: Annotated[str | None, Query(description="as the header Last-Event-ID")] = None,
    ) -> AsyncIterator[Subscriber]:
        if feed.full:
            raise HTTPException(
                503, "as many follow the stream as can; ask again later", {"retry-after": str(AGAIN_SECONDS)}
            )
        subscriber = feed.subscribe(after or last_event_id)
        try:
            yield subscriber
        finally:
            feed.unsubscribe(subscriber)

    @router.get("/v1/stream", response_class=EventSourceResponse)
    async def stream(subscriber: Annotated[Subscriber, Depends(subscribe)]) -> AsyncIterator[ServerSentEvent]:
        """Give an event `cycle` for each committed cycle, cycles in quick succession together.

        First comes `hello`, which says whether all events after the given id follow (`resumed`) or the state
        is to be read anew. A cycle's data are `monitor`, `cycles` (how many), `state` (as of
        `/v1/monitors/{name}/state`), `changed` (numbers whose verdict changed) and `events` (new ones). An
        event `trouble` says that a cycle failed and the state could not be read.
        """
        hello = {"resumed": subscriber.resumed}
        yield ServerSentEvent(data=hello, event="hello", retry=RETRY_MS)
        async for event in subscriber.events_as_they_come():
            yield ServerSentEvent(raw_data=event.data, event=event.kind, id=event.id)

    return router
