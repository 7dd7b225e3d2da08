"""People and their income and spending (成员、收支): rows understood one by one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import partial

from application.register import cells
from application.register.cells import Cell
from application.register.faults import RowReading
from application.register.layout import (
    DISABILITY_KINDS,
    GRADES,
    ITEM_KINDS,
    PERIODS,
    RELATIONS,
    SEXES,
    WORK_CAPACITIES,
    YES_NO,
)
from application.register.rows import ItemRow, MemberRow
from domain.values.citizen_id import CitizenId, masked, prefix_hint
from domain.values.person import Disability, Relation, Sex

NO_ID = "无"
"""What a clerk writes for somebody who has no ID number yet."""


@dataclass(frozen=True, slots=True)
class Person:
    """A row of 成员 as far as it could be understood; `member` only when all of it could."""

    reading: RowReading
    name: str | None
    id_number: str | None
    relation: Relation | None
    member: MemberRow | None


@dataclass(frozen=True, slots=True)
class Item:
    """A row of 收入与支出 as far as it could be understood; whose it is comes later."""

    reading: RowReading
    person: str | None
    person_id: str | None
    item: ItemRow | None


def read_person(reading: RowReading, today: date) -> Person:
    """One person; sex and birth date come from the ID number, and must agree with it where written."""
    name = reading.read("name", cells.name)
    relation = reading.read("relation", partial(cells.choice, choices=RELATIONS, header="与申请人关系"))
    citizen = reading.read("id_number", partial(_id_or_none, today=today))
    sex = reading.read("sex", partial(cells.choice, choices=SEXES, header="性别"))
    birth = reading.read("birth", cells.day)
    if isinstance(citizen, CitizenId):
        _agree(reading, citizen, sex, birth)
        sex, birth = citizen.sex, citizen.birth
    elif citizen == NO_ID:
        _without_id(reading, birth, today)
    has_disability, disability = _disability(reading)
    capacity = reading.read(
        "work_capacity", partial(cells.choice, choices=WORK_CAPACITIES, header="劳动能力")
    )
    student = reading.read("student", partial(cells.choice, choices=YES_NO, header="在读学生"))
    number = citizen.number if isinstance(citizen, CitizenId) else None
    member = None
    if name and relation and citizen and sex and birth and has_disability and capacity:
        member = MemberRow(
            name, number, relation, sex, birth, disability, capacity, bool(student), reading.row
        )
    return Person(reading, name, number, relation, member)


def read_item(reading: RowReading, today: date) -> Item:
    """One income or expenditure."""
    person = reading.read("person", cells.name)
    citizen = reading.read("person_id", partial(cells.id_number, today=today))
    kind = reading.read("kind", partial(cells.choice, choices=ITEM_KINDS, header="收支类别"))
    period = reading.read("period", partial(cells.choice, choices=PERIODS, header="周期"))
    fen = reading.read("amount", cells.amount)
    document = reading.read("document", cells.text)
    if fen == 0:
        reading.warn("amount", "amount-zero", "金额为0。", "没有该项收支的，可删去这一行。")
    item = None
    if kind is not None and period is not None and fen is not None:
        item = ItemRow(None, kind[0], kind[1], period, fen, document, reading.row)
    return Item(reading, person, citizen.number if citizen else None, item)


def item_owner(item: Item, people: list[Person]) -> int | None:
    """Which of the household's people an item belongs to; None for the whole household, or at fault."""
    if item.person_id is not None:
        found = [n for n, person in enumerate(people) if person.id_number == item.person_id]
        key = "person_id"
    elif item.person is not None:
        found = [n for n, person in enumerate(people) if person.name == item.person]
        key = "person"
    else:
        return None
    if not found and people:
        advice = "请核对姓名、身份证号，或在“成员”表中补上此人。"
        item.reading.fault(key, "item-person-unknown", "此人不在本户成员之中。", advice)
    if not found:
        return None
    if len({people[n].id_number or n for n in found}) > 1:
        item.reading.fault(key, "item-person-ambiguous", "本户有重名成员。", "请填写成员身份证号以区分。")
    elif item.person is not None and people[found[0]].name not in (item.person, None):
        item.reading.fault("person", "item-person-differs", "姓名与身份证号不是同一人。", "请核对后改正。")
    return found[0]


def _id_or_none(cell: Cell, today: date) -> CitizenId | str:
    if isinstance(cell, str) and cells.plain(cell) == NO_ID:
        return NO_ID
    return cells.id_number(cell, today)


def _agree(reading: RowReading, citizen: CitizenId, sex: Sex | None, birth: date | None) -> None:
    shown = masked(citizen.number)
    if sex is not None and sex != citizen.sex:
        said = "男" if citizen.sex == "male" else "女"
        reason = f"性别与身份证号（{shown}）不一致：按身份证号应为“{said}”。"
        reading.fault("sex", "sex-contradicts-id", reason, "请核对证件，改正性别或身份证号。")
    if birth is not None and birth != citizen.birth:
        reason = f"出生日期与身份证号（{shown}）第7至14位不一致。"
        reading.fault("birth", "birth-contradicts-id", reason, "请核对证件，改正出生日期或身份证号。")
    hint = prefix_hint(citizen.number)
    if hint is not None:
        reading.warn("id_number", "id-prefix-unknown", hint, "请对照证件原件核对；无误可不改。")


def _without_id(reading: RowReading, birth: date | None, today: date) -> None:
    for key in ("sex", "birth"):
        if not reading.filled(key):
            reading.empty(key)
    if birth is not None and birth > today:
        reading.fault("birth", "birth-in-future", "出生日期晚于今天。", "请核对出生日期。")
    reading.warn("id_number", "no-id-number", "没有身份证号。", "请协助办理户口登记，办好后补录。")


def _disability(reading: RowReading) -> tuple[bool, Disability | None]:
    """Whether both cells could be understood, and the disability they tell."""
    kind = reading.read("disability_kind", partial(cells.choice, choices=DISABILITY_KINDS, header="残疾类别"))
    grade = reading.read("disability_grade", partial(cells.choice, choices=GRADES, header="残疾等级"))
    unread = {key for key, said in (("disability_kind", kind), ("disability_grade", grade)) if said is None}
    if any(reading.filled(key) for key in unread):
        return False, None
    advice = "请按残疾人证填写类别和等级；没有残疾人证的，两项都不填。"
    if kind is None or kind == "none":
        if not grade:
            return True, None
        reading.fault(
            "disability_kind", "disability-grade-without-kind", "填了残疾等级，没有填残疾类别。", advice
        )
        return False, None
    if not grade:
        reading.fault(
            "disability_grade", "disability-kind-without-grade", "填了残疾类别，没有填残疾等级。", advice
        )
        return False, None
    return True, Disability(kind, grade)
