"""The order of steps (办理次序): what rests on another step is not dated before it (M57 art.28)."""

from __future__ import annotations

from datetime import date

from domain.values.refusals import Refusal


class StepsOutOfOrder(Refusal):
    """办理日期（{on}）早于应当先行的步骤（{earlier}），请核对日期。"""

    article = "M57 art.28"


def require_order(on: date, *earlier: date | None) -> None:
    """Refuse a step dated before one it rests on; whether that one was taken at all is asked elsewhere."""
    last = max((day for day in earlier if day is not None), default=on)
    if on < last:
        raise StepsOutOfOrder(on=on, earlier=last)
