"""Limits (限速): how often somebody may try what is dear or delicate; in this process, the gateway does the rest."""

from __future__ import annotations

import math
import time
from enum import StrEnum
from typing import Final

from limits import RateLimitItem, RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from api.http.problems import Problem


class Limited(StrEnum):
    """What is limited, each by itself."""

    LOGIN = "login"  # a token that is not good, by address
    SEARCH = "search"  # a person looked for by ID number, name or phone
    REVEAL = "reveal"  # a direct identifier shown whole
    ATTACHMENT = "attachment"  # an attachment taken in or handed out


PER_MINUTE: Final = {Limited.LOGIN: 30, Limited.SEARCH: 30, Limited.REVEAL: 20, Limited.ATTACHMENT: 60}


class TooManyRequests(Problem):
    """请求过于频繁，请稍后重试。"""

    status = 429


class RateLimits:
    """Counts over a moving minute, by who asks; forgotten when the process ends."""

    def __init__(self, per_minute: dict[Limited, int] | None = None) -> None:
        allowed = PER_MINUTE | (per_minute or {})
        self._items: dict[Limited, RateLimitItem] = {
            what: RateLimitItemPerMinute(many) for what, many in allowed.items()
        }
        self._limiter = MovingWindowRateLimiter(MemoryStorage())

    def hit(self, what: Limited, who: str) -> None:
        """Count one; raises `TooManyRequests`, which says when to come back, beyond the limit."""
        item = self._items[what]
        if not self._limiter.hit(item, what, who):
            raise self._refusal(item, what, who)

    def require_room(self, what: Limited, who: str) -> None:
        """Raise as `hit` where there is no room left, without counting."""
        item = self._items[what]
        if not self._limiter.test(item, what, who):
            raise self._refusal(item, what, who)

    def _refusal(self, item: RateLimitItem, what: Limited, who: str) -> TooManyRequests:
        reset = self._limiter.get_window_stats(item, what, who).reset_time
        return TooManyRequests(headers={"Retry-After": str(max(1, math.ceil(reset - time.time())))})
