"""Extension (延长办理期限): in special circumstances forty-five working days, approved before the limit ends."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import ClassVar, Literal, get_args
from uuid import UUID

from domain.categories.roads import codes, limits, road_of
from domain.guards.order_of_steps import require_order
from domain.guards.procedure_guards import accepted_case
from domain.guards.separation_of_duties import require_disinterested, require_separate
from domain.household.command import Command
from domain.household.context import Context
from domain.household.duty import Turn, of
from domain.household.event import Event
from domain.household.notions import Count, Limit
from domain.household.parts import Procedure, Undelivered
from domain.household.state import Household
from domain.values.deadline import Due
from domain.values.immutables import replace
from domain.values.private import Private
from domain.values.receipt import Decider
from domain.values.refusals import Refusal

Listed = Literal["notice-objected", "person-apart", "applied-elsewhere", "difficult-investigation"]
"""The reasons M83 §4.1 lists: objection to the notice, living apart from the registration, applied elsewhere."""
ExtensionReason = Literal[Listed, "other"]


class AlreadyExtended(Refusal):
    """本件已经延长办理期限，不能再次延长。"""

    article = "M57 art.22"


class ExtensionTooLate(Refusal):
    """总办理期限已于{due}届满，不能再批准延长；确已超期的，请作为不规范事项登记。"""

    article = "M57 art.22"


class ExtensionNeedsGround(Refusal):
    """延长办理期限应当书面写明理由。"""

    article = "M57 art.22; M83 §4.1"


class ExtensionUnfounded(Refusal):
    """本件记载的情况与所写的延长理由不符；请核对理由，确属其他特殊情况的写明情况。"""

    article = "M83 §4.1"


@dataclass(frozen=True, slots=True)
class LimitExtended(Event):
    """The case has forty-five working days from its acceptance; the family is told why (延长办理期限).

    `listed` is False for other special circumstances than the listed ones: those are marked for audit.
    """

    title: ClassVar[str] = "延长办理期限"
    basis: ClassVar[str] = "M57 art.22; M83 §4.1"
    none: ClassVar[str] = "case home members cycle status benefit money aid stage ruling paper found"
    turns: ClassVar[tuple[Turn, ...]] = (Turn(of("extension"), opens=("deliver-notice",)),)

    on: date
    case: UUID
    extension: UUID
    reason: ExtensionReason
    listed: bool
    ground: Private[str]
    proposer: str
    approver: Decider
    due: Due

    def opens(self) -> tuple[Due, ...]:
        return (self.due,)

    def closes(self) -> tuple[Limit, ...]:
        return limits(self.case, "total", "total-delegated")

    def counts(self) -> Count | None:
        return Count("extended", None, self.reason, case=self.case)

    def evolve(self, household: Household) -> Household:
        household = household.with_case(extended_on=self.on)
        waiting = Undelivered(self.extension, "extension")
        return replace(household, undelivered=(*household.undelivered, waiting))


@dataclass(frozen=True, slots=True)
class ExtendLimit(Command):
    """Approve, at the county, the extension an officer proposed, before the total limit has passed (延长办理期限).

    The county approves also where the township decides. An extension made up afterwards is no extension:
    it can only be recorded as irregular.
    """

    on: date
    reason: ExtensionReason
    ground: str
    proposer: str

    def decide(self, household: Household, context: Context) -> Iterator[Event]:
        case = accepted_case(household)
        if case.extended_on is not None:
            if case.extended_on == self.on:
                return
            raise AlreadyExtended
        approver = context.decider("county")
        require_disinterested(household, context, self.proposer)
        require_separate(
            "propose-then-approve-extension", (self.proposer,), approver.officer, self.on, context
        )
        require_order(self.on, case.accepted_on)
        totals = codes("total", "total-delegated")
        total = next(
            (o.due for o in household.dues if o.due.what in totals and o.due.subject == case.id), None
        )
        if total is None:
            raise AlreadyExtended
        if self.on > total.day:
            raise ExtensionTooLate(due=total.day)
        if not self.ground.strip():
            raise ExtensionNeedsGround
        if _contradicted(case, self.reason):
            raise ExtensionUnfounded
        assert case.accepted_on is not None
        yield LimitExtended(
            self.on,
            case.id,
            context.id("extension"),
            self.reason,
            self.reason in get_args(Listed),
            Private(household.id, "text", self.ground),
            self.proposer,
            approver,
            context.due(road_of(case.category).limits["total-extended"], case.accepted_on, case.id),
        )


def _contradicted(procedure: Procedure, reason: ExtensionReason) -> bool:
    """Whether the record says otherwise; of where the family lives and is registered it may say nothing."""
    match reason:
        case "notice-objected":
            return not any(each.to == "notice" for each in procedure.objections)
        case "person-apart":
            return procedure.filed_at is not None and not procedure.filed_at.apart
        case "applied-elsewhere":
            return procedure.filed_at is not None and not procedure.filed_at.outside
        case _:
            return False
