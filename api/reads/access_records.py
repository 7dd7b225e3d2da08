"""Accesses (查阅情况): who looked at a household, when, what for and at what; for auditors, and itself on record."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import Field

from api.access.access_log import REFUSED
from api.access.identity import PURPOSE_WORDS, Role
from api.access.read_session import PRIVATE, HouseholdPath, Reads, Views, next_page
from api.http.openapi_docs import OF_ONE, described
from api.http.paging import Cursor, CursorInvalid, Cursors, Limit, Place
from api.http.problems import Denied
from api.http.schemas import Shape, answered
from eventstore.access_records import Recorded, accesses_of
from eventstore.postgres.libpq_client import Pool

_CARD: Final = ("card",)
_SEEN: Final = "accesses"
_SEEN_WORDS: Final = {
    "name": "姓名",
    "id-number": "身份证号",
    "phone": "联系电话",
    "account": "账户",
    "address": "住址",
    "text": "说明文字",
    "card": "现状",
    "chain": "救助链",
    "history": "历史情况",
    "work-items": "待办",
    "work-item-events": "待办变动推送",
    "benefit-statement": "幸福清单",
    "status": "办理进度",
    "durations": "办理用时",
    "documents": "附件和文书目录",
    "joined-into": "并入情况",
    "last-step": "最近一步",
    _SEEN: "查阅记录",
}
_PURPOSE_WORDS: Final[Mapping[str, str]] = {
    **{str(purpose): word for purpose, word in PURPOSE_WORDS.items()},
    "command": "办理",
    "not-stated": "未说明",
}


class AccessesNotAllowed(Denied):
    """查阅记录只供审计、纪检人员（auditor）查询。"""


class AccessShape(Shape):
    """一次查阅；refused 表示没有给看。"""

    id: UUID
    at: datetime
    officer: str
    organ: str | None
    purpose: str
    purpose_word: str
    reason: str | None = Field(description="查看明文时写明的理由")
    seen: list[str] = Field(description="看了什么")
    seen_words: list[str]
    refused: bool

    @classmethod
    def of(cls, row: Recorded) -> AccessShape:
        purpose, _, reason = row.purpose.partition(": ")
        seen = [each for each in row.fields if each != REFUSED]
        return cls(
            id=row.id,
            at=row.at,
            officer=row.actor,
            organ=row.organ,
            purpose=purpose,
            purpose_word=_purpose_word(purpose),
            reason=reason or None,
            seen=seen,
            seen_words=[_seen_word(each) for each in seen],
            refused=REFUSED in row.fields,
        )


class AccessesShape(Shape):
    """一户的查阅记录，一页，最近的在前。"""

    household: UUID
    items: list[AccessShape]
    next: str | None = Field(description="下一页的游标；没有下一页时为空")


class Accesses:
    """The question an auditor asks of the looks themselves."""

    def __init__(self, views: Views, pool: Pool, cursors: Cursors) -> None:
        self._views = views
        self._pool = pool
        self._cursors = cursors

    def routes(self) -> APIRouter:
        router = APIRouter(prefix="/v1/households/{household}", tags=["家庭"])
        router.add_api_route(
            "/accesses",
            self.page,
            response_model=AccessesShape,
            summary="谁查阅过这一户",
            operation_id="listHouseholdAccesses",
            responses=described(*OF_ONE),
        )
        return router

    def page(
        self,
        household: HouseholdPath,
        reader: Reads,
        request: Request,
        cursor: Cursor = None,
        limit: Limit = 50,
    ) -> Response:
        """每次查阅的时间、人员、机构、用途和内容，最近的在前；被拒绝的也在内。本次查询也留下记录。"""
        if Role.AUDITOR not in reader.identity.roles:
            raise AccessesNotAllowed
        query = ("accesses", str(household))
        after = _after(self._cursors.read(query, cursor)) if cursor is not None else None
        with self._views.of_one(reader, household, _CARD, None, past=True):
            pass
        # first: who asks stands among those who looked
        self._views.looks.at(reader, household, _SEEN)
        # not behind the second wall, which knows the read models only
        with self._pool.connection() as connection:
            rows = accesses_of(connection, household, after, limit + 1)
        more = None
        if len(rows) > limit:
            rows = rows[:limit]
            more = self._cursors.write(query, [rows[-1].at.isoformat(), rows[-1].id.hex])
        items = [AccessShape.of(row) for row in rows]
        shape = AccessesShape(household=household, items=items, next=more)
        return answered(shape, {**PRIVATE, **next_page(request, more)})


def _after(place: Place) -> tuple[datetime, UUID]:
    try:
        at, access = place
        return datetime.fromisoformat(str(at)), UUID(hex=str(access))
    except ValueError:
        raise CursorInvalid from None


def _seen_word(seen: str) -> str:
    if seen.startswith("attachment:"):
        return "附件或文书"
    return _SEEN_WORDS.get(seen, "其他")


def _purpose_word(purpose: str) -> str:
    return _PURPOSE_WORDS.get(purpose, "其他")
