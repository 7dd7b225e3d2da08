"""The citizen's status (办理进度): what a family may see of its applications, decisions and payments."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final
from uuid import UUID

import msgspec

from domain.aid.payments import PaymentOrdered, PaymentReturned, PaymentSettled
from domain.catalogue import EVENTS
from domain.change.adjustment import BenefitAdjusted
from domain.change.grace import GraceGranted
from domain.change.termination import BenefitTerminated
from domain.clock.supervision import DeadlineMissed
from domain.correction.day_correction import DeliveryDayCorrected, NoticeDayCorrected
from domain.correction.irregular import IrregularlyConfirmed, IrregularlyEnded
from domain.decision.confirmation import ApplicationRefused, DibaoConfirmed
from domain.decision.file import FileReceived
from domain.decision.file_return import FileResubmitted, FileReturned
from domain.decision.notice import NoticeClosed, NoticePosted
from domain.decision.objection import NoticeObjected
from domain.decision.opinion import OpinionGiven
from domain.decision.transfer import MarginalConfirmed, TransferStarted
from domain.household.event import Event
from domain.inquiry.recheck import ReportObjected, ReportRechecked, ResultTold
from domain.inquiry.verification import InvestigationStarted, VerificationRequested
from domain.intake.application import ApplicationAccepted, Applied, ProcedureEnded
from domain.intake.application_closure import ApplicationNotAccepted, ApplicationWithdrawn
from domain.intake.completeness import MaterialsSupplemented, MissingItemsNotified
from domain.papers.delivery import LAWSUIT, RECONSIDERATION, TERMS, DocumentDelivered
from domain.papers.notification import NoticeDelivered
from domain.values.month import Month
from domain.values.spells import Category
from projections.engine.fact import Fact
from projections.engine.projection import Projection
from projections.engine.rows import Rows, Table, of_household
from projections.months import text_of as month_text
from projections.open_deadlines import NONE, Running, is_met, running_of, started, text_of, touches


@dataclass(frozen=True, slots=True)
class Stage:
    """Where a case is, in words for the family; `open` while something is still to come."""

    code: str
    words: str
    open: bool = True


_STAGES: Final = (
    Stage("submitted", "已提交申请，等待乡镇（街道）审查材料"),
    Stage("materials-missing", "材料不齐，等待您补充"),
    Stage("materials-complete", "材料已补齐，等待乡镇（街道）受理"),
    Stage("accepted", "已受理，即将调查核实"),
    Stage("investigating", "正在调查核实家庭经济状况"),
    Stage("opinion-given", "乡镇（街道）已提出审核意见"),
    Stage("on-notice", "正在村（社区）公示"),
    Stage("objected", "公示期间有人提出异议，正在核实"),
    Stage("awaiting-decision", "审核程序已完成，等待审核确认"),
    Stage("under-decision", "正在审核确认"),
    Stage("returned", "县级要求完善材料，乡镇（街道）正在补正"),
    Stage("confirmed", "已确认，纳入救助", open=False),
    Stage("refused", "不予确认", open=False),
    Stage("not-accepted", "不予受理", open=False),
    Stage("withdrawn", "您已撤回申请", open=False),
    Stage("ended", "程序已终止", open=False),
)
STAGES: Final[Mapping[str, Stage]] = {stage.code: stage for stage in _STAGES}
"""Every stage of a case by its code."""

REACHES: Final[Mapping[type[Event], str]] = {
    Applied: "submitted",
    MissingItemsNotified: "materials-missing",
    MaterialsSupplemented: "materials-complete",
    ApplicationAccepted: "accepted",
    InvestigationStarted: "investigating",
    VerificationRequested: "investigating",
    OpinionGiven: "opinion-given",
    NoticePosted: "on-notice",
    NoticeObjected: "objected",
    NoticeClosed: "awaiting-decision",
    FileReturned: "returned",
    FileResubmitted: "awaiting-decision",
    FileReceived: "under-decision",
    TransferStarted: "under-decision",
    DibaoConfirmed: "confirmed",
    MarginalConfirmed: "confirmed",
    ApplicationRefused: "refused",
    IrregularlyConfirmed: "confirmed",
    ApplicationNotAccepted: "not-accepted",
    ApplicationWithdrawn: "withdrawn",
    ProcedureEnded: "ended",
}
"""By kind of fact, the stage its case reaches with it; other facts leave the case where it is."""

TITLES: Final[Mapping[str, str]] = {
    "non-acceptance": "不予受理",
    "refusal": "不予确认",
    "ended": "终止审核确认程序",
    "reduction": "减发低保金",
    "termination": "终止低保",
}
"""What was decided against the family, in words."""


@dataclass(slots=True)
class Matter:
    """One case as the family may see it; `missing` and `limits` are JSON."""

    lane: int
    household: UUID
    case_id: UUID
    version: int
    category: str
    begun_on: date
    stage: str
    stage_on: date
    missing: str = NONE
    limits: str = NONE
    told_on: date | None = None
    decided_on: date | None = None
    fen: int | None = None
    first_month: str | None = None


@dataclass(slots=True)
class Ruling:
    """One decision against the family: its ground, the sentence on remedies, and until when it may appeal."""

    lane: int
    household: UUID
    subject: UUID
    version: int
    kind: str
    decided_on: date
    ground: str | None
    remedy: str | None
    effective_on: date
    delivered_on: date | None = None
    reconsider_by: date | None = None
    sue_by: date | None = None


@dataclass(slots=True)
class Receiving:
    """What the household is and receives, its last payment, and when it is checked again."""

    lane: int
    household: UUID
    category: str | None = None
    category_from: date | None = None
    category_to: date | None = None
    fen: int | None = None
    next_fen: int | None = None
    next_fen_from: str | None = None
    first_month: str | None = None
    last_month: str | None = None
    grace_to: str | None = None
    review_due: date | None = None
    next_category: str | None = None
    next_from: date | None = None
    paid_kind: str | None = None
    paid_month: str | None = None
    paid_fen: int | None = None
    paid_on: date | None = None
    returned_on: date | None = None


items_of = msgspec.json.Decoder(list[str]).decode
_write = msgspec.json.Encoder().encode
_TERMS: Final = re.compile(r"(\d+)日内.*?(\d+)个月内", re.DOTALL)
_CHECKS: Final = ("DL-REC-HALF", "DL-REC-YEAR")
_TOUCHES: Final = touches(EVENTS.values())
_OF_CASE: Final = frozenset(REACHES) | _TOUCHES | {ResultTold, ReportObjected, ReportRechecked}
_PAYING: Final = frozenset({PaymentOrdered, PaymentSettled, PaymentReturned})
_RECEIVES: Final = (
    _PAYING
    | _TOUCHES
    | {DibaoConfirmed, MarginalConfirmed, IrregularlyConfirmed, GraceGranted}
    | {BenefitAdjusted, BenefitTerminated, IrregularlyEnded}
)
# what `_say` has a word for: most facts are none of these, and asking one by one takes long
_SAYS_MORE: Final[frozenset[type[Event]]] = frozenset(
    {
        *(DibaoConfirmed, IrregularlyConfirmed, BenefitAdjusted, IrregularlyEnded, ResultTold),
        *(ReportObjected, ReportRechecked, ApplicationNotAccepted, MarginalConfirmed, GraceGranted),
        *(BenefitTerminated, ApplicationRefused, ProcedureEnded, NoticeDelivered, DocumentDelivered),
        *(DeliveryDayCorrected, NoticeDayCorrected),
    }
)
_DELIVERED: Final = frozenset({NoticeDelivered, DocumentDelivered, DeliveryDayCorrected})
MATTER = Table("matter", Matter, key=("household", "case_id"), reads=of_household(_OF_CASE - {Applied}))
RULING = Table("ruling", Ruling, key=("household", "subject"), reads=of_household(_DELIVERED))
RECEIVING = Table("receiving", Receiving, key=("household",), reads=of_household(_RECEIVES))


class CitizenStatuses(Projection):
    """What each family may see of its own applications, decisions and payments; no officer, no internal note."""

    name = "citizen_status"
    version = 2
    wants = frozenset(_OF_CASE | _RECEIVES | _DELIVERED)
    tables = (MATTER, RULING, RECEIVING)

    def __init__(self) -> None:
        self.matters = Rows(MATTER)
        self.rulings = Rows(RULING)
        self.receiving = Rows(RECEIVING)

    def begin(self, lane: int, household: UUID) -> None:
        self._row = self.receiving.get(household)
        # by case, read when first asked for, and written down after the household's last fact
        self._limits: dict[UUID, list[Running]] = {}

    def end(self) -> None:
        for matter in self.matters.of(self._household) if self._limits else ():
            limits = self._limits.get(matter.case_id)
            if limits is not None:
                matter.limits = text_of(limits)

    def on(self, fact: Fact) -> None:
        event, kind = fact.event, fact.kind
        self._household = fact.household
        if kind in _PAYING:
            self._pay(fact, event)  # type: ignore[arg-type]
            return
        if kind in REACHES:
            self._reach(fact, event, REACHES[kind])
        if kind is DocumentDelivered:
            self._tell(fact, event)  # type: ignore[arg-type]
        if kind in _TOUCHES:
            self._follow_limits(fact)
        if kind in _SAYS_MORE:
            self._say(fact, event)

    def _say(self, fact: Fact, event: Event) -> None:
        match event:
            case DibaoConfirmed():
                self._grant(fact, Category.DIBAO, event.on, event.fen, str(event.first))
            case IrregularlyConfirmed():
                first = str(event.first) if event.first else None
                self._grant(fact, event.category, event.start, event.fen, first)
            case BenefitAdjusted():
                self._adjust(fact, event)
            case IrregularlyEnded():
                self._end(fact, event.from_month)
            case ResultTold():
                self.matters[fact.household, event.case].told_on = event.on
            case ReportObjected() | ReportRechecked():
                self.matters[fact.household, event.case].told_on = None
            case ApplicationNotAccepted():
                self._rule(fact, event.subject, "non-acceptance", event.ground, event.remedy, event.on)
            case MarginalConfirmed():
                now = self._now(fact)
                if now.category_to is not None and event.on < now.category_to:
                    now.next_category, now.next_from = Category.MARGINAL, event.start
                else:
                    now.category, now.category_from, now.category_to = Category.MARGINAL, event.start, None
                    now.next_category = now.next_from = None
            case GraceGranted():
                self._now(fact).grace_to = str(event.months.last)
            case BenefitTerminated():
                self._terminate(fact, event)
            case ApplicationRefused():
                self._rule(fact, event.case, "refusal", event.ground, event.remedy, event.on)
            case ProcedureEnded():
                self._rule(fact, event.case, "ended", event.cause, None, event.on)
            case NoticeDelivered():
                self._delivered(fact, event.about, event.on)
            case DocumentDelivered():
                self._delivered(fact, event.subject, event.delivered_on, event)
            case DeliveryDayCorrected():
                paper = None if event.document is None else event
                self._delivered(fact, event.subject, event.delivered_on, paper)
            case NoticeDayCorrected() if event.reopened:
                self._reach(fact, event, "on-notice")

    def _tell(self, fact: Fact, event: DocumentDelivered) -> None:
        """The paper about the data check reached a family that was still to be told it speaks against it."""
        matter = self.matters.get((fact.household, event.subject))
        if event.kind != "verification-result" or matter is None:
            return
        if any(each.what == TERMS[event.kind] for each in self._limits_of(matter)):
            matter.told_on = event.delivered_on

    def _reach(self, fact: Fact, event: Any, stage: str) -> None:
        kind = fact.kind
        if kind is Applied:
            self._begin(fact, event.case, event.category, stage)
            return
        if kind is TransferStarted:
            self._begin(fact, event.case, event.to, stage)
            return
        if event.case is None:
            if kind is ApplicationNotAccepted:
                # nothing was on record before: the case begins with its end
                self._begin(fact, event.subject, event.category, stage).decided_on = event.on
                return
            if kind is IrregularlyConfirmed:
                return
        matter = self.matters[fact.household, event.case]
        if kind is MissingItemsNotified:
            matter.missing = _write(list(event.items)).decode()
        elif kind is MaterialsSupplemented:
            left = [item for item in items_of(matter.missing) if item not in event.items]
            matter.missing = _write(left).decode()
            if left:
                return
        elif kind is DibaoConfirmed:
            matter.fen, matter.first_month = event.fen, str(event.first)
        if matter.stage != stage:
            matter.stage, matter.stage_on = stage, event.on
        if not STAGES[stage].open:
            matter.decided_on = event.on

    def _begin(self, fact: Fact, case: UUID, category: str, stage: str) -> Matter:
        on = fact.event.on
        matter = MATTER.make(fact.lane, fact.household, case, fact.version, category, on, stage, on)
        return self.matters.put(matter)

    def _limits_of(self, matter: Matter) -> list[Running]:
        limits = self._limits.get(matter.case_id)
        return running_of(matter.limits) if limits is None else limits

    def _follow_limits(self, fact: Fact) -> None:
        if not fact.opened and not fact.closed and fact.kind is not DeadlineMissed:
            return
        for matter in self.matters.of(fact.household):
            limits = self._limits_of(matter)
            goes_on = bool(fact.opened) and STAGES[matter.stage].open
            if not limits and not goes_on:
                continue
            left = [each for each in limits if not is_met(each.what, each.subject, fact.closed)]
            if goes_on:
                left += [
                    started(due)
                    for due in fact.opened
                    if due.subject == matter.case_id and due.kind != "timer"
                ]
            if isinstance(fact.event, DeadlineMissed):
                for each in left:
                    each.missed |= (each.what, each.subject) == (fact.event.what, fact.event.due_subject)
            self._limits[matter.case_id] = left
        checks = [due.day for due in fact.opened if due.what in _CHECKS]
        if checks:
            self._now(fact).review_due = checks[-1]
        elif any(what in _CHECKS for what, _ in fact.closed):
            self._now(fact).review_due = None

    def _now(self, fact: Fact) -> Receiving:
        row = self._row
        if row is None:
            row = self._row = self.receiving.put(RECEIVING.make(fact.lane, fact.household))
        return row

    def _pay(self, fact: Fact, event: PaymentOrdered | PaymentSettled | PaymentReturned) -> None:
        now = self._now(fact)
        if fact.kind is PaymentOrdered:
            now.returned_on = None
        elif fact.kind is PaymentSettled:
            now.paid_kind, now.paid_month = event.kind, month_text(event.month)
            now.paid_fen, now.paid_on = event.fen, event.on
        else:
            now.returned_on = event.on

    def _grant(self, fact: Fact, category: str, since: date, fen: int, first: str | None) -> None:
        now = self._now(fact)
        now.category, now.category_from, now.category_to = category, since, None
        now.next_category = now.next_from = now.next_fen = now.next_fen_from = now.grace_to = None
        if first is not None:
            now.fen, now.first_month, now.last_month = fen, first, None

    def _adjust(self, fact: Fact, event: BenefitAdjusted) -> None:
        if event.direction == "unchanged":
            return
        now = self._now(fact)
        if now.next_fen_from is not None and now.next_fen_from < str(event.first):
            now.fen = now.next_fen
        now.next_fen, now.next_fen_from = event.fen, str(event.first)
        if event.direction == "reduction":
            day = event.first.first_day
            self._rule(fact, event.adjustment, "reduction", None, event.remedy, day)

    def _end(self, fact: Fact, month: Month) -> None:
        now, last = self._now(fact), str(month + -1)
        if now.next_category is not None:
            now.category, now.category_from, now.category_to = now.next_category, now.next_from, None
            now.next_category = now.next_from = None
        now.category_to = now.category_to or month.first_day
        now.last_month = now.last_month or last
        if now.grace_to is not None:
            now.grace_to = min(now.grace_to, last)

    def _terminate(self, fact: Fact, event: BenefitTerminated) -> None:
        self._end(fact, event.from_month)
        day = event.from_month.first_day
        self._rule(fact, event.termination, "termination", event.ground, event.remedy, day)

    def _rule(
        self, fact: Fact, subject: UUID, kind: str, ground: str | None, remedy: str | None, effective: date
    ) -> None:
        self.rulings.put(
            RULING.make(
                fact.lane, fact.household, subject, fact.version, kind, fact.event.on, ground, remedy, effective
            )
        )  # fmt: skip

    def _delivered(
        self,
        fact: Fact,
        subject: UUID,
        on: date,
        document: DocumentDelivered | DeliveryDayCorrected | None = None,
    ) -> None:
        ruling = self.rulings.get((fact.household, subject))
        if ruling is None or (document is not None and not document.periods):
            return
        ruling.delivered_on = on
        if document is not None:
            terms = {due.what: due.day for due in document.periods}
            ruling.reconsider_by, ruling.sue_by = terms.get(RECONSIDERATION), terms.get(LAWSUIT)
            return
        # a notice without a document of its own says its terms in its sentence on remedies, and only there
        told = _TERMS.search(ruling.remedy or "")
        if told is not None:
            ruling.reconsider_by = on + timedelta(days=int(told[1]))
            ruling.sue_by = _months_later(on, int(told[2]))


def _months_later(day: date, months: int) -> date:
    month = Month.of(day) + months
    return month.first_day.replace(day=min(day.day, month.last_day.day))
