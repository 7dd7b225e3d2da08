"""Freshness (新鲜度): up to which event an answer says what happened, and waiting for one's own writes."""

from __future__ import annotations

from typing import Annotated, ClassVar, Final

from fastapi import Header

from api.problems import Problem
from eventstore.lanes import LANES
from projections.engine.progress import Progress

POSITION: Final = "X-Position"
"""The header an answer says its position in, and a write is answered with: `lane:position`."""

WAIT_SECONDS: Final = 3.0

MinPosition = Annotated[
    str | None,
    Header(
        alias="X-Min-Position",
        pattern=r"^\d{1,3}:\d{1,18}$",
        description="至少看到此位置（写入时 X-Position 给出的 通道:位置）之后的数据",
    ),
]


class NotSeenYet(Problem):
    """刚写入的内容尚未进入查询数据。请稍后重试。"""

    status = 503
    headers: ClassVar[dict[str, str]] = {"Retry-After": "1"}


class NoSuchPosition(Problem):
    """X-Min-Position 中的通道不存在；通道为 0 至 255。"""

    status = 422


def await_position(progress: Progress, projections: tuple[str, ...], asked: str | None) -> None:
    """Wait until the read models have seen the position asked for; raises `NotSeenYet` when it takes too long."""
    if asked is None:
        return
    lane, position = map(int, asked.split(":"))
    if lane >= LANES:
        raise NoSuchPosition
    for projection in projections:
        if not progress.wait(projection, lane, position, WAIT_SECONDS):
            raise NotSeenYet
