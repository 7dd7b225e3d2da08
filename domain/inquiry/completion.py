"""The inquiry is complete (核实完成): every step that the place asks for is there, and what they found is one fact."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from typing import ClassVar
from uuid import UUID

from domain.categories.means_test import assess
from domain.guards.registered import NobodyCounted
from domain.household.context import Context
from domain.household.event import Event
from domain.household.notions import CaseMove, CaseStep, Count
from domain.household.parts import Procedure
from domain.household.state import Household
from domain.values.assessment import Assessment, IncomeItem
from domain.values.policy import ParameterMissing, Rules
from domain.values.receipt import Receipt, RuleApplied


@dataclass(frozen=True, slots=True)
class Verified(Event):
    """Every report, visit and answer that the place asks for is there (核实): what the inquiry found as a whole.

    Its day is that of the last of them. `eligible` is what the data check found, None where none was asked for;
    `assessment` what the family has by what it declared, None where the place has set no standard or nobody is counted.
    """

    title: ClassVar[str] = "核实完成"
    basis: ClassVar[str] = "M57 art.15, 16, 17, 28; L26 art.43"
    none: ClassVar[str] = "limits home members cycle status benefit money aid stage duties ruling paper found"

    on: date
    case: UUID
    eligible: bool | None
    visited_on: date | None
    income: tuple[IncomeItem, ...]
    assessment: Assessment | None
    receipt: Receipt

    def moves_case(self) -> CaseMove | None:
        return CaseMove(self.case, CaseStep.VERIFIED)

    def counts(self) -> Count | None:
        return Count("verified", None, case=self.case)

    def evolve(self, household: Household) -> Household:
        return household.with_case(verified_on=self.on)


def missing_steps(case: Procedure, rules: Rules) -> tuple[str, ...]:
    """The steps of the inquiry that the rules ask for and that are not done, in words (M57 art.28)."""
    wanted = (
        ("启动调查", case.origin == "application", case.investigation_on),
        ("核对报告", rules.flag("procedure.verification-required"), case.reported_on),
        ("入户调查", rules.flag("procedure.home-visit-required"), case.visits or None),
    )
    return tuple(step for step, asked, done in wanted if asked and done is None)


def completing(household: Household, context: Context, *facts: Event) -> Iterator[Event]:
    """Facts of the inquiry, and that it is complete where they are its last."""
    for fact in facts:
        yield fact
        household = fact.evolve(household)
    case = household.case
    on = facts[-1].on
    if case is None or case.verified_on is not None or case.opinion_on is not None:
        return
    if missing_steps(case, context.rules(on)):
        return
    visited_on = max((visit.on for visit in case.visits), default=None)
    days = (case.investigation_on, case.reported_on, visited_on)
    last = max((day for day in days if day is not None), default=on)
    assessment: Assessment | None = None
    applied: tuple[RuleApplied, ...] = ()
    with suppress(NobodyCounted, ParameterMissing):  # the opinion says so; what was found stays found
        assessment, applied = assess(household, context, last, case.income)
    yield Verified(
        last,
        case.id,
        case.report_eligible,
        visited_on,
        case.income,
        assessment,
        Receipt(context.rules(last).packs, applied),
    )
