"""Days of notice and delivery corrected (更正公示和送达日期): the periods that run from them are counted anew.

The decision taken meanwhile stands; when it came before the right period was over it is named, and to be looked
at again. A case not yet decided is back on notice until the right period is over.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import ClassVar
from uuid import UUID

from domain.categories.roads import limits, road_of
from domain.correction.fact_correction import (
    CorrectionCommand,
    DayDoesNotFit,
    NothingWrong,
    marked,
    recalled,
    redecision,
)
from domain.decision.notice import NoticePosted, notice_period
from domain.household.context import Context
from domain.household.duty import CORRECTED, FROM_NOTICE_ON, Turn, of
from domain.household.event import Event
from domain.household.notions import CaseMove, CaseStep, Limit, PaperMove
from domain.household.parts import Procedure
from domain.household.state import Household
from domain.papers.delivery import TERMS, DocumentDelivered, periods_of
from domain.papers.documents import REMEDIED, document_of
from domain.papers.notification import NoticeDelivered
from domain.values.deadline import Due
from domain.values.immutables import replace
from domain.values.issued import DeliveryMethod, DocumentKind
from domain.values.private import Private
from domain.values.refusals import Refusal

TOLD = frozenset(code for terms in TERMS.values() for code in terms)
"""The limits a delivery meets."""


class NoticeReplaced(Refusal):
    """该次公示已被新的审核意见和公示取代，不再更正；请更正最近一次公示。"""

    article = "M57 art.19"


@dataclass(frozen=True, slots=True)
class NoticeDayCorrected(Event):
    """The proposal was posted on another day than was recorded (更正公示日期); it ends on `ends`.

    `reopened`: it was closed too early, and the case, not decided yet, is on notice again. `period` is what runs
    anew, None where the notice ended in time or the decision was taken.
    """

    title: ClassVar[str] = "更正公示日期"
    basis: ClassVar[str] = "M57 art.19"
    none: ClassVar[str] = "home members cycle status benefit money aid stage count ruling paper found"
    turns: ClassVar[tuple[Turn, ...]] = (
        Turn(
            of("case"),
            closes=FROM_NOTICE_ON,
            opens=("close-notice",),
            when=lambda event, context: event.reopened,
        ),
        *CORRECTED,
    )

    on: date
    step: int
    corrects: UUID
    case: UUID
    was: date
    day: date
    ends: date
    reopened: bool
    period: Due | None
    affected: tuple[UUID, ...]
    due: Due | None
    why: Private[str]

    def opens(self) -> tuple[Due, ...]:
        return tuple(due for due in (self.period, self.due) if due is not None)

    def closes(self) -> tuple[Limit, ...]:
        running = limits(self.case, "notice") if self.period else ()
        sent = limits(self.case, "send", "decide") if self.reopened else ()
        return (*running, *sent)

    def moves_case(self) -> CaseMove | None:
        return CaseMove(self.case, CaseStep.ON_NOTICE, on_road=False) if self.reopened else None

    def evolve(self, household: Household) -> Household:
        procedures = tuple(
            self._right(case) if case.id == self.case else case for case in household.procedures
        )
        return marked(replace(household, procedures=procedures), self.step, self.corrects, self.on)

    def _right(self, case: Procedure) -> Procedure:
        case = replace(case, notice_on=self.day, notice_ends=self.ends)
        return replace(case, notice_closed_on=None, file_received_on=None) if self.reopened else case


@dataclass(frozen=True, slots=True)
class CorrectNoticeDay(CorrectionCommand):
    """Correct the day the public notice was posted (更正公示日期), not before the opinion or after the decision.

    Its end is counted anew. A notice that was closed before that end is open again, or, when the case is decided
    already, the decision is named and to be looked at again.
    """

    on: date
    step: int
    why: str
    day: date

    def decide(self, household: Household, context: Context) -> Iterator[Event]:
        fact = recalled(self, household, context, NoticePosted, NoticeDayCorrected)
        event = fact.event
        assert isinstance(event, NoticePosted | NoticeDayCorrected)
        was = event.day if isinstance(event, NoticeDayCorrected) else event.on
        case = next(each for each in household.procedures if each.id == event.case)
        if case.notice_on != was:
            raise NoticeReplaced
        if was == self.day:
            raise NothingWrong
        last = min(day for day in (case.decided_on, self.on) if day is not None)
        if (case.opinion_on is not None and self.day < case.opinion_on) or self.day > last:
            raise DayDoesNotFit(day=self.day)
        period = notice_period(road_of(case.category), context, self.day, case.id)
        decided = case.outcome is not None
        closed = case.notice_closed_on or case.decided_on
        too_early = closed is not None and closed < period.day
        decisions = (case.id,) if decided and too_early else ()
        runs = not decided and (too_early or case.notice_closed_on is None)
        yield NoticeDayCorrected(
            self.on,
            self.step,
            fact.id,
            case.id,
            was,
            self.day,
            period.day,
            too_early and not decided,
            period if runs else None,
            decisions,
            redecision(household, household, decisions, self.on, context),
            Private(household.id, "text", self.why),
        )


@dataclass(frozen=True, slots=True)
class DeliveryDayCorrected(Event):
    """A notice or document reached the family on another day than was recorded (更正送达日期).

    `document` and `kind` are None for a notice that was handed over without one. `delivered_on` is the day it
    counts as delivered, `day` that of the act; they differ where it was announced publicly. `periods` are the
    terms of appeal, counted anew.
    """

    title: ClassVar[str] = "更正送达日期"
    basis: ClassVar[str] = "M57 art.21; L26 art.45, 48"
    none: ClassVar[str] = "case home members cycle status benefit money aid stage count ruling found"
    turns: ClassVar[tuple[Turn, ...]] = CORRECTED

    on: date
    step: int
    corrects: UUID
    subject: UUID
    document: UUID | None
    kind: DocumentKind | None
    method: DeliveryMethod
    was: date
    day: date
    delivered_on: date
    periods: tuple[Due, ...]
    affected: tuple[UUID, ...]
    due: Due | None
    why: Private[str]

    def opens(self) -> tuple[Due, ...]:
        return self.periods if self.due is None else (*self.periods, self.due)

    def closes(self) -> tuple[Limit, ...]:
        return tuple((due.what, due.subject) for due in self.periods)

    def moves_paper(self) -> PaperMove | None:
        on, periods = self.delivered_on, self.periods
        return PaperMove("delivered", self.document, self.subject, on=on, periods=periods)

    def evolve(self, household: Household) -> Household:
        documents = tuple(
            replace(each, delivered_on=self.delivered_on) if each.id == self.document else each
            for each in household.documents
        )
        terms = TOLD if self.kind is None else TERMS.get(self.kind, ())
        ended = tuple(
            replace(each, ended_on=self.day)
            if each.due.subject == self.subject and each.due.what in terms
            else each
            for each in household.ended
        )
        procedures = tuple(
            replace(case, told_on=self.delivered_on)
            if self.kind == "verification-result" and (case.id, case.told_on) == (self.subject, self.was)
            else case
            for case in household.procedures
        )
        right = replace(household, documents=documents, ended=ended, procedures=procedures)
        return marked(right, self.step, self.corrects, self.on)


@dataclass(frozen=True, slots=True)
class CorrectDeliveryDay(CorrectionCommand):
    """Correct the day a notice or document was delivered (更正送达日期): not before it was there to be delivered.

    `day` is that of the act; for a public announcement it counts as delivered when its time is over. The terms
    of appeal run from the right day. A decision the family was told the ground of only afterwards is named.
    """

    on: date
    step: int
    why: str
    day: date

    def decide(self, household: Household, context: Context) -> Iterator[Event]:
        fact = recalled(self, household, context, NoticeDelivered, DocumentDelivered, DeliveryDayCorrected)
        event = fact.event
        assert isinstance(event, NoticeDelivered | DocumentDelivered | DeliveryDayCorrected)
        if isinstance(event, NoticeDelivered):
            subject, paper, kind, was = event.about, None, None, event.on
            method: DeliveryMethod = "direct"
        else:
            subject, paper, kind, was = event.subject, event.document, event.kind, event.delivered_on
            method = event.method
        wait = (
            context.rules(self.day).integer("delivery.announcement-days")
            if method == "public-announcement"
            else 0
        )
        right = self.day + timedelta(days=wait)
        if right == was:
            raise NothingWrong
        document = None if paper is None else document_of(household, paper)
        there_on = decided_on(household, subject) if document is None else document.on
        if (there_on is not None and self.day < there_on) or self.day > self.on:
            raise DayDoesNotFit(day=self.day)
        decisions = tuple(
            case.id
            for case in household.procedures
            if kind == "verification-result" and (case.id, case.told_on) == (subject, was)
            if case.decided_on is not None and case.decided_on < right
        )
        yield DeliveryDayCorrected(
            self.on,
            self.step,
            fact.id,
            subject,
            paper,
            kind,
            method,
            was,
            self.day,
            right,
            periods_of(document, right, context) if document is not None and kind in REMEDIED else (),
            decisions,
            redecision(household, household, decisions, self.on, context),
            Private(household.id, "text", self.why),
        )


def decided_on(household: Household, subject: UUID) -> date | None:
    """The day of the decision a notice is about."""
    days = [case.decided_on for case in household.procedures if case.id == subject]
    days += [each.on for each in household.decided if each.id == subject]
    days += [each.on for each in household.declined if each.subject == subject]
    return next((day for day in days if day is not None), None)
