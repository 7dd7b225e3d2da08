"""The work list (工作清单): who must do what by when, in an area, at an office, or one officer's own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from enum import StrEnum
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from api.access.area_scope import Areas
from api.access.identity import Identity, Reader
from api.access.read_session import PRIVATE, HouseholdPath, Reads, Views, next_page
from api.http.freshness import POSITION, MinPosition
from api.http.openapi_docs import OF_ONE, READ, described
from api.http.paging import Cursor, CursorInvalid, Cursors, Limit, Place
from api.http.problems import Problem
from api.http.schemas import Shape, answered
from api.reads.household_schemas import HeadShape, said
from application.describing.labels import code_word, deadline_word
from domain.clock.duty_kinds import DUTY_KINDS, Office
from domain.values.private import Private
from domain.values.receipt import Actor
from domain.values.spells import Category
from projections.household_heads import Head, heads_of
from projections.work_list_queries import After, OpenDuty, StepCount, counts_in, duties_in, duties_of

_COUNTED: Final = ("work_list",)
_LISTED: Final = ("work_list", "card")
_LOOKED_AT: Final = "work-items"

StepCode = StrEnum("StepCode", {code: code for code in DUTY_KINDS})  # type: ignore[misc]


class Whose(StrEnum):
    """谁的待办：mine 本人经办过的；office 本级机构应办的；area 辖区内全部。"""

    MINE = "mine"
    OFFICE = "office"
    AREA = "area"


class RegionNeeded(Problem):
    """请用 region 指明区划：全国的待办不能一次列出。"""

    status = 400


class WorkItem(Shape):
    """一项待办：哪一户、办什么、谁来办、何日到期；due 为空表示没有期限。"""

    household: UUID
    head: HeadShape | None
    step: str
    title: str
    office: str = Field(description="应办一方：applicant、village、township、county 或 bank")
    region: str | None = Field(description="应办机构所在区划")
    subject: UUID
    month: str | None = Field(description="所涉月份")
    category: str | None
    category_word: str | None
    cycle: int
    officer: str | None = Field(description="该级上次经办该户的人员")
    since: date
    due: date | None
    what: str | None = Field(description="期限代码")
    what_title: str | None = Field(description="期限名称")
    assumed: bool = Field(description="按尚未公布的日历推算")
    overdue: bool
    village: str

    @classmethod
    def of(cls, duty: OpenDuty, head: HeadShape | None, today: date) -> WorkItem:
        row = duty.row
        category = row.category if row.category in set(Category) else None
        return cls(
            household=row.household,
            head=head,
            step=row.step,
            title=duty.title,
            office=duty.office,
            region=duty.region,
            subject=row.subject,
            month=row.month or None,
            category=category,
            category_word=said(code_word, category),
            cycle=row.cycle,
            officer=row.officer,
            since=row.since,
            due=duty.due,
            what=row.what,
            what_title=said(deadline_word, row.what),
            assumed=row.assumed,
            overdue=duty.is_overdue(today),
            village=row.village,
        )


class WorkItems(Shape):
    """待办，一页，先到期的在前，没有期限的在后。"""

    items: list[WorkItem]
    next: str | None = Field(description="下一页的游标；没有下一页时为空")


class WorkItemsOfOne(Shape):
    """一户的待办，先到期的在前。"""

    household: UUID
    items: list[WorkItem]


class WorkCount(Shape):
    """一类待办有多少、逾期多少；more 表示多于所列数目。"""

    step: str
    title: str
    office: str
    open: int
    overdue: int
    more: bool

    @classmethod
    def of(cls, count: StepCount) -> WorkCount:
        return cls.model_validate(count)


class WorkCounts(Shape):
    """各类待办的数目，按办理次序；没有的不列。"""

    items: list[WorkCount]


RegionQuery = Annotated[str | None, Query(pattern=r"^[0-9]{2,12}$", description="区划代码；不填为本辖区")]
WhoseQuery = Annotated[Whose, Query(description="谁的待办：本人、本级机构或辖区内全部")]


class WorkList:
    """The reads of the work list."""

    def __init__(self, views: Views, areas: Areas, cursors: Cursors, today: Callable[[], date]) -> None:
        self._views = views
        self._areas = areas
        self._cursors = cursors
        self._today = today

    def routes(self) -> APIRouter:
        router = APIRouter(prefix="/v1", tags=["待办"])
        router.add_api_route(
            "/work-items",
            self.page,
            response_model=WorkItems,
            summary="工作清单",
            operation_id="listWorkItems",
            responses=described(*READ, 422),
        )
        router.add_api_route(
            "/work-items/counts",
            self.counts,
            response_model=WorkCounts,
            summary="各类待办的数目",
            operation_id="countWorkItems",
            responses=described(*READ, 422),
        )
        router.add_api_route(
            "/households/{household}/work-items",
            self.of_one,
            response_model=WorkItemsOfOne,
            summary="一户的待办",
            operation_id="listHouseholdWorkItems",
            responses=described(*OF_ONE),
        )
        return router

    def page(
        self,
        reader: Reads,
        request: Request,
        region: RegionQuery = None,
        whose: WhoseQuery = Whose.AREA,
        step: Annotated[StepCode | None, Query(description="只列这一类")] = None,
        category: Annotated[Category | None, Query(description="只列这一类别的事项")] = None,
        overdue: Annotated[bool, Query(description="只列已逾期的")] = False,
        seen: MinPosition = None,
        cursor: Cursor = None,
        limit: Limit = 50,
    ) -> Response:
        """辖区内未完成的待办，先到期的在前；可只列本人的、本级机构的、某一类的或已逾期的。"""
        today = self._today()
        place, officer, office = self._scope(reader.identity, region, whose)
        query = ("work-items", place, officer, office, step, category, str(overdue))
        after = _after(self._cursors.read(query, cursor)) if cursor is not None else None
        with self._views.of_area(reader.identity, _LISTED, seen) as connection:
            duties = duties_in(
                connection,
                place,
                officer=officer,
                office=office,
                step=step,
                overdue_on=today if overdue else None,
                category=category,
                after=after,
                limit=limit + 1,
            )
            more = None
            if len(duties) > limit:
                duties = duties[:limit]
                more = self._cursors.write(query, _place_of(duties[-1].after))
            heads = heads_of(connection, list(dict.fromkeys(duty.row.household for duty in duties)))
        shape = WorkItems(items=self._shown(reader, duties, heads, today), next=more)
        return answered(shape, {**PRIVATE, **next_page(request, more)})

    def counts(
        self,
        reader: Reads,
        region: RegionQuery = None,
        whose: WhoseQuery = Whose.AREA,
        seen: MinPosition = None,
    ) -> Response:
        """辖区内各类待办有多少、其中逾期多少；不涉及具体的户。"""
        place, officer, office = self._scope(reader.identity, region, whose)
        with self._views.of_area(reader.identity, _COUNTED, seen) as connection:
            counts = counts_in(connection, place, self._today(), officer=officer, office=office)
        return answered(WorkCounts(items=[WorkCount.of(count) for count in counts]), PRIVATE)

    def of_one(self, household: HouseholdPath, reader: Reads, seen: MinPosition = None) -> Response:
        """该户未完成的待办：办什么、谁来办、何日到期。"""
        today = self._today()
        with self._views.of_one(reader, household, _LISTED, seen) as (connection, position, _):
            duties = duties_of(connection, household)
            heads = heads_of(connection, [household])
        shape = WorkItemsOfOne(household=household, items=self._shown(reader, duties, heads, today))
        return answered(shape, {POSITION: position, **PRIVATE})

    def _shown(
        self, reader: Reader, duties: Sequence[OpenDuty], heads: Mapping[UUID, Head], today: date
    ) -> list[WorkItem]:
        """The duties with whom they are about, after one look at each household is on record."""
        # of a household parked outside the cards only the duty is seen
        asked = dict.fromkeys([*heads, *(duty.row.household for duty in duties)])
        looks = [(household, [_name_of(heads.get(household))]) for household in asked]
        clear = self._views.looks.through(reader, looks, _LOOKED_AT)
        names = {household: name for household, (name,) in zip(asked, clear, strict=True)}
        shown = {household: HeadShape.of(head.head, names[household]) for household, head in heads.items()}
        return [WorkItem.of(duty, shown.get(duty.row.household), today) for duty in duties]

    def _scope(
        self, identity: Identity, region: str | None, whose: Whose
    ) -> tuple[str | None, str | None, Office | None]:
        place = self._areas.place(identity, region)
        if whose is Whose.MINE:
            return place, identity.officer, None
        if place is None:
            raise RegionNeeded
        return place, None, _office_of(identity) if whose is Whose.OFFICE else None


def _name_of(head: Head | None) -> Private[str] | None:
    if head is None or head.head is None or head.head_name is None:
        return None
    return Private(head.head, "name", token=head.head_name)


def _office_of(identity: Identity) -> Office | None:
    """What the identity's organ has to do; None for organs above the county, which have to do nothing here."""
    match Actor(identity.officer, identity.organ).level:
        case "village" | "township" | "county" as level:
            return level
    return None


def _place_of(after: After) -> Place:
    return [
        after.due.isoformat(),
        after.lane,
        after.household.hex,
        after.step,
        after.subject.hex,
        after.month,
    ]


def _after(place: Place) -> After:
    try:
        due, lane, household, step, subject, month = place
        return After(
            date.fromisoformat(str(due)),
            int(str(lane)),
            UUID(hex=str(household)),
            str(step),
            UUID(hex=str(subject)),
            str(month),
        )
    except ValueError:
        raise CursorInvalid from None
