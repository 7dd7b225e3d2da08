"""The API (接口): its parts put together; nothing is built before it is called."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import date
from typing import Final

import anyio.to_thread
from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from starlette.types import ASGIApp, Receive, Scope, Send

from api.access.access_log import Looks, Recorder, handle_denied
from api.access.area_scope import Areas
from api.access.identity import Tokens
from api.access.read_session import Views
from api.acts.attachments import Papers
from api.acts.commands import Commands, chapter_of
from api.http.body_limit import BodyLimit
from api.http.docs_page import add_pages
from api.http.health import Health
from api.http.limits import RateLimits
from api.http.metrics import Gauges, Requests
from api.http.openapi_docs import VERSION
from api.http.paging import Cursors
from api.http.problems import handle_problems
from api.http.request_log import RequestLog
from api.openapi_document import describe
from api.reads.access_records import Accesses
from api.reads.direct_reads import READY, Ready, Straight
from api.reads.history import History
from api.reads.households import Households
from api.reads.metrics import Metrics
from api.reads.reports import Reports
from api.reads.search import Search
from api.reads.statements import Statements
from api.reads.work_events import WorkEvents
from api.reads.work_feed import WorkFeed
from api.reads.work_items import WorkList
from application.documents.issuing import Documents
from application.handling.command_handler import HandlesCommands
from application.handling.household_repository import HouseholdRepository
from application.reference.reference import Reference
from domain.catalogue import COMMANDS
from eventstore.attachments import Attachments
from eventstore.keys.keys import KeyRing
from eventstore.postgres.libpq_client import Pool
from projections.engine.progress import Progress

_TAGS: Final = (
    ("家庭", "家庭、救助链和列表的查询；每次查询都留下记录。"),
    ("附件和文书", "上传的材料，和制发给家庭的文书；查看都留下记录。"),
    ("待办", "谁在何日之前应当办什么。"),
    ("统计", "办理用时和数目；只有数目，没有个人。"),
    ("运行", "进程和数据库的状态。"),
)
_ABOUT: Final = "一户一条救助链：按户查阅家庭、类别、待遇、期限和每一步办理记录。每次查阅都留下记录。"


class Api(FastAPI):
    """The app, which lets plain reads go straight to their endpoints (`api.reads.direct_reads`)."""

    ready: Callable[[Scope], Ready | None]
    straight: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            ready = self.ready(scope)
            if ready is not None:
                scope[READY] = ready
                await self.straight(scope, receive, send)
                return
        await super().__call__(scope, receive, send)


def create_app(
    *,
    pool: Pool,
    keys: KeyRing,
    handler: HandlesCommands,
    households: HouseholdRepository,
    reference: Reference,
    attachments: Attachments,
    documents: Documents,
    record: Recorder,
    tokens: Tokens,
    cursors: Cursors,
    today: Callable[[], date],
    pending: Callable[[], Sequence[str]],
    threads: int,
    listens_on: str | None = None,
    limits: RateLimits | None = None,
) -> FastAPI:
    """The whole API on what it is handed; closing the parts is the caller's.

    `pool` connects as `hulian_app`; `record` is the `access_log` that `keys` was given; `today` is the legal
    day it is; `pending` names the migrations not applied; `threads` is the size of the pool; `listens_on` is
    set by `api.serve` from the open socket, and without it development tokens are refused.
    """

    @asynccontextmanager
    async def running(_: FastAPI) -> AsyncIterator[None]:
        # a request waits here rather than in the pool, where waiting ends with an error
        anyio.to_thread.current_default_thread_limiter().total_tokens = threads
        yield
        feed.close()
        straight.close()

    app = Api(
        title="户链 HuLian",
        description=_ABOUT,
        version=VERSION,
        docs_url=None,
        redoc_url=None,
        swagger_ui_oauth2_redirect_url=None,
        redirect_slashes=False,
        lifespan=running,
        telemetry={"tracing": False, "metrics": False, "logs": False, "operation_spans": False},
    )
    straight = Straight(app, threads)
    app.state.tokens = tokens
    app.state.listens_on = listens_on
    app.state.limits = limits = limits or RateLimits()
    progress = Progress(pool)
    looks = Looks(keys, record)
    areas = Areas(lambda: reference.regions, today)
    app.include_router(Health(progress, pending).routes())
    views = Views(pool, looks, progress)
    registry = CollectorRegistry()
    requests = Requests(registry)
    registry.register(Gauges(pool, progress, today))
    app.include_router(Metrics(registry).routes())
    app.include_router(Households(views, areas, cursors, today).routes())
    feed = WorkFeed(pool)
    app.state.stopping = feed.close
    app.include_router(WorkEvents(feed, looks).routes())
    app.include_router(WorkList(views, areas, cursors, today).routes())
    app.include_router(Statements(views, today).routes())
    app.include_router(History(views, households, today).routes())
    app.include_router(Reports(views, areas, reference, today).routes())
    app.include_router(Accesses(views, pool, cursors).routes())
    app.include_router(Search(views, households, limits).routes())
    app.include_router(Papers(views, attachments, documents, limits).routes())
    app.include_router(Commands(handler, households, looks, areas).routes())
    handle_problems(app)
    handle_denied(app, looks)
    describe(app, _tags())
    add_pages(app)
    app.add_middleware(BodyLimit)
    app.add_middleware(RequestLog, requests=requests)
    straight.learn(app.routes)
    app.straight = RequestLog(straight.serve, requests)
    app.ready = straight.ready
    return app


def _tags() -> Iterator[tuple[str, str]]:
    yield from _TAGS
    for chapter in dict.fromkeys(chapter_of(kind) for kind in COMMANDS.values()):
        yield chapter, f"“{chapter}”一章的办理。"
