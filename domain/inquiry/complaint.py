"""Complaints (投诉举报): received at any time, checked and answered; during a review the county must visit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import ClassVar, Literal
from uuid import UUID

from domain.guards.order_of_steps import require_order
from domain.guards.registered import require_registered
from domain.guards.separation_of_duties import require_disinterested
from domain.household.command import Command
from domain.household.context import Context
from domain.household.duty import Turn, of, owes_visit
from domain.household.duty_context import DutyContext
from domain.household.event import Event
from domain.household.notions import Count, Limit
from domain.household.parts import Complaint
from domain.household.state import Household
from domain.values.deadline import Due
from domain.values.immutables import replace
from domain.values.private import Private
from domain.values.refusals import Refusal

ComplaintChannel = Literal["hotline", "letter", "in-person", "online", "passed-on"]
ComplaintAbout = Literal["eligibility", "amount", "payment", "procedure", "staff", "other"]
ComplaintOutcome = Literal["substantiated", "partly-substantiated", "unsubstantiated"]


class ComplaintEmpty(Refusal):
    """投诉举报应当写明内容。"""

    article = "M57 art.37"


class NoOpenComplaint(Refusal):
    """没有尚未办结的投诉举报。"""

    article = "M57 art.37"


class AnswerNeedsFinding(Refusal):
    """办结投诉举报应当写明核查处理结果。"""

    article = "M57 art.37"


class ComplainantUntold(Refusal):
    """实名投诉举报应当向举报人反馈核查处理结果后，方可办结。"""

    article = "M57 art.37"


@dataclass(frozen=True, slots=True)
class ComplaintReceived(Event):
    """A complaint or report came in, by name or anonymously; who it was is sealed (接到投诉举报)."""

    title: ClassVar[str] = "接到投诉举报"
    basis: ClassVar[str] = "M57 art.20, 36, 37; L26 art.60, 68"
    none: ClassVar[str] = "case home members cycle status benefit money aid stage ruling paper found"
    turns: ClassVar[tuple[Turn, ...]] = (
        Turn(of("complaint"), opens=("answer-complaint",)),
        Turn(of("during"), opens=("visit-home-county",), when=owes_visit, beside=("decide",)),
    )

    on: date
    complaint: UUID
    during: UUID | None
    channel: ComplaintChannel
    about: ComplaintAbout
    named: bool
    text: Private[str]
    name: Private[str] | None
    due: Due

    def opens(self) -> tuple[Due, ...]:
        return (self.due,)

    def bears_on_duties(self, context: DutyContext) -> DutyContext:
        if self.during is None:
            return context
        last = max(context.complained_on or self.on, self.on)
        return replace(context, looked_at=True, complained_on=last)

    def counts(self) -> Count | None:
        return Count("complaint", detail=self.about)

    def evolve(self, household: Household) -> Household:
        complaint = Complaint(self.complaint, self.on, self.during, self.named)
        return replace(household, complaints=(*household.complaints, complaint))


@dataclass(frozen=True, slots=True)
class ReceiveComplaint(Command):
    """Record a complaint or report about a family's case or aid, at any time (登记投诉举报).

    While a case is under way it obliges the county to a home visit before the decision (M57 art.20). `name`
    left out: anonymous. Each one is a fact of its own; only the command's id tells a repetition.
    """

    on: date
    channel: ComplaintChannel
    about: ComplaintAbout
    text: str
    name: str | None = None

    def decide(self, household: Household, context: Context) -> Iterator[Event]:
        require_registered(household)
        if not self.text.strip():
            raise ComplaintEmpty
        complaint = context.id("complaint")
        case = household.case
        yield ComplaintReceived(
            self.on,
            complaint,
            case.id if case else None,
            self.channel,
            self.about,
            self.name is not None,
            Private(household.id, "text", self.text),
            # a person of his own: neither the family's key nor its erasure is his
            Private(context.id("complainant"), "name", self.name) if self.name is not None else None,
            context.due("DL-CMP-ANS", self.on, complaint),
        )


@dataclass(frozen=True, slots=True)
class ComplaintAnswered(Event):
    """The complaint was checked; what came of it was told to the one who made it, where known (办结投诉举报)."""

    title: ClassVar[str] = "办结投诉举报"
    basis: ClassVar[str] = "M57 art.37; L26 art.68"
    none: ClassVar[str] = "case home members cycle status benefit money aid stage count ruling paper found"
    turns: ClassVar[tuple[Turn, ...]] = (Turn(of("complaint"), closes=("answer-complaint",)),)

    on: date
    complaint: UUID
    outcome: ComplaintOutcome
    finding: Private[str]
    told: bool

    def meets(self) -> tuple[Limit, ...]:
        return (("DL-CMP-ANS", self.complaint),)

    def evolve(self, household: Household) -> Household:
        complaints = tuple(
            replace(each, answered_on=self.on, outcome=self.outcome) if each.id == self.complaint else each
            for each in household.complaints
        )
        return replace(household, complaints=complaints)


@dataclass(frozen=True, slots=True)
class AnswerComplaint(Command):
    """Record what checking a complaint found and did, and that its maker was told (办结投诉举报).

    `about` left out: the oldest one open.
    """

    on: date
    outcome: ComplaintOutcome
    finding: str
    told: bool = True
    about: UUID | None = None

    def decide(self, household: Household, context: Context) -> Iterator[Event]:
        require_registered(household)
        meant = [each for each in household.complaints if self.about in (None, each.id)]
        complaint = next((each for each in meant if each.answered_on is None), None)
        if complaint is None:
            if any((each.answered_on, each.outcome) == (self.on, self.outcome) for each in meant):
                return
            raise NoOpenComplaint
        context.require("township", "county")
        require_disinterested(household, context)
        require_order(self.on, complaint.on)
        if not self.finding.strip():
            raise AnswerNeedsFinding
        if complaint.named and not self.told:
            raise ComplainantUntold
        finding = Private(household.id, "text", self.finding)
        told = self.told and complaint.named
        yield ComplaintAnswered(self.on, complaint.id, self.outcome, finding, told)
