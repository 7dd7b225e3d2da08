"""Notices to the family and the village (送达与公布): what was decided reaches those it concerns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import ClassVar
from uuid import UUID

from domain.categories.roads import limits, road_of
from domain.decision.notice import NoticeNotForIdentification
from domain.guards.registered import require_member
from domain.household.command import Command
from domain.household.context import Context
from domain.household.duty import Turn, of
from domain.household.event import Event
from domain.household.notions import ClockMove, Limit, PaperMove
from domain.household.state import Household
from domain.intake.application_closure import NOT_ACCEPTED
from domain.papers.delivery import delivered
from domain.papers.documents import awaited_document
from domain.values.immutables import replace
from domain.values.money import Fen
from domain.values.person import PersonId
from domain.values.refusals import Refusal


class NothingToDeliver(Refusal):
    """没有待送达的文书。"""


class NothingConfirmed(Refusal):
    """该户没有已确认的救助，无可公布的内容。"""

    article = "M57 art.24"


@dataclass(frozen=True, slots=True)
class NoticeDelivered(Event):
    """A written notice reached the family: the remedy periods run from here (送达)."""

    title: ClassVar[str] = "文书送达"
    basis: ClassVar[str] = "M57 art.21; L26 art.45, 48"
    none: ClassVar[str] = "case home members cycle status benefit money aid count ruling found"
    turns: ClassVar[tuple[Turn, ...]] = (Turn(of("about"), closes=("deliver-notice",)),)

    on: date
    notice: str
    about: UUID
    received_by: PersonId

    def meets(self) -> tuple[Limit, ...]:
        return (*limits(self.about, "notify"), (NOT_ACCEPTED, self.about))

    def moves_clock(self) -> ClockMove | None:
        return ClockMove((self.about,), ("delivered",))

    def moves_paper(self) -> PaperMove | None:
        return PaperMove("delivered", None, self.about, on=self.on)

    def evolve(self, household: Household) -> Household:
        rest = tuple(u for u in household.undelivered if u.subject != self.about)
        return replace(household, undelivered=rest)


@dataclass(frozen=True, slots=True)
class DeliverNotice(Command):
    """Record that the written notice of a refusal or termination was handed over (送达告知书).

    Where the document itself was issued, this is its delivery.
    """

    on: date
    received_by: PersonId

    def decide(self, household: Household, context: Context) -> Iterator[Event]:
        if not household.undelivered:
            raise NothingToDeliver
        context.require("township", "county")
        require_member(household, self.received_by, self.on)
        waiting = household.undelivered[0]
        paper = awaited_document(household, waiting)
        if paper is not None:
            # one fact, not two: the periods of appeal run from it
            yield delivered(paper, self.on, context, received_by=self.received_by)
            return
        yield NoticeDelivered(self.on, waiting.kind, waiting.subject, self.received_by)


@dataclass(frozen=True, slots=True)
class ConfirmationPublished(Event):
    """The confirmation was published in the village: members and amount only (公布)."""

    title: ClassVar[str] = "确认结果公布"
    basis: ClassVar[str] = "M57 art.24; L26 art.45"
    none: ClassVar[str] = (
        "limits case home members cycle status benefit money aid stage count ruling paper found"
    )
    turns: ClassVar[tuple[Turn, ...]] = (Turn(of("case"), closes=("publish-confirmation",)),)

    on: date
    case: UUID
    members: int
    fen: Fen

    def evolve(self, household: Household) -> Household:
        return household.with_case(published_on=self.on)


@dataclass(frozen=True, slots=True)
class PublishConfirmation(Command):
    """Publish the confirmation in the village or community (公布确认结果)."""

    on: date

    def decide(self, household: Household, context: Context) -> Iterator[Event]:
        case = household.last_case
        if case is None or case.outcome != "confirmed":
            raise NothingConfirmed
        road = road_of(case.category)
        if not road.is_noticed(context.rules(self.on)):
            raise NoticeNotForIdentification
        if case.assessment is None:
            raise NothingConfirmed
        if case.published_on is not None:
            return
        context.require("township", "county")
        fen = household.benefits[-1].fen if road.programme is not None else Fen(0)
        yield ConfirmationPublished(self.on, case.id, case.assessment.members, fen)
