"""Temporary aid (临时救助): one-off aid, urgent aid by the simplified procedure (R649 art.47; L26 art.29, 50)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import ClassVar, Literal
from uuid import UUID

from domain.guards.registered import require_registered
from domain.household.command import Command
from domain.household.context import Context
from domain.household.duty import Turn, of
from domain.household.event import Event
from domain.household.notions import AidMove, ClockKind, ClockMove, Count
from domain.household.state import Household
from domain.values.immutables import replace
from domain.values.money import Fen
from domain.values.private import Private
from domain.values.receipt import Decision, Value, apply
from domain.values.refusals import Refusal
from domain.values.spells import Programme, TemporaryAid

AidType = Literal["urgent", "expenditure"]


class AmountNotPositive(Refusal):
    """金额应当大于零。"""


class AidNeedsNotice(Refusal):
    """支出型临时救助应当先行公示，不适用急难型简化程序。"""

    article = "M23; T26"


def needs_notice(*, asked: Value) -> Value:
    """Whether urgent aid waits for a public notice where it is granted; by M23 and T26 it does not."""
    return bool(asked)


@dataclass(frozen=True, slots=True)
class TemporaryAidGranted(Event):
    """A one-off aid was granted, also while a review is under way (临时救助)."""

    title: ClassVar[str] = "给予临时救助"
    basis: ClassVar[str] = "R649 art.47, 48; L26 art.29, 50"
    none: ClassVar[str] = "limits case home members cycle status benefit money ruling paper found"
    turns: ClassVar[tuple[Turn, ...]] = (Turn(of("aid"), opens=("pay-temporary-aid",)),)

    on: date
    aid: UUID
    type: AidType
    fen: Fen
    during: UUID | None
    cause: Private[str]
    decision: Decision

    def moves_aid(self) -> AidMove | None:
        organ = self.decision.decider.organ
        return AidMove("granted", self.aid, Programme.TEMPORARY, self.type, self.fen, organ)

    def moves_clock(self) -> ClockMove | None:
        begins: tuple[ClockKind, str] = ("aid", Programme.TEMPORARY)
        return ClockMove((self.aid,), ("granted",), "county", begins=begins, paid_by=self.aid)

    def counts(self) -> Count | None:
        return Count("aid-granted", Programme.TEMPORARY, self.type, self.fen)

    def evolve(self, household: Household) -> Household:
        return replace(household, temporary=(*household.temporary, TemporaryAid(self.aid, self.fen, self.on)))


@dataclass(frozen=True, slots=True)
class GrantTemporaryAid(Command):
    """Grant urgent temporary aid in fen by the simplified procedure, without notice (给予临时救助)."""

    on: date
    fen: Fen
    cause: str
    type: AidType = "urgent"

    def decide(self, household: Household, context: Context) -> Iterator[Event]:
        require_registered(household)
        if self.fen <= 0:
            raise AmountNotPositive
        if any((aid.on, aid.fen) == (self.on, self.fen) for aid in household.temporary):
            return
        if self.type == "expenditure":
            raise AidNeedsNotice
        decider = context.decider("county", "township")
        flag = context.rules(self.on)["temporary.urgent-needs-notice"]
        applied = apply(
            "temporary.urgent-needs-notice", needs_notice, flag.source, flag.since, asked=bool(flag.value)
        )
        if applied.result:
            raise AidNeedsNotice
        case = household.case
        yield TemporaryAidGranted(
            self.on,
            context.id("aid"),
            self.type,
            self.fen,
            case.id if case else None,
            Private(household.id, "text", self.cause),
            context.decision(self.on, decider, applied),
        )
