"""Re-check (复查): a report against the family is told to it, objected to with evidence and looked at again."""

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
from domain.household.command import Command
from domain.household.context import Context
from domain.household.duty import Turn, is_limited, of
from domain.household.event import Event
from domain.household.notions import CaseMove, ClockMove, Count, Limit
from domain.household.parts import Objection, Procedure
from domain.household.state import Household
from domain.inquiry.verification import Hit
from domain.values.deadline import Due
from domain.values.immutables import replace
from domain.values.person import PersonId
from domain.values.private import Private
from domain.values.refusals import Refusal

RECHECK = "DL-OBJ-CHK"
"""The limit of a re-check."""


class NothingToTell(Refusal):
    """核对报告没有不符合条件的结论，无需告知申请人。"""

    article = "M57 art.18"


class NothingToObject(Refusal):
    """核对报告没有不符合条件的结论，不能对核对结果提出异议。"""

    article = "M57 art.18"


class EvidenceRequired(Refusal):
    """对核对结果有异议的，应当提供佐证材料；请列明材料名称。"""

    article = "M57 art.18"


class AlreadyObjected(Refusal):
    """对核对结果的异议正在复查，不能重复提出；补充的佐证材料请并入本次复查。"""

    article = "M57 art.18"


class NothingToRecheck(Refusal):
    """申请人没有对核对结果提出异议，无需复查。"""

    article = "M57 art.18"


class RecheckPending(Refusal):
    """申请人对核对结果有异议，复查尚未完成，不能提出审核意见或者作出决定。"""

    article = "M57 art.18"


@dataclass(frozen=True, slots=True)
class ResultTold(Event):
    """The applicant was told that the data check speaks against the family (告知核对结果)."""

    title: ClassVar[str] = "告知核对结果"
    basis: ClassVar[str] = "M57 art.18"
    none: ClassVar[str] = "home members cycle status benefit money aid count ruling paper found"
    turns: ClassVar[tuple[Turn, ...]] = (Turn(of("case"), closes=("tell-result",)),)

    on: date
    case: UUID
    told: PersonId

    def meets(self) -> tuple[Limit, ...]:
        return limits(self.case, "tell")

    def moves_case(self) -> CaseMove | None:
        return CaseMove(self.case, told="told", day=self.on)

    def moves_clock(self) -> ClockMove | None:
        return ClockMove((self.case,), ("told",))

    def evolve(self, household: Household) -> Household:
        return household.with_case(told_on=self.on)


@dataclass(frozen=True, slots=True)
class TellResult(Command):
    """Tell the applicant that the data check, or the re-check, found the family not eligible (告知核对结果)."""

    on: date
    told: PersonId

    def decide(self, household: Household, context: Context) -> Iterator[Event]:
        case = accepted_case(household)
        if case.report_eligible is not False:
            raise NothingToTell
        if case.told_on is not None:
            return
        context.require("township")
        require_order(self.on, case.reported_on, case.rechecked_on)
        require_member(household, self.told, self.on)
        yield ResultTold(self.on, case.id, self.told)


@dataclass(frozen=True, slots=True)
class ReportObjected(Event):
    """The family objected to the report and handed in evidence: the township must re-check (对核对结果提出异议).

    M57 art.18 sets no term for the re-check; its limit is this project's default.
    """

    title: ClassVar[str] = "对核对结果提出异议"
    basis: ClassVar[str] = "M57 art.18"
    none: ClassVar[str] = "home members cycle status benefit money aid ruling paper found"
    turns: ClassVar[tuple[Turn, ...]] = (Turn(of("case"), opens=("recheck",)),)

    on: date
    case: UUID
    objection: UUID
    person: PersonId
    evidence: tuple[str, ...]
    statement: Private[str] | None
    due: Due

    def opens(self) -> tuple[Due, ...]:
        return (self.due,)

    def moves_case(self) -> CaseMove | None:
        return CaseMove(self.case, told="untold")

    def moves_clock(self) -> ClockMove | None:
        return ClockMove((self.case,), ("disputed",), "township")

    def counts(self) -> Count | None:
        return Count("objected", None, "report", case=self.case)

    def evolve(self, household: Household) -> Household:
        objection = Objection(self.objection, "report", self.on, self.person)
        return household.with_case(objections=(*household.procedures[-1].objections, objection))


@dataclass(frozen=True, slots=True)
class ObjectToReport(Command):
    """Record the family's objection to the verification report, with its evidence (对核对结果提出异议).

    Admitted until the case is decided, also where nobody recorded that the family was told.
    """

    on: date
    person: PersonId
    evidence: tuple[str, ...]
    statement: str | None = None

    def decide(self, household: Household, context: Context) -> Iterator[Event]:
        case = accepted_case(household)
        pending = open_objection(case, "report")
        if pending is not None:
            if (pending.on, pending.person) == (self.on, self.person):
                return
            raise AlreadyObjected
        if case.report_eligible is not False:
            raise NothingToObject
        require_order(self.on, case.reported_on, case.rechecked_on)
        require_member(household, self.person, self.on)
        if not any(paper.strip() for paper in self.evidence):
            raise EvidenceRequired
        yield ReportObjected(
            self.on,
            case.id,
            context.id("objection"),
            self.person,
            self.evidence,
            Private(household.id, "text", self.statement) if self.statement else None,
            context.due(RECHECK, self.on, case.id),
        )


@dataclass(frozen=True, slots=True)
class ReportRechecked(Event):
    """The re-check's finding stands for what follows; the first report stays in the chain (复查).

    `due`: by when the applicant is told, where it speaks against the family again.
    """

    title: ClassVar[str] = "复查核对结果"
    basis: ClassVar[str] = "M57 art.18"
    none: ClassVar[str] = "home members cycle status benefit money aid count ruling paper found"
    turns: ClassVar[tuple[Turn, ...]] = (
        Turn(of("case"), closes=("recheck", "tell-result")),
        Turn(of("case"), opens=("tell-result",), when=is_limited),
    )

    on: date
    case: UUID
    objection: UUID
    eligible: bool
    sources: tuple[str, ...]
    hits: tuple[Hit, ...]
    finding: Private[str] | None
    due: Due | None

    def opens(self) -> tuple[Due, ...]:
        return (self.due,) if self.due else ()

    def meets(self) -> tuple[Limit, ...]:
        return ((RECHECK, self.case),)

    def closes(self) -> tuple[Limit, ...]:
        return limits(self.case, "tell")

    def moves_case(self) -> CaseMove | None:
        return CaseMove(self.case, told="untold")

    def moves_clock(self) -> ClockMove | None:
        return ClockMove((self.case,), ("rechecked",), "township")

    def evolve(self, household: Household) -> Household:
        return household.with_case(
            report_eligible=self.eligible,
            rechecked_on=self.on,
            told_on=None,
            objections=answered(household.procedures[-1], "report", self.on),
        )


@dataclass(frozen=True, slots=True)
class Recheck(Command):
    """Record the township's re-check after an objection to the report (复查): sources asked, what they answered."""

    on: date
    eligible: bool
    sources: tuple[str, ...] = ()
    hits: tuple[Hit, ...] = ()
    finding: str | None = None

    def decide(self, household: Household, context: Context) -> Iterator[Event]:
        case = accepted_case(household)
        pending = open_objection(case, "report")
        if pending is None:
            if (case.rechecked_on, case.report_eligible) == (self.on, self.eligible):
                return
            raise NothingToRecheck
        context.require("township")
        require_disinterested(household, context)
        require_order(self.on, pending.on)
        yield ReportRechecked(
            self.on,
            case.id,
            pending.id,
            self.eligible,
            self.sources,
            self.hits,
            Private(household.id, "text", self.finding) if self.finding else None,
            None if self.eligible else context.due(road_of(case.category).limits["tell"], self.on, case.id),
        )


def open_objection(case: Procedure, to: str) -> Objection | None:
    """The first objection to the report or to the notice that nothing has answered yet."""
    return next((each for each in case.objections if each.to == to and each.answered_on is None), None)


def answered(case: Procedure, to: str, on: date) -> tuple[Objection, ...]:
    """The case's objections with the open ones to the report, or to the notice, answered."""
    return tuple(
        replace(each, answered_on=on) if each.to == to and each.answered_on is None else each
        for each in case.objections
    )
