"""Households (家庭): one household, its chain, and the households of an area; every read is on record."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from api.access.area_scope import Areas
from api.access.read_session import PRIVATE, HouseholdPath, Reads, Views, next_page
from api.http.freshness import POSITION, MinPosition
from api.http.openapi_docs import OF_ONE, READ, described
from api.http.paging import Cursor, CursorInvalid, Cursors, Limit, Place
from api.http.problems import etag
from api.http.schemas import answered, written
from api.reads.household_schemas import ChainShape, HouseholdShape, ListedShape, ListShape, chain_text
from api.reads.search import sealed
from domain.values.private import Private
from domain.values.spells import Category
from eventstore.lanes import LANES
from projections.card import card_of
from projections.card_list import After, Listed, cards_in
from projections.chain import chain_call, steps_of
from projections.dues import dues_of

_CARD: Final = ("card", "dues")
_CHAIN: Final = ("chain", "card")
_LIST: Final = ("card",)


class Households:
    """The reads of the household chapter, on the card, chain and deadline read models."""

    def __init__(self, views: Views, areas: Areas, cursors: Cursors, today: Callable[[], date]) -> None:
        self._views = views
        self._looks = views.looks
        self._areas = areas
        self._cursors = cursors
        self._today = today

    def routes(self) -> APIRouter:
        router = APIRouter(prefix="/v1/households", tags=["家庭"])
        router.add_api_route(
            "",
            self.page,
            response_model=ListShape,
            summary="辖区内的家庭",
            operation_id="listHouseholds",
            responses=described(*READ, 422),
        )
        router.add_api_route(
            "/{household}",
            self.one,
            response_model=HouseholdShape,
            summary="一户的现状",
            operation_id="getHousehold",
            responses=described(*OF_ONE),
        )
        router.add_api_route(
            "/{household}/chain",
            self.chain,
            response_model=ChainShape,
            summary="一户的救助链",
            operation_id="getHouseholdChain",
            responses=described(*OF_ONE),
        )
        return router

    def one(self, household: HouseholdPath, reader: Reads, seen: MinPosition = None) -> Response:
        """家庭成员、类别、标识、待遇、在办事项和未完成的期限；姓名和身份证号脱敏。"""
        with self._views.of_one(reader, household, _CARD, seen) as (connection, position, _):
            whole = card_of(connection, household)
            dues = dues_of(connection, household, running=True)
        assert whole is not None
        privates = [private for member in whole.members for private in sealed(member)]
        clear = self._looks.into(reader, household, privates)
        shape = HouseholdShape.of(whole, dues, list(zip(clear[::2], clear[1::2], strict=True)))
        return answered(shape, {"ETag": etag(whole.card.version), POSITION: position, **PRIVATE})

    async def chain(
        self,
        household: HouseholdPath,
        reader: Reads,
        request: Request,
        seen: MinPosition = None,
        cursor: Cursor = None,
        limit: Limit = 50,
    ) -> Response:
        """从第一步起的每一步：日期、经办、依据、期限、是否按期。"""
        query = ("chain", str(household))
        after = _version(self._cursors.read(query, cursor)) if cursor is not None else 0
        asked = [chain_call(household, after=after, limit=limit + 1)]
        (rows,), position = await self._views.at_once(
            reader, household, _CHAIN, seen, asked, "chain", past=True
        )
        steps = steps_of(rows)
        more = None
        if len(steps) > limit:
            steps = steps[:limit]
            more = self._cursors.write(query, [steps[-1].version])
        text = chain_text(household, steps, more)
        return written(text, {POSITION: position, **PRIVATE, **next_page(request, more)})

    def page(
        self,
        reader: Reads,
        request: Request,
        region: Annotated[
            str | None, Query(pattern=r"^[0-9]{2,12}$", description="区划代码；不填为本辖区")
        ] = None,
        category: Annotated[Category | None, Query(description="当日属于该类别的家庭")] = None,
        seen: MinPosition = None,
        cursor: Cursor = None,
        limit: Limit = 50,
    ) -> Response:
        """按固定顺序逐页列出；翻页期间新登记的家庭不会使已列出的重复或遗漏。"""
        today = self._today()
        place = self._areas.place(reader.identity, region)
        query = ("households", place, category)
        after = _after(self._cursors.read(query, cursor)) if cursor is not None else None
        with self._views.of_area(reader.identity, _LIST, seen) as connection:
            rows = cards_in(connection, place, today, category=category, after=after, limit=limit + 1)
        more = None
        if len(rows) > limit:
            rows = rows[:limit]
            more = self._cursors.write(query, [rows[-1].lane, rows[-1].household.hex])
        clear = self._looks.through(reader, [(row.household, [_head(row)]) for row in rows])
        items = [ListedShape.of(row, name) for row, (name,) in zip(rows, clear, strict=True)]
        return answered(ListShape(items=items, next=more), {**PRIVATE, **next_page(request, more)})


def _head(row: Listed) -> Private[str] | None:
    if row.head is None or row.head_name is None:
        return None
    return Private(row.head, "name", token=row.head_name)


def _version(place: Place) -> int:
    (version,) = place
    if not isinstance(version, int):
        raise CursorInvalid
    return version


def _after(place: Place) -> After:
    lane, household = place
    if not isinstance(lane, int) or lane not in range(LANES):
        raise CursorInvalid
    return After(lane, UUID(hex=str(household)))
