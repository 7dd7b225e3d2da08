"""Households (家庭): one household, its chain, and the households of an area; every read is on record."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from typing import Annotated, Any, Final
from urllib.parse import urlencode
from uuid import UUID

import structlog
from fastapi import APIRouter, Depends, Query, Request, Response
from psycopg import Connection

from api.freshness import POSITION, MinPosition, await_position
from api.household_shapes import ChainShape, HouseholdShape, ListedShape, ListShape, StepShape
from api.identity import NATION, Identity, Reader, reading
from api.looks import Looks
from api.paging import Cursor, CursorInvalid, Cursors, Limit, Place
from api.problems import DESCRIBED, Problem
from api.reach import reached
from api.shapes import answered
from domain.membership import HouseholdUnknown
from domain.private import Private, PrivateKind
from domain.region import RegionRegister
from domain.spells import Category
from eventstore.lanes import LANES
from eventstore.wire import Pool
from projections.card import Member, card_of
from projections.card_list import After, Listed, cards_in
from projections.chain import chain_of
from projections.dues import dues_of
from projections.engine.progress import Progress

_CARD: Final = ("card", "dues")
_CHAIN: Final = ("chain", "card")
_LIST: Final = ("card",)
_PRIVATE: Final = {"Cache-Control": "private, no-store"}

Reads = Annotated[Reader, Depends(reading)]

_log = structlog.stdlib.get_logger(__name__)


class RegionOutside(Problem):
    """所查区划不在您的辖区内。"""

    status = 403


class Households:
    """The reads of the household chapter, on the card, chain and deadline read models."""

    def __init__(
        self,
        pool: Pool,
        looks: Looks,
        regions: RegionRegister,
        progress: Progress,
        cursors: Cursors,
        today: Callable[[], date],
    ) -> None:
        self._pool = pool
        self._looks = looks
        self._regions = regions
        self._progress = progress
        self._cursors = cursors
        self._today = today

    def routes(self) -> APIRouter:
        router = APIRouter(prefix="/v1/households", tags=["家庭"], responses=DESCRIBED)
        router.add_api_route(
            "", self.page, response_model=ListShape, summary="辖区内的家庭", operation_id="listHouseholds"
        )
        router.add_api_route(
            "/{household}",
            self.one,
            response_model=HouseholdShape,
            summary="一户的现状",
            operation_id="getHousehold",
        )
        router.add_api_route(
            "/{household}/chain",
            self.chain,
            response_model=ChainShape,
            summary="一户的救助链",
            operation_id="getHouseholdChain",
        )
        return router

    def one(self, household: UUID, reader: Reads, seen: MinPosition = None) -> Response:
        """家庭成员、类别、标识、待遇、在办事项和未完成的期限；姓名和身份证号脱敏。"""
        await_position(self._progress, _CARD, seen)
        with self._pool.connection() as connection, _snapshot(connection):
            found = reached(connection, reader.identity, household, _CARD)
            whole = card_of(connection, household) if found is not None else None
            if found is None or whole is None:
                raise self._unknown(reader, household)
            dues = dues_of(connection, household, running=True)
        sealed = [private for member in whole.members for private in _sealed(member)]
        clear = self._looks.into(reader, household, sealed)
        shape = HouseholdShape.of(whole, dues, list(zip(clear[::2], clear[1::2], strict=True)))
        return answered(shape, {"ETag": f'"v{whole.card.version}"', POSITION: found.position, **_PRIVATE})

    def chain(
        self,
        household: UUID,
        reader: Reads,
        request: Request,
        seen: MinPosition = None,
        cursor: Cursor = None,
        limit: Limit = 50,
    ) -> Response:
        """从第一步起的每一步：日期、经办、依据、期限、是否按期。"""
        query = ("chain", str(household))
        after = _version(self._cursors.read(query, cursor)) if cursor is not None else 0
        await_position(self._progress, _CHAIN, seen)
        # steps are never changed, so the position read before them needs no snapshot to hold for them
        with self._pool.connection() as connection:
            found = reached(connection, reader.identity, household, _CHAIN)
            if found is None:
                raise self._unknown(reader, household)
            steps = chain_of(connection, household, after=after, limit=limit + 1)
        self._looks.at(reader, household, "chain")
        more = None
        if len(steps) > limit:
            steps = steps[:limit]
            more = self._cursors.write(query, [steps[-1].version])
        shape = ChainShape(household=household, items=[StepShape.of(step) for step in steps], next=more)
        return answered(shape, {POSITION: found.position, **_PRIVATE, **_link(request, more)})

    def page(
        self,
        reader: Reads,
        request: Request,
        region: Annotated[
            str | None, Query(pattern=r"^\d{2,12}$", description="区划代码；不填为本辖区")
        ] = None,
        category: Annotated[Category | None, Query(description="当日属于该类别的家庭")] = None,
        seen: MinPosition = None,
        cursor: Cursor = None,
        limit: Limit = 50,
    ) -> Response:
        """按固定顺序逐页列出；翻页期间新登记的家庭不会使已列出的重复或遗漏。"""
        today = self._today()
        place = self._place(reader.identity, region, today)
        query = ("households", place, category)
        after = _after(self._cursors.read(query, cursor)) if cursor is not None else None
        await_position(self._progress, _LIST, seen)
        with self._pool.connection() as connection:
            rows = cards_in(connection, place, today, category=category, after=after, limit=limit + 1)
        more = None
        if len(rows) > limit:
            rows = rows[:limit]
            more = self._cursors.write(query, [rows[-1].lane, rows[-1].household.hex])
        clear = self._looks.through(reader, [(row.household, [_head(row)]) for row in rows])
        items = [ListedShape.of(row, name) for row, (name,) in zip(rows, clear, strict=True)]
        return answered(ListShape(items=items, next=more), {**_PRIVATE, **_link(request, more)})

    def _place(self, identity: Identity, region: str | None, today: date) -> str | None:
        """The code to list, None for the whole country; raises `RegionOutside` or what the register refuses."""
        if region is None:
            return None if identity.region == NATION else identity.region
        code = self._regions.at(region, today).code
        if identity.region != NATION and identity.region not in self._regions.path(code, today):
            raise RegionOutside
        return code

    def _unknown(self, reader: Reader, household: UUID) -> HouseholdUnknown:
        # an unknown and a foreign household answer alike; who asks for what is not theirs is noted all the same
        identity = reader.identity
        _log.warning(
            "not shown", household=str(household), officer=identity.officer, organ=identity.organ,
            region=identity.region, purpose=reader.purpose,
        )  # fmt: skip
        return HouseholdUnknown()


def _sealed(member: Member) -> Iterator[Private[str] | None]:
    yield _private_of(member.person, "name", member.name)
    yield _private_of(member.person, "id-number", member.id_number)


def _head(row: Listed) -> Private[str] | None:
    return None if row.head is None else _private_of(row.head, "name", row.head_name)


def _private_of(owner: UUID, kind: PrivateKind, token: bytes | None) -> Private[str] | None:
    return None if token is None else Private(owner, kind, token=token)


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


def _link(request: Request, cursor: str | None) -> dict[str, str]:
    if cursor is None:
        return {}
    query = urlencode({**request.query_params, "cursor": cursor})
    return {"Link": f'<{request.url.path}?{query}>; rel="next"'}


@contextmanager
def _snapshot(connection: Connection[Any]) -> Iterator[None]:
    """All statements of the block see the read models at one moment; the connection is one that autocommits."""
    connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")
    try:
        yield
    finally:
        if not connection.broken:
            connection.execute("ROLLBACK")
