"""Delivery (送达): how a document reached the family, what failed before, and the periods that run from there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import ClassVar, Final
from uuid import UUID

from domain.categories.roads import codes
from domain.guards.order_of_steps import require_order
from domain.guards.registered import require_member, require_registered
from domain.household.command import Command
from domain.household.context import Context
from domain.household.duty import Turn, of
from domain.household.duty_context import DutyContext
from domain.household.event import Event
from domain.household.notions import CaseMove, ClockMove, Limit, PaperMove
from domain.household.parts import Undelivered
from domain.household.state import Household
from domain.intake.application_closure import NOT_ACCEPTED
from domain.papers.documents import AWAITED, INTERNAL, REMEDIED, DocumentUnknown, document_of
from domain.values.deadline import Due
from domain.values.immutables import replace
from domain.values.issued import (
    DOCUMENT_WORDS,
    METHOD_WORDS,
    DeliveryMethod,
    DocumentKind,
    FailedAttempt,
    FailureCause,
    IssuedDocument,
)
from domain.values.person import PersonId
from domain.values.private import Private
from domain.values.refusals import Refusal

RECONSIDERATION, LAWSUIT = "DL-FXS-FILE", "DL-XSL-FILE"
"""The two periods of appeal, as deadline codes."""

TERMS: Final[Mapping[DocumentKind, tuple[str, ...]]] = {
    "non-acceptance-notice": (NOT_ACCEPTED,),
    "verification-result": codes("tell"),
    "refusal-decision": codes("notify"),
}
"""Within which limit each kind has to reach the family, by the codes any category has for it."""

_WRITS: Final = ("refusal-decision", "non-acceptance-notice")


def tells_of_decision(event: DocumentDelivered, context: DutyContext) -> bool:
    """The paper is one by which a decision reaches the family."""
    return event.kind in AWAITED


def tells_result(event: DocumentDelivered, context: DutyContext) -> bool:
    """The paper tells the family what the data check found."""
    return event.kind == "verification-result"


class NotForDelivery(Refusal):
    """{kind}由办理机构存档或者张贴，不向当事人送达。"""


class AlreadyDelivered(Refusal):
    """{number}已于{on}送达，不能重复登记送达。"""


class MethodNotAllowed(Refusal):
    """本地没有采用“{method}”的送达方式。"""


class ReceiverMissing(Refusal):
    """{method}应当写明签收人：家庭成员，或者代收、受托送达的人。"""

    article = "M57 art.21"


class ReceiverIsMinor(Refusal):
    """签收人应当是受送达人本人或者同住的成年家属，未成年人签收不算送达。"""

    article = "MFD art.17"


class WitnessesMissing(Refusal):
    """留置送达应当写明见证人，或者拍照、录像的情况。"""


class ElectronicNotAgreed(Refusal):
    """电子送达应当经受送达人同意；请先征得同意，或者改用其他方式。"""


class AnnouncementIsLast(Refusal):
    """公告送达只用于受送达人下落不明或者其他方式无法送达的情形；请先登记未能送达的情况。"""


@dataclass(frozen=True, slots=True)
class DocumentDelivered(Event):
    """A document reached the family; the periods of appeal run from `delivered_on` (文书送达).

    `received_by` is a member, `recipient` anybody else who took it or carried it. `delivered_on` is the
    day it counts as delivered: later than `on` only when it was announced publicly.
    """

    title: ClassVar[str] = "文书送达"
    basis: ClassVar[str] = "M57 art.21; L26 art.45, 48"
    none: ClassVar[str] = "home members cycle status benefit money aid count ruling found"
    turns: ClassVar[tuple[Turn, ...]] = (
        Turn(of("document"), closes=("deliver-document",)),
        Turn(of("subject"), closes=("deliver-notice",), when=tells_of_decision),
        Turn(of("subject"), closes=("tell-result",), when=tells_result),
    )

    on: date
    document: UUID
    kind: DocumentKind
    subject: UUID
    method: DeliveryMethod
    delivered_on: date
    received_by: PersonId | None
    recipient: Private[str] | None
    witnesses: Private[str] | None
    note: Private[str] | None
    periods: tuple[Due, ...]

    def opens(self) -> tuple[Due, ...]:
        return self.periods

    def meets(self) -> tuple[Limit, ...]:
        return tuple((code, self.subject) for code in TERMS.get(self.kind, ()))

    def closes(self) -> tuple[Limit, ...]:
        # a corrected decision delivered anew gives the family its whole term anew
        return tuple((due.what, due.subject) for due in self.periods)

    def moves_case(self) -> CaseMove | None:
        if self.kind != "verification-result":
            return None
        return CaseMove(self.subject, told="told-if-awaited", day=self.delivered_on, on_road=False)

    def moves_clock(self) -> ClockMove | None:
        if self.kind == "verification-result":
            return ClockMove((self.subject,), ("told",), day=self.delivered_on)
        if self.kind in _WRITS:
            return ClockMove((self.subject,), ("delivered",), day=self.delivered_on)
        return None

    def moves_paper(self) -> PaperMove | None:
        return PaperMove("delivered", self.document, self.subject, on=self.delivered_on, periods=self.periods)

    def evolve(self, household: Household) -> Household:
        documents = tuple(
            replace(each, delivered_on=self.delivered_on) if each.id == self.document else each
            for each in household.documents
        )
        told = Undelivered(self.subject, AWAITED.get(self.kind, ""))
        rest = tuple(each for each in household.undelivered if each != told)
        household = replace(household, documents=documents, undelivered=rest)
        case = household.last_case
        against = case is not None and case.report_eligible is False and case.told_on is None
        if self.kind == "verification-result" and against and case is not None and case.id == self.subject:
            return household.with_case(told_on=self.delivered_on)
        return household


@dataclass(frozen=True, slots=True)
class DeliverDocument(Command):
    """Record that a document reached the family, and how (送达文书).

    `document` left out is the last one still to be delivered. `received_by` is a member who took it,
    `recipient` anybody else. `witnesses` tells who saw it left, or how that was recorded; `agreed` that the
    family agreed to electronic delivery.
    """

    on: date
    document: UUID | None = None
    method: DeliveryMethod = "direct"
    received_by: PersonId | None = None
    recipient: str | None = None
    witnesses: str | None = None
    agreed: bool = False
    note: str | None = None

    def decide(self, household: Household, context: Context) -> Iterator[Event]:
        document = deliverable(household, self.document)
        delivered_on = self._counts_from(context)
        if document.delivered_on is not None:
            if document.delivered_on == delivered_on:
                return
            raise AlreadyDelivered(number=document.number, on=document.delivered_on)
        context.require("township", "county")
        require_order(self.on, document.on)
        self._require_proper(household, document, context)
        yield delivered(
            document,
            self.on,
            context,
            self.method,
            delivered_on,
            received_by=self.received_by,
            recipient=_sealed(household, self.recipient, name=True),
            witnesses=_sealed(household, self.witnesses),
            note=_sealed(household, self.note),
        )

    def _counts_from(self, context: Context) -> date:
        if self.method != "public-announcement":
            return self.on
        return self.on + timedelta(days=context.rules(self.on).integer("delivery.announcement-days"))

    def _require_proper(self, household: Household, document: IssuedDocument, context: Context) -> None:
        rules = context.rules(self.on)
        if self.method not in rules.words("delivery.methods"):
            raise MethodNotAllowed(method=METHOD_WORDS[self.method])
        if self.received_by is not None:
            require_member(household, self.received_by, self.on)
            adult = rules.integer("adult-age")
            member = next(m for m in household.counted(self.on) if m.person == self.received_by)
            if not member.is_adult(self.on, adult):
                raise ReceiverIsMinor
        match self.method:
            case "direct" | "proxy" if self.received_by is None and not self.recipient:
                raise ReceiverMissing(method=METHOD_WORDS[self.method])
            case "left-with-witnesses" if not (self.witnesses or "").strip():
                raise WitnessesMissing
            case "electronic" if not self.agreed:
                raise ElectronicNotAgreed
            case "public-announcement" if not document.failures:
                raise AnnouncementIsLast


@dataclass(frozen=True, slots=True)
class DeliveryFailed(Event):
    """Somebody tried to deliver a document and could not (未能送达)."""

    title: ClassVar[str] = "未能送达"
    basis: ClassVar[str] = "M57 art.21; L26 art.45, 48"
    none: ClassVar[str] = (
        "limits case home members cycle status benefit money aid stage duties count ruling found"
    )

    on: date
    document: UUID
    kind: DocumentKind
    method: DeliveryMethod
    cause: FailureCause
    note: Private[str] | None

    def moves_paper(self) -> PaperMove | None:
        return PaperMove("failed", self.document)

    def evolve(self, household: Household) -> Household:
        attempt = FailedAttempt(self.on, self.method, self.cause)
        documents = tuple(
            replace(each, failures=(*each.failures, attempt)) if each.id == self.document else each
            for each in household.documents
        )
        return replace(household, documents=documents)


@dataclass(frozen=True, slots=True)
class NoteFailedDelivery(Command):
    """Record an attempt at delivery that failed, with its cause (登记未能送达)."""

    on: date
    cause: FailureCause
    document: UUID | None = None
    method: DeliveryMethod = "direct"
    note: str | None = None

    def decide(self, household: Household, context: Context) -> Iterator[Event]:
        document = deliverable(household, self.document)
        if FailedAttempt(self.on, self.method, self.cause) in document.failures:
            return
        if document.delivered_on is not None:
            raise AlreadyDelivered(number=document.number, on=document.delivered_on)
        context.require("township", "county")
        require_order(self.on, document.on)
        note = _sealed(household, self.note)
        yield DeliveryFailed(self.on, document.id, document.kind, self.method, self.cause, note)


def deliverable(household: Household, document: UUID | None) -> IssuedDocument:
    """The document of this id, by default the last still to be delivered; refuses what is not for the family."""
    require_registered(household)
    if document is None:
        meant = [each for each in household.documents if each.kind not in INTERNAL and not each.replaced]
        waiting = [each for each in meant if each.delivered_on is None] or meant
        if not waiting:
            raise DocumentUnknown
        return waiting[-1]
    found = document_of(household, document)
    if found.kind in INTERNAL:
        raise NotForDelivery(kind=DOCUMENT_WORDS[found.kind])
    return found


def delivered(
    document: IssuedDocument,
    on: date,
    context: Context,
    method: DeliveryMethod = "direct",
    delivered_on: date | None = None,
    *,
    received_by: PersonId | None = None,
    recipient: Private[str] | None = None,
    witnesses: Private[str] | None = None,
    note: Private[str] | None = None,
) -> DocumentDelivered:
    """The fact that a document reached the family, with the periods of appeal that it starts."""
    counts_from = delivered_on or on
    return DocumentDelivered(
        on,
        document.id,
        document.kind,
        document.subject,
        method,
        counts_from,
        received_by,
        recipient,
        witnesses,
        note,
        periods_of(document, counts_from, context) if document.kind in REMEDIED else (),
    )


def periods_of(document: IssuedDocument, day: date, context: Context) -> tuple[Due, ...]:
    """The terms for reconsideration and for a lawsuit about a document's subject, counted from a day.

    Both run on over a rest day at their end (FXL art.88 with MFD art.203).
    """
    rules, calendar = context.rules(day), context.calendar
    days, months = rules["remedy.reconsideration-days"], rules["remedy.litigation-months"]
    counts = (
        (RECONSIDERATION, days, calendar.add_days(day, rules.integer("remedy.reconsideration-days"), True)),
        (LAWSUIT, months, calendar.add_months(day, rules.integer("remedy.litigation-months"))),
    )
    return tuple(
        Due(what, count.day, document.subject, term.source, count.editions, count.assumed, "period")
        for what, term, count in counts
    )


def _sealed(household: Household, text: str | None, *, name: bool = False) -> Private[str] | None:
    return Private(household.id, "name" if name else "text", text) if text and text.strip() else None
