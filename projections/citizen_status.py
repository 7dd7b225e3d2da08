"""The citizen's status (办理进度): what a family may see of its applications, decisions and payments."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final
from uuid import UUID

import msgspec

from domain.catalogue import answering
from domain.household.notions import (
    BenefitChange,
    CaseMove,
    MoneyMove,
    Notion,
    PaperMove,
    StatusChange,
    is_named,
)
from domain.papers.delivery import LAWSUIT, RECONSIDERATION
from domain.values.month import Month
from domain.values.spells import Label
from projections.citizen_stages import STAGES
from projections.engine.fact import Fact
from projections.engine.projection import Projection
from projections.engine.row_classes import HouseholdRow, Long
from projections.engine.rows import Rows, Table, of_household
from projections.months import text_of as month_text
from projections.open_deadlines import NONE, Running, ended, running_of, started, text_of


@dataclass(slots=True)
class Matter(HouseholdRow):
    """One case as the family may see it, begun by step `version`.

    `missing`, the papers still awaited, and `limits`, the limits and periods that run for it, are JSON.
    """

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
    fen: Long | None = None
    first_month: str | None = None


@dataclass(slots=True)
class Ruling(HouseholdRow):
    """One decision against the family: its ground, the sentence on remedies, and until when it may appeal once the
    paper reached it."""

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
class Receiving(HouseholdRow):
    """What the household is and receives, and when it is checked again.

    `paid_on` is the day the last payment arrived; `returned_on` that of one that came back and was not ordered again.
    """

    category: str | None = None
    category_from: date | None = None
    category_to: date | None = None
    fen: Long | None = None
    next_fen: Long | None = None
    next_fen_from: str | None = None
    first_month: str | None = None
    last_month: str | None = None
    grace_to: str | None = None
    review_due: date | None = None
    next_category: str | None = None
    next_from: date | None = None
    paid_kind: str | None = None
    paid_month: str | None = None
    paid_fen: Long | None = None
    paid_on: date | None = None
    returned_on: date | None = None


items_of = msgspec.json.Decoder(list[str]).decode
_write = msgspec.json.Encoder().encode
_TERMS: Final = re.compile(r"(\d+)日内.*?(\d+)个月内", re.DOTALL)
_CHECKS: Final = ("DL-REC-HALF", "DL-REC-YEAR")
_CASE: Final = answering(Notion.CASE)
_LIMITS: Final = answering(Notion.LIMITS)
_RECEIVES: Final = answering(Notion.MONEY, Notion.LIMITS, Notion.STATUS, Notion.BENEFIT)
_DELIVERED: Final = answering(Notion.PAPER)
MATTER = Table(
    "matter", Matter, key=("household", "case_id"), reads=of_household(_CASE | _LIMITS), fillfactor=80
)
RULING = Table("ruling", Ruling, key=("household", "subject"), reads=of_household(_DELIVERED))
RECEIVING = Table("receiving", Receiving, key=("household",), reads=of_household(_RECEIVES), fillfactor=80)


class CitizenStatuses(Projection):
    """What each family may see of its own applications, decisions and payments; no officer, no internal note."""

    name = "citizen_status"
    version = 3
    reads = (
        *(Notion.CASE, Notion.LIMITS, Notion.STATUS, Notion.BENEFIT, Notion.MONEY),
        *(Notion.RULING, Notion.PAPER),
    )
    leaves = (
        *(Notion.HOME, Notion.MEMBERS, Notion.CYCLE, Notion.AID, Notion.STAGE),
        *(Notion.DUTIES, Notion.COUNT, Notion.FOUND),
    )
    wants = answering(*reads)
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
        self._household = fact.household
        money = fact.money
        if money is not None and money.payment is not None:
            self._pay(fact, money)
            return
        event = fact.event
        move = event.moves_case()
        if move is not None:
            self._move(fact, move)
        if fact.touches_limits:
            self._follow_limits(fact)
        status, benefit = event.changes_status(), event.changes_benefit()
        if status is not None:
            self._change_status(fact, status)
        if benefit is not None:
            self._change_benefit(fact, benefit, move)
        ruling, paper = event.rules_against(), event.moves_paper()
        if ruling is not None:
            self.rulings.put(
                RULING.make(
                    lane=fact.lane,
                    household=fact.household,
                    subject=ruling.subject,
                    version=fact.version,
                    kind=ruling.kind,
                    decided_on=event.on,
                    ground=ruling.ground,
                    remedy=ruling.remedy,
                    effective_on=ruling.effective_on,
                )
            )
        if paper is not None and paper.move == "delivered":
            self._delivered(fact, paper)

    def _move(self, fact: Fact, move: CaseMove) -> None:
        on = fact.event.on
        if move.begins is not None:
            assert move.step is not None
            matter = self._begin(fact, move.case, move.begins, move.step)
        else:
            found = self.matters.get((fact.household, move.case))
            if found is None:
                return
            matter = found
            self._tell(fact, matter, move)
            if move.asks:
                matter.missing = _write(list(move.asks)).decode()
            elif move.brings:
                left = [item for item in items_of(matter.missing) if item not in move.brings]
                matter.missing = _write(left).decode()
                if left:
                    return
        step = move.step
        if step is None:
            return
        if matter.stage != step:
            matter.stage, matter.stage_on = step, on
        if step.ends:
            matter.decided_on = on

    def _tell(self, fact: Fact, matter: Matter, move: CaseMove) -> None:
        """Whether the family knows what the data check found against it."""
        if move.told == "told-if-awaited":
            limits = self._limits_of(matter)
            if not any(is_named(each.what, each.subject, fact.met) for each in limits):
                return
        if move.told is not None:
            matter.told_on = None if move.told == "untold" else move.day

    def _begin(self, fact: Fact, case: UUID, category: str, stage: str) -> Matter:
        on = fact.event.on
        return self.matters.put(
            MATTER.make(
                lane=fact.lane,
                household=fact.household,
                case_id=case,
                version=fact.version,
                category=category,
                begun_on=on,
                stage=stage,
                stage_on=on,
            )
        )

    def _limits_of(self, matter: Matter) -> list[Running]:
        limits = self._limits.get(matter.case_id)
        return running_of(matter.limits) if limits is None else limits

    def _follow_limits(self, fact: Fact) -> None:
        ends = fact.met + fact.closed
        for matter in self.matters.of(fact.household):
            limits = self._limits_of(matter)
            goes_on = bool(fact.opened) and STAGES[matter.stage].open
            if not limits and not goes_on:
                continue
            left = ended(limits, fact).rest
            if goes_on:
                left = left + [
                    started(due)
                    for due in fact.opened
                    if due.subject == matter.case_id and due.kind != "timer"
                ]
            self._limits[matter.case_id] = left
        checks = [due.day for due in fact.opened if due.what in _CHECKS]
        if checks:
            self._now(fact).review_due = checks[-1]
        elif any(what in _CHECKS for what, _ in ends):
            self._now(fact).review_due = None

    def _now(self, fact: Fact) -> Receiving:
        row = self._row
        if row is None:
            row = self._row = self.receiving.put(RECEIVING.make(lane=fact.lane, household=fact.household))
        return row

    def _pay(self, fact: Fact, money: MoneyMove) -> None:
        now = self._now(fact)
        if money.movement == "ordered":
            now.returned_on = None
        elif money.movement == "settled":
            now.paid_kind, now.paid_month = money.programme, month_text(money.month)
            now.paid_fen, now.paid_on = money.fen, fact.event.on
        else:
            now.returned_on = fact.event.on

    def _change_status(self, fact: Fact, change: StatusChange) -> None:
        if change.persons:
            return  # a person's own status is not the household's
        now, day = self._now(fact), change.ends_on
        if change.labelled is not None and change.labelled.label == Label.GRACE and change.labelled.until:
            now.grace_to = str(Month.of(change.labelled.until) + -1)
        confirmed = change.confirmed
        if confirmed is None:
            if day is not None:
                self._end_status(now, day)
            return
        if now.category_to is not None and fact.event.on < now.category_to and day == now.category_to:
            now.next_category, now.next_from = confirmed.category, confirmed.since
            return
        now.category, now.category_from, now.category_to = confirmed.category, confirmed.since, None
        now.next_category = now.next_from = now.next_fen = now.next_fen_from = now.grace_to = None

    def _end_status(self, now: Receiving, day: date) -> None:
        if now.next_category is not None:
            now.category, now.category_from, now.category_to = now.next_category, now.next_from, None
            now.next_category = now.next_from = None
        now.category_to = now.category_to or day
        if now.grace_to is not None:
            now.grace_to = min(now.grace_to, str(Month.of(day) + -1))

    def _change_benefit(self, fact: Fact, change: BenefitChange, move: CaseMove | None) -> None:
        now, begun = self._now(fact), change.begun
        if begun is None:
            if change.ends_before is not None and now.first_month is not None:
                now.last_month = now.last_month or str(change.ends_before + -1)
            return
        if change.replaces is None:
            now.fen, now.first_month, now.last_month = begun.fen, str(begun.first), None
            if move is not None:
                matter = self.matters[fact.household, move.case]
                matter.fen, matter.first_month = begun.fen, str(begun.first)
            return
        if now.next_fen_from is not None and now.next_fen_from < str(begun.first):
            now.fen = now.next_fen
        now.next_fen, now.next_fen_from = begun.fen, str(begun.first)

    def _delivered(self, fact: Fact, paper: PaperMove) -> None:
        ruling = self.rulings.get((fact.household, paper.subject))
        if ruling is None or (paper.document is not None and not paper.periods):
            return
        on = ruling.delivered_on = paper.on
        if paper.document is not None:
            terms = {due.what: due.day for due in paper.periods}
            ruling.reconsider_by, ruling.sue_by = terms.get(RECONSIDERATION), terms.get(LAWSUIT)
            return
        # a notice without a document of its own says its terms in its sentence on remedies, and only there
        told = _TERMS.search(ruling.remedy or "")
        if told is not None and on is not None:
            ruling.reconsider_by = on + timedelta(days=int(told[1]))
            ruling.sue_by = _months_later(on, int(told[2]))


def _months_later(day: date, months: int) -> date:
    month = Month.of(day) + months
    return month.first_day.replace(day=min(day.day, month.last_day.day))
