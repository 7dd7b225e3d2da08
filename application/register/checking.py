"""Checking a register (核对登记册): who may go on, and every cell that is wrong, with advice.

A household with any error stays out whole (整户退回): half a family would be assessed wrongly.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import partial

from application.register import cells
from application.register.faults import FaultList, RowReading, shown
from application.register.layout import CHANNELS, TENURES, YES_NO
from application.register.people import Item, Person, item_owner, read_item, read_person
from application.register.plausibility import warn_about
from application.register.reading import Register
from application.register.rows import Account, Assets, Checked, HouseholdRow, Housing, ItemRow
from domain.values.citizen_id import masked
from domain.values.region import RegionAbolished, RegionRegister, UnknownRegion

_LOOKALIKES = str.maketrans("OIL", "011")

RegionProblem = Callable[[str, date], str | None]
"""What is wrong with a 12-digit region code on a day, in Chinese; None for a region in force."""


def villages_of(regions: RegionRegister) -> RegionProblem:
    """The region check by the region register: the code must be a village or community in force."""

    def problem(code: str, on: date) -> str | None:
        try:
            region = regions.at(code, on)
        except (UnknownRegion, RegionAbolished) as refused:
            return refused.sentence
        return None if region.level == "village" else f"“{region.name}”不是村（社区）一级的区划。"

    return problem


@dataclass(frozen=True, slots=True)
class _Household:
    reading: RowReading
    applicant: str | None
    applicant_id: str | None
    row: HouseholdRow | None


def check(register: Register, regions: RegionProblem, today: date) -> Checked:
    """The households that may go on, in file order, and every fault, in order of place.

    `regions` says what is wrong with a region code on the day of application; `today` bounds all dates.
    """
    faults = FaultList()
    households = [
        _read_household(RowReading(register.households, raw, faults), regions, today)
        for raw in register.households.rows
    ]
    people = [read_person(RowReading(register.members, raw, faults), today) for raw in register.members.rows]
    items = [read_item(RowReading(register.items, raw, faults), today) for raw in register.items.rows]

    first_of = _numbered_once(households)
    # left in, a family would go on without the person or the income whose row has its number mistyped
    short_of_people = _belong(first_of, (each.reading for each in people), "member-without-household")
    short_of_items = _belong(first_of, (each.reading for each in items), "item-without-household")
    for number in short_of_people | short_of_items:
        faults.keep_out(number)
    _person_once(people)
    people_of: dict[str | None, list[Person]] = defaultdict(list)
    for person in people:
        people_of[person.reading.number].append(person)
    items_of: dict[str | None, list[Item]] = defaultdict(list)
    for item in items:
        items_of[item.reading.number].append(item)

    complete = {
        number: _put_together(
            household, people_of[number], items_of[number], number not in short_of_people, today
        )
        for number, household in first_of.items()
    }
    good = (row for number, row in complete.items() if row is not None and not faults.keeps_out(number))
    return Checked(len(households), tuple(good), faults.in_order())


def _read_household(reading: RowReading, regions: RegionProblem, today: date) -> _Household:
    applicant = reading.read("applicant", cells.name)
    citizen = reading.read("applicant_id", partial(cells.id_number, today=today))
    applied_on = reading.read("applied_on", cells.day)
    if applied_on is not None and applied_on > today:
        reason = f"申请日期 {applied_on} 晚于今天（{today}）。"
        reading.fault("applied_on", "applied-in-future", reason, "请核对年份和月份。")
    elif applied_on is not None and applied_on < today - timedelta(days=365):
        reading.warn("applied_on", "applied-long-ago", "申请日期在一年以前。", "请核对年份；无误可不改。")
    region = _region(reading, regions, min(applied_on or today, today))
    address = reading.read("address", cells.text)
    channel = reading.read("channel", partial(cells.choice, choices=CHANNELS, header="申请渠道"))
    housing, assets = _housing(reading), _assets(reading)
    account = _account(reading)
    row = None
    if reading.number and region and address and channel and applied_on and housing and assets:
        row = HouseholdRow(
            reading.number,
            region,
            address,
            channel,
            applied_on,
            0,
            (),
            (),
            housing,
            assets,
            account,
            reading.row,
        )
    return _Household(reading, applicant, citizen.number if citizen else None, row)


def _region(reading: RowReading, regions: RegionProblem, on: date) -> str | None:
    region = reading.read("region", partial(cells.digits, least=12, most=12, what="区划代码", code="region"))
    problem = None if region is None else regions(region, on)
    if problem is not None:
        reading.fault("region", "region-unknown", problem, "请按现行区划代码表核对12位代码。")
    return region


def _housing(reading: RowReading) -> Housing | None:
    tenure = reading.read("tenure", partial(cells.choice, choices=TENURES, header="住房性质"))
    dwellings = reading.read("dwellings", cells.count)
    area = reading.read("area", cells.square_metres)
    return None if tenure is None or dwellings is None else Housing(tenure, dwellings, area)


def _assets(reading: RowReading) -> Assets | None:
    financial = reading.read("financial", cells.amount)
    vehicles = reading.read("vehicles", cells.count)
    business = reading.read("business", partial(cells.choice, choices=YES_NO, header="经营登记"))
    note = reading.read("property_note", cells.text)
    if financial is None or vehicles is None or business is None:
        return None
    return Assets(financial, vehicles, business, note)


def _account(reading: RowReading) -> Account | None:
    bank = reading.read("bank", cells.text)
    number = reading.read(
        "account", partial(cells.digits, least=12, most=19, what="银行账号", code="account")
    )
    for key, other in (("bank", "account"), ("account", "bank")):
        if reading.filled(other) and not reading.filled(key):
            reading.fault(key, "account-incomplete", "开户行与银行账号只填了一项。", "请两项都填，或都不填。")
    if number is not None and len(number) >= 16 and not _luhn(number):
        reason = "银行卡号末位校验不符，可能抄错。"
        reading.warn("account", "account-check-digit", reason, "请对照银行卡或存折核对；无误可不改。")
    return None if bank is None or number is None else Account(bank, number)


def _luhn(number: str) -> bool:
    doubled = (sum(divmod(2 * int(digit), 10)) for digit in number[-2::-2])
    return (sum(map(int, number[::-2])) + sum(doubled)) % 10 == 0


def _numbered_once(households: Iterable[_Household]) -> dict[str, _Household]:
    first_of: dict[str, _Household] = {}
    for household in households:
        number = household.reading.number
        if number is None:
            continue
        first = first_of.setdefault(number, household)
        if first is not household:
            reason = f"户编号与第{first.reading.row}行相同，无法分清成员属于哪一户。"
            household.reading.fault("household", "household-number-twice", reason, "请改为一户一号。")
    return first_of


def _belong(households: dict[str, _Household], readings: Iterable[RowReading], code: str) -> set[str]:
    """Note rows whose household does not exist; the households whose number they may have meant."""
    alike = {_alike(number): number for number in households}
    meant = set()
    for reading in readings:
        if reading.number is None or reading.number in households:
            continue
        advice = "请核对户编号，或在“家庭”表中补上这一户。"
        number = alike.get(_alike(reading.number))
        if number is not None:
            meant.add(number)
            advice = f"是否应为“{shown(number)}”？三张表的户编号须写法一致。"
        reading.fault("household", code, "所填的户编号在“家庭”表中没有。", advice)
    return meant


def _alike(number: str) -> str:
    """What numbers have in common that people take for one another: 010, 10, O10, No.10."""
    return re.sub(r"[\W_]|^NO", "", number.upper()).translate(_LOOKALIKES).lstrip("0") or number


def _person_once(people: Iterable[Person]) -> None:
    first_of: dict[str, Person] = {}
    for person in people:
        if person.id_number is None:
            continue
        first = first_of.setdefault(person.id_number, person)
        if first is person:
            continue
        _twice(person, first)
        if first.reading.number != person.reading.number:
            # nobody can tell from the file which of the two families the person lives with
            _twice(first, person)


def _twice(person: Person, other: Person) -> None:
    household = "本户" if person.reading.number == other.reading.number else "另一户"
    person.reading.fault(
        "id_number",
        "person-twice",
        f"身份证号（{masked(person.id_number or '')}）与第{other.reading.row}行{household}成员相同。",
        "同一人只能在一户中登记一次，请删去多余的一行或改正号码。",
    )


def _put_together(
    household: _Household, people: list[Person], items: list[Item], all_here: bool, today: date
) -> HouseholdRow | None:
    """The household with its people and items; None when something is missing.

    Not `all_here`: somebody's row is under a mistyped number, so nobody is reported as missing.
    """
    applicant = _applicant(household, people, all_here)
    owned: list[ItemRow] = []
    for item in items:
        owner = item_owner(item, people) if all_here else None
        if item.item is not None:
            owned.append(replace(item.item, person_index=owner))
    if applicant is not None:
        head = people[applicant].member
        if head is not None:
            warn_about(people, head, today)
    members = tuple(person.member for person in people if person.member is not None)
    if household.row is None or applicant is None or len(members) < len(people):
        return None
    return replace(household.row, applicant_index=applicant, members=members, items=tuple(owned))


def _applicant(household: _Household, people: list[Person], all_here: bool) -> int | None:
    """Which of the people applies; None, with the fault noted, unless exactly one is marked 本人."""
    reading = household.reading
    if not people and all_here:
        reading.fault(
            "household", "household-without-members", "该户在“成员”表中没有任何人。", "请核对两张表的户编号。"
        )
    heads = [n for n, person in enumerate(people) if person.relation == "head"]
    for extra in heads[1:]:
        reason = f"本户有不止一人为“本人”（第{people[heads[0]].reading.row}行也是）。"
        people[extra].reading.fault("relation", "several-applicants", reason, "每户只能有一位申请人。")
    if not heads:
        if people and all_here:
            _no_applicant(household, people)
        return None
    head = people[heads[0]]
    if None not in (household.applicant, head.name) and household.applicant != head.name:
        reason = f"申请人与“成员”表第{head.reading.row}行“本人”姓名不同。"
        reading.fault("applicant", "applicant-differs", reason, "请核对哪一位是申请人。")
    if None not in (household.applicant_id, head.id_number) and household.applicant_id != head.id_number:
        reason = f"申请人身份证号与“成员”表第{head.reading.row}行“本人”不同。"
        reading.fault("applicant_id", "applicant-differs", reason, "请核对哪一位是申请人。")
    return heads[0]


def _no_applicant(household: _Household, people: list[Person]) -> None:
    named = [person for person in people if person.name == household.applicant is not None]
    if named and all(person.relation is not None for person in named):
        reason = "申请人在“成员”表中，关系却不是“本人”。"
        named[0].reading.fault("relation", "applicant-not-marked", reason, "请将申请人的关系填为“本人”。")
    elif all(person.relation is not None for person in people) and household.applicant is not None:
        reason = "申请人不在本户“成员”之中。"
        household.reading.fault(
            "applicant", "applicant-not-among-members", reason, "请在“成员”表中补填申请人一行，关系为“本人”。"
        )
