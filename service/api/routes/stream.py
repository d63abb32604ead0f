"""The live stream: cycles as they are committed, by server-sent events.

Annotations are evaluated at once here: FastAPI would not find a dependency that is local to a function.
"""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Depends, Header, HTTPException, Query, Request
from fastapi.sse import EventSourceResponse, ServerSentEvent

from service.api.access.visible import visible_to
from service.status.live_feed import EventBroadcaster, Subscriber

RETRY_MS = 2_000
RETRY_WHEN_FULL_SECONDS = 30


def stream_routes(broadcaster: EventBroadcaster) -> APIRouter:
    """Return `/v1/stream`."""
    router = APIRouter(tags=["live"])

    async def subscribe(
        request: Request,
        last_event_id: Annotated[str | None, Header()] = None,
        after: Annotated[str | None, Query(description="like the header Last-Event-ID")] = None,
        *,
        brief: Annotated[bool, Query(description="names of monitors instead of their states")] = False,
    ) -> AsyncIterator[Subscriber]:
        if broadcaster.full:
            raise HTTPException(
                503,
                "the stream has as many subscribers as it can serve; try again later",
                {"retry-after": str(RETRY_WHEN_FULL_SECONDS)},
            )
        visible = visible_to(request.scope)
        subscriber = broadcaster.subscribe(after or last_event_id, brief=brief, visible=visible)
        try:
            yield subscriber
        finally:
            broadcaster.unsubscribe(subscriber)

    @router.get("/v1/stream", response_class=EventSourceResponse)
    async def stream(subscriber: Annotated[Subscriber, Depends(subscribe)]) -> AsyncIterator[ServerSentEvent]:
        """Send an event `cycle` for each committed cycle; cycles in quick succession share one.

        First comes `hello`, which says whether all events after the given id follow (`resumed`) or the state
        has to be read again. A cycle's data are `monitor`, `cycles` (how many), `state` (as of
        `/v1/monitors/{name}/state`), `changed` (measurements whose verdict changed) and `events` (new ones).
        An event `monitors` says that there is another monitor or one less: the list has to be read again.
        An event `trouble` says that a cycle ended and the state could not be read.

        With `brief` there is one event `cycled` for all monitors, at most four times a second, instead of
        `cycle` and `trouble`: `monitors` (how many cycles each had), `new_alarms` (how many were raised) and
        `alarms` (five of them at most, with `monitor` and `message`).
        """
        hello = {"resumed": subscriber.resumed}
        yield ServerSentEvent(data=hello, event="hello", retry=RETRY_MS)
        async for event in subscriber.events_as_they_come():
            yield ServerSentEvent(raw_data=event.data, event=event.kind, id=event.id)

    return router
