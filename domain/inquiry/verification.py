"""Verification (调查核实): investigation, data check, home visit (M57 art.15–18)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import ClassVar
from uuid import UUID

from domain.categories.roads import limits, road_of
from domain.guards.order_of_steps import require_order
from domain.guards.procedure_guards import accepted_case
from domain.guards.registered import require_member
from domain.guards.separation_of_duties import require_disinterested
from domain.guards.visit_team import require_team
from domain.household.command import Command
from domain.household.context import Context
from domain.household.duty import INQUIRY, Turn, has_visited, of
from domain.household.duty_context import DutyContext
from domain.household.event import Event
from domain.household.notions import CaseMove, CaseStep, ClockMove, Limit
from domain.household.parts import Procedure, Visit
from domain.household.state import Household
from domain.inquiry.completion import completing
from domain.values.deadline import Due
from domain.values.immutables import replace
from domain.values.money import Fen
from domain.values.person import PersonId
from domain.values.refusals import Refusal


class AuthorisationMissing(Refusal):
    """还有{missing}名成年成员未签署核对授权书，不能提请信息核对。"""

    article = "M57 art.9; L26 art.40"


class NotRequested(Refusal):
    """尚未提请信息核对；请先由乡镇（街道）提出核对请求。"""

    article = "M57 art.17"


class NotStarted(Refusal):
    """信息核对尚未启动，不能登记核对报告。"""

    article = "M57 art.17"


class VisitUnsigned(Refusal):
    """入户调查表应当由在场的家庭成员签字确认。"""

    article = "M57 art.16"


class ReportContradicts(Refusal):
    """核对报告已经登记，结论不能被另一份报告覆盖；如有异议请申请复查。"""

    article = "M57 art.18"


@dataclass(frozen=True, slots=True)
class Hit:
    """What one source answered about a member (核对结果): source, kind of asset or income, fen."""

    source: str
    kind: str
    person: PersonId | None = None
    fen: Fen | None = None


@dataclass(frozen=True, slots=True)
class InvestigationStarted(Event):
    """The township began to look into the family's economic situation (启动家庭经济状况调查)."""

    title: ClassVar[str] = "启动家庭经济状况调查"
    basis: ClassVar[str] = "M57 art.15"
    none: ClassVar[str] = "home members cycle status benefit money aid count ruling paper found"
    turns: ClassVar[tuple[Turn, ...]] = (
        Turn(of("case"), closes=("start-investigation",), opens=("give-opinion",), once_done=INQUIRY),
    )

    on: date
    case: UUID

    def meets(self) -> tuple[Limit, ...]:
        return limits(self.case, "investigate")

    def moves_case(self) -> CaseMove | None:
        return CaseMove(self.case, CaseStep.INVESTIGATING)

    def moves_clock(self) -> ClockMove | None:
        return ClockMove((self.case,), ("investigation",))

    def evolve(self, household: Household) -> Household:
        return household.with_case(investigation_on=self.on)


@dataclass(frozen=True, slots=True)
class StartInvestigation(Command):
    """Begin the economic investigation, within 3 working days of acceptance (启动调查)."""

    on: date

    def decide(self, household: Household, context: Context) -> Iterator[Event]:
        case = accepted_case(household)
        if case.investigation_on is None:
            context.require("township")
            require_order(self.on, case.accepted_on)
            yield from completing(household, context, InvestigationStarted(self.on, case.id))


@dataclass(frozen=True, slots=True)
class VerificationRequested(Event):
    """The township asked the county to check the data sources (提请信息核对)."""

    title: ClassVar[str] = "提请信息核对"
    basis: ClassVar[str] = "M57 art.17"
    none: ClassVar[str] = "home members cycle status benefit money aid count ruling paper found"
    turns: ClassVar[tuple[Turn, ...]] = (
        Turn(of("case"), closes=("request-verification",), opens=("start-verification",)),
    )

    on: date
    case: UUID
    due: Due

    def opens(self) -> tuple[Due, ...]:
        return (self.due,)

    def moves_case(self) -> CaseMove | None:
        return CaseMove(self.case, CaseStep.INVESTIGATING)

    def moves_clock(self) -> ClockMove | None:
        return ClockMove((self.case,), ("requested",), "county")

    def evolve(self, household: Household) -> Household:
        return household.with_case(verification_requested_on=self.on)


@dataclass(frozen=True, slots=True)
class RequestVerification(Command):
    """Ask the county for the data check; every adult member must have signed (提请核对)."""

    on: date

    def decide(self, household: Household, context: Context) -> Iterator[Event]:
        case = accepted_case(household)
        if case.verification_requested_on is not None:
            return
        context.require("township")
        require_order(self.on, case.accepted_on)
        require_authorised(household, case, self.on, context)
        yield VerificationRequested(
            self.on, case.id, context.due(road_of(case.category).limits["check"], self.on, case.id)
        )


@dataclass(frozen=True, slots=True)
class VerificationStarted(Event):
    """The county began the data check (启动信息核对)."""

    title: ClassVar[str] = "启动信息核对"
    basis: ClassVar[str] = "M57 art.17"
    none: ClassVar[str] = "home members cycle status benefit money aid count ruling paper found"
    turns: ClassVar[tuple[Turn, ...]] = (
        Turn(of("case"), closes=("start-verification",), opens=("report-verification",)),
    )

    on: date
    case: UUID

    def meets(self) -> tuple[Limit, ...]:
        return limits(self.case, "check")

    def moves_case(self) -> CaseMove | None:
        return CaseMove(self.case)

    def moves_clock(self) -> ClockMove | None:
        return ClockMove((self.case,), ("check",), "county")

    def evolve(self, household: Household) -> Household:
        return household.with_case(verification_started_on=self.on)


@dataclass(frozen=True, slots=True)
class StartVerification(Command):
    """Begin the data check, within 3 working days of the request (启动核对)."""

    on: date

    def decide(self, household: Household, context: Context) -> Iterator[Event]:
        case = accepted_case(household)
        if case.verification_started_on is not None:
            return
        if case.verification_requested_on is None:
            raise NotRequested
        context.require("county")
        require_order(self.on, case.verification_requested_on)
        yield VerificationStarted(self.on, case.id)


@dataclass(frozen=True, slots=True)
class VerificationReported(Event):
    """The data check was reported, source by source (出具核对报告)."""

    title: ClassVar[str] = "出具核对报告"
    basis: ClassVar[str] = "M57 art.17"
    none: ClassVar[str] = "limits home members cycle status benefit money aid count ruling paper found"
    turns: ClassVar[tuple[Turn, ...]] = (
        Turn(of("case"), closes=("report-verification",), opens=("give-opinion",), once_done=INQUIRY),
    )

    on: date
    case: UUID
    eligible: bool
    sources: tuple[str, ...]
    hits: tuple[Hit, ...]

    def moves_case(self) -> CaseMove | None:
        return CaseMove(self.case)

    def moves_clock(self) -> ClockMove | None:
        return ClockMove((self.case,), ("reported",), "township")

    def evolve(self, household: Household) -> Household:
        return household.with_case(reported_on=self.on, report_eligible=self.eligible)


@dataclass(frozen=True, slots=True)
class ResultToBeTold(Event):
    """The data check speaks against the family: the township owes it word of that (待告知核对结果).

    M57 art.18 says "promptly"; the days are this project's default.
    """

    title: ClassVar[str] = "待告知核对结果"
    basis: ClassVar[str] = "M57 art.18"
    none: ClassVar[str] = "case home members cycle status benefit money aid count ruling paper found"
    turns: ClassVar[tuple[Turn, ...]] = (Turn(of("case"), opens=("tell-result",)),)

    on: date
    case: UUID
    due: Due

    def opens(self) -> tuple[Due, ...]:
        return (self.due,)

    def moves_clock(self) -> ClockMove | None:
        return ClockMove((self.case,), ("adverse",))

    def evolve(self, household: Household) -> Household:
        return household.with_case(told_on=None)


@dataclass(frozen=True, slots=True)
class ReportVerification(Command):
    """Record the verification report (登记核对报告): which sources were asked and what they answered."""

    on: date
    eligible: bool
    sources: tuple[str, ...] = ()
    hits: tuple[Hit, ...] = ()

    def decide(self, household: Household, context: Context) -> Iterator[Event]:
        case = accepted_case(household)
        if case.reported_on is not None:
            if case.report_eligible != self.eligible:
                raise ReportContradicts
            return
        if case.verification_started_on is None:
            raise NotStarted
        context.require("county")
        require_order(self.on, case.verification_started_on)
        reported = VerificationReported(self.on, case.id, self.eligible, self.sources, self.hits)
        if self.eligible:
            yield from completing(household, context, reported)
            return
        due = context.due(road_of(case.category).limits["tell"], self.on, case.id)
        yield from completing(household, context, reported, ResultToBeTold(self.on, case.id, due))


@dataclass(frozen=True, slots=True)
class HomeVisited(Event):
    """Investigators visited the family; the form is signed by them and a member (入户调查)."""

    title: ClassVar[str] = "入户调查"
    basis: ClassVar[str] = "M57 art.16"
    none: ClassVar[str] = "limits home members cycle status benefit money aid stage count ruling paper found"
    turns: ClassVar[tuple[Turn, ...]] = (
        Turn(of("case"), closes=("visit-home-county",), when=has_visited),
        Turn(of("case"), closes=("visit-home",), opens=("give-opinion",), once_done=INQUIRY),
    )

    on: date
    case: UUID
    investigators: tuple[str, ...]
    level: str
    signed_by: PersonId

    def moves_case(self) -> CaseMove | None:
        return CaseMove(self.case)

    def bears_on_duties(self, context: DutyContext) -> DutyContext:
        if self.level != "county":
            return context
        return replace(context, county_visits=(*context.county_visits, self.on))

    def evolve(self, household: Household) -> Household:
        visit = Visit(self.on, self.investigators, self.level)
        return household.with_case(visits=(*household.procedures[-1].visits, visit))


@dataclass(frozen=True, slots=True)
class VisitHome(Command):
    """Record a home visit; at least two investigators, signed by a member present (登记入户调查)."""

    on: date
    investigators: tuple[str, ...]
    signed_by: PersonId | None = None

    def decide(self, household: Household, context: Context) -> Iterator[Event]:
        case = accepted_case(household)
        if any(v.on == self.on and v.investigators == self.investigators for v in case.visits):
            return
        context.require("township", "county")
        require_disinterested(household, context, *self.investigators)
        require_order(self.on, case.accepted_on)
        require_team(self.investigators, self.on, context)
        if self.signed_by is None:
            raise VisitUnsigned
        require_member(household, self.signed_by, self.on)
        level = context.actor.level or "township"
        visited = HomeVisited(self.on, case.id, self.investigators, level, self.signed_by)
        yield from completing(household, context, visited)


def require_authorised(household: Household, case: Procedure, on: date, context: Context) -> None:
    """Refuse a data check while an adult member has not signed (M57 art.9)."""
    adult = context.rules(on).integer("adult-age")
    missing = [m for m in household.counted(on) if m.is_adult(on, adult) and m.person not in case.authorised]
    if missing:
        raise AuthorisationMissing(missing=len(missing))
