"""The public notice (公示): the proposal is posted in the village and its end is recorded (M57 art.19, 24)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import ClassVar
from uuid import UUID

from domain.categories.road import Road
from domain.categories.roads import limits, road_of
from domain.decision.opinion import NoticeMissing, OpinionMissing, require_unopposed
from domain.guards.order_of_steps import require_order
from domain.guards.procedure_guards import accepted_case
from domain.household.command import Command
from domain.household.context import Context
from domain.household.duty import Turn, goes_to_county, is_delegated, of
from domain.household.event import Event
from domain.household.notions import CaseMove, CaseStep, ClockMove, Limit
from domain.household.state import Household
from domain.values.deadline import Due
from domain.values.money import Fen
from domain.values.receipt import whole
from domain.values.refusals import Refusal


def notice_period(road: Road, context: Context, on: date, case: UUID) -> Due:
    """The period of a notice posted on a day; a place may let it end on a rest day (M57 art.19 does not say)."""
    rolls = context.rules(on).flag("procedure.notice-end-rolls")
    return context.due(road.limits["notice"], on, case, "period", rolls=rolls)


class NoticeNotForIdentification(Refusal):
    """仅认定低保边缘、刚性支出困难家庭身份的，不作公示（谁救助谁公示）。"""

    article = "N31"


class NothingToPublish(Refusal):
    """审核意见为不予确认，不作公示。"""

    article = "M57 art.19"


class NoticeStillRunning(Refusal):
    """公示期为七天，至{ends}届满；届满前不能结束公示。"""

    article = "M57 art.19"


@dataclass(frozen=True, slots=True)
class NoticePosted(Event):
    """The proposal was posted in the village: number of members and amount, nothing else (公示).

    The applicant's name is added on the printed sheet; ID number, phone, account and health never are
    (M57 art.24), so the fact has no room for them.
    """

    title: ClassVar[str] = "张榜公示"
    basis: ClassVar[str] = "M57 art.19, 24"
    none: ClassVar[str] = "home members cycle status benefit money aid count ruling paper found"
    turns: ClassVar[tuple[Turn, ...]] = (Turn(of("case"), closes=("post-notice",), opens=("close-notice",)),)

    on: date
    case: UUID
    members: int
    fen: Fen
    due: Due

    def opens(self) -> tuple[Due, ...]:
        return (self.due,)

    def moves_case(self) -> CaseMove | None:
        return CaseMove(self.case, CaseStep.ON_NOTICE)

    def moves_clock(self) -> ClockMove | None:
        return ClockMove((self.case,), ("posted",), "village")

    def evolve(self, household: Household) -> Household:
        return household.with_case(notice_on=self.on, notice_ends=self.due.day)


@dataclass(frozen=True, slots=True)
class PostNotice(Command):
    """Post the proposal in the village or community for seven days (公示)."""

    on: date

    def decide(self, household: Household, context: Context) -> Iterator[Event]:
        case = accepted_case(household)
        road = road_of(case.category)
        if not road.is_noticed(context.rules(self.on)):
            raise NoticeNotForIdentification
        if case.assessment is None:
            raise OpinionMissing
        if not case.opinion_approves:
            raise NothingToPublish
        if case.notice_on is not None:
            return
        context.require("township")
        require_order(self.on, case.opinion_on)
        opined_on = case.opinion_on or self.on
        fen = Fen(whole(road.amount(case.assessment, context, opined_on).result) if road.amount else 0)
        due = notice_period(road, context, self.on, case.id)
        yield NoticePosted(self.on, case.id, case.assessment.members, fen, due)


@dataclass(frozen=True, slots=True)
class NoticeClosed(Event):
    """The notice ran its time and nobody objected: the file goes to the county promptly (公示期满无异议)."""

    title: ClassVar[str] = "公示期满无异议"
    basis: ClassVar[str] = "M57 art.19"
    none: ClassVar[str] = "home members cycle status benefit money aid count ruling paper found"
    turns: ClassVar[tuple[Turn, ...]] = (
        Turn(of("case"), closes=("close-notice",)),
        Turn(of("case"), opens=("send-file",), when=goes_to_county),
        Turn(of("case"), opens=("decide-delegated",), when=is_delegated),
    )

    on: date
    case: UUID
    due: Due | None

    def opens(self) -> tuple[Due, ...]:
        return (self.due,) if self.due else ()

    def meets(self) -> tuple[Limit, ...]:
        return limits(self.case, "notice")

    def moves_case(self) -> CaseMove | None:
        return CaseMove(self.case, CaseStep.AWAITING_DECISION)

    def moves_clock(self) -> ClockMove | None:
        return ClockMove((self.case,), ("noticed", "ready"), "township")

    def evolve(self, household: Household) -> Household:
        return household.with_case(notice_closed_on=self.on)


@dataclass(frozen=True, slots=True)
class CloseNotice(Command):
    """Record that the notice ended without objection; not before its last day (结束公示)."""

    on: date

    def decide(self, household: Household, context: Context) -> Iterator[Event]:
        case = accepted_case(household)
        if case.notice_closed_on is not None:
            return
        if case.notice_ends is None:
            raise NoticeMissing
        require_unopposed(case)
        context.require("township")
        if self.on < case.notice_ends:
            raise NoticeStillRunning(ends=case.notice_ends)
        due = None if case.delegated else context.due(road_of(case.category).limits["send"], self.on, case.id)
        yield NoticeClosed(self.on, case.id, due)
