"""Transfer (衔接转办): with consent straight from Dibao to the marginal procedure, reusing evidence (S001)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import ClassVar
from uuid import UUID

from domain.categories.means_test import assess
from domain.decision.confirmation import (
    Interval,
    WrongProcedure,
    require_category,
    require_file,
    review_due,
    review_interval,
    watch_ended,
)
from domain.guards.delegation import competent, delegation
from domain.guards.order_of_steps import require_order
from domain.guards.procedure_guards import accepted_case
from domain.guards.registered import require_member, require_registered
from domain.guards.separation_of_duties import investigators_of, require_disinterested, require_separate
from domain.household.command import Command
from domain.household.context import Context
from domain.household.event import Event
from domain.household.parts import Consent, Procedure, Review
from domain.household.state import Household
from domain.intake.application import AlreadyApplying, AlreadyReceives
from domain.values.assessment import Assessment, IncomeItem, is_below
from domain.values.deadline import Due
from domain.values.immutables import replace
from domain.values.money import yuan
from domain.values.person import PersonId
from domain.values.receipt import Decision, apply
from domain.values.refusals import Refusal
from domain.values.spells import Category, CategorySpell


class ConsentMissing(Refusal):
    """转入{to}程序须经家庭同意；请先登记同意意见。"""

    article = "S001"


class ConsentDeclined(Refusal):
    """家庭不同意转入{to}程序，不能转办。"""

    article = "S001"


class EvidenceMissing(Refusal):
    """没有可以沿用的调查核实材料，应当由家庭重新申请。"""

    article = "S001; L26 art.42"


class NotBelowMarginalLine(Refusal):
    """人均月收入{per_capita}元，不低于边缘家庭标准{line}元，不能确认为低保边缘家庭。"""

    article = "M57 art.8; L26 art.21"


class BelowDibaoStandard(Refusal):
    """人均月收入{per_capita}元，低于低保标准{standard}元，应当先按低保程序办理，不能直接确认为低保边缘家庭。"""

    article = "M57 art.8; S001"


class StillInDibao(Refusal):
    """该户低保尚未决定终止，同一时间只能属于一类低收入人口。"""

    article = "S001; G39"


@dataclass(frozen=True, slots=True)
class TransferConsented(Event):
    """The family said yes or no to being passed on to another procedure (转办同意)."""

    title: ClassVar[str] = "征求转办意见"
    basis: ClassVar[str] = "C2020; G39; S001; L26 art.42"

    on: date
    to: Category
    given: bool
    person: PersonId

    def evolve(self, household: Household) -> Household:
        return replace(household, consents=(*household.consents, Consent(self.on, self.to, self.given)))


@dataclass(frozen=True, slots=True)
class ConsentToTransfer(Command):
    """Record the family's answer on passing straight to another category's procedure (征求转办意见)."""

    on: date
    given: bool
    person: PersonId
    to: Category = Category.MARGINAL

    def decide(self, household: Household, context: Context) -> Iterator[Event]:
        require_registered(household)
        require_member(household, self.person, self.on)
        answers = {(c.on, c.to, c.given) for c in household.consents}
        if (self.on, self.to, self.given) not in answers:
            yield TransferConsented(self.on, self.to, self.given, self.person)


@dataclass(frozen=True, slots=True)
class TransferStarted(Event):
    """The next category's procedure began with the evidence there is (转入程序)."""

    title: ClassVar[str] = "转入低保边缘家庭认定程序"
    basis: ClassVar[str] = "C2020; G39; S001; L26 art.42"

    on: date
    case: UUID
    to: Category
    applicant: PersonId
    evidence: UUID
    reviewed_on: date
    income: tuple[IncomeItem, ...]
    due: Due

    def opens(self) -> tuple[Due, ...]:
        return (self.due,)

    def evolve(self, household: Household) -> Household:
        source = next(case for case in household.procedures if case.id == self.evidence)
        case = Procedure(
            self.case,
            self.to,
            "transfer",
            self.on,
            self.applicant,
            self.income,
            accepted_on=self.on,
            relatives=source.relatives,
            authorised=source.authorised,
            verification_requested_on=source.verification_requested_on,
            verification_started_on=source.verification_started_on,
            reported_on=source.reported_on,
            report_eligible=source.report_eligible,
            visits=source.visits,
        )
        consents = tuple(replace(c, used=True) if c.to == self.to else c for c in household.consents)
        return replace(household, procedures=(*household.procedures, case), consents=consents)


@dataclass(frozen=True, slots=True)
class StartTransfer(Command):
    """Begin the marginal procedure for a family leaving Dibao, with its consent (启动转办)."""

    on: date
    to: Category = Category.MARGINAL

    def decide(self, household: Household, context: Context) -> Iterator[Event]:
        require_registered(household)
        case = household.case
        if case is not None:
            if (case.origin, case.category, case.started_on) == ("transfer", self.to, self.on):
                return
            raise AlreadyApplying
        if self.to in (Category.TEKUN, Category.DIBAO):  # into these leads only an application (M57 art.28)
            raise WrongProcedure(category=self.to.word)
        if any(s.category == self.to and (s.end is None or s.end > self.on) for s in household.categories):
            raise AlreadyReceives(category=self.to.word)
        answer = next((c for c in reversed(household.consents) if c.to == self.to and not c.used), None)
        if answer is None:
            raise ConsentMissing(to="低保边缘家庭")
        if not answer.given:
            raise ConsentDeclined(to="低保边缘家庭")
        source, review = household.last_case, household.review
        if source is None or review is None:
            raise EvidenceMissing
        context.require("township", "county")
        case_id = context.id("case")
        yield TransferStarted(
            self.on,
            case_id,
            self.to,
            source.applicant,
            source.id,
            review.on,
            review.income,
            context.due("DL-DIB-TOT", self.on, case_id),
        )


@dataclass(frozen=True, slots=True)
class MarginalConfirmed(Event):
    """The family is marginal from this day, or from the day its other category ends (低保边缘家庭确认).

    `eligible_for` are the kinds of specialised aid the status opens without another means test.
    """

    title: ClassVar[str] = "确认低保边缘家庭"
    basis: ClassVar[str] = "M57 art.8; L26 art.21; G39"

    on: date
    case: UUID
    start: date
    assessment: Assessment
    income: tuple[IncomeItem, ...]
    interval: Interval
    review_due: Due
    eligible_for: tuple[str, ...]
    decision: Decision

    def opens(self) -> tuple[Due, ...]:
        return (self.review_due,)

    def closes(self) -> tuple[tuple[str, UUID | None], ...]:
        return (
            ("*", self.case),
            ("return-to-monitoring", None),
            ("DL-REC-HALF", None),
            ("DL-REC-YEAR", None),
            ("DL-CHG", None),
        )

    def evolve(self, household: Household) -> Household:
        household = household.with_case(outcome="confirmed", decided_on=self.on)
        return replace(
            household,
            categories=(*household.categories, CategorySpell(Category.MARGINAL, self.start)),
            labels=watch_ended(household, self.start),
            review=Review(self.on, self.assessment, self.income, self.interval),
        )


@dataclass(frozen=True, slots=True)
class ConfirmMarginal(Command):
    """Confirm the family as marginal (确认低保边缘家庭): identification, no monthly cash, no public notice.

    A family whose income lies below the Dibao standard is decided for Dibao first: marginal is who does not
    fit Dibao (M57 art.8), and the status goes to the highest category met (S001). Once Dibao was refused,
    on its property say, marginal is open to it.
    """

    on: date
    delegated_by: str | None = None
    interval: Interval | None = None

    def decide(self, household: Household, context: Context) -> Iterator[Event]:
        last = household.last_case
        if last is not None and (last.category, last.outcome, last.decided_on) == (
            Category.MARGINAL,
            "confirmed",
            self.on,
        ):
            return
        case = accepted_case(household)
        require_category(case, Category.MARGINAL)
        decider = competent(context, self.on, self.delegated_by)
        require_order(self.on, case.accepted_on)
        if case.origin == "application":
            require_file(household, case, decider, context, self.on)
        else:
            require_disinterested(household, context)
            officer = decider.officer
            require_separate("investigate-then-decide", investigators_of(case), officer, self.on, context)
        held = household.category(self.on)
        if held is not None and held.end is None:
            raise StillInDibao
        start = held.end if held is not None and held.end is not None else self.on
        assessment, applied = assess(household, context, self.on, case.income)
        line = context.rules(self.on)["marginal.line-ratio"]
        below = apply(
            "marginal.is-below-line",
            is_below,
            line.source,
            line.since,
            annual=list(assessment.annual),
            members=assessment.members,
            line=assessment.line,
        )
        if not below.result:
            raise NotBelowMarginalLine(
                per_capita=yuan(assessment.per_capita), line=yuan(assessment.line or 0)
            )
        refused = any((p.category, p.outcome) == (Category.DIBAO, "refused") for p in household.procedures)
        if assessment.below_standard and not refused:
            raise BelowDibaoStandard(
                per_capita=yuan(assessment.per_capita), standard=yuan(assessment.standard)
            )
        interval = self.interval or review_interval(household, context, self.on)
        yield MarginalConfirmed(
            self.on,
            case.id,
            start,
            assessment,
            case.income,
            interval,
            review_due(interval, self.on, household, context),
            context.rules(self.on).words("marginal.specialised-aid"),
            context.decision(self.on, decider, *applied, below, *delegation(context, self.on, decider)),
        )
