"""Events of the work list (待办推送): which households' work changed in somebody's area, as it happens."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Final

import psycopg
from fastapi import APIRouter, Depends, Header, Request
from fastapi.sse import EventSourceResponse, ServerSentEvent
from psycopg_pool import PoolClosed, PoolTimeout
from starlette.concurrency import run_in_threadpool

from api.access.access_log import Looks
from api.access.identity import NATION, Reader, Tokens
from api.access.read_session import Reads
from api.http.openapi_docs import READ, described
from api.http.problems import DatabaseUnavailable, Problem
from api.reads.work_feed import Batch, Listener, WorkFeed, positions_of, token_of
from projections.changes import Positions

AT_ONCE: Final = 500
"""The most households of one event."""

_LOOKS_UP: Final = 20.0
"""Seconds after which a quiet stream sees whether its token is still good, and tells how far it has got."""

_SEEN: Final = "work-item-events"
_WORDS: Final = (
    "服务器推送（SSE）。ready：已接通；changed：households 中各户的待办有变动，请重新读取；"
    "refresh：错过太多，请重新读取全部；position：没有变动，只更新编号。"
    "断线后带上最后的 id（Last-Event-ID）重新连接，不会遗漏。"
)


class Listening:
    """One stream: who listens, and what they heard last."""

    def __init__(self, reader: Reader, listener: Listener, heard: Positions | None, request: Request) -> None:
        self.reader = reader
        self.listener = listener
        self.heard = heard
        self._request = request

    @property
    def is_let_in(self) -> bool:
        """Whether the token the stream began with is still good."""
        app = self._request.app
        tokens: Tokens = app.state.tokens
        try:
            tokens.identity(self._request.headers["Authorization"].partition(" ")[2], app.state.listens_on)
        except Problem:
            return False
        return True


LastEventId = Annotated[
    str | None,
    Header(alias="Last-Event-ID", max_length=6_000, description="上次收到的最后一个 id；断线重连时带上"),
]


class WorkEvents:
    """The one stream there is; the only endpoint that is asynchronous all through."""

    def __init__(self, feed: WorkFeed, looks: Looks) -> None:
        self._feed = feed
        self._looks = looks

    def routes(self) -> APIRouter:
        router = APIRouter(prefix="/v1", tags=["待办"])
        feed, looks = self._feed, self._looks

        async def listening(
            reader: Reads, request: Request, last: LastEventId = None
        ) -> AsyncIterator[Listening]:
            heard = None if last is None else positions_of(last)
            await run_in_threadpool(looks.over, reader, reader.identity.region, _SEEN)
            try:
                listener = await run_in_threadpool(feed.listen, asyncio.get_running_loop())
            except (psycopg.Error, PoolTimeout, PoolClosed):
                raise DatabaseUnavailable from None
            try:
                yield Listening(reader, listener, heard, request)
            finally:
                feed.leave(listener)

        attached = Depends(listening)

        async def events(stream: Listening = attached) -> AsyncIterator[ServerSentEvent]:
            async for event in self.told(stream):
                yield event

        router.add_api_route(
            "/work-items/events",
            events,
            response_class=EventSourceResponse,
            summary="待办变动的推送",
            description=_WORDS,
            operation_id="streamWorkItemEvents",
            responses=described(*READ),
        )
        return router

    async def told(self, stream: Listening) -> AsyncIterator[ServerSentEvent]:
        """All that changes in the area after what was heard last, until the stream or the token ends."""
        upto = stream.listener.behind
        if stream.heard is None:
            yield ServerSentEvent(event="ready", data={}, id=token_of(upto))
        else:
            async for event in self._of(stream.reader, await self._missed(stream.heard, upto)):
                yield event
        said = upto
        while True:
            batches = await stream.listener.next(_LOOKS_UP)
            if batches is None or not stream.is_let_in:
                return
            for batch in batches:
                upto = batch.upto
                async for event in self._of(stream.reader, batch):
                    said = upto
                    yield event
            if not batches and upto != said:
                said = upto
                yield ServerSentEvent(event="position", data={}, id=token_of(upto))

    async def _missed(self, heard: Positions, upto: Positions) -> Batch:
        try:
            return await run_in_threadpool(self._feed.missed, heard, upto)
        except (psycopg.Error, PoolTimeout, PoolClosed):
            return Batch(upto, None)

    async def _of(self, reader: Reader, batch: Batch) -> AsyncIterator[ServerSentEvent]:
        token = token_of(batch.upto)
        if batch.changed is None:
            yield ServerSentEvent(event="refresh", data={}, id=token)
            return
        area = reader.identity.region
        households = [each.household for each in batch.changed if area == NATION or each.concerns(area)]
        for first in range(0, len(households), AT_ONCE):
            some = households[first : first + AT_ONCE]
            await run_in_threadpool(self._looks.at_each, reader, some, _SEEN)
            # who is cut off in between begins this batch again
            last = first + AT_ONCE >= len(households)
            yield ServerSentEvent(
                event="changed",
                data={"households": [str(household) for household in some]},
                id=token if last else None,
            )
