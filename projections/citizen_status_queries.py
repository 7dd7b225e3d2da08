"""The family's own view (办理进度查询): stage, promises, decisions and remedies, money, and what it has to do."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from psycopg import Connection

from domain.clock.duty_kinds import TOTALS
from domain.values.month import Month
from eventstore.lanes import lane_of
from projections.citizen_stages import STAGES, TITLES
from projections.citizen_status import Matter, Receiving, Ruling, items_of
from projections.engine.queries import rows_of
from projections.open_deadlines import running_of


@dataclass(frozen=True, slots=True)
class Promise:
    """What is promised by a day: a deadline code, and whether that day has passed."""

    what: str
    by: date
    passed: bool


@dataclass(frozen=True, slots=True)
class CaseStatus:
    """Where the open or last case is: stage since when, the next promise and the one for the decision, all that
    run, papers still to be handed in, and since when the family knows that the data check speaks against it."""

    case: UUID
    category: str
    begun_on: date
    stage: str
    words: str
    since: date
    next: Promise | None
    decision: Promise | None
    promises: list[Promise]
    missing: list[str]
    told_on: date | None
    decided_on: date | None
    fen: int | None
    first_month: str | None


@dataclass(frozen=True, slots=True)
class RulingStatus:
    """A decision against the family and until when it may appeal; the days are None until the paper reached it.

    `open` tells which ways are still open today.
    """

    subject: UUID
    kind: str
    title: str
    decided_on: date
    effective_on: date
    ground: str | None
    remedy: str | None
    delivered_on: date | None
    reconsider_by: date | None
    sue_by: date | None
    open: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CitizenStatus:
    """What a family may see of its own chain on a day; money in fen."""

    household: UUID
    on: date
    case: CaseStatus | None
    rulings: list[RulingStatus]
    to_do: list[str]
    category: str | None
    fen: int | None
    grace_to: str | None
    review_due: date | None
    last_paid: tuple[str, str, int, date] | None
    """Kind, month, fen and day of the last payment that arrived."""


def status_of(connection: Connection[Any], household: UUID, today: date) -> CitizenStatus:
    """Where the family's open or last case is, what was decided, what it receives and has to do today."""
    place = (lane_of(household), household)
    where = "WHERE lane = %b AND household = %b"
    matters = rows_of(
        connection,
        Matter,
        f"SELECT {{}} FROM read_citizen_status.matter {where} ORDER BY version DESC LIMIT 1",
        place,
    )
    rulings = rows_of(
        connection, Ruling, f"SELECT {{}} FROM read_citizen_status.ruling {where} ORDER BY version", place
    )
    found = rows_of(connection, Receiving, f"SELECT {{}} FROM read_citizen_status.receiving {where}", place)
    now = found[0] if found else Receiving(place[0], household)
    case = _case(matters[0], today) if matters else None
    month = str(Month.of(today))
    in_benefit = now.first_month is not None and now.first_month <= month
    in_benefit = in_benefit and (now.last_month is None or month <= now.last_month)
    paid = None
    if now.paid_kind and now.paid_month and now.paid_fen is not None and now.paid_on:
        paid = (now.paid_kind, now.paid_month, now.paid_fen, now.paid_on)
    return CitizenStatus(
        household,
        today,
        case,
        [_ruling(each, today) for each in rulings],
        _to_do(case, now),
        _category(now, today),
        _monthly(now, month) if in_benefit else None,
        now.grace_to if now.grace_to and month <= now.grace_to else None,
        now.review_due,
        paid,
    )


def _category(now: Receiving, today: date) -> str | None:
    if now.next_from is not None and now.next_from <= today:
        return now.next_category
    begun = now.category_from is not None and now.category_from <= today
    return now.category if begun and (now.category_to is None or today < now.category_to) else None


def _monthly(now: Receiving, month: str) -> int | None:
    adjusted = now.next_fen_from is not None and now.next_fen_from <= month
    return now.next_fen if adjusted else now.fen


def _case(matter: Matter, today: date) -> CaseStatus:
    promises = [Promise(each.what, each.day, each.day < today) for each in running_of(matter.limits)]
    totals = [each for each in promises if each.what in TOTALS]
    stage = STAGES[matter.stage]
    return CaseStatus(
        matter.case_id,
        matter.category,
        matter.begun_on,
        stage.code,
        stage.words,
        matter.stage_on,
        min(promises, key=_by, default=None) if stage.open else None,
        min(totals, key=_by, default=None) if stage.open else None,
        promises if stage.open else [],
        items_of(matter.missing) if stage.open else [],
        matter.told_on if stage.open else None,
        matter.decided_on,
        matter.fen,
        matter.first_month,
    )


def _by(promise: Promise) -> date:
    return promise.by


def _ruling(row: Ruling, today: date) -> RulingStatus:
    ways = (("行政复议", row.reconsider_by), ("行政诉讼", row.sue_by))
    return RulingStatus(
        row.subject,
        row.kind,
        TITLES[row.kind],
        row.decided_on,
        row.effective_on,
        row.ground,
        row.remedy,
        row.delivered_on,
        row.reconsider_by,
        row.sue_by,
        tuple(way for way, until in ways if until is not None and today <= until),
    )


def _to_do(case: CaseStatus | None, now: Receiving) -> list[str]:
    said = []
    if case is not None and case.missing:
        until = next((f"（{each.by}前）" for each in case.promises if each.what == "DL-SUP"), "")
        said.append(f"请补充材料{until}：{'、'.join(case.missing)}")
    if case is not None and case.told_on is not None:
        said.append("核对结果不符合条件；如有异议，请向乡镇（街道）提出并提供证据")
    if now.returned_on is not None:
        said.append("有一笔待遇发放被退回，请到乡镇（街道）窗口核对收款账户")
    return said
