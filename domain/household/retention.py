"""Retention (保管期限): from when on what is personal in a household's file may be erased."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

from domain.household.state import Household
from domain.values.month import Month
from domain.values.refusals import Refusal


class StillInUse(Refusal):
    """户“{household}”的救助或者办理尚未结束（{what}），个人信息不得抹除。"""

    article = "PIPL art.47; L26 art.70"


class RetentionRuns(Refusal):
    """户“{household}”的档案须保管到 {until}，期满之前个人信息不得抹除。"""

    article = "PIPL art.19, 47"


def in_use(household: Household, today: date) -> Iterator[str]:
    """What keeps a household's file in use on a day (在办事项), in words; nothing when all of it is over."""
    if any(spell.end is None or spell.end > today for spell in household.status.categories):
        yield "救助类别仍有效"
    if household.case is not None:
        yield "有在办事项"
    month = Month.of(today)
    if any(spell.last is None or spell.last >= month for spell in household.aid.benefits):
        yield "待遇仍在发放"
    if any(spell.open for spell in household.aid.benefits) or any(
        aid.state in ("granted", "ordered", "returned") for aid in household.aid.temporary
    ):
        yield "有未结清的发放"
    if household.place.handing is not None:
        yield "档案正在移交"
    if any(alert.verified_on is None and alert.merged_on is None for alert in household.clues.alerts):
        yield "有未核实的预警"
    if any(each.answered_on is None for each in household.oversight.complaints):
        yield "有未答复的投诉举报"
    if any(each.answered_on is None for each in household.oversight.suspicions):
        yield "有未处理的疑点"


def require_over(household: Household, last_on: date, months: int, today: date) -> None:
    """Refuse to erase what a file still needs: its time begins with the last act of the file or the end of its aid.

    `last_on` is the legal day of the last fact, `months` how long the file is kept, 0 when it ought not to have
    been there at all. Raises `StillInUse`, `RetentionRuns`.
    """
    what = "、".join(in_use(household, today))
    if what:
        raise StillInUse(household=household.id, what=what)
    if months:
        until = _after(closed_on(household, last_on), months)
        if today <= until:
            raise RetentionRuns(household=household.id, until=until)


def closed_on(household: Household, last_on: date) -> date:
    """The day from which the file is kept: of the last act, or the last day of aid when that was later."""
    ends = [spell.end for spell in household.status.categories if spell.end is not None]
    paid = [spell.last.last_day for spell in household.aid.benefits if spell.last is not None]
    return max([last_on, *ends, *paid])


def _after(day: date, months: int) -> date:
    later = Month.of(day) + months
    return min(later.last_day, later.first_day + timedelta(days=day.day - 1))
