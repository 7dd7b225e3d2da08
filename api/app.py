"""The API (接口): its parts put together; nothing is built before it is called."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from typing import Final

import anyio.to_thread
from asgi_correlation_id import CorrelationIdMiddleware
from fastapi import FastAPI

from api.health import Health
from api.households import Households
from api.identity import Tokens
from api.looks import Looks, Recorder
from api.paging import Cursors
from api.problems import handle_problems
from api.request_log import RequestLog
from domain.region import RegionRegister
from eventstore.keys import KeyRing
from eventstore.wire import Pool
from projections.engine.progress import Progress

_LARGEST_BODY: Final = 1 << 20  # bytes
_ABOUT: Final = "一户一条救助链：按户查阅家庭、类别、待遇、期限和每一步办理记录。每次查阅都留下记录。"


def create_app(
    *,
    pool: Pool,
    keys: KeyRing,
    record: Recorder,
    regions: RegionRegister,
    tokens: Tokens,
    cursors: Cursors,
    today: Callable[[], date],
    pending: Callable[[], Sequence[str]],
    threads: int,
    listens_on: str | None = None,
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

    app = FastAPI(
        title="户链 HuLian",
        description=_ABOUT,
        version=_version(),
        docs_url=None,
        redoc_url=None,
        lifespan=running,
        max_body_size=_LARGEST_BODY,
        telemetry={"tracing": False, "metrics": False, "logs": False, "operation_spans": False},
    )
    app.state.tokens = tokens
    app.state.listens_on = listens_on
    progress = Progress(pool)
    app.include_router(Health(progress, pending).routes())
    app.include_router(Households(pool, Looks(keys, record), regions, progress, cursors, today).routes())
    handle_problems(app)
    app.add_middleware(RequestLog)
    app.add_middleware(CorrelationIdMiddleware)
    return app


def _version() -> str:
    try:
        return version("hulian")
    except PackageNotFoundError:
        return "0"
