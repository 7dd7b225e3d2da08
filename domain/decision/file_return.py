"""Return of the file (退回补正): the county sends it back to the township with reasons and a clock."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import ClassVar
from uuid import UUID

from domain.categories.roads import limits, road_of
from domain.decision.confirmation import FileNotReceived
from domain.guards.order_of_steps import require_order
from domain.guards.procedure_guards import accepted_case
from domain.household.command import Command
from domain.household.context import Context
from domain.household.duty import Turn, of
from domain.household.event import Event
from domain.household.notions import CaseMove, CaseStep, ClockMove, Count, Limit
from domain.household.parts import FileReturn
from domain.household.state import Household
from domain.values.deadline import Due
from domain.values.immutables import replace
from domain.values.private import Private
from domain.values.refusals import Refusal


class ReturnNeedsReasons(Refusal):
    """退回补正应当写明理由，并一次列明需要补正的内容。"""

    article = "M57 art.10, 20"


class FileNotReturned(Refusal):
    """县级没有退回本件材料，无需重新报送。"""

    article = "M57 art.19, 20"


@dataclass(frozen=True, slots=True)
class FileReturned(Event):
    """The county sent the file back: for the how-manieth time, what is to be mended and by when (退回补正).

    The county's own ten working days stop; `left` of them were unused. The total limit goes on.
    """

    title: ClassVar[str] = "退回补正"
    basis: ClassVar[str] = "M57 art.20"
    none: ClassVar[str] = "home members cycle status benefit money aid ruling paper found"
    turns: ClassVar[tuple[Turn, ...]] = (
        Turn(of("case"), closes=("decide", "visit-home-county"), opens=("mend-file",)),
    )

    on: date
    case: UUID
    ordinal: int
    items: tuple[str, ...]
    reasons: Private[str]
    left: int
    due: Due

    def opens(self) -> tuple[Due, ...]:
        return (self.due,)

    def closes(self) -> tuple[Limit, ...]:
        return limits(self.case, "decide")

    def moves_case(self) -> CaseMove | None:
        return CaseMove(self.case, CaseStep.RETURNED)

    def moves_clock(self) -> ClockMove | None:
        return ClockMove((self.case,), ("returned",), "township", stop="returned")

    def counts(self) -> Count | None:
        return Count("file-returned", None, case=self.case)

    def evolve(self, household: Household) -> Household:
        returns = (*household.procedures[-1].returns, FileReturn(self.on))
        return household.with_case(file_received_on=None, returns=returns, county_days_left=self.left)


@dataclass(frozen=True, slots=True)
class ReturnFile(Command):
    """Send the file back to the township, all that is to be mended named at once (退回补正).

    The law is silent on this step (M57 art.20 knows only the receipt): the township's days are this
    project's default. Whether the county's own days start anew or run on, see `FileReceived`.
    """

    on: date
    items: tuple[str, ...]
    reasons: str

    def decide(self, household: Household, context: Context) -> Iterator[Event]:
        case = accepted_case(household)
        last = case.returns[-1] if case.returns else None
        if last is not None and (last.on, last.resubmitted_on) == (self.on, None):
            return
        context.require("county")
        if case.file_received_on is None:
            raise FileNotReceived
        require_order(self.on, case.file_received_on)
        if not self.reasons.strip() or not any(item.strip() for item in self.items):
            raise ReturnNeedsReasons
        limits = road_of(case.category).limits
        counted = (limits["decide"], case.id)
        running = next((o.due for o in household.dues if (o.due.what, o.due.subject) == counted), None)
        left = context.calendar.working_days_between(self.on, running.day) if running else 0
        yield FileReturned(
            self.on,
            case.id,
            len(case.returns) + 1,
            self.items,
            Private(household.id, "text", self.reasons),
            max(left, 0),
            context.due(limits["mend"], self.on, case.id),
        )


@dataclass(frozen=True, slots=True)
class FileResubmitted(Event):
    """The township mended the file and sent it up again (重新报送)."""

    title: ClassVar[str] = "补正后重新报送"
    basis: ClassVar[str] = "M57 art.19"
    none: ClassVar[str] = "home members cycle status benefit money aid count ruling paper found"
    turns: ClassVar[tuple[Turn, ...]] = (Turn(of("case"), closes=("mend-file",), opens=("receive-file",)),)

    on: date
    case: UUID
    items: tuple[str, ...]

    def meets(self) -> tuple[Limit, ...]:
        return limits(self.case, "mend")

    def moves_case(self) -> CaseMove | None:
        return CaseMove(self.case, CaseStep.AWAITING_DECISION)

    def moves_clock(self) -> ClockMove | None:
        return ClockMove((self.case,), ("mended", "ready"), "township")

    def evolve(self, household: Household) -> Household:
        *before, last = household.procedures[-1].returns
        return household.with_case(returns=(*before, replace(last, resubmitted_on=self.on)))


@dataclass(frozen=True, slots=True)
class ResubmitFile(Command):
    """Send a returned file up again, with what was mended (重新报送).

    A new opinion answers a return as well: it goes the whole way again by itself.
    """

    on: date
    items: tuple[str, ...] = ()

    def decide(self, household: Household, context: Context) -> Iterator[Event]:
        case = accepted_case(household)
        if not case.returns:
            raise FileNotReturned
        last = case.returns[-1]
        if last.resubmitted_on == self.on:
            return
        if last.resubmitted_on is not None:
            raise FileNotReturned
        context.require("township")
        require_order(self.on, last.on)
        yield FileResubmitted(self.on, case.id, self.items)
