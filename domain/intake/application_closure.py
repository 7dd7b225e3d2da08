"""Endings without a decision (终结): not accepted, withdrawn by the family (M57 art.4, 10; L26 art.37, 70)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import ClassVar, Literal
from uuid import UUID

from domain.categories import dibao
from domain.guards.order_of_steps import require_order
from domain.guards.procedure_guards import open_case
from domain.guards.registered import require_member, require_registered
from domain.guards.separation_of_duties import require_disinterested
from domain.household.command import Command
from domain.household.context import Context
from domain.household.duty import Turn, of
from domain.household.duty_context import DutyContext
from domain.household.event import Event
from domain.household.notions import (
    NO_STAGE,
    UNTIL_TOLD,
    CaseMove,
    CaseStep,
    ClockKind,
    ClockMove,
    Count,
    Limit,
    Ruling,
)
from domain.household.parts import Declined, Procedure, Undelivered
from domain.household.remedy import remedy_text
from domain.household.state import Household
from domain.intake.application import watch_of
from domain.intake.application_place import WrongPlace, require_place
from domain.intake.completeness import ONE_NOTICE, SUPPLEMENT
from domain.intake.mandate import require_mandated
from domain.intake.proactive_discovery import adults
from domain.values.deadline import Due
from domain.values.immutables import replace
from domain.values.person import PersonId
from domain.values.private import Private
from domain.values.receipt import Decider
from domain.values.refusals import Refusal
from domain.values.region import UnknownRegion
from domain.values.spells import Category

NOT_ACCEPTED = "DL-NAC"
"""The limit within which the written word of a non-acceptance reaches the family."""


def has_case(event: ApplicationNotAccepted, context: DutyContext) -> bool:
    """A case was under way before the application was turned away."""
    return event.case is not None


DeclineGround = Literal[
    "not-a-member",
    "wrong-place",
    "already-aided",
    "under-way-elsewhere",
    "promise-refused",
    "not-supplemented",
]
GROUND_WORDS: dict[DeclineGround, str] = {
    "not-a-member": "申请人不是共同生活的家庭成员",
    "wrong-place": "不属于本地受理",
    "already-aided": "已享受同类救助",
    "under-way-elsewhere": "已在其他地方办理",
    "promise-refused": "拒绝作出书面承诺",
    "not-supplemented": "逾期未补正",
}
"""The closed list of grounds not to accept (不予受理), as people read them."""


class DeclineNeedsReasons(Refusal):
    """不予受理应当书面说明理由。"""

    article = "M57 art.10; L26 art.70"


class AcceptedIsDecided(Refusal):
    """申请已经受理，应当作出确认或者不予确认的决定，不能再不予受理。"""

    article = "M57 art.10, 21"


class DeclineContradicted(Refusal):
    """“{ground}”的理由与登记情况不符：{why}。符合申请条件的应当受理。"""

    article = "M57 art.10; L26 art.70"


class RightPlaceMissing(Refusal):
    """以“{ground}”为由不予受理的，应当告知申请人受理或者办理的地方。"""

    article = "M57 art.4, 5; L26 art.37"


class NoTermForSupplement(Refusal):
    """本地没有规定补正期限，不能以逾期未补正为由不予受理；请继续联系申请人补正，或者由其撤回申请。"""

    article = "M57 art.10"


class SupplementTermRuns(Refusal):
    """补正期限至{until}届满，期满前不能以未补正为由不予受理。"""

    article = "M57 art.10"


class NotTheApplicant(Refusal):
    """撤回申请应当由申请人本人或者经授权的代理人提出。"""

    article = "M57 art.4, 6"


class DecidedIsNotWithdrawn(Refusal):
    """申请已于{on}办结，不能撤回；对决定不服的，可以依法申请行政复议或者提起行政诉讼。"""

    article = "M57 art.21, 38"


@dataclass(frozen=True, slots=True)
class ApplicationNotAccepted(Event):
    """The application was not accepted: ground, reasons, remedy; the family is told in writing (不予受理).

    `subject` is the case; where nothing had been put on record before, it stands for the case that never
    was, and `case` is None. `place` is the place that is right, or where the family is aided already.
    """

    title: ClassVar[str] = "不予受理"
    basis: ClassVar[str] = "M57 art.10; L26 art.37"
    none: ClassVar[str] = "home members cycle status benefit money aid paper found"
    turns: ClassVar[tuple[Turn, ...]] = (
        Turn(of("case"), closes=("*",), when=has_case),
        Turn(of("subject"), opens=("deliver-notice",)),
    )

    on: date
    subject: UUID
    case: UUID | None
    category: Category
    applicant: PersonId | None
    ground: DeclineGround
    reasons: Private[str]
    place: str | None
    remedy: str
    notice_due: Due
    watch: Due | None
    decider: Decider

    def opens(self) -> tuple[Due, ...]:
        return (self.notice_due, self.watch) if self.watch else (self.notice_due,)

    def meets(self) -> tuple[Limit, ...]:
        return () if self.case is None else ((ONE_NOTICE, self.case),)

    def closes(self) -> tuple[Limit, ...]:
        return () if self.case is None else (("*", self.case),)

    def moves_case(self) -> CaseMove | None:
        if self.case is not None:
            return CaseMove(self.case, CaseStep.NOT_ACCEPTED)
        return CaseMove(self.subject, CaseStep.NOT_ACCEPTED, begins=self.category)

    def moves_clock(self) -> ClockMove | None:
        # turned away at the door, before any case: the written word is owed all the same
        begins: tuple[ClockKind, str] | None = ("case", self.category) if self.case is None else None
        return ClockMove((self.subject,), ("written",), "township", leaves=UNTIL_TOLD, begins=begins)

    def counts(self) -> Count | None:
        return Count("not-accepted", self.category, self.ground)

    def rules_against(self) -> Ruling | None:
        return Ruling(self.subject, "non-acceptance", self.ground, self.remedy, self.on)

    def evolve(self, household: Household) -> Household:
        if self.case is not None:
            household = household.with_case(outcome="not-accepted", decided_on=self.on)
        declined = Declined(self.subject, self.on, self.category, self.ground, self.applicant)
        return replace(
            household,
            declined=(*household.declined, declined),
            undelivered=(*household.undelivered, Undelivered(self.subject, "non-acceptance")),
        )


@dataclass(frozen=True, slots=True)
class DeclineApplication(Command):
    """Do not accept an application, on a ground of the closed list, with reasons and remedy (不予受理).

    Without a case under way it records what was turned away at the door. Not for accepted applications:
    those are decided. It never stands in the way of applying again.
    """

    on: date
    ground: DeclineGround
    reasons: str
    place: str | None = None
    applicant: PersonId | None = None
    category: Category = dibao.ROAD.category

    def decide(self, household: Household, context: Context) -> Iterator[Event]:
        require_registered(household)
        case = household.case
        if case is None and any(
            (d.on, d.ground) == (self.on, self.ground) and self.applicant in (None, d.applicant)
            for d in household.declined
        ):
            return
        if case is not None and case.accepted_on is not None:
            raise AcceptedIsDecided
        decider = context.decider("township")
        if not self.reasons.strip():
            raise DeclineNeedsReasons
        require_disinterested(household, context)
        if case is not None:
            require_order(self.on, case.started_on)
        require_ground(self, household, case, context)
        subject = case.id if case else context.id("declined")
        yield ApplicationNotAccepted(
            self.on,
            subject,
            case.id if case else None,
            case.category if case else self.category,
            case.applicant if case else self.applicant,
            self.ground,
            Private(household.id, "text", self.reasons),
            self.place,
            remedy_text(decider, context, self.on),
            context.due(NOT_ACCEPTED, self.on, subject),
            watch_of(household, case, self.on) if case else None,
            decider,
        )


def require_ground(
    asked: DeclineApplication, household: Household, case: Procedure | None, context: Context
) -> None:
    """Refuse a ground that is incomplete or that the record contradicts (L26 art.70)."""
    word, applicant = GROUND_WORDS[asked.ground], case.applicant if case else asked.applicant

    def contradicted(why: str) -> DeclineContradicted:
        return DeclineContradicted(ground=word, why=why)

    match asked.ground:
        case "not-a-member":
            if applicant is not None and household.has_member(applicant, asked.on):
                raise contradicted("申请人是登记的家庭成员")
        case "wrong-place":
            if asked.place is None:
                raise RightPlaceMissing(ground=word)
            if case is not None and case.filed_at is not None and _is_right(case, context, asked.on):
                raise contradicted("登记的户籍和居住情况属于本地受理")
            if _lies_in(asked.place, context.actor.region, context, asked.on):
                raise contradicted("所告知的地方就在本辖区")
        case "already-aided":
            if asked.place is None and not household.in_any_category(asked.on):
                raise contradicted("该户目前没有救助类别，也没有写明在何处享受")
        case "under-way-elsewhere":
            if asked.place is None:
                raise RightPlaceMissing(ground=word)
        case "promise-refused":
            if case is not None:
                raise contradicted("申请时已作出书面承诺")
        case "not-supplemented":
            _require_lapsed(household, case, asked.on)


def _require_lapsed(household: Household, case: Procedure | None, on: date) -> None:
    if case is None or not set(case.missing_notified) - set(case.supplemented):
        raise DeclineContradicted(
            ground=GROUND_WORDS["not-supplemented"], why="没有告知补正，或者告知的材料已经补齐"
        )
    term = next((o.due for o in household.dues if (o.due.what, o.due.subject) == (SUPPLEMENT, case.id)), None)
    if term is None:
        raise NoTermForSupplement
    if on <= term.day:
        raise SupplementTermRuns(until=term.day)


def _is_right(case: Procedure, context: Context, on: date) -> bool:
    try:
        require_place(case, context, on)
    except WrongPlace:
        return False
    return True


def _lies_in(code: str, region: str, context: Context, on: date) -> bool:
    try:
        return region in context.regions.path(code, on)
    except UnknownRegion:
        return False


@dataclass(frozen=True, slots=True)
class ApplicationWithdrawn(Event):
    """The applicant took the application back, freely and before any decision (撤回申请).

    `by` is the member who said so, None where the agent did. Everything the case held stays on record.
    """

    title: ClassVar[str] = "撤回申请"
    basis: ClassVar[str] = "M57 art.4"
    none: ClassVar[str] = "home members cycle status benefit money aid ruling paper found"
    turns: ClassVar[tuple[Turn, ...]] = (Turn(of("case"), closes=("*",)),)

    on: date
    case: UUID
    by: PersonId | None
    agent: str | None
    reason: Private[str] | None
    watch: Due | None

    def opens(self) -> tuple[Due, ...]:
        return (self.watch,) if self.watch else ()

    def closes(self) -> tuple[Limit, ...]:
        return (("*", self.case),)

    def moves_case(self) -> CaseMove | None:
        return CaseMove(self.case, CaseStep.WITHDRAWN)

    def moves_clock(self) -> ClockMove | None:
        return ClockMove((self.case,), leaves=NO_STAGE)

    def counts(self) -> Count | None:
        return Count("withdrawn", None, case=self.case)

    def evolve(self, household: Household) -> Household:
        return household.with_case(outcome="withdrawn", decided_on=self.on)


@dataclass(frozen=True, slots=True)
class WithdrawApplication(Command):
    """Take the application back at any step before the decision; no reason is needed (撤回申请).

    `person` None is the applicant; once he is no longer a member, any adult member may. `by_agent`: the agent
    does, where the mandate says so.
    """

    on: date
    person: PersonId | None = None
    by_agent: bool = False
    reason: str | None = None

    def decide(self, household: Household, context: Context) -> Iterator[Event]:
        last = household.last_case
        if household.case is None and last is not None:
            if (last.outcome, last.decided_on) == ("withdrawn", self.on):
                return
            if last.decided_on is not None:
                raise DecidedIsNotWithdrawn(on=last.decided_on)
        case = open_case(household)
        if context.actor.level is not None:
            context.require("village", "township", "county")
        require_order(self.on, case.started_on)
        by, agent = None, None
        if self.by_agent:
            agent = require_mandated(case, self.on, "withdraw").paper
        else:
            by = self.person or case.applicant
            require_member(household, by, self.on)
            left = not household.has_member(case.applicant, self.on)
            if by != case.applicant and not (left and by in adults(household, context, self.on)):
                raise NotTheApplicant
        yield ApplicationWithdrawn(
            self.on,
            case.id,
            by,
            agent,
            Private(household.id, "text", self.reason) if self.reason else None,
            watch_of(household, case, self.on),
        )
