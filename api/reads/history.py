"""History (历史): what a household was on a day, as it was known at an instant; replayed from its events."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import AwareDatetime, Field

from api.access.masking import masked
from api.access.read_session import PRIVATE, HouseholdPath, Reads, Views
from api.http.freshness import POSITION, MinPosition
from api.http.openapi_docs import OF_ONE, described
from api.http.problems import Problem, WentOn, etag
from api.http.schemas import Shape, answered
from api.reads.household_schemas import said
from application.describing.labels import code_word, deadline_word
from application.handling.household_repository import HouseholdRepository
from domain.household.as_of import CaseOn, OwnCategory, ValidOn, valid_on
from domain.household.replay import follow
from domain.household.state import Household
from domain.values.deadline import Due
from domain.values.month import Months
from domain.values.person import HouseholdId
from domain.values.spells import Membership

_CARD: Final = ("card",)
FIRST_DAY: Final = date(1850, 1, 1)


STEP_WORDS: Final[Mapping[str, str]] = {
    "started": "提出申请或者启动程序",
    "accepted": "已受理",
    "investigation-started": "已启动调查",
    "verification-requested": "已提请核对",
    "verification-started": "已启动核对",
    "verification-reported": "核对报告已出具",
    "opinion-given": "已提出审核意见",
    "notice-posted": "公示中",
    "notice-closed": "公示已结束",
    "file-received": "县级已收到材料",
}
"""What the steps of `domain.household.as_of` are called when people read them."""


class NotKnownYet(Problem):
    """到所问的时刻为止，该户还没有任何登记。"""

    status = 404


class NotRegisteredThen(Problem):
    """{day} 该户尚未登记：最早的一步是 {first}。请查询该日及以后的情况。"""

    status = 404


class KnownInFuture(Problem):
    """knownAt 不能晚于此刻：以后还会登记什么，现在无从得知。"""

    status = 400


class MemberOn(Shape):
    """当日的一名共同生活成员，姓名已脱敏，出生只到年。"""

    person: UUID
    name: str | None
    relation: str
    relation_word: str
    birth_year: int | None
    student: bool
    disability: str | None
    work_capacity: str
    since: date = Field(alias="from")
    until: date | None = Field(alias="to", description="不含此日")

    @classmethod
    def of(cls, member: Membership, name: str | None) -> MemberOn:
        disability = member.disability
        return cls(
            person=member.person,
            name=masked("name", name),
            relation=member.relation,
            relation_word=code_word(member.relation),
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
    category_word: str

    @classmethod
    def of(cls, own: OwnCategory) -> OwnCategoryOn:
        return cls(person=own.person, category=own.category, category_word=code_word(own.category))


class CaseOnShape(Shape):
    """当日在办的事项，及到当日为止的最近一步。"""

    id: UUID
    category: str
    category_word: str
    step: str
    step_title: str
    since: date

    @classmethod
    def of(cls, case: CaseOn) -> CaseOnShape:
        return cls(
            id=case.id,
            category=case.category,
            category_word=code_word(case.category),
            step=case.step,
            step_title=STEP_WORDS[case.step],
            since=case.since,
        )


class DueOn(Shape):
    """当日终了时未完成的一项期限。"""

    what: str
    title: str
    day: date
    kind: str
    subject: UUID
    rule: str
    assumed: bool

    @classmethod
    def of(cls, due: Due) -> DueOn:
        return cls(
            what=due.what,
            title=deadline_word(due.what),
            day=due.day,
            kind=due.kind,
            subject=due.subject,
            rule=due.rule,
            assumed=due.assumed,
        )


class MonthsShape(Shape):
    """首月和末月，均含在内。"""

    first: str
    last: str

    @classmethod
    def of(cls, months: Months) -> MonthsShape:
        return cls(first=str(months.first), last=str(months.last))


class HistoryShape(Shape):
    """某日的情况，以某一时刻所知为准。"""

    household: UUID
    valid_at: date
    known_at: datetime
    version: int = Field(description="当时已知的最后一个版本")
    recorded_at: datetime = Field(description="该版本的记录时刻")
    region: str | None
    area: str | None
    members: list[MemberOn]
    category: str | None
    category_word: str | None
    own_categories: list[OwnCategoryOn]
    labels: list[str]
    label_words: list[str]
    monthly_fen: int | None = Field(description="当月所定金额")
    owed_fen: int | None = Field(description="事后更正所得的应发金额，与所定不同时才有")
    grace: MonthsShape | None
    case: CaseOnShape | None
    due: list[DueOn]
    joined_into: UUID | None = Field(description="并入的户")

    @classmethod
    def of(
        cls, known: Known, valid: ValidOn, known_at: datetime, names: Sequence[str | None]
    ) -> HistoryShape:
        """`names` are the clear names of the members, in their order."""
        return cls(
            household=valid.household,
            valid_at=valid.day,
            known_at=known_at,
            version=known.version,
            recorded_at=known.recorded_at,
            region=valid.region,
            area=valid.area,
            members=[MemberOn.of(member, name) for member, name in zip(valid.members, names, strict=True)],
            category=valid.category,
            category_word=said(code_word, valid.category),
            own_categories=[OwnCategoryOn.of(own) for own in valid.own],
            labels=list(valid.labels),
            label_words=[code_word(label) for label in valid.labels],
            monthly_fen=valid.fen,
            owed_fen=valid.owed,
            grace=MonthsShape.of(valid.grace) if valid.grace else None,
            case=CaseOnShape.of(valid.case) if valid.case else None,
            due=[DueOn.of(due) for due in valid.dues],
            joined_into=valid.joined_into,
        )


@dataclass(frozen=True, slots=True)
class Known:
    """A household replayed up to an instant: its version then, when that was recorded, its first and last day.

    `joined_on` is the day it went on in another household, as far as that was known.
    """

    household: Household
    version: int
    recorded_at: datetime
    first: date
    joined_on: date | None

    @classmethod
    def at(cls, households: HouseholdRepository, household: HouseholdId, known_at: datetime | None) -> Known:
        """Replay what was recorded by an instant, None for all; raises `NotKnownYet` where that is nothing."""
        rows = households.store.load(household, known_at=known_at).rows
        if not rows:
            raise NotKnownYet
        state = Household(household)
        for row in rows:
            state = follow(state, row.event)
        last = rows[-1]
        joined_on = last.event.on if state.joined_into is not None else None
        first = min(row.event.on for row in rows)
        return cls(state, last.originator_version, last.recorded_at, first, joined_on)


class History:
    """The two time axes: valid on a day, known at an instant."""

    def __init__(self, views: Views, households: HouseholdRepository, today: Callable[[], date]) -> None:
        self._views = views
        self._households = households
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
        """回答“那天该户是什么情况、当时知道些什么”：由事件重放，不受事后登记的影响；姓名脱敏。

        已并入另一户的，并入之前的日子仍可查询，此后的请向 Location 所指的户查询。
        """
        with self._views.of_one(reader, household, _CARD, seen, past=True) as (_, position, _):
            pass
        try:
            known = Known.at(self._households, HouseholdId(household), known_at)
        except NotKnownYet:
            self._views.looks.at(reader, household, "history")
            raise
        # the clock of records is the database's, which may be a little ahead of this one
        now = max(datetime.now(UTC), known.recorded_at)
        if known_at is not None and known_at > now:
            raise KnownInFuture
        valid = valid_on(known.household, valid_at or self._today())
        if known.joined_on is not None and valid.day >= known.joined_on:
            self._views.looks.at(reader, household, "joined-into")
            raise WentOn(household=known.household.joined_into)
        if valid.day < known.first and valid.residence is None and not valid.members:
            self._views.looks.at(reader, household, "history")
            raise NotRegisteredThen(day=valid.day, first=known.first)
        names = self._views.looks.into(
            reader, household, [member.name for member in valid.members], "history"
        )
        shape = HistoryShape.of(known, valid, known_at or now, names)
        return answered(shape, {"ETag": etag(known.version), POSITION: position, **PRIVATE})
