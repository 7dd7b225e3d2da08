"""Reports (统计): how long stages took, how much was done, who was in which category; counts, never persons."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response
from pydantic import Field

from api.access.area_scope import Areas
from api.access.identity import Identity, Role, identified
from api.access.read_session import PRIVATE, HouseholdPath, Reads, Views
from api.http.freshness import POSITION, MinPosition
from api.http.openapi_docs import OF_ONE, READ, described
from api.http.problems import Denied, Problem
from api.http.schemas import Shape, answered
from application.reference.reference import Reference
from domain.clock.stages import STAGES, Days, days_by_holder, days_of
from domain.values.calendar import CalendarYearMissing, WorkingCalendar
from domain.values.month import Month, Months, MonthUnreadable
from domain.values.region import Level
from domain.values.spells import Category
from projections.durations import Stretch, durations_of
from projections.percentiles import (
    DurationReport,
    Figure,
    FigureReport,
    Ground,
    LevelNotKept,
    NothingMerged,
    Percentiles,
    Unit,
    counts_of,
    heads_of,
    percentiles_of,
)

_DURATIONS: Final = ("durations", "card")
_MAY_COUNT: Final = frozenset({Role.CASEWORKER, Role.AUDITOR, Role.SUPERVISOR})
_MONTH: Final = r"^(18[5-9]|19[0-9]|20[0-9]|21[0-9])[0-9]-(0[1-9]|1[0-2])$"
LONGEST: Final = 240
"""The most months of one report."""


class ReportsNotAllowed(Denied):
    """当前角色不能查询统计。"""


class NothingCounted(Problem):
    """尚未汇总统计，或没有所指的截点。请稍后重试，或不指定截点。"""

    status = 404


class LevelNotCounted(Problem):
    """时长统计到乡镇（街道）为止：村（社区）件数过少，不作统计。"""

    status = 422


class MonthsReversed(Problem):
    """首月不能晚于末月，一次最多二十年。"""

    status = 400


class LevelCode(StrEnum):
    """按哪一级分列。"""

    PROVINCE = "province"
    CITY = "city"
    COUNTY = "county"
    TOWNSHIP = "township"
    VILLAGE = "village"


class UnitCode(StrEnum):
    """自然日、工作日，或扣除依法中止的工作日。"""

    CALENDAR = "calendar"
    WORKING = "working"
    NET = "net"


class GroundShape(Shape):
    """统计所依据的截点：同一截点的统计永远相同。"""

    cut: UUID
    taken_at: datetime
    durations: int = Field(description="时长读模型的版本")
    statistics: int = Field(description="统计读模型的版本")
    editions: dict[str, list[str]] = Field(description="各县所用的工作日历")
    uncounted: int = Field(description="没有工作日历、只按自然日计的件数")

    @classmethod
    def of(cls, ground: Ground) -> GroundShape:
        return cls(
            cut=ground.cut,
            taken_at=ground.taken_at,
            durations=ground.durations,
            statistics=ground.statistics,
            editions={county: list(each) for county, each in ground.editions.items()},
            uncounted=ground.uncounted,
        )


class PercentilesShape(Shape):
    """一地的件数和天数分位数；不足五件的不显示。"""

    area: str
    n: int | None
    p50: int | None
    p90: int | None
    p95: int | None
    longest: int | None

    @classmethod
    def of(cls, area: str, found: Percentiles) -> PercentilesShape:
        return cls(area=area, **found._asdict())


class DurationsReport(Shape):
    """各地某一阶段用时的分位数。"""

    ground: GroundShape
    items: list[PercentilesShape]

    @classmethod
    def of(cls, report: DurationReport) -> DurationsReport:
        shown = report.shown()
        items = [PercentilesShape.of(area, found) for area, found in sorted(shown.areas.items())]
        return cls(ground=GroundShape.of(shown.ground), items=items)


class FigureShape(Shape):
    """一地一月的一项数目：件数或户数、人数、金额（分）。"""

    area: str
    month: str
    category: str
    detail: str
    homes: int
    heads: int
    fen: int

    @classmethod
    def of(cls, figure: Figure) -> FigureShape:
        return cls.model_validate(figure)


class FiguresReport(Shape):
    """各地各月的数目。"""

    ground: GroundShape
    items: list[FigureShape]

    @classmethod
    def of(cls, report: FigureReport) -> FiguresReport:
        return cls(
            ground=GroundShape.of(report.ground), items=[FigureShape.of(each) for each in report.figures]
        )


class DaysShape(Shape):
    """天数：自然日、工作日、扣除依法中止的工作日；没有当年工作日历的后两项为空。"""

    calendar: int
    working: int | None
    net: int | None

    @classmethod
    def of(cls, days: Days) -> DaysShape:
        return cls.model_validate(days)


class StretchShape(Shape):
    """一段办理用时，按卷宗在谁手中分列；until 为空表示仍在进行。"""

    subject: UUID
    stage: str
    title: str
    category: str
    since: date
    until: date | None
    days: DaysShape
    by_holder: dict[str, DaysShape]

    @classmethod
    def of(cls, stretch: Stretch, calendar: WorkingCalendar) -> StretchShape:
        try:
            whole, split = days_of(stretch.parts, calendar), days_by_holder(stretch.parts, calendar)
        except CalendarYearMissing:
            whole, split = days_of(stretch.parts), days_by_holder(stretch.parts)
        return cls(
            subject=stretch.subject,
            stage=stretch.stage,
            title=STAGES[stretch.stage].title,
            category=stretch.category,
            since=stretch.since,
            until=stretch.until,
            days=DaysShape.of(whole),
            by_holder={holder: DaysShape.of(days) for holder, days in split.items()},
        )


class StretchesShape(Shape):
    """一户的各段办理用时。"""

    household: UUID
    items: list[StretchShape]


async def counting(identity: Annotated[Identity, Depends(identified)]) -> Identity:
    """An identity that may ask for counts; raises `ReportsNotAllowed`."""
    if _MAY_COUNT.isdisjoint(identity.roles):
        raise ReportsNotAllowed
    return identity


Counts = Annotated[Identity, Depends(counting)]
AreaQuery = Annotated[str | None, Query(pattern=r"^[0-9]{2,12}$", description="区划代码；不填为本辖区")]
LevelQuery = Annotated[LevelCode, Query(description="按哪一级分列")]
First = Annotated[str, Query(alias="firstMonth", pattern=_MONTH, description="首月", examples=["2026-01"])]
Last = Annotated[str, Query(alias="lastMonth", pattern=_MONTH, description="末月", examples=["2026-06"])]
CategoryQuery = Annotated[Category | None, Query(description="只计这一类别")]
CutQuery = Annotated[UUID | None, Query(description="截点；不填为最近一次汇总")]


class Reports:
    """What a supervisor asks: how long, how much, how many; on a cut that can be named for ever."""

    def __init__(self, views: Views, areas: Areas, reference: Reference, today: Callable[[], date]) -> None:
        self._views = views
        self._areas = areas
        self._reference = reference
        self._today = today

    def routes(self) -> APIRouter:
        router = APIRouter(prefix="/v1", tags=["统计"])
        problems = described(*READ, 404, 422)
        router.add_api_route(
            "/reports/durations",
            self.durations,
            response_model=DurationsReport,
            summary="办理用时的分位数",
            operation_id="reportDurations",
            responses=problems,
        )
        router.add_api_route(
            "/reports/figures",
            self.figures,
            response_model=FiguresReport,
            summary="办理数目",
            operation_id="reportFigures",
            responses=problems,
        )
        router.add_api_route(
            "/reports/headcount",
            self.headcount,
            response_model=FiguresReport,
            summary="月末在册户数和人数",
            operation_id="reportHeadcount",
            responses=problems,
        )
        router.add_api_route(
            "/households/{household}/durations",
            self.of_one,
            response_model=StretchesShape,
            summary="一户的办理用时",
            operation_id="getHouseholdDurations",
            responses=described(*OF_ONE),
        )
        return router

    def durations(
        self,
        identity: Counts,
        stage: Annotated[
            str, Query(max_length=60, pattern=r"^[a-z-]+$", description="阶段", examples=["decision"])
        ],
        first: First,
        last: Last,
        area: AreaQuery = None,
        level: LevelQuery = LevelCode.COUNTY,
        category: CategoryQuery = None,
        unit: Annotated[UnitCode, Query(description="怎样计天数")] = UnitCode.WORKING,
        cut: CutQuery = None,
    ) -> Response:
        """各地某一阶段办完的用时：半数、九成、九成五不超过几天，最长几天。"""
        where, by, span = self._place(identity, area), _level(level), _months(first, last)
        days: Unit = unit.value
        with self._views.of_area(identity, (), None) as connection, _told():
            report = percentiles_of(connection, where, by, span, stage, category, days, cut=cut)
        return answered(DurationsReport.of(report), PRIVATE)

    def figures(
        self,
        identity: Counts,
        what: Annotated[
            str, Query(max_length=60, pattern=r"^[a-z-]+$", description="计什么", examples=["accepted"])
        ],
        first: First,
        last: Last,
        area: AreaQuery = None,
        level: LevelQuery = LevelCode.COUNTY,
        category: CategoryQuery = None,
        cut: CutQuery = None,
    ) -> Response:
        """各地各月办理的件数、涉及人数和金额。"""
        where, by, span = self._place(identity, area), _level(level), _months(first, last)
        with self._views.of_area(identity, (), None) as connection, _told():
            report = counts_of(connection, where, by, span, what, category, cut=cut)
        return answered(FiguresReport.of(report), PRIVATE)

    def headcount(
        self,
        identity: Counts,
        first: First,
        last: Last,
        area: AreaQuery = None,
        level: LevelQuery = LevelCode.COUNTY,
        category: CategoryQuery = None,
        cut: CutQuery = None,
    ) -> Response:
        """各地各月末各类别的在册户数和人数。"""
        where, by, span = self._place(identity, area), _level(level), _months(first, last)
        with self._views.of_area(identity, (), None) as connection, _told():
            report = heads_of(connection, where, by, span, category, cut=cut)
        return answered(FiguresReport.of(report), PRIVATE)

    def of_one(self, household: HouseholdPath, reader: Reads, seen: MinPosition = None) -> Response:
        """该户每一阶段用了几天（自然日、工作日、扣除中止），卷宗在谁手中各几天。"""
        today = self._today()
        with self._views.of_one(reader, household, _DURATIONS, seen) as opened:
            stretches = durations_of(opened.connection, household, today)
        self._views.looks.at(reader, household, "durations")
        calendar = self._reference.ground(opened.place.codes[-1], today).calendar
        shape = StretchesShape(
            household=household, items=[StretchShape.of(each, calendar) for each in stretches]
        )
        return answered(shape, {POSITION: opened.position, **PRIVATE})

    def _place(self, identity: Identity, area: str | None) -> str:
        return self._areas.place(identity, area) or ""


def _level(code: LevelCode) -> Level:
    level: Level = code.value
    return level


def _months(first: str, last: str) -> Months:
    try:
        months = Months(Month.parse(first), Month.parse(last))
    except MonthUnreadable:
        raise MonthsReversed from None
    if len(months) > LONGEST:
        raise MonthsReversed
    return months


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except NothingMerged:
        raise NothingCounted from None
    except LevelNotKept:
        raise LevelNotCounted from None
