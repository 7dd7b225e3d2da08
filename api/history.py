"""History (历史): what a household was on a day, as it was known at an instant; replayed from its events."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import AwareDatetime, Field

from api.described import OF_ONE, described
from api.freshness import POSITION, MinPosition
from api.problems import Problem, etag
from api.shapes import Shape, answered
from api.views import PRIVATE, HouseholdPath, Reads, Views
from application.handling import Desk
from domain.as_of import ValidOn, valid_on
from domain.deadline import Due
from domain.household import Household, follow
from domain.month import Months
from domain.person import HouseholdId
from domain.spells import Membership

_CARD: Final = ("card",)
FIRST_DAY: Final = date(1850, 1, 1)


class NotKnownYet(Problem):
    """到所问的时刻为止，该户还没有任何登记。"""

    status = 404


class MemberOn(Shape):
    """当日的一名共同生活成员，出生只到年；姓名见该户的现状。"""

    person: UUID
    relation: str
    birth_year: int | None
    student: bool
    disability: str | None
    work_capacity: str
    since: date = Field(alias="from")
    until: date | None = Field(alias="to", description="不含此日")

    @classmethod
    def of(cls, member: Membership) -> MemberOn:
        disability = member.disability
        return cls(
            person=member.person,
            relation=member.relation,
            birth_year=member.birth.year if member.birth else None,
            student=member.student,
            disability=f"{disability.kind}-{disability.grade}" if disability else None,
            work_capacity=member.work_capacity,
            since=member.start,
            until=member.end,
        )


class OwnCategoryOn(Shape):
    """一名成员当日自己的类别。"""

    person: UUID
    category: str


class CaseOnShape(Shape):
    """当日在办的事项，及到当日为止的最近一步。"""

    id: UUID
    category: str
    step: str
    since: date


class DueOn(Shape):
    """当日终了时未完成的一项期限。"""

    what: str
    day: date
    kind: str
    subject: UUID
    rule: str
    assumed: bool

    @classmethod
    def of(cls, due: Due) -> DueOn:
        return cls.model_validate(due)


class MonthsShape(Shape):
    """首月和末月，均含在内。"""

    first: str
    last: str

    @classmethod
    def of(cls, months: Months) -> MonthsShape:
        return cls(first=str(months.first), last=str(months.last))


class HistoryShape(Shape):
    """某日的情况，以某一时刻所知为准；region 为空表示当日尚未登记。"""

    household: UUID
    valid_at: date
    known_at: datetime
    version: int = Field(description="当时已知的最后一个版本")
    recorded_at: datetime = Field(description="该版本的记录时刻")
    region: str | None
    area: str | None
    members: list[MemberOn]
    category: str | None
    own_categories: list[OwnCategoryOn]
    labels: list[str]
    monthly_fen: int | None = Field(description="当月所定金额")
    owed_fen: int | None = Field(description="事后更正所得的应发金额，与所定不同时才有")
    grace: MonthsShape | None
    case: CaseOnShape | None
    due: list[DueOn]
    joined_into: UUID | None = Field(description="并入的户")

    @classmethod
    def of(cls, known: Known, valid: ValidOn, known_at: datetime) -> HistoryShape:
        return cls(
            household=valid.household,
            valid_at=valid.day,
            known_at=known_at,
            version=known.version,
            recorded_at=known.recorded_at,
            region=valid.region,
            area=valid.area,
            members=[MemberOn.of(member) for member in valid.members],
            category=valid.category,
            own_categories=[OwnCategoryOn.model_validate(own) for own in valid.own],
            labels=list(valid.labels),
            monthly_fen=valid.fen,
            owed_fen=valid.owed,
            grace=MonthsShape.of(valid.grace) if valid.grace else None,
            case=CaseOnShape.model_validate(valid.case) if valid.case else None,
            due=[DueOn.of(due) for due in valid.dues],
            joined_into=valid.joined_into,
        )


class Known:
    """A household replayed up to an instant, its version then, and when that was recorded."""

    def __init__(self, household: Household, version: int, recorded_at: datetime) -> None:
        self.household = household
        self.version = version
        self.recorded_at = recorded_at

    @classmethod
    def at(cls, desk: Desk, household: HouseholdId, known_at: datetime) -> Known:
        """Replay what was recorded by an instant; raises `NotKnownYet` where that is nothing."""
        rows = desk.store.load(household, known_at=known_at).rows
        if not rows:
            raise NotKnownYet
        state = Household(household)
        for row in rows:
            state = follow(state, row.event)
        return cls(state, rows[-1].originator_version, rows[-1].recorded_at)


class History:
    """The two time axes: valid on a day, known at an instant."""

    def __init__(self, views: Views, desk: Desk, today: Callable[[], date]) -> None:
        self._views = views
        self._desk = desk
        self._today = today

    def routes(self) -> APIRouter:
        router = APIRouter(prefix="/v1/households/{household}", tags=["家庭"])
        router.add_api_route(
            "/history",
            self.on,
            response_model=HistoryShape,
            summary="某日的情况，以某一时刻所知为准",
            operation_id="getHouseholdHistory",
            responses=described(*OF_ONE),
        )
        return router

    def on(
        self,
        household: HouseholdPath,
        reader: Reads,
        valid_at: Annotated[
            date | None, Query(alias="validAt", ge=FIRST_DAY, description="何日的情况；不填为今日")
        ] = None,
        known_at: Annotated[
            AwareDatetime | None,
            Query(alias="knownAt", description="以何时所知为准（RFC 3339，须有时区）；不填为此刻"),
        ] = None,
        seen: MinPosition = None,
    ) -> Response:
        """回答“那天该户是什么情况、当时知道些什么”：由事件重放，不受事后登记的影响。"""
        with self._views.of_one(reader, household, _CARD, seen, past=True) as (_, position, _):
            pass
        at = known_at or datetime.now(UTC)
        known = Known.at(self._desk, HouseholdId(household), at)
        self._views.looks.at(reader, household, "history")
        shape = HistoryShape.of(known, valid_on(known.household, valid_at or self._today()), at)
        return answered(shape, {"ETag": etag(known.version), POSITION: position, **PRIVATE})
