"""Objection to the notice (公示异议): anybody may object; the township looks again and gives its opinion anew."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import ClassVar, Literal
from uuid import UUID

from domain.categories.roads import limits
from domain.decision.opinion import NoticeMissing
from domain.guards.order_of_steps import require_order
from domain.guards.procedure_guards import accepted_case
from domain.guards.separation_of_duties import require_disinterested
from domain.guards.visit_team import require_team
from domain.household.command import Command
from domain.household.context import Context
from domain.household.duty import FROM_NOTICE_ON, Turn, of
from domain.household.event import Event
from domain.household.notions import CaseMove, CaseStep, ClockMove, Count, Limit
from domain.household.parts import Objection, Procedure
from domain.household.state import Household
from domain.inquiry.recheck import open_objection
from domain.values.private import Private
from domain.values.refusals import Refusal

ObjectionAbout = Literal["income", "property", "members", "residence", "relatives", "other"]
ReviewResult = Literal["agreed", "not-agreed"]


class ObjectionTooLate(Refusal):
    """公示期已于{ends}届满，逾期意见不作为公示异议；请作为投诉举报登记并核查。"""

    article = "M57 art.19, 37"


class ObjectionEmpty(Refusal):
    """公示异议应当写明内容。"""

    article = "M57 art.19"


class NoOpenObjection(Refusal):
    """没有尚未处理的公示异议，无需重新调查或者民主评议。"""

    article = "M57 art.19"


class RepresentativesTooFew(Refusal):
    """民主评议的参加人员中，村（居）民代表不得少于{ratio}。"""

    article = "M220"


class ReviewNumbersWrong(Refusal):
    """民主评议的人数有误，代表人数和同意人数不得多于参加人数，参加人数应大于零；请核对评议记录。"""

    article = "M57 art.19"


@dataclass(frozen=True, slots=True)
class NoticeObjected(Event):
    """Somebody objected while the notice hung; who it was is sealed, an anonymous clue counts all the same (公示异议).

    A notice closed earlier on its last day is open again, and a file already sent comes back.
    """

    title: ClassVar[str] = "公示异议"
    basis: ClassVar[str] = "M57 art.19"
    none: ClassVar[str] = "home members cycle status benefit money aid ruling paper found"
    turns: ClassVar[tuple[Turn, ...]] = (
        Turn(of("case"), closes=(*FROM_NOTICE_ON, "give-opinion"), opens=("inquire",)),
    )

    on: date
    case: UUID
    objection: UUID
    about: ObjectionAbout
    named: bool
    text: Private[str]
    name: Private[str] | None

    def closes(self) -> tuple[Limit, ...]:
        return limits(self.case, "send", "decide")

    def moves_case(self) -> CaseMove | None:
        return CaseMove(self.case, CaseStep.OBJECTED)

    def moves_clock(self) -> ClockMove | None:
        # a notice closed on its last day is open again, and a file already sent comes back
        drops = frozenset({"notice", "send"})
        return ClockMove((self.case,), ("objected",), "township", stop="returned", drops=drops)

    def counts(self) -> Count | None:
        return Count("objected", None, "notice", case=self.case)

    def evolve(self, household: Household) -> Household:
        objection = Objection(self.objection, "notice", self.on)
        return household.with_case(
            objections=(*household.procedures[-1].objections, objection),
            inquired_on=None,
            notice_closed_on=None,
            file_received_on=None,
        )


@dataclass(frozen=True, slots=True)
class ObjectToNotice(Command):
    """Record an objection to the public notice, made by anybody up to the end of its last day (公示异议).

    `name` left out: anonymous. Each objection is a fact of its own; only the command's id tells a repetition.
    """

    on: date
    about: ObjectionAbout
    text: str
    name: str | None = None

    def decide(self, household: Household, context: Context) -> Iterator[Event]:
        case = accepted_case(household)
        if case.notice_on is None or case.notice_ends is None:
            raise NoticeMissing
        require_order(self.on, case.notice_on)
        if self.on > case.notice_ends:
            raise ObjectionTooLate(ends=case.notice_ends)
        if not self.text.strip():
            raise ObjectionEmpty
        yield NoticeObjected(
            self.on,
            case.id,
            context.id("objection"),
            self.about,
            self.name is not None,
            Private(household.id, "text", self.text),
            # a person of his own: neither the family's key nor its erasure is his
            Private(context.id("objector"), "name", self.name) if self.name is not None else None,
        )


@dataclass(frozen=True, slots=True)
class Reinvestigated(Event):
    """The township investigated again because the notice was objected to (重新组织调查)."""

    title: ClassVar[str] = "公示异议重新调查"
    basis: ClassVar[str] = "M57 art.19"
    none: ClassVar[str] = "limits home members cycle status benefit money aid stage count ruling paper found"
    turns: ClassVar[tuple[Turn, ...]] = (
        Turn(of("case"), closes=("inquire",), opens=("give-opinion",), once_done=("inquire",)),
    )

    on: date
    case: UUID
    investigators: tuple[str, ...]
    finding: Private[str]

    def moves_case(self) -> CaseMove | None:
        return CaseMove(self.case)

    def evolve(self, household: Household) -> Household:
        inquirers = household.procedures[-1].inquirers
        return household.with_case(inquired_on=self.on, inquirers=(*inquirers, *self.investigators))


@dataclass(frozen=True, slots=True)
class Reinvestigate(Command):
    """Record the new investigation an objection to the notice asks for, by a team (重新调查)."""

    on: date
    investigators: tuple[str, ...]
    finding: str

    def decide(self, household: Household, context: Context) -> Iterator[Event]:
        case = accepted_case(household)
        objection = _opposed(case)
        if case.inquired_on == self.on and set(self.investigators) <= set(case.inquirers):
            return
        context.require("township")
        require_disinterested(household, context, *self.investigators)
        require_order(self.on, objection.on)
        require_team(self.investigators, self.on, context)
        finding = Private(household.id, "text", self.finding)
        yield Reinvestigated(self.on, case.id, self.investigators, finding)


@dataclass(frozen=True, slots=True)
class DemocraticReviewHeld(Event):
    """Villagers reviewed the case after an objection: how many took part and what they found (民主评议).

    The review advises; the opinion stays the township's.
    """

    title: ClassVar[str] = "民主评议"
    basis: ClassVar[str] = "M57 art.19"
    none: ClassVar[str] = "limits home members cycle status benefit money aid stage count ruling paper found"
    turns: ClassVar[tuple[Turn, ...]] = (
        Turn(of("case"), closes=("inquire",), opens=("give-opinion",), once_done=("inquire",)),
    )

    on: date
    case: UUID
    participants: int
    representatives: int
    agree: int
    result: ReviewResult
    minutes: Private[str] | None

    def moves_case(self) -> CaseMove | None:
        return CaseMove(self.case)

    def evolve(self, household: Household) -> Household:
        return household.with_case(inquired_on=self.on)


@dataclass(frozen=True, slots=True)
class HoldDemocraticReview(Command):
    """Record the community's review of a case whose notice was objected to (民主评议).

    `representatives` are the villagers' among the `participants`: two thirds at least until 2021-07-01
    (M220), since then what the place's rule asks. `agree` are those who found the family in need.
    """

    on: date
    participants: int
    representatives: int
    agree: int
    minutes: str | None = None

    def decide(self, household: Household, context: Context) -> Iterator[Event]:
        case = accepted_case(household)
        objection = _opposed(case)
        if case.inquired_on == self.on:
            return
        context.require("township")
        require_disinterested(household, context)
        require_order(self.on, objection.on)
        require_numbers(self.participants, self.representatives, self.agree)
        require_representatives(self.participants, self.representatives, self.on, context)
        majority = context.rules(self.on).ratio("procedure.review-majority")
        yield DemocraticReviewHeld(
            self.on,
            case.id,
            self.participants,
            self.representatives,
            self.agree,
            "agreed" if Fraction(self.agree, self.participants) > majority else "not-agreed",
            Private(household.id, "text", self.minutes) if self.minutes else None,
        )


def require_numbers(participants: int, representatives: int, agree: int) -> None:
    """Refuse counts of a review that cannot be."""
    if participants <= 0 or not 0 <= representatives <= participants or not 0 <= agree <= participants:
        raise ReviewNumbersWrong


def require_representatives(participants: int, representatives: int, on: date, context: Context) -> None:
    """Refuse a review with too few villagers' representatives by the rules of its day (M220 art.21-23)."""
    least = context.rules(on).ratio("procedure.review-representative-ratio")
    if Fraction(representatives, participants) < least:
        raise RepresentativesTooFew(ratio=least)


def _opposed(case: Procedure) -> Objection:
    objection = open_objection(case, "notice")
    if objection is None:
        raise NoOpenObjection
    return objection
