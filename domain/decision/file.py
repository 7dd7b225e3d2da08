"""The file (审核材料): the county receives it from the township, and its ten working days start (M57 art.19, 20)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import ClassVar
from uuid import UUID

from domain.categories.roads import limits, road_of
from domain.decision.opinion import NoticeMissing, OpinionMissing, require_unopposed
from domain.guards.order_of_steps import require_order
from domain.guards.procedure_guards import accepted_case
from domain.household.command import Command
from domain.household.context import Context
from domain.household.duty import Turn, of, owes_visit
from domain.household.event import Event
from domain.household.notions import CaseMove, CaseStep, ClockMove, Limit
from domain.household.state import Household
from domain.values.deadline import Due
from domain.values.immutables import replace
from domain.values.refusals import Refusal


class FileNotResubmitted(Refusal):
    """材料已于{returned}退回补正，乡镇（街道）尚未重新报送，县级不能收件。"""

    article = "M57 art.19, 20"


@dataclass(frozen=True, slots=True)
class FileReceived(Event):
    """The county received the township's file: its ten working days start (收到审核材料).

    M57 art.20 counts them from the receipt and is silent on a file sent back. By this project's default they
    start anew with each receipt; where the place's rule says `resume`, those left at the return run on.
    """

    title: ClassVar[str] = "县级收件"
    basis: ClassVar[str] = "M57 art.19, 20"
    none: ClassVar[str] = "home members cycle status benefit money aid count ruling paper found"
    turns: ClassVar[tuple[Turn, ...]] = (
        Turn(of("case"), closes=("send-file", "receive-file", "decide-delegated"), opens=("decide",)),
        Turn(of("case"), opens=("visit-home-county",), when=owes_visit),
    )

    on: date
    case: UUID
    due: Due

    def opens(self) -> tuple[Due, ...]:
        return (self.due,)

    def meets(self) -> tuple[Limit, ...]:
        return limits(self.case, "send")

    def moves_case(self) -> CaseMove | None:
        return CaseMove(self.case, CaseStep.UNDER_DECISION)

    def moves_clock(self) -> ClockMove | None:
        return ClockMove((self.case,), ("received",), "county")

    def evolve(self, household: Household) -> Household:
        return household.with_case(file_received_on=self.on, county_days_left=None)


@dataclass(frozen=True, slots=True)
class ReceiveFile(Command):
    """Record that the county holds the file; a Dibao proposal must have been on notice first (收件)."""

    on: date

    def decide(self, household: Household, context: Context) -> Iterator[Event]:
        case = accepted_case(household)
        if case.file_received_on is not None:
            return
        context.require("county")
        if case.opinion_on is None:
            raise OpinionMissing
        require_unopposed(case)
        road = road_of(case.category)
        if road.noticed and case.opinion_approves and case.notice_closed_on is None:
            raise NoticeMissing
        returned = case.returns[-1] if case.returns else None
        if returned is not None and returned.resubmitted_on is None:
            raise FileNotResubmitted(returned=returned.on)
        resubmitted = returned.resubmitted_on if returned else None
        require_order(self.on, case.opinion_on, case.notice_closed_on, resubmitted)
        due = context.due(road.limits["decide"], self.on, case.id)
        left = case.county_days_left
        if (
            left is not None
            and context.rules(self.on).word("procedure.county-clock-after-return") == "resume"
        ):
            count = context.calendar.add_working_days(self.on, max(left, 1))
            due = replace(due, day=count.day, editions=count.editions, assumed=count.assumed)
        yield FileReceived(self.on, case.id, due)
