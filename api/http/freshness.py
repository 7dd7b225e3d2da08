"""Freshness (新鲜度): up to which event an answer says what happened, and waiting for one's own writes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, ClassVar, Final

from fastapi import Header

from api.http.problems import Problem
from projections.engine.progress import Progress

POSITION: Final = "X-Position"
"""The header an answer says its position in, and a write is answered with: `lane:position`, several by commas."""

POSITION_ASKED: Final = "X-Min-Position"
"""The header in which a reader says what it must see at least."""

WAIT_SECONDS: Final = 3.0

_ONE: Final = r"([0-9]|[1-9][0-9]|1[0-9][0-9]|2[0-4][0-9]|25[0-5]):[0-9]{1,18}"
_POSITIONS: Final = f"^{_ONE}(,{_ONE}){{0,31}}$"

MinPosition = Annotated[
    str | None,
    Header(
        alias=POSITION_ASKED,
        pattern=_POSITIONS,
        description="至少看到此位置（写入时 X-Position 给出的 通道:位置）之后的数据",
    ),
]

_IS_POSITION: Final = re.compile(_POSITIONS)


class NotSeenYet(Problem):
    """刚写入的内容尚未进入查询数据。请稍后重试。"""

    # a conflict with how far the read models are, not a failure: whoever asks may ask for any position
    status = 409
    headers: ClassVar[dict[str, str]] = {"Retry-After": "1"}


def is_position(text: str) -> bool:
    """Whether a text is written as positions are asked for."""
    return _IS_POSITION.fullmatch(text) is not None


def position_of(reached: Mapping[int, int]) -> str | None:
    """By lane the position written up to, as a header says it; None when nothing was written."""
    return ",".join(f"{lane}:{position}" for lane, position in sorted(reached.items())) or None


def await_position(progress: Progress, projections: tuple[str, ...], asked: str | None) -> None:
    """Wait until the read models have seen the position asked for; raises `NotSeenYet` when it takes too long."""
    if asked is None:
        return
    reached = {
        int(lane): int(position) for lane, _, position in (one.partition(":") for one in asked.split(","))
    }
    for projection in projections:
        if not progress.wait_for(projection, reached, WAIT_SECONDS):
            raise NotSeenYet
