"""The rules of the register: each is broken once in an otherwise good household."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any, get_args

import pytest

from application.register import layout
from application.register.checking import villages_of
from application.register.rows import Account, Channel, ExpenditureKind, Tenure
from domain.values.assessment import IncomeKind, Period
from domain.values.citizen_id import check_digit
from domain.values.person import Disability, DisabilityKind, Relation, Sex, WorkCapacity
from domain.values.region import Region, RegionRegister
from tests.application.registers import (
    DAUGHTER,
    MOTHER,
    Row,
    checked,
    daughter,
    household,
    id_number,
    mother,
    places,
    wage,
    without,
)


def test_a_good_household_becomes_typed_rows() -> None:
    result = checked()
    assert result.faults == ()
    (one,) = result.good
    assert (one.local_number, one.region, one.address) == ("001", "990801100201", "3组12号")
    assert (one.channel, one.applied_on, one.row) == ("window", date(2026, 7, 1), 2)
    assert one.account == Account("农商行", "6200990000000000002")
    assert (one.housing.tenure, one.housing.dwellings, one.housing.area) == ("owned", 1, Decimal("86.5"))
    assert (one.assets.financial, one.assets.vehicles, one.assets.business) == (320000, 0, False)
    head, child = one.members
    assert one.applicant is head
    assert (head.id_number, head.relation, head.sex, head.birth) == (
        MOTHER,
        "head",
        "female",
        date(1985, 3, 12),
    )
    assert (head.work_capacity, head.student, head.disability, head.row) == ("partial", False, None, 2)
    assert (child.id_number, child.relation, child.student, child.row) == (DAUGHTER, "daughter", True, 3)
    (item,) = one.items
    assert (item.person_index, item.side, item.kind, item.period) == (0, "income", "wage", "monthly")
    assert (item.fen, item.document, item.row) == (120050, "银行流水", 2)


@pytest.mark.parametrize(
    ("row", "code", "cell"),
    [
        (without(household(), "applicant"), "required-cell-empty", "B2"),
        (household(applicant="   "), "required-cell-empty", "B2"),
        (household(applicant="于大满"), "applicant-differs", "B2"),
        (household(applicant_id=DAUGHTER), "applicant-differs", "C2"),
        (household(applicant_id=MOTHER[:-1]), "id-wrong-length", "C2"),
        (household(region="990801100999"), "region-unknown", "D2"),
        (household(region="990801101201"), "region-unknown", "D2"),
        (household(region="990801"), "region-malformed", "D2"),
        (without(household(), "address"), "required-cell-empty", "E2"),
        (household(channel="电话"), "word-unknown", "F2"),
        (household(applied_on="2026-08-02"), "applied-in-future", "G2"),
        (household(applied_on="七月"), "date-unreadable", "G2"),
        (household(tenure="城堡"), "word-unknown", "H2"),
        (household(dwellings="一套"), "count-unreadable", "I2"),
        (household(area="约90"), "area-unreadable", "J2"),
        (without(household(), "financial"), "required-cell-empty", "K2"),
        (household(financial="-1"), "amount-negative", "K2"),
        (without(household(), "vehicles"), "required-cell-empty", "L2"),
        (household(business="不清楚"), "word-unknown", "M2"),
        (without(household(), "bank"), "account-incomplete", "O2"),
        (without(household(), "account"), "account-incomplete", "P2"),
        (household(account="6200O90000000000002"), "account-malformed", "P2"),
        (household(account=6.20099e18), "account-as-number", "P2"),
    ],
)
def test_a_fault_in_the_household_row_keeps_it_out(row: Row, code: str, cell: str) -> None:
    result = checked([row])
    assert places(result.faults) == [(code, f"家庭!{cell}")]
    assert result.good == ()


@pytest.mark.parametrize(
    ("row", "code", "cell"),
    [
        (without(daughter(), "name"), "required-cell-empty", "B3"),
        (without(daughter(), "id_number"), "required-cell-empty", "C3"),
        (daughter(id_number=float(DAUGHTER[:17]) * 10), "id-as-number", "C3"),
        (
            daughter(id_number=DAUGHTER[:17] + ("1" if DAUGHTER[17] != "1" else "2")),
            "id-wrong-check-digit",
            "C3",
        ),
        (daughter(id_number="990801140901004"), "id-old-15-digits", "C3"),
        (daughter(id_number=id_number("20260802", 4), birth="2026-08-02"), "id-born-in-future", "C3"),
        (daughter(relation="闺蜜"), "word-unknown", "D3"),
        (without(daughter(), "relation"), "required-cell-empty", "D3"),
        (daughter(relation="本人"), "several-applicants", "D3"),
        (daughter(sex="男"), "sex-contradicts-id", "E3"),
        (daughter(birth="2014-09-10"), "birth-contradicts-id", "F3"),
        (daughter(birth="2014"), "date-unreadable", "F3"),
        (daughter(disability_grade="二级"), "disability-grade-without-kind", "G3"),
        (daughter(disability_kind="听力"), "disability-kind-without-grade", "H3"),
        (daughter(disability_kind="听力", disability_grade="无"), "disability-kind-without-grade", "H3"),
        (daughter(disability_kind="听力", disability_grade="五级"), "word-unknown", "H3"),
        (without(daughter(), "work_capacity"), "required-cell-empty", "I3"),
        (daughter(student="毕业"), "word-unknown", "J3"),
    ],
)
def test_a_fault_in_a_members_row_keeps_the_household_out(row: Row, code: str, cell: str) -> None:
    result = checked(members=[mother(), row])
    assert places(result.errors) == [(code, f"成员!{cell}")]
    assert result.good == ()


@pytest.mark.parametrize(
    ("row", "code", "cell"),
    [
        (wage(household="009"), "item-without-household", "A2"),
        (without(wage(), "household"), "required-cell-empty", "A2"),
        (wage(person="王五"), "item-person-unknown", "B2"),
        (wage(person_id=id_number("19850312", 8)), "item-person-unknown", "C2"),
        (wage(person_id=DAUGHTER), "item-person-differs", "B2"),
        (wage(person_id="123"), "id-wrong-length", "C2"),
        (wage(kind="彩票"), "word-unknown", "D2"),
        (wage(period="每周"), "word-unknown", "E2"),
        (without(wage(), "amount"), "required-cell-empty", "F2"),
        (wage(amount=-1.0), "amount-negative", "F2"),
        (wage(amount="八百"), "amount-unreadable", "F2"),
        (wage(amount=0.001), "amount-too-precise", "F2"),
    ],
)
def test_a_fault_in_an_items_row_is_named(row: Row, code: str, cell: str) -> None:
    result = checked(items=[row])
    assert places(result.errors) == [(code, f"收入与支出!{cell}")]
    assert len(result.good) == (1 if cell == "A2" else 0)


def test_faults_are_in_chinese_with_advice_and_never_tell_a_number() -> None:
    result = checked(members=[mother(), daughter(sex="男", birth="2013-01-01"), daughter()])
    assert len(result.faults) == 3
    for fault in result.faults:
        assert fault.reason.endswith("。")
        assert fault.advice.endswith("。")
        assert DAUGHTER not in repr(fault)
    assert "990801********" in result.faults[0].reason


def test_a_household_number_that_is_an_id_number_is_masked() -> None:
    result = checked([household(household=MOTHER, region="1")], [mother(household=MOTHER)], [])
    assert {fault.household for fault in result.faults} == {f"990…{MOTHER[-2:]}"}


def other_household(**changes: str | float) -> tuple[Row, Row]:
    number = id_number("19700505", 1)
    return (
        household(household="002", applicant="郑大河") | changes,
        mother(household="002", name="郑大河", id_number=number, sex="男", birth="1970-05-05"),
    )


def test_only_the_household_at_fault_stays_out() -> None:
    second, head = other_household(region="1")
    result = checked([household(), second], [mother(), daughter(), head])
    assert [one.local_number for one in result.good] == ["001"]
    assert (result.seen, [fault.household for fault in result.faults]) == (2, ["002"])


def test_the_same_person_in_two_households_keeps_both_out() -> None:
    second, head = other_household()
    result = checked([household(), second], [mother(), daughter(), head, daughter(household="002")])
    assert places(result.faults) == [("person-twice", "成员!C3"), ("person-twice", "成员!C5")]
    assert "第5行另一户" in result.faults[0].reason
    assert result.good == ()


def test_the_same_person_twice_in_one_household_is_one_fault() -> None:
    result = checked(members=[mother(), daughter(), daughter(id_number=DAUGHTER.lower())])
    assert places(result.faults) == [("person-twice", "成员!C4")]


def test_a_member_of_no_household_is_a_fault_of_its_own() -> None:
    result = checked(
        members=[mother(), daughter(), mother(household="077", id_number=id_number("19850312", 6))]
    )
    assert places(result.faults) == [("member-without-household", "成员!A4")]
    assert result.faults[0].household == "077"
    assert len(result.good) == 1


@pytest.mark.parametrize("mistyped", ["1", "01", "OO1", "No.001", "00l", 1.0])
def test_a_member_whose_number_is_mistyped_keeps_the_household_out(mistyped: str | float) -> None:
    result = checked(members=[mother(), daughter(household=mistyped)])
    assert places(result.faults) == [("member-without-household", "成员!A3")]
    assert "“001”" in result.faults[0].advice
    assert result.good == ()


def test_numbers_typed_as_numbers_everywhere_are_the_same_number() -> None:
    result = checked(
        [household(household=7.0)],
        [mother(household=7.0), daughter(household="7")],
        [wage(household="７")],
    )
    assert [one.local_number for one in result.good] == ["7"]
    assert len(result.good[0].items) == 1


def test_a_household_without_members_is_a_fault() -> None:
    second, _ = other_household()
    assert places(checked([household(), second]).faults) == [("household-without-members", "家庭!A3")]


def test_a_number_given_twice_keeps_both_households_out() -> None:
    result = checked([household(), household(applicant="周一诺")])
    assert places(result.faults) == [("household-number-twice", "家庭!A3")]
    assert result.good == ()


def test_a_row_without_household_number_is_a_fault_of_its_own() -> None:
    result = checked([household(), without(household(), "household")])
    assert places(result.faults) == [("required-cell-empty", "家庭!A3")]
    assert result.faults[0].household is None
    assert len(result.good) == 1


@pytest.mark.parametrize(
    ("members", "code", "cell"),
    [
        ([daughter()], "applicant-not-among-members", "家庭!B2"),
        ([mother(relation="配偶"), daughter()], "applicant-not-marked", "成员!D2"),
        ([mother(relation="母亲"), daughter(relation="本人")], "applicant-differs", "家庭!B2"),
    ],
)
def test_exactly_one_member_is_the_applicant(members: Sequence[Row], code: str, cell: str) -> None:
    result = checked(members=members, items=[])
    assert places(result.errors) == [(code, cell)]
    assert result.good == ()


def test_an_item_of_two_people_of_one_name_needs_the_id_number() -> None:
    members = [mother(), daughter(name="于小满")]
    assert places(checked(members=members).faults) == [("item-person-ambiguous", "收入与支出!B2")]
    (one,) = checked(members=members, items=[wage(person_id=DAUGHTER)]).good
    assert one.items[0].person_index == 1


def test_an_item_of_nobody_is_the_households() -> None:
    (one,) = checked(items=[without(wage(kind="医疗支出", period="每年"), "person")]).good
    item = one.items[0]
    assert (item.person_index, item.side, item.kind, item.period) == (
        None,
        "expenditure",
        "medical",
        "yearly",
    )


def test_sex_and_birth_may_be_left_to_the_id_number() -> None:
    (one,) = checked(members=[without(mother(), "sex", "birth"), without(daughter(), "sex", "birth")]).good
    assert [(m.sex, m.birth) for m in one.members] == [
        ("female", date(1985, 3, 12)),
        ("female", date(2014, 9, 1)),
    ]


def test_somebody_without_id_number_is_taken_when_sex_and_birth_are_told() -> None:
    result = checked(members=[mother(), daughter(id_number="无", birth="2026-06-01")])
    assert places(result.faults) == [("no-id-number", "成员!C3")]
    assert result.good[0].members[1].id_number is None
    result = checked(members=[mother(), without(daughter(id_number="无"), "sex", "birth")])
    assert places(result.errors) == [("required-cell-empty", "成员!E3"), ("required-cell-empty", "成员!F3")]
    result = checked(members=[mother(), daughter(id_number="无", birth="2026-08-02")])
    assert places(result.errors) == [("birth-in-future", "成员!F3")]


def test_a_disability_is_kind_and_grade() -> None:
    (one,) = checked(members=[mother(disability_kind="肢体残疾", disability_grade="2级"), daughter()]).good
    assert one.members[0].disability == Disability("physical", 2)
    (one,) = checked(members=[mother(disability_kind="无", disability_grade="无"), daughter()]).good
    assert one.members[0].disability is None


def test_a_household_without_account_or_income_is_good() -> None:
    (one,) = checked([without(household(), "bank", "account")], items=[]).good
    assert (one.account, one.items) == (None, ())


UNKNOWN_PROVINCE = "66080120140901004" + check_digit("66080120140901004")
OLD_FATHER = mother(
    name="于老汉", id_number=id_number("19800312", 3), sex="男", birth="1980-03-12", relation="父亲"
)


@pytest.mark.parametrize(
    ("members", "code", "cell"),
    [
        ([mother(), daughter(relation="儿子")], "relation-contradicts-sex", "成员!D3"),
        ([mother(), daughter(work_capacity="有")], "child-with-work-capacity", "成员!I3"),
        ([mother(), OLD_FATHER], "generations-implausible", "成员!D3"),
        ([mother(student="是"), daughter()], "student-age", "成员!J2"),
        ([mother(), daughter(id_number=UNKNOWN_PROVINCE)], "id-prefix-unknown", "成员!C3"),
    ],
)
def test_what_is_unlikely_is_a_warning_and_turns_nobody_away(
    members: Sequence[Row], code: str, cell: str
) -> None:
    result = checked(members=members)
    assert places(result.warnings) == [(code, cell)]
    assert result.errors == ()
    assert len(result.good) == 1


@pytest.mark.parametrize(
    ("row", "code", "cell"),
    [
        (household(account="6200990000000000003"), "account-check-digit", "家庭!P2"),
        (household(applied_on="2025-07-01"), "applied-long-ago", "家庭!G2"),
    ],
)
def test_an_unlikely_household_row_is_a_warning(row: Row, code: str, cell: str) -> None:
    result = checked([row])
    assert places(result.warnings) == [(code, cell)]
    assert len(result.good) == 1


def test_the_region_is_asked_for_on_the_day_of_application() -> None:
    result = checked([household(region="990801101201", applied_on="2024-08-31")])
    assert places(result.faults) == [("applied-long-ago", "家庭!G2")]


def test_an_income_of_nothing_is_a_warning() -> None:
    result = checked(items=[wage(amount=0.0)])
    assert places(result.warnings) == [("amount-zero", "收入与支出!F2")]
    assert len(result.good) == 1


def test_a_passbook_number_has_no_check_digit() -> None:
    assert checked([household(account="123456789012345")]).faults == ()


def test_faults_come_in_order_of_sheet_row_and_column() -> None:
    result = checked(
        [household(region="1", channel="?")],
        [mother(sex="男"), daughter(name=" ")],
        [wage(amount="x")],
    )
    assert [cell for _, cell in places(result.faults)] == [
        "家庭!D2",
        "家庭!F2",
        "成员!E2",
        "成员!B3",
        "收入与支出!F2",
    ]


def test_the_layouts_words_cover_every_code() -> None:
    def codes(choices: Sequence[layout.Choice[Any]]) -> set[object]:
        return {one.code for one in choices}

    assert codes(layout.CHANNELS) == set(get_args(Channel))
    assert codes(layout.TENURES) == set(get_args(Tenure))
    assert codes(layout.RELATIONS) == set(get_args(Relation))
    assert codes(layout.SEXES) == set(get_args(Sex))
    assert codes(layout.DISABILITY_KINDS) == {*get_args(DisabilityKind), "none"}
    assert codes(layout.GRADES) == {0, 1, 2, 3, 4}
    assert codes(layout.WORK_CAPACITIES) == set(get_args(WorkCapacity))
    assert codes(layout.PERIODS) == set(get_args(Period))
    assert codes(layout.ITEM_KINDS) == {("income", kind) for kind in get_args(IncomeKind)} | {
        ("expenditure", kind) for kind in get_args(ExpenditureKind)
    }


def test_a_region_is_a_village_in_force() -> None:
    since, ended = date(2000, 1, 1), date(2024, 9, 1)
    problem = villages_of(
        RegionRegister(
            [
                Region("990801100", "t", "河东镇", "township", None, since),
                Region("990801100201", "a", "一村", "village", "990801100", since),
                Region("990801100202", "b", "二村", "village", "990801100", since, ended, ("990801100201",)),
            ]
        )
    )
    assert problem("990801100201", ended) is None
    assert problem("990801100202", date(2024, 8, 31)) is None
    assert "990801100201" in (problem("990801100202", ended) or "")
    assert problem("990801100000", ended) == "“河东镇”不是村（社区）一级的区划。"
    assert "990801100299" in (problem("990801100299", ended) or "")
