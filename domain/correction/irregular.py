"""Irregular records (不规范事项): what the law forbids and happened all the same is recorded, never done.

A record opens a suspicion that somebody must answer for. Where it tells of a decision that took effect, the
effect stands in the chain, marked, and takes no claim.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import ClassVar, Literal, get_args
from uuid import UUID

from domain.categories import dibao
from domain.categories.roads import road_of
from domain.decision.confirmation import OneCategoryOnly
from domain.decision.status import WATCH, WATCHED, watch_ended
from domain.guards.order_of_steps import require_order
from domain.guards.registered import require_registered
from domain.guards.separation_of_duties import require_disinterested
from domain.household.command import Command
from domain.household.context import Context
from domain.household.duty import STATUS_ENDED, Turn, of
from domain.household.duty_context import DutyContext
from domain.household.event import Event
from domain.household.notions import (
    NO_STAGE,
    BenefitBegun,
    BenefitChange,
    CaseMove,
    CaseStep,
    ClockMove,
    Confirmed,
    Count,
    Limit,
    StatusChange,
)
from domain.household.parts import Suspicion
from domain.household.state import Household
from domain.values.deadline import Due
from domain.values.immutables import replace
from domain.values.money import Fen
from domain.values.month import Month, Months
from domain.values.private import Private
from domain.values.receipt import Actor
from domain.values.refusals import Refusal
from domain.values.spells import BenefitSpell, Category, CategorySpell, Label, Programme, ended


def has_case(event: IrregularlyConfirmed, context: DutyContext) -> bool:
    """A case was under way, and was decided by it, if not as it should have been."""
    return event.case is not None


Confirming = Literal[
    "confirmed-without-application", "confirmed-without-verification", "confirmed-without-notice"
]
Ending = Literal["ended-without-decision", "ended-unheard"]
IrregularAct = Literal[
    Confirming,
    Ending,
    "visited-alone",
    "visited-after-decision",
    "notice-shortened",
    "extended-late",
    "paid-early",
    "paid-after-end",
    "duties-not-separate",
    "other",
]
SuspicionOutcome = Literal["mended", "recovered", "no-violation", "passed-to-discipline"]


class NotHappenedYet(Refusal):
    """不规范事项应当是已经发生的事，其日期（{day}）不能晚于登记日。"""

    article = "M57 art.35"


class IrregularNeedsGround(Refusal):
    """登记不规范事项应当写明情况和来源。"""

    article = "M57 art.35"


class EffectIncomplete(Refusal):
    """登记已经生效的低保决定，应当填写月保障金额；金额应当大于零。"""

    article = "M57 art.35"


class NoEffectToEnd(Refusal):
    """该户当日没有可以停发的待遇。"""

    article = "M57 art.35"


class NoOpenSuspicion(Refusal):
    """没有尚未查清的疑点。"""

    article = "M57 art.35"


class OutcomeNeedsFinding(Refusal):
    """办结疑点应当写明查核情况。"""

    article = "M57 art.35"


@dataclass(frozen=True, slots=True)
class IrregularRecorded(Event):
    """Something that should not have been done was found to have been done (登记不规范事项).

    `day` and `officers` are of the act; `recorder` is who found it, `evidence` the paper it was found on.
    """

    title: ClassVar[str] = "登记不规范事项"
    basis: ClassVar[str] = "M57 art.35; L26 art.69"
    none: ClassVar[str] = "case home members cycle status benefit money aid stage ruling paper found"
    turns: ClassVar[tuple[Turn, ...]] = (Turn(of("irregular"), opens=("answer-suspicion",)),)

    on: date
    irregular: UUID
    act: IrregularAct
    day: date
    officers: tuple[str, ...]
    organ: str
    ground: Private[str]
    evidence: UUID | None
    month: Month | None
    fen: Fen | None
    recorder: Actor
    due: Due

    def opens(self) -> tuple[Due, ...]:
        return (self.due,)

    def counts(self) -> Count | None:
        return Count("irregular", detail=self.act)

    def evolve(self, household: Household) -> Household:
        suspicion = Suspicion(self.irregular, self.act, self.day, officers=self.officers, month=self.month)
        return replace(household, suspicions=(*household.suspicions, suspicion))


@dataclass(frozen=True, slots=True)
class IrregularlyConfirmed(Event):
    """The irregular decision's effect: the family has been in a category and paid since (不规范确认的后果).

    The spell takes no claim. A case under way ends with it: it was decided, if not as it should have been.
    """

    title: ClassVar[str] = "不规范确认已经生效"
    none: ClassVar[str] = "home members cycle money aid count ruling paper found"
    turns: ClassVar[tuple[Turn, ...]] = (Turn(of("case"), closes=("*",), when=has_case),)

    on: date
    irregular: UUID
    case: UUID | None
    category: Category
    start: date
    benefit: UUID | None
    fen: Fen
    first: Month | None

    def closes(self) -> tuple[Limit, ...]:
        return (("*", self.case), (WATCH, None)) if self.case else ((WATCH, None),)

    def moves_case(self) -> CaseMove | None:
        return CaseMove(self.case, CaseStep.CONFIRMED) if self.case else None

    def moves_clock(self) -> ClockMove | None:
        return ClockMove((self.case,), leaves=NO_STAGE) if self.case else None

    def bears_on_duties(self, context: DutyContext) -> DutyContext:
        return replace(context, held=self.category)

    def changes_status(self) -> StatusChange | None:
        confirmed = Confirmed(self.category, self.start, subject=self.irregular)
        return StatusChange(self.start, WATCHED, confirmed=confirmed)

    def changes_benefit(self) -> BenefitChange | None:
        if self.benefit is None or self.first is None:
            return None
        programme = Programme(self.category)
        return BenefitChange(begun=BenefitBegun(self.benefit, programme, self.fen, self.first))

    def evolve(self, household: Household) -> Household:
        if self.case is not None:
            household = household.with_case(outcome="confirmed", decided_on=self.start)
        benefits = household.benefits
        if self.benefit is not None and self.first is not None:
            benefits = (*benefits, BenefitSpell(self.benefit, self.category, self.fen, self.first))
        spell = CategorySpell(self.category, self.start, irregular=True)
        return replace(
            household,
            categories=(*ended(household.categories, self.start), spell),
            labels=watch_ended(household, self.start),
            benefits=benefits,
        )


@dataclass(frozen=True, slots=True)
class IrregularlyEnded(Event):
    """The irregular act's effect: the family was no longer aided from `from_month` on (不规范停发的后果)."""

    title: ClassVar[str] = "不规范停发已经生效"
    none: ClassVar[str] = "case home members cycle money aid stage count ruling paper found"
    turns: ClassVar[tuple[Turn, ...]] = STATUS_ENDED

    on: date
    irregular: UUID
    from_month: Month
    watch: Due

    def opens(self) -> tuple[Due, ...]:
        return (self.watch,)

    def closes(self) -> tuple[Limit, ...]:
        return tuple((what, None) for what in ("DL-GRC", "warn-grace-expiry", "DL-REC-HALF", "DL-REC-YEAR"))

    def bears_on_duties(self, context: DutyContext) -> DutyContext:
        return replace(context, held=None)

    def changes_status(self) -> StatusChange | None:
        return StatusChange(self.from_month.first_day, (Label.GRACE,))

    def changes_benefit(self) -> BenefitChange | None:
        return BenefitChange(ends_before=self.from_month)

    def evolve(self, household: Household) -> Household:
        first, day = self.from_month, self.from_month.first_day
        return replace(
            household,
            categories=ended(household.categories, day),
            labels=tuple(
                replace(each, end=max(day, each.start))
                if each.label == Label.GRACE and (each.end is None or each.end > day)
                else each
                for each in household.labels
            ),
            graces=tuple(
                each
                if each.months.last < first
                else replace(each, months=Months(each.months.first, first + -1))
                for each in household.graces
                if each.months.first < first
            ),
            benefits=tuple(
                replace(each, last=first + -1) if each.last is None else each for each in household.benefits
            ),
        )


@dataclass(frozen=True, slots=True)
class RecordIrregular(Command):
    """Record a past act the law forbids, with who did it, ground and evidence; it opens a suspicion (登记不规范事项).

    Confirmations and endings that took effect have it: for Dibao `fen` a month from `month` (left out: the
    month after `day`); for an ending `month` is the first one no longer paid. For payments `month` and `fen`
    say which.
    """

    on: date
    act: IrregularAct
    day: date
    ground: str
    officers: tuple[str, ...] = ()
    organ: str = ""
    evidence: UUID | None = None
    category: Category = dibao.ROAD.category
    month: Month | None = None
    fen: Fen | None = None

    def decide(self, household: Household, context: Context) -> Iterator[Event]:
        require_registered(household)
        said = (self.act, self.day, self.officers, self.month)
        known = any((each.kind, each.day, each.officers, each.month) == said for each in household.suspicions)
        if known and self.act != "other":
            return
        context.require("township", "county")
        if self.day > self.on:
            raise NotHappenedYet(day=self.day)
        if not self.ground.strip():
            raise IrregularNeedsGround
        irregular = context.id("irregular")
        yield IrregularRecorded(
            self.on,
            irregular,
            self.act,
            self.day,
            self.officers,
            self.organ,
            Private(household.id, "text", self.ground),
            self.evidence,
            self.month,
            self.fen,
            context.actor,
            context.due("DL-IRR-CHK", self.on, irregular),
        )
        if self.act in get_args(Confirming):
            yield self._confirmed(household, context, irregular)
        elif self.act in get_args(Ending):
            yield self._ended(household, irregular)

    def _confirmed(self, household: Household, context: Context, irregular: UUID) -> IrregularlyConfirmed:
        category, road = self.category, road_of(self.category)
        paid = road.programme is not None
        if paid and (self.fen is None or self.fen <= 0):
            raise EffectIncomplete
        first = self.month or Month.of(self.day) + 1
        for spell in household.categories:
            running = spell.end is None or spell.end > self.day
            # a family rises out of one category into another, and is then in one all the same
            rises = spell.category in road.rises_from
            if (
                spell.person is None
                and running
                and not (rises and spell.end is None and spell.start <= self.day)
            ):
                raise OneCategoryOnly(category=spell.category.word)
        if paid and any(each.last is None or each.last >= first for each in household.benefits):
            raise OneCategoryOnly(category=category.word)
        case = household.case
        decided = case is not None and case.category == category and case.started_on <= self.day
        return IrregularlyConfirmed(
            self.on,
            irregular,
            case.id if case is not None and decided else None,
            category,
            self.day,
            context.id("benefit") if paid else None,
            self.fen or Fen(0),
            first if paid else None,
        )

    def _ended(self, household: Household, irregular: UUID) -> IrregularlyEnded:
        first = self.month or Month.of(self.day) + 1
        spell = household.category(self.day)
        paid = any(each.ordered is not None and each.ordered >= first for each in household.benefits)
        if spell is None or spell.end is not None or first.first_day <= spell.start or paid:
            raise NoEffectToEnd
        watch = Due("return-to-monitoring", max(self.on, first.first_day), irregular, "C2020", kind="timer")
        return IrregularlyEnded(self.on, irregular, first, watch)


@dataclass(frozen=True, slots=True)
class SuspicionAnswered(Event):
    """A suspicion was looked into and answered (疑点办结)."""

    title: ClassVar[str] = "疑点查清办结"
    basis: ClassVar[str] = "M57 art.35; L26 art.69"
    none: ClassVar[str] = "case home members cycle status benefit money aid stage count ruling paper found"
    turns: ClassVar[tuple[Turn, ...]] = (Turn(of("suspicion"), closes=("answer-suspicion",)),)

    on: date
    suspicion: UUID
    outcome: SuspicionOutcome
    finding: Private[str]

    def meets(self) -> tuple[Limit, ...]:
        return (("DL-IRR-CHK", self.suspicion),)

    def evolve(self, household: Household) -> Household:
        suspicions = tuple(
            replace(each, answered_on=self.on, outcome=self.outcome) if each.id == self.suspicion else each
            for each in household.suspicions
        )
        return replace(household, suspicions=suspicions)


@dataclass(frozen=True, slots=True)
class AnswerSuspicion(Command):
    """Record what became of a suspicion (疑点办结), by the county; `about` left out: the oldest one open."""

    on: date
    outcome: SuspicionOutcome
    finding: str
    about: UUID | None = None

    def decide(self, household: Household, context: Context) -> Iterator[Event]:
        require_registered(household)
        meant = [each for each in household.suspicions if self.about in (None, each.id)]
        suspicion = next((each for each in meant if each.answered_on is None), None)
        if suspicion is None:
            if any((each.answered_on, each.outcome) == (self.on, self.outcome) for each in meant):
                return
            raise NoOpenSuspicion
        context.require("county")
        require_disinterested(household, context)
        require_order(self.on, suspicion.day)
        if not self.finding.strip():
            raise OutcomeNeedsFinding
        finding = Private(household.id, "text", self.finding)
        yield SuspicionAnswered(self.on, suspicion.id, self.outcome, finding)
