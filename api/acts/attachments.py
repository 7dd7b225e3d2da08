"""Attachments and documents (附件、文书): papers taken in and handed out, each look on record."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Any, Final
from uuid import UUID, uuid5

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pydantic import Field

from api.access.identity import Reader
from api.access.read_session import PRIVATE, HouseholdPath, Opened, Reads, Views
from api.acts.commands import IdempotencyKey, command_id
from api.http.freshness import POSITION, MinPosition
from api.http.limits import Limited, RateLimits
from api.http.openapi_docs import OF_ONE, described
from api.http.problems import Problem
from api.http.schemas import Shape, answered
from application.documents.issuing import ATTACHED, Documents
from domain.papers.documents import DocumentUnknown
from domain.values.issued import DOCUMENT_WORDS, IssuedDocument
from domain.values.person import HouseholdId
from eventstore.attachments import Attachments, AttachmentUnknown, Look, Stored
from projections.card import card_of

_CARD: Final = ("card",)
_BEGINS: Final[Mapping[str, bytes]] = {
    "application/pdf": b"%PDF-",
    "image/jpeg": b"\xff\xd8\xff",
    "image/png": b"\x89PNG\r\n\x1a\n",
}
"""The media types taken in, and how such a file begins."""

_SHOWN: Final = {
    **PRIVATE,
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox",
}
_BINARY: Final[dict[str, Any]] = {
    media: {"schema": {"type": "string", "contentMediaType": media}} for media in _BEGINS
}


class MediaTypeRefused(Problem):
    """只接受 PDF、JPEG、PNG 文件，且内容须与所称的类型一致。"""

    status = 415


class AttachmentEmpty(Problem):
    """附件没有内容。"""

    status = 400


class NotOfTheHousehold(Problem):
    """所指人员不是该户的成员。"""

    status = 422


class AttachmentGone(Problem):
    """个人信息已依法抹除，附件不能再查看。"""

    status = 410


class AttachmentShape(Shape):
    """一份附件；sha256 是加密后内容的摘要。"""

    id: UUID
    household: UUID
    owner: UUID = Field(description="归谁所有：成员编号，或全户共有时为户编号；随其一并抹除")
    kind: str
    media: str
    size: int = Field(description="加密后的字节数")
    sha256: str
    recorded_at: datetime

    @classmethod
    def of(cls, stored: Stored, household: UUID) -> AttachmentShape:
        return cls(
            id=stored.id, household=household, owner=stored.owner, kind=stored.kind, media=stored.media,
            size=stored.size, sha256=stored.sha256, recorded_at=stored.recorded_at,
        )  # fmt: skip


class DocumentShape(Shape):
    """一份已制发的文书。"""

    id: UUID
    kind: str
    title: str
    number: str
    organ: str
    subject: UUID
    step_on: date | None
    on: date
    replaced: bool
    delivered_on: date | None

    @classmethod
    def of(cls, document: IssuedDocument) -> DocumentShape:
        return cls(
            id=document.id, kind=document.kind, title=DOCUMENT_WORDS[document.kind], number=document.number,
            organ=document.organ, subject=document.subject, step_on=document.step_on, on=document.on,
            replaced=document.replaced, delivered_on=document.delivered_on,
        )  # fmt: skip


class DocumentShapes(Shape):
    """一户的文书，按制发的先后。"""

    household: UUID
    items: list[DocumentShape]


async def _raw(request: Request) -> bytes:
    return await request.body()


AttachmentPath = Annotated[UUID, Path(description="附件编号")]
DocumentPath = Annotated[UUID, Path(description="文书编号")]


class Papers:
    """What is kept beside the events of a household: attachments, and the documents issued to it."""

    def __init__(
        self, views: Views, attachments: Attachments, documents: Documents, limits: RateLimits
    ) -> None:
        self._views = views
        self._attachments = attachments
        self._documents = documents
        self._limits = limits

    def routes(self) -> APIRouter:
        router = APIRouter(prefix="/v1/households/{household}", tags=["附件和文书"])
        router.add_api_route(
            "/attachments",
            self.put,
            methods=["POST"],
            status_code=201,
            response_model=AttachmentShape,
            summary="上传附件",
            operation_id="createAttachment",
            responses=described(*OF_ONE, 410, 413, 415, 422, 429),
            openapi_extra={"requestBody": {"required": True, "content": _BINARY}},
        )
        router.add_api_route(
            "/attachments/{attachment}",
            self.get,
            response_class=Response,
            summary="查看附件",
            operation_id="getAttachment",
            responses={
                **described(*OF_ONE, 410, 429),
                200: {"description": "附件的内容", "content": _BINARY},
            },
        )
        router.add_api_route(
            "/documents",
            self.documents,
            response_model=DocumentShapes,
            summary="一户的文书",
            operation_id="listDocuments",
            responses=described(*OF_ONE),
        )
        router.add_api_route(
            "/documents/{document}",
            self.document,
            response_class=Response,
            summary="查看文书",
            operation_id="getDocument",
            responses={
                **described(*OF_ONE, 410, 429),
                200: {
                    "description": "制发时的原样，可打印",
                    "content": {"text/html": {"schema": {"type": "string"}}},
                },
            },
        )
        return router

    def put(
        self,
        household: HouseholdPath,
        reader: Reads,
        key: IdempotencyKey,
        request: Request,
        data: Annotated[bytes, Depends(_raw)],
        kind: Annotated[
            str, Query(pattern=r"^[a-z][a-z-]{1,39}$", description="附件种类", examples=["mandate"])
        ] = "evidence",
        person: Annotated[UUID | None, Query(description="属于哪一名成员；不填为全户共有")] = None,
        seen: MinPosition = None,
    ) -> Response:
        """PDF、JPEG 或 PNG，至多 10 MiB，加密保存；得到的编号供办理时引用。"""
        self._limits.hit(Limited.ATTACHMENT, _who(reader))
        if not data:
            raise AttachmentEmpty
        media = request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        begins = _BEGINS.get(media)
        if begins is None or not data.startswith(begins) or kind == ATTACHED:
            raise MediaTypeRefused
        with self._views.of_one(reader, household, _CARD, seen) as opened:
            owners = _owners(opened, household)
        if person is not None and person not in owners:
            raise NotOfTheHousehold
        id = uuid5(command_id(reader.identity, key, household), "attachment/0")
        stored = self._attachments.put(id, person or household, kind, media, data)
        way = f"/v1/households/{household}/attachments/{id}"
        shape = AttachmentShape.of(stored, household)
        return Response(shape.model_dump_json(), 201, {"Location": way, **PRIVATE}, "application/json")

    def get(
        self, household: HouseholdPath, attachment: AttachmentPath, reader: Reads, seen: MinPosition = None
    ) -> Response:
        """附件的原件；先留下查阅记录，再显示。"""
        self._limits.hit(Limited.ATTACHMENT, _who(reader))
        with self._views.of_one(reader, household, _CARD, seen, past=True) as opened:
            owners = _owners(opened, household)
        stored = self._attachments.about(attachment)
        # a rendered document that was never issued is nobody's to see
        if stored.owner not in owners or stored.kind == ATTACHED:
            self._views.looks.refused(reader.identity, household, reader.purpose)
            raise AttachmentUnknown
        found = self._attachments.get(attachment, _look(reader, household))
        if found.data is None:
            raise AttachmentGone
        return Response(found.data, headers=_SHOWN, media_type=found.stored.media)

    def documents(self, household: HouseholdPath, reader: Reads, seen: MinPosition = None) -> Response:
        """该户已制发的文书：文号、何时、由谁制发、何日送达。"""
        with self._views.of_one(reader, household, _CARD, seen, past=True) as opened:
            pass
        self._views.looks.at(reader, household, "documents")
        items = [DocumentShape.of(each) for each in self._documents.of(HouseholdId(household))]
        return answered(
            DocumentShapes(household=household, items=items), {POSITION: opened.position, **PRIVATE}
        )

    def document(
        self, household: HouseholdPath, document: DocumentPath, reader: Reads, seen: MinPosition = None
    ) -> Response:
        """文书制发时的原样，供打印和送达；先留下查阅记录，再显示。"""
        self._limits.hit(Limited.ATTACHMENT, _who(reader))
        with self._views.of_one(reader, household, _CARD, seen, past=True):
            pass
        if self._documents.household_of(document) != household:
            self._views.looks.refused(reader.identity, household, reader.purpose)
            raise DocumentUnknown
        identity = reader.identity
        page = self._documents.read(
            document, actor=identity.officer, purpose=reader.purpose, organ=identity.organ
        )
        if page.data is None:
            raise AttachmentGone
        return Response(page.data, headers=_SHOWN, media_type=page.media)


def _owners(opened: Opened, household: UUID) -> set[UUID]:
    """Whose attachments belong to a household: its own, and those of everybody who is or was in it."""
    whole = card_of(opened.connection, household)
    return {household} | {member.person for member in whole.members} if whole is not None else {household}


def _look(reader: Reader, household: UUID) -> Look:
    identity = reader.identity
    return Look(identity.officer, reader.purpose, household, identity.organ)


def _who(reader: Reader) -> str:
    return f"{reader.identity.organ}/{reader.identity.officer}"
