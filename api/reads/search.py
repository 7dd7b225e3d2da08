"""Search and reveal (查人、查看明文): who is found by a direct identifier, and identifiers shown whole for a reason."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import fields, is_dataclass
from enum import StrEnum
from typing import Annotated, Any, Final, cast
from uuid import UUID

from fastapi import APIRouter, Body, Response
from pydantic import AfterValidator, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from api.access.area_scope import reached
from api.access.identity import Identity, Reader
from api.access.read_session import PRIVATE, HouseholdPath, Reads, Views
from api.http.freshness import POSITION, MinPosition
from api.http.limits import Limited, RateLimits
from api.http.openapi_docs import OF_ONE, READ, described
from api.http.schemas import Shape, answered
from api.reads.household_schemas import CategoryShape, MemberShape
from application.handling.household_repository import HouseholdRepository
from domain.household.event import Event
from domain.values.citizen_id import normalised
from domain.values.private import Private, PrivateKind
from projections.card import WholeCard, card_of
from projections.card_spells import Member
from projections.persons import households_of

MOST_FOUND: Final = 20
"""How many households one search shows: who finds more has to say more."""

_CARD: Final = ("card",)
_LONG_NUMBER: Final = re.compile(r"\d{7,}")


def _without_numbers(reason: str) -> str:
    # a reason is kept in clear beside the look, for ever
    if _LONG_NUMBER.search(reason):
        advice = "理由中不要写证件号码、电话或账号。"
        raise PydanticCustomError("reason_has_number", "{advice}", {"advice": advice})
    return reason


class Asked(Shape):
    """A body of ours: unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


def _one_text(schema: dict[str, Any]) -> None:
    """What pydantic cannot know: one of the fields, and nothing but text in it."""
    schema |= {"minProperties": 1, "maxProperties": 1, "examples": [{"idNumber": "990101197304120013"}]}
    for field in schema["properties"].values():
        text, _ = field.pop("anyOf")
        field.update(text)


class SearchAsked(Asked):
    """按身份证号、姓名或联系电话之一查找，须完全一致。"""

    id_number: str | None = Field(None, min_length=15, max_length=30, description="身份证号")
    name: str | None = Field(None, min_length=1, max_length=100, description="姓名")
    phone: str | None = Field(None, min_length=5, max_length=30, description="联系电话")

    model_config = ConfigDict(json_schema_extra=_one_text)

    @model_validator(mode="after")
    def _one_of_them(self) -> SearchAsked:
        if len(self.model_fields_set) != 1 or self.said[1] is None:
            advice = "请只填身份证号、姓名、联系电话中的一项。"
            raise PydanticCustomError("one_of_them", "{advice}", {"advice": advice})
        return self

    @property
    def said(self) -> tuple[PrivateKind, str | None]:
        """What is looked for, and its kind."""
        if self.id_number is not None:
            return "id-number", normalised(self.id_number)
        if self.name is not None:
            return "name", self.name.strip()
        return "phone", self.phone


class FoundShape(Shape):
    """找到的一户；姓名和身份证号脱敏。"""

    household: UUID
    version: int
    region: str
    area: str
    members: list[MemberShape]
    categories: list[CategoryShape]
    persons: list[UUID] = Field(description="与所查相符的成员")

    @classmethod
    def of(cls, whole: WholeCard, values: Sequence[str | None], persons: set[UUID]) -> FoundShape:
        pairs = zip(whole.members, values[::2], values[1::2], strict=True)
        return cls(
            household=whole.card.household,
            version=whole.card.version,
            region=whole.card.region,
            area=whole.card.area,
            members=[MemberShape.of(row, name, number) for row, name, number in pairs],
            categories=[CategoryShape.of(row) for row in whole.categories],
            persons=[row.person for row in whole.members if row.person in persons],
        )


class FoundShapes(Shape):
    """辖区内找到的家庭；more 表示还有未列出的，请用身份证号查找。"""

    items: list[FoundShape]
    more: bool


class RevealKind(StrEnum):
    """可以查看明文的内容。"""

    NAME = "name"
    ID_NUMBER = "id-number"
    PHONE = "phone"
    ACCOUNT = "account"
    ADDRESS = "address"


class RevealAsked(Asked):
    """要看哪几项的明文、为什么；用途以请求头 X-Purpose 为准。"""

    kinds: list[RevealKind] = Field(min_length=1, max_length=5, description="要看的内容")
    reason: Annotated[str, AfterValidator(_without_numbers)] = Field(
        min_length=4,
        max_length=200,
        pattern=r"^[^\u0000-\u001F\u007F]*$",
        description="理由，永久保存；不写证件号码、电话或账号",
        json_schema_extra={"not": {"pattern": r"\d{7}"}},
    )
    persons: list[UUID] | None = Field(None, max_length=50, description="只看这些成员的；不填为全户")

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"kinds": ["id-number"], "reason": "核对证件原件"}]}
    )


class RevealedShape(Shape):
    """一项明文；owner 为成员编号，全户共有的为户编号。"""

    owner: UUID
    kind: RevealKind
    value: str


class RevealedShapes(Shape):
    """一户的明文；每次查看都已留下记录。"""

    household: UUID
    items: list[RevealedShape]


class Search:
    """Where direct identifiers are looked for and shown; both limited, both always on record."""

    def __init__(self, views: Views, households: HouseholdRepository, limits: RateLimits) -> None:
        self._views = views
        self._households = households
        self._limits = limits

    def routes(self) -> APIRouter:
        router = APIRouter(prefix="/v1/households", tags=["家庭"])
        router.add_api_route(
            "/_search",
            self.search,
            methods=["POST"],
            response_model=FoundShapes,
            summary="按身份证号、姓名或电话查找家庭",
            operation_id="searchHouseholds",
            responses=described(*READ, 413, 415, 429),
        )
        router.add_api_route(
            "/{household}/_reveal",
            self.reveal,
            methods=["POST"],
            response_model=RevealedShapes,
            summary="查看明文",
            operation_id="revealHousehold",
            responses=described(*OF_ONE, 413, 415, 429),
        )
        return router

    def search(self, reader: Reads, asked: Annotated[SearchAsked, Body()]) -> Response:
        """只在请求体中写所查的内容；只列辖区内的家庭；没有找到也留下记录。"""
        self._limits.hit(Limited.SEARCH, _who(reader.identity))
        kind, text = asked.said
        # on record before anything is known, on the area that is searched: it may find nothing
        self._views.looks.over(reader, reader.identity.region, f"search:{kind}")
        owners = self._households.store.find_all(kind, text or "")
        found, more = self._found(reader, owners)
        groups = [
            (whole.card.household, [private for member in whole.members for private in sealed(member)])
            for whole in found
        ]
        clear = self._views.looks.through(reader, groups)
        persons = set(owners)
        shapes = [FoundShape.of(whole, values, persons) for whole, values in zip(found, clear, strict=True)]
        return answered(FoundShapes(items=shapes, more=more), PRIVATE)

    def reveal(
        self,
        household: HouseholdPath,
        reader: Reads,
        asked: Annotated[RevealAsked, Body()],
        seen: MinPosition = None,
    ) -> Response:
        """身份证号、姓名、电话、账户、住址的明文。须写明理由；先留下记录，再显示。"""
        self._limits.hit(Limited.REVEAL, _who(reader.identity))
        with self._views.of_one(reader, household, _CARD, seen) as opened:
            pass
        newest = _newest(row.event for row in self._households.store.load(household).rows)
        kinds = {kind.value for kind in asked.kinds}
        wanted = [
            private
            for (owner, kind), private in newest.items()
            if kind in kinds and (asked.persons is None or owner in asked.persons)
        ]
        (clear,) = self._views.looks.through(reader, [(household, wanted)], ground=asked.reason)
        items = [
            RevealedShape(owner=private.owner, kind=RevealKind(private.kind), value=value)
            for private, value in zip(wanted, clear, strict=True)
            if value is not None
        ]
        shape = RevealedShapes(household=household, items=items)
        return answered(shape, {POSITION: opened.position, **PRIVATE})

    def _found(self, reader: Reader, owners: Sequence[UUID]) -> tuple[list[WholeCard], bool]:
        """The cards of the owners' households in the reader's area, at most `MOST_FOUND`; and whether more."""
        found: list[WholeCard] = []
        with self._views.of_area(reader.identity, _CARD, None) as connection:
            for household in households_of(connection, owners):
                if reached(connection, reader.identity, household, _CARD) is None:
                    continue
                whole = card_of(connection, household)
                if whole is None:
                    continue
                if len(found) == MOST_FOUND:
                    return found, True
                found.append(whole)
        return found, False


def sealed(member: Member) -> Iterator[Private[str] | None]:
    """The sealed name and ID number of a member's row."""
    for kind, token in (("name", member.name), ("id-number", member.id_number)):
        yield None if token is None else Private(member.person, cast(PrivateKind, kind), token=token)


def _newest(events: Iterator[Event]) -> dict[tuple[UUID, str], Private[str]]:
    """The newest of each owner's identifiers of each kind, as the events say them."""
    newest: dict[tuple[UUID, str], Private[str]] = {}
    for event in events:
        for private in _privates(event):
            newest[private.owner, private.kind] = private
    return newest


def _privates(value: Any) -> Iterator[Private[str]]:
    if isinstance(value, Private):
        yield value
    elif isinstance(value, tuple | list):
        for each in value:
            yield from _privates(each)
    elif is_dataclass(value):
        for field in fields(value):
            yield from _privates(getattr(value, field.name))


def _who(identity: Identity) -> str:
    return f"{identity.organ}/{identity.officer}"
