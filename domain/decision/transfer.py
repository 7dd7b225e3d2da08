"""Transfer (衔接转办): with consent straight from one category to the next one's procedure, reusing evidence (S001)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import ClassVar
from uuid import UUID

from domain.categories import marginal
from domain.categories.roads import road_of
from domain.decision.confirmation import (
    WrongProcedure,
)
from domain.guards.registered import require_member, require_registered
from domain.household.command import Command
from domain.household.context import Context
from domain.household.duty import Turn, of, of_household
from domain.household.duty_context import DutyContext
from domain.household.event import Event
from domain.household.notions import CaseMove, CaseStep, ClockMove, Count
from domain.household.parts import Consent, Procedure
from domain.household.state import Household
from domain.intake.application import AlreadyApplying, AlreadyReceives
from domain.values.assessment import IncomeItem
from domain.values.deadline import Due
from domain.values.immutables import replace
from domain.values.person import PersonId
from domain.values.refusals import Refusal
from domain.values.spells import Category


class ConsentMissing(Refusal):
    """转入{to}程序须经家庭同意；请先登记同意意见。"""

    article = "S001"


class ConsentDeclined(Refusal):
    """家庭不同意转入{to}程序，不能转办。"""

    article = "S001"


class EvidenceMissing(Refusal):
    """没有可以沿用的调查核实材料，应当由家庭重新申请。"""

    article = "S001; L26 art.42"


@dataclass(frozen=True, slots=True)
class TransferConsented(Event):
    """The family said yes or no to being passed on to another procedure (转办同意)."""

    title: ClassVar[str] = "征求转办意见"
    basis: ClassVar[str] = "C2020; G39; S001; L26 art.42"
    none: ClassVar[str] = (
        "limits case home members cycle status benefit money aid stage count ruling paper found"
    )
    turns: ClassVar[tuple[Turn, ...]] = (
        Turn(of_household, opens=("start-transfer",), when=lambda event, context: event.given),
        Turn(of_household, closes=("start-transfer",), when=lambda event, context: not event.given),
    )

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
    to: Category = marginal.ROAD.category

    def decide(self, household: Household, context: Context) -> Iterator[Event]:
        require_registered(household)
        require_member(household, self.person, self.on)
        answers = {(c.on, c.to, c.given) for c in household.consents}
        road_of(self.to)
        if (self.on, self.to, self.given) not in answers:
            yield TransferConsented(self.on, self.to, self.given, self.person)


@dataclass(frozen=True, slots=True)
class TransferStarted(Event):
    """The next category's procedure began with the evidence there is (转入程序)."""

    title: ClassVar[str] = "转入认定程序"
    basis: ClassVar[str] = "C2020; G39; S001; L26 art.42"
    none: ClassVar[str] = "home members cycle status benefit money aid ruling paper found"
    turns: ClassVar[tuple[Turn, ...]] = (
        Turn(of_household, closes=("start-transfer",)),
        Turn(of("case"), opens=("decide",)),
    )

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

    def moves_case(self) -> CaseMove | None:
        return CaseMove(self.case, CaseStep.UNDER_DECISION, begins=self.to)

    def moves_clock(self) -> ClockMove | None:
        return ClockMove((self.case,), ("term",), "county", begins=("case", self.to))

    def bears_on_duties(self, context: DutyContext) -> DutyContext:
        return DutyContext(held=context.held)

    def counts(self) -> Count | None:
        return Count("transfer-started", self.to)

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
    """Begin the next category's procedure for a family that leaves its own, with its consent (启动转办)."""

    on: date
    to: Category = marginal.ROAD.category

    def decide(self, household: Household, context: Context) -> Iterator[Event]:
        require_registered(household)
        case = household.case
        if case is not None:
            if (case.origin, case.category, case.started_on) == ("transfer", self.to, self.on):
                return
            raise AlreadyApplying
        if not road_of(self.to).entered_by_transfer:  # into this one leads only an application (M57 art.28)
            raise WrongProcedure(category=self.to.word)
        if any(s.category == self.to and (s.end is None or s.end > self.on) for s in household.categories):
            raise AlreadyReceives(category=self.to.word)
        answer = next((c for c in reversed(household.consents) if c.to == self.to and not c.used), None)
        if answer is None:
            raise ConsentMissing(to=self.to.word)
        if not answer.given:
            raise ConsentDeclined(to=self.to.word)
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
            context.due(road_of(self.to).limits["total"], self.on, case_id),
        )
