"""Statements (幸福清单、办理进度): what a household was given, and where its application is, told to the family."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Final
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import Field

from api.access.read_session import PRIVATE, HouseholdPath, Reads, Views
from api.http.freshness import POSITION, MinPosition
from api.http.openapi_docs import OF_ONE, described
from api.http.schemas import Shape, answered
from projections.benefit_statement import BenefitStatement, statement_of
from projections.citizen_status_queries import CitizenStatus, status_of

_STATEMENT: Final = ("benefit_statement", "card")
_STATUS: Final = ("citizen_status", "card")


class HoldingShape(Shape):
    """全户（person 为空）或一人享有的一项：类别、按月待遇（fen 为每月分数）、标识或专项救助。"""

    kind: str
    code: str
    person: UUID | None
    fen: int | None
    since: date = Field(alias="from")
    until: date | None = Field(alias="to", description="不含此日")
    organ: str | None = Field(description="作出决定的机构")


class AidShape(Shape):
    """一次临时救助，金额为分。"""

    id: UUID = Field(validation_alias="aid")
    type: str
    fen: int
    granted_on: date
    state: str
    state_on: date
    organ: str | None


class PaidShape(Shape):
    """一年内一类款项到账（settled）或退回（returned）的合计，金额为分。"""

    year: int
    kind: str
    state: str
    fen: int
    count: int


class StatementShape(Shape):
    """幸福清单：一户及其成员享有过和正在享有的全部救助。"""

    household: UUID
    on: date
    monthly_fen: int = Field(description="当月应发合计")
    received_fen: int = Field(description="历年到账合计")
    holdings: list[HoldingShape]
    aids: list[AidShape]
    years: list[PaidShape]

    @classmethod
    def of(cls, statement: BenefitStatement) -> StatementShape:
        return cls(
            household=statement.household,
            on=statement.on,
            monthly_fen=statement.monthly,
            received_fen=statement.received,
            holdings=[
                HoldingShape(
                    kind=row.kind, code=row.code, person=row.person, fen=row.fen,
                    since=row.since, until=row.until, organ=row.organ,
                )
                for row in statement.holdings
            ],
            aids=[
                AidShape(
                    aid=row.aid, type=row.type, fen=row.fen, granted_on=row.granted_on,
                    state=row.state, state_on=row.state_on, organ=row.organ,
                )
                for row in statement.aids
            ],
            years=[PaidShape.model_validate(row) for row in statement.years],
        )  # fmt: skip


class PromiseShape(Shape):
    """某日之前应当办完的事；passed 表示该日已过。"""

    what: str
    by: date
    passed: bool


class CaseStatusShape(Shape):
    """在办（或最近一次）申请到了哪一步、自何日起、下一步何日之前、还缺什么材料。"""

    case: UUID
    category: str
    begun_on: date
    stage: str
    words: str
    since: date
    next: PromiseShape | None
    decision: PromiseShape | None
    missing: list[str]
    decided_on: date | None
    fen: int | None
    first_month: str | None


class RulingShape(Shape):
    """对该户不利的决定，及其救济途径和期限；送达之前期限为空。"""

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
    open: list[str]


class LastPaidShape(Shape):
    """最近一笔到账的款项，金额为分。"""

    kind: str
    month: str
    fen: int
    on: date


class StatusShape(Shape):
    """办理进度：申请到了哪里、正在领取什么、有何决定和救济途径、还要做什么。"""

    household: UUID
    on: date
    case: CaseStatusShape | None
    rulings: list[RulingShape]
    to_do: list[str]
    category: str | None
    fen: int | None
    grace_to: str | None
    review_due: date | None
    last_paid: LastPaidShape | None

    @classmethod
    def of(cls, status: CitizenStatus) -> StatusShape:
        paid = status.last_paid
        return cls(
            household=status.household,
            on=status.on,
            case=None if status.case is None else CaseStatusShape.model_validate(status.case),
            rulings=[RulingShape.model_validate(ruling) for ruling in status.rulings],
            to_do=status.to_do,
            category=status.category,
            fen=status.fen,
            grace_to=status.grace_to,
            review_due=status.review_due,
            last_paid=None
            if paid is None
            else LastPaidShape(kind=paid[0], month=paid[1], fen=paid[2], on=paid[3]),
        )


class Statements:
    """What a family may be told of its own chain, at the window or on paper."""

    def __init__(self, views: Views, today: Callable[[], date]) -> None:
        self._views = views
        self._today = today

    def routes(self) -> APIRouter:
        router = APIRouter(prefix="/v1/households/{household}", tags=["家庭"])
        router.add_api_route(
            "/benefit-statement",
            self.statement,
            response_model=StatementShape,
            summary="幸福清单",
            operation_id="getBenefitStatement",
            responses=described(*OF_ONE),
        )
        router.add_api_route(
            "/status",
            self.status,
            response_model=StatusShape,
            summary="办理进度",
            operation_id="getCitizenStatus",
            responses=described(*OF_ONE),
        )
        return router

    def statement(self, household: HouseholdPath, reader: Reads, seen: MinPosition = None) -> Response:
        """该户及其成员享有过和正在享有的全部救助，以及历年到账的金额。"""
        with self._views.of_one(reader, household, _STATEMENT, seen) as (connection, position, _):
            statement = statement_of(connection, household, self._today())
        self._views.looks.at(reader, household, "benefit-statement")
        return answered(StatementShape.of(statement), {POSITION: position, **PRIVATE})

    def status(self, household: HouseholdPath, reader: Reads, seen: MinPosition = None) -> Response:
        """家庭可以知道的办理进度：到了哪一步、承诺何日办完、有何决定、向谁申诉、还要做什么。"""
        with self._views.of_one(reader, household, _STATUS, seen) as (connection, position, _):
            status = status_of(connection, household, self._today())
        self._views.looks.at(reader, household, "status")
        return answered(StatusShape.of(status), {POSITION: position, **PRIVATE})
