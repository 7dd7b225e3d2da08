"""What is answered about households (家庭、链、列表): their JSON shapes, made from rows and masked values."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from functools import lru_cache
from typing import Any, Final
from uuid import UUID

import msgspec
from pydantic import Field
from pydantic.alias_generators import to_camel

from api.access.masking import masked
from api.http.schemas import Shape
from application.describing.labels import code_word, deadline_word
from domain.catalogue import EVENTS
from projections.card import Card, WholeCard
from projections.card_list import Listed
from projections.card_spells import BenefitRow, CategoryRow, LabelRow, Member
from projections.chain import Step
from projections.dues import Deadline


class MemberShape(Shape):
    """成员：姓名和身份证号已脱敏，出生只到年。"""

    person: UUID
    name: str | None
    id_number: str | None
    relation: str
    relation_word: str
    sex: str | None
    birth_year: int | None
    student: bool
    disability: str | None
    work_capacity: str
    since: date = Field(alias="from")
    until: date | None = Field(alias="to", description="不含此日")

    @classmethod
    def of(cls, row: Member, name: str | None, id_number: str | None) -> MemberShape:
        return cls(
            person=row.person,
            name=masked("name", name),
            id_number=masked("id-number", id_number),
            relation=row.relation,
            relation_word=code_word(row.relation),
            sex=row.sex,
            birth_year=row.birth.year if row.birth is not None else None,
            student=row.student,
            disability=row.disability,
            work_capacity=row.work_capacity,
            since=row.since,
            until=row.until,
        )


class CategoryShape(Shape):
    """类别：整户的，或一人的（subject 为成员编号）。"""

    subject: UUID | None
    category: str
    category_word: str
    since: date = Field(alias="from")
    until: date | None = Field(alias="to", description="不含此日")
    irregular: bool = Field(description="未经依法决定而实际享受")

    @classmethod
    def of(cls, row: CategoryRow) -> CategoryShape:
        return cls(
            subject=row.person,
            category=row.category,
            category_word=code_word(row.category),
            since=row.since,
            until=row.until,
            irregular=row.irregular,
        )


class LabelShape(Shape):
    """标识。"""

    label: str
    label_word: str
    since: date = Field(alias="from")
    until: date | None = Field(alias="to", description="不含此日")

    @classmethod
    def of(cls, row: LabelRow) -> LabelShape:
        return cls(label=row.label, label_word=code_word(row.label), since=row.since, until=row.until)


class BenefitShape(Shape):
    """按月发放的待遇，金额为分，首月和末月都包含在内。"""

    id: UUID
    kind: str
    fen: int
    first_month: str
    last_month: str | None

    @classmethod
    def of(cls, row: BenefitRow) -> BenefitShape:
        return cls(
            id=row.benefit,
            kind=row.kind,
            fen=row.fen,
            first_month=row.first_month,
            last_month=row.last_month,
        )


class DueShape(Shape):
    """一项未完成的期限；assumed 表示按尚未公布的日历推算。"""

    what: str
    title: str
    day: date
    kind: str
    subject: UUID
    rule: str
    assumed: bool
    opened_on: date
    missed_on: date | None

    @classmethod
    def of(cls, row: Deadline) -> DueShape:
        return cls(
            what=row.what,
            title=deadline_word(row.what),
            day=row.day,
            kind=row.kind,
            subject=row.subject,
            rule=row.rule,
            assumed=row.assumed,
            opened_on=row.opened_on,
            missed_on=row.missed_on,
        )


class CaseShape(Shape):
    """正在办理的救助事项，及其最近一步。"""

    id: UUID
    category: str
    category_word: str
    since: date
    step: str
    step_title: str
    step_on: date

    @classmethod
    def of(cls, card: Card) -> CaseShape | None:
        if card.case_id is None:
            return None
        return cls(
            id=card.case_id,
            category=card.case_category or "",
            category_word=code_word(card.case_category or ""),
            since=card.case_since or card.last_on,
            step=card.case_step or "",
            step_title=step_title(card.case_step or ""),
            step_on=card.case_step_on or card.last_on,
        )


class HouseholdShape(Shape):
    """一户：在哪里、有谁、是什么类别、领什么、等什么。"""

    id: UUID
    version: int
    region: str
    area: str
    provisional: bool
    registered_on: date
    cycle: int = Field(description="救助链的第几轮")
    members: list[MemberShape]
    categories: list[CategoryShape]
    labels: list[LabelShape]
    benefits: list[BenefitShape]
    case: CaseShape | None
    due: list[DueShape]
    last_on: date
    last_step: str
    last_title: str

    @classmethod
    def of(
        cls, whole: WholeCard, dues: Sequence[Deadline], values: Sequence[tuple[str | None, str | None]]
    ) -> HouseholdShape:
        """`values` are the clear name and ID number of each member, in the members' order."""
        card = whole.card
        return cls(
            id=card.household,
            version=card.version,
            region=card.region,
            area=card.area,
            provisional=card.provisional,
            registered_on=card.registered_on,
            cycle=card.cycle,
            members=[
                MemberShape.of(row, name, number)
                for row, (name, number) in zip(whole.members, values, strict=True)
            ],
            categories=[CategoryShape.of(row) for row in whole.categories],
            labels=[LabelShape.of(row) for row in whole.labels],
            benefits=[BenefitShape.of(row) for row in whole.benefits],
            case=CaseShape.of(card),
            due=[DueShape.of(row) for row in dues],
            last_on=card.last_on,
            last_step=card.last_name,
            last_title=card.last_title,
        )


class StepShape(Shape):
    """链上的一步：何日、谁、依据什么、期限和是否按期。"""

    version: int
    on: date
    recorded_at: datetime
    cycle: int
    name: str
    title: str
    actor: str | None
    organ: str | None
    basis: str | None
    due: date | None = Field(description="这一步所完成的期限中最早的一天")
    in_time: bool | None
    met: list[dict[str, Any]] = Field(description="这一步所完成的期限")
    closed: list[dict[str, Any]] = Field(description="因这一步不再适用的期限，不论是否已过期")
    opened: list[dict[str, Any]]
    facts: dict[str, Any]
    corrects: int | None = Field(description="这一步所更正的步骤")
    corrected_by: int | None = Field(description="这一步有误，已由该步骤更正")


class ChainShape(Shape):
    """一户的救助链，一页。"""

    household: UUID
    items: list[StepShape]
    next: str | None = Field(description="下一页的游标；没有下一页时为空")


def chain_text(household: UUID, steps: Sequence[Step], more: str | None) -> bytes:
    """`ChainShape` of these steps as JSON, without making its objects: of a long chain they cost most of the answer.

    What was stored as JSON goes out as it stands.
    """
    items = [
        {
            "version": row.version,
            "on": row.effective_on,
            "recordedAt": row.recorded_at,
            "cycle": row.cycle,
            "name": row.name,
            "title": row.title,
            "actor": row.actor,
            "organ": row.organ,
            "basis": row.basis,
            "due": row.due,
            "inTime": row.in_time,
            "met": msgspec.Raw(row.met) if row.met else _NOTHING,
            "closed": msgspec.Raw(row.closed) if row.closed else _NOTHING,
            "opened": msgspec.Raw(row.opened) if row.opened else _NOTHING,
            "facts": _said(row.facts) if row.facts else _NO_FACTS,
            "corrects": row.corrects,
            "correctedBy": row.corrected_by,
        }
        for row in steps
    ]
    return _encode({"household": household, "items": items, "next": more})


class HeadShape(Shape):
    """户主（申请人），姓名已脱敏。"""

    person: UUID
    name: str | None

    @classmethod
    def of(cls, person: UUID | None, name: str | None) -> HeadShape | None:
        return None if person is None else cls(person=person, name=masked("name", name))


class ListedShape(Shape):
    """列表中的一户，类别、标识、月金额（分）以当日为准。"""

    id: UUID
    version: int
    region: str
    area: str
    head: HeadShape | None
    members: int
    cycle: int
    category: str | None
    category_word: str | None
    labels: list[str]
    label_words: list[str]
    monthly_fen: int | None
    case_category: str | None
    case_category_word: str | None
    case_step: str | None
    case_step_title: str | None
    next_due: date | None
    next_what: str | None
    next_title: str | None
    last_on: date
    last_title: str

    @classmethod
    def of(cls, row: Listed, name: str | None) -> ListedShape:
        labels = row.labels.split(",") if row.labels else []
        return cls(
            id=row.household,
            version=row.version,
            region=row.region,
            area=row.area,
            head=HeadShape.of(row.head, name),
            members=row.members,
            cycle=row.cycle,
            category=row.category,
            category_word=said(code_word, row.category),
            labels=labels,
            label_words=[code_word(label) for label in labels],
            monthly_fen=row.fen,
            case_category=row.case_category,
            case_category_word=said(code_word, row.case_category),
            case_step=row.case_step,
            case_step_title=said(step_title, row.case_step),
            next_due=row.next_due,
            next_what=row.next_what,
            next_title=said(deadline_word, row.next_what),
            last_on=row.last_on,
            last_title=row.last_title,
        )


class ListShape(Shape):
    """家庭列表，一页。"""

    items: list[ListedShape]
    next: str | None = Field(description="下一页的游标；没有下一页时为空")


def step_title(name: str) -> str:
    """The Chinese title of a step by its event's stored name; the name itself where this program has none."""
    kind = EVENTS.get(name)
    return name if kind is None else kind.title


def said(words: Callable[[str], str], code: str | None) -> str | None:
    """A code's word, where there is a code."""
    return None if code is None else words(code)


_named = lru_cache(maxsize=500)(to_camel)
_encode = msgspec.json.Encoder().encode
_facts = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_NOTHING: Final[Sequence[object]] = ()
_NO_FACTS: Final[Mapping[str, object]] = {}


def _said(facts: str) -> dict[str, msgspec.Raw]:
    return {_named(name): value for name, value in _facts(facts).items()}
