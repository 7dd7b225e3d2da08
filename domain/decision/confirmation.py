"""The decision (审核确认): a category confirmed, or the application refused with reasons and remedy (M57 art.20–24)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import ClassVar, Literal
from uuid import UUID

from domain.categories import dibao, marginal
from domain.categories.means_test import assess
from domain.categories.road import Road
from domain.categories.roads import limits, road_of
from domain.decision.opinion import NoticeMissing, OpinionMissing, require_investigated, require_unopposed
from domain.decision.status import DECIDED, Classified, Exited, Interval
from domain.guards.delegation import competent, delegation
from domain.guards.order_of_steps import require_order
from domain.guards.procedure_guards import accepted_case
from domain.guards.separation_of_duties import investigators_of, require_disinterested, require_separate
from domain.household.command import Command
from domain.household.context import Context
from domain.household.duty import Turn, of
from domain.household.event import Event
from domain.household.notions import (
    UNTIL_TOLD,
    CaseMove,
    CaseStep,
    ClockMove,
    Count,
    Limit,
    Ruling,
)
from domain.household.parts import Procedure, Undelivered
from domain.household.remedy import remedy_text
from domain.household.state import Household
from domain.inquiry.recheck import RecheckPending, open_objection
from domain.intake.application import watch_of
from domain.members.member_changes import CHANGE
from domain.values.deadline import Due
from domain.values.immutables import replace
from domain.values.money import Fen, yuan
from domain.values.month import Month
from domain.values.private import Private
from domain.values.receipt import Decider, Decision, RuleApplied, whole
from domain.values.refusals import Refusal
from domain.values.spells import Category, CategorySpell

RefusalGround = Literal[
    "income-above-standard",
    "property-above-limit",
    "not-a-household",
    "false-statement",
    "other",
]


class FileNotReceived(Refusal):
    """县级尚未收到乡镇（街道）报送的审核材料，不能作出确认决定。"""

    article = "M57 art.20"


class IncomeBelowStandard(Refusal):
    """人均月收入{per_capita}元，低于所申请类别的标准，不能以收入超标为由不予确认。"""

    article = "M57 art.21; L26 art.70"


class RefusalNeedsReasons(Refusal):
    """不予确认决定应当书面说明理由。"""

    article = "M57 art.21; L26 art.45"


class ReportSaysNotEligible(Refusal):
    """核对报告认定不符合条件，不能直接确认；申请人有异议的应当先复查。"""

    article = "M57 art.18"


class CountyVisitRequired(Refusal):
    """该申请属近亲属备案，或者审核确认期间接到投诉举报，县级应当入户调查后方可作出决定。"""

    article = "M57 art.11, 20"


class OneCategoryOnly(Refusal):
    """该户已属于{category}，同一时间只能属于一类低收入人口。"""

    article = "S001; G39"


class WrongProcedure(Refusal):
    """正在办理的是{category}程序，不能作出其他类别的决定。"""


class AlreadyDecided(Refusal):
    """本申请已作出决定（{outcome}），不能再作出相反的决定。"""


@dataclass(frozen=True, slots=True)
class ConfirmCategory(Command):
    """Confirm the category that was applied for; what the category has of its own stands on its road."""

    on: date
    delegated_by: str | None = None
    interval: Interval | None = None

    road: ClassVar[Road]

    def decide(self, household: Household, context: Context) -> Iterator[Event]:
        road = self.road
        if _decided(household, "confirmed", road.category, self.on):
            return
        case = accepted_case(household)
        require_category(case, road.category)
        decider = competent(context, self.on, self.delegated_by)
        if case.origin == "application":
            require_file(household, case, decider, context, self.on)
        else:
            require_order(self.on, case.accepted_on)
            require_disinterested(household, context)
            investigators = investigators_of(case)
            require_separate("investigate-then-decide", investigators, decider.officer, self.on, context)
        if road.needs_clean_report and case.report_eligible is False:
            raise ReportSaysNotEligible
        held, start = self._start(household)
        assessment, applied = assess(household, context, self.on, case.income)
        tested = road.test(household, assessment, context, self.on)
        if road.noticed and case.notice_closed_on is None:  # proposed for refusal, fits by the rules of today
            raise NoticeMissing
        benefit: tuple[RuleApplied, ...] = ()
        fen, first = None, None
        if road.amount is not None:
            benefit = (road.amount(assessment, context, self.on),)
            fen = Fen(whole(benefit[0].result))
            first = Month.of(self.on) + context.rules(self.on).integer("benefit.first-month-offset")
        delegated = delegation(context, self.on, decider)
        decision = context.decision(self.on, decider, *applied, *tested, *benefit, *delegated)
        if held is not None:
            yield Exited(
                self.on,
                context.id("exit"),
                held.category,
                None,
                start,
                "other-category",
                road.category,
                None,
                None,
                None,
                decision,
            )
        interval = self.interval or review_interval(household, context, self.on)
        yield Classified(
            self.on,
            case.id,
            road.category,
            None,
            start,
            context.id("benefit") if benefit else None,
            road.programme,
            fen,
            first,
            assessment.members,
            assessment,
            case.income,
            interval,
            review_due(interval, self.on, household, context),
            context.rules(self.on).words(road.aids) if road.aids else (),
            decision,
        )

    def _start(self, household: Household) -> tuple[CategorySpell | None, date]:
        """The status the family rises from, if any, and the first day of the new one."""
        held = household.category(self.on)
        if held is None:
            return None, self.on
        if held.category in self.road.rises_from:
            return held, self.on
        if held.end is None or not self.road.entered_by_transfer:
            raise OneCategoryOnly(category=held.category.word)
        return None, held.end


@dataclass(frozen=True, slots=True)
class ConfirmDibao(ConfirmCategory):
    """Confirm Dibao by the county, or by a township with the delegation paper (确认低保).

    The amount is computed again by the rules of the day of decision. `interval` overrides how often the
    family is checked again.
    """

    road = dibao.ROAD


@dataclass(frozen=True, slots=True)
class ConfirmMarginal(ConfirmCategory):
    """Confirm the family as marginal (确认低保边缘家庭): identification, no monthly cash, no public notice.

    A family whose income lies below the Dibao standard is decided for Dibao first: marginal is who does not
    fit Dibao (M57 art.8), and the status goes to the highest category met (S001). Once Dibao was refused,
    on its property say, marginal is open to it.
    """

    road = marginal.ROAD


@dataclass(frozen=True, slots=True)
class ApplicationRefused(Event):
    """The application was refused: ground, reasons, remedy; the family is told in writing (不予确认)."""

    title: ClassVar[str] = "不予确认"
    basis: ClassVar[str] = "M57 art.21"
    none: ClassVar[str] = "home members cycle status benefit money aid paper found"
    turns: ClassVar[tuple[Turn, ...]] = (Turn(of("case"), closes=("*",), opens=("deliver-notice",)),)

    on: date
    case: UUID
    ground: RefusalGround
    reasons: Private[str]
    remedy: str
    notice_due: Due
    watch: Due | None
    decision: Decision

    def opens(self) -> tuple[Due, ...]:
        return (self.notice_due, self.watch) if self.watch else (self.notice_due,)

    def meets(self) -> tuple[Limit, ...]:
        return limits(self.case, *DECIDED)

    def closes(self) -> tuple[Limit, ...]:
        return (("*", self.case), (CHANGE, None))

    def moves_case(self) -> CaseMove | None:
        return CaseMove(self.case, CaseStep.REFUSED)

    def moves_clock(self) -> ClockMove | None:
        return ClockMove((self.case,), ("decided", "written"), "township", leaves=UNTIL_TOLD)

    def counts(self) -> Count | None:
        return Count("refused", None, self.ground, case=self.case)

    def rules_against(self) -> Ruling | None:
        return Ruling(self.case, "refusal", self.ground, self.remedy, self.on)

    def evolve(self, household: Household) -> Household:
        household = household.with_case(outcome="refused", decided_on=self.on)
        return replace(
            household,
            undelivered=(*household.undelivered, Undelivered(self.case, "refusal")),
        )


@dataclass(frozen=True, slots=True)
class RefuseApplication(Command):
    """Refuse the application with its ground and reasons; written notice within 3 working days (不予确认)."""

    on: date
    ground: RefusalGround
    reasons: str
    delegated_by: str | None = None

    def decide(self, household: Household, context: Context) -> Iterator[Event]:
        if _decided(household, "refused", None, self.on):
            return
        case = accepted_case(household)
        decider = competent(context, self.on, self.delegated_by)
        require_file(household, case, decider, context, self.on)
        if not self.reasons.strip():
            raise RefusalNeedsReasons
        assessment, applied = assess(household, context, self.on, case.income)
        if self.ground == "income-above-standard" and road_of(case.category).fits(assessment):
            raise IncomeBelowStandard(per_capita=yuan(assessment.per_capita))
        yield ApplicationRefused(
            self.on,
            case.id,
            self.ground,
            Private(household.id, "text", self.reasons),
            remedy_text(decider, context, self.on),
            context.due(road_of(case.category).limits["notify"], self.on, case.id),
            watch_of(household, case, self.on),
            context.decision(self.on, decider, *applied, *delegation(context, self.on, decider)),
        )


def require_file(household: Household, case: Procedure, decider: Decider, context: Context, on: date) -> None:
    """Refuse a decision before the steps that must come first (M57 art.11, 18, 19, 20, 28).

    Nor does an officer decide who investigated the case, or who declared an interest in the family.
    """
    require_disinterested(household, context)
    require_separate("investigate-then-decide", investigators_of(case), decider.officer, on, context)
    require_investigated(household, context, on)
    if case.opinion_on is None:
        raise OpinionMissing
    if open_objection(case, "report") is not None:
        raise RecheckPending
    require_unopposed(case)
    require_order(on, case.opinion_on, case.notice_closed_on, case.file_received_on, case.rechecked_on)
    if decider.level == "county" and case.file_received_on is None:
        raise FileNotReceived
    noticed = case.notice_closed_on is not None or not road_of(case.category).noticed
    if decider.level == "township" and case.opinion_approves and not noticed:
        raise NoticeMissing
    if case.opinion_approves is False and case.report_eligible is False:
        return
    complained = [each.on for each in household.complaints if each.case == case.id]
    if not case.relatives and not complained:
        return
    since = max(complained, default=date.min)
    if not any(visit.level == "county" and visit.on >= since for visit in case.visits):
        raise CountyVisitRequired


def require_category(case: Procedure, category: Category) -> None:
    """Refuse a decision about another category than the procedure's own."""
    if case.category != category:
        raise WrongProcedure(category=case.category.word)


def review_interval(household: Household, context: Context, on: date) -> Interval:
    """How often the family is checked again: half-yearly with a member able to work, else yearly (M57 art.31)."""
    adult = context.rules(on).integer("adult-age")
    able = any(
        m.work_capacity != "none" and not m.student and m.is_adult(on, adult) for m in household.counted(on)
    )
    return "half-yearly" if able else "yearly"


def review_due(interval: Interval, on: date, household: Household, context: Context) -> Due:
    """When the next recertification is due, counted from the last (M57 art.31)."""
    code = "DL-REC-HALF" if interval == "half-yearly" else "DL-REC-YEAR"
    return context.due(code, on, household.id)


_OUTCOMES = {"confirmed": "予以确认", "refused": "不予确认", "ended": "终止程序"}


def _decided(household: Household, outcome: str, category: Category | None, on: date) -> bool:
    case = household.last_case
    if case is None or case.outcome is None:
        return False
    if case.outcome == outcome and case.decided_on == on and category in (None, case.category):
        return True
    if household.case is None and case.outcome in ("confirmed", "refused"):
        raise AlreadyDecided(outcome=_OUTCOMES[case.outcome])
    return False
