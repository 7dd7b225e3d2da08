"""Health (健康检查): whether the process lives, and whether it can do its work."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, Literal

import psycopg
import structlog
from fastapi import APIRouter, Response
from psycopg_pool import PoolClosed, PoolTimeout
from pydantic import Field

from api.http.schemas import Shape
from projections.engine.progress import Progress

MOST_LAG: Final = 100_000
"""How many events a read model may be behind before this process says that it is not ready."""

_READ: Final = frozenset(
    {"card", "chain", "dues", "work_list", "benefit_statement", "citizen_status", "durations"}
)
"""The read models without which reads are answered with an error."""

_NEXT: Final = "_next"

_log = structlog.stdlib.get_logger(__name__)


class Alive(Shape):
    """进程在应答。"""

    status: Literal["ok"]


class Ready(Shape):
    """能否工作，以及缺什么。"""

    ready: bool
    database: bool = Field(description="数据库是否可用")
    migrations_pending: list[str] = Field(description="尚未执行的结构变更")
    lag: dict[str, int] = Field(description="各读模型落后的事件数；_next 结尾的正在重建，不影响就绪")
    behind: list[str] = Field(description="尚未建立，或落后超过上限的读模型")
    parked: int = Field(description="停放的户数：各有一个读模型暂不包含该户，不影响就绪")


class Health:
    """The two questions of whoever watches over the process; answered to anybody, and nothing about households.

    `pending` names the migrations not applied yet.
    """

    def __init__(self, progress: Progress, pending: Callable[[], Sequence[str]]) -> None:
        self._progress = progress
        self._pending = pending
        self._migrated = False

    def routes(self) -> APIRouter:
        router = APIRouter(tags=["运行"])
        router.add_api_route(
            "/healthz",
            self.alive,
            summary="进程是否存活",
            description="进程能回答即为存活，不查数据库。",
            operation_id="alive",
        )
        router.add_api_route(
            "/readyz",
            self.ready,
            summary="数据库、结构版本、读模型是否就绪",
            description="不就绪时回答 503，并说明缺什么：数据库、尚未执行的结构变更，或落后过多的读模型。",
            operation_id="ready",
            responses={503: {"model": Ready, "description": "尚未就绪"}},
        )
        return router

    async def alive(self) -> Alive:
        return Alive(status="ok")

    def ready(self, response: Response) -> Ready:
        try:
            # asked until there is nothing more to apply: a running process does not come to need another schema
            pending = [] if self._migrated else list(self._pending())
            self._migrated = not pending
            lag = {} if pending else self._progress.lag()
            parked = 0 if pending else len({each.household for each in self._progress.parked()})
            database = True
        except (psycopg.Error, PoolTimeout, PoolClosed) as error:
            _log.error("database unavailable", error=type(error).__name__)
            pending, lag, parked, database = [], {}, 0, False
        # one that is built anew is far behind, and nobody reads it yet
        live = {name: events for name, events in lag.items() if not name.endswith(_NEXT)}
        far = {name for name, events in live.items() if events > MOST_LAG}
        behind = sorted(far | (_READ - live.keys())) if database and not pending else []
        ready = database and not pending and not behind
        if not ready:
            response.status_code = 503
        return Ready(
            ready=ready,
            database=database,
            migrations_pending=pending,
            lag=lag,
            behind=behind,
            parked=parked,
        )
