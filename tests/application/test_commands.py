"""Commands as written: what reads, what is refused, and what a refusal says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import date, datetime
from uuid import UUID

import jsonschema
import pytest

from application.describing.commands import BadField, UnknownCommand, describe, example, json_schema, parse
from application.describing.fields import fields_of
from domain.aid.payments import OrderPayment
from domain.aid.temporary_aid import GrantTemporaryAid
from domain.catalogue import COMMANDS
from domain.change.grace import GrantGrace
from domain.intake.application import Apply
from domain.members.registration import RegisterHousehold
from domain.values.assessment import IncomeItem
from domain.values.money import Fen
from domain.values.month import Month, Months
from domain.values.person import PersonId
from domain.values.spells import Category

A1, A2 = PersonId(UUID(int=1)), PersonId(UUID(int=2))
PERSONS = {"A1": A1, "A2": A2}
AID = {"on": "2021-07-08", "fen": "5537 元", "cause": "住院自付费用过高"}


def faults(name: str, said: Mapping[str, object]) -> dict[str, str]:
    """The faults of a command as written: code by field."""
    with pytest.raises(BadField) as caught:
        parse(name, said, PERSONS)
    return {fault.field: fault.code for fault in caught.value.faults}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_example_reads(name: str) -> None:
    assert isinstance(parse(name, example(name), PERSONS), COMMANDS[name])


@pytest.mark.parametrize("name", COMMANDS)
def test_every_example_fits_its_schema(name: str) -> None:
    schema = json_schema(name)
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema).validate(example(name))


@pytest.mark.parametrize("name", COMMANDS)
def test_every_field_is_described(name: str) -> None:
    described = describe(name)
    assert [each.name for each in described.fields] == [each.name for each in fields(COMMANDS[name])]  # type: ignore[arg-type]
    assert [each.name for each in described.fields if not each.doc] == []
    assert described.summary


def test_a_person_is_named_by_key_or_by_id() -> None:
    by_key = parse("apply", {"on": "2021-07-01", "applicant": "A1"}, PERSONS)
    by_id = parse("apply", {"on": date(2021, 7, 1), "applicant": str(A1)})
    assert by_key == by_id == Apply(date(2021, 7, 1), A1)
    assert faults("apply", {"on": "2021-07-01", "applicant": "A3"}) == {"applicant": "unknown-person"}


@pytest.mark.parametrize(
    ("said", "fen"),
    [
        (553_700, 553_700),
        ("5537 元", 553_700),
        ("5537元", 553_700),
        ("5,537.00 yuan", 553_700),
        ("5，537.5 Yuan", 553_750),
        ("0.01元", 1),
        ("0 元", 0),
    ],
)
def test_an_amount_is_fen_or_text_in_yuan(said: object, fen: int) -> None:
    command = parse("grant-temporary-aid", {**AID, "fen": said})
    assert isinstance(command, GrantTemporaryAid)
    assert command.fen == fen


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("5537", "amount-unreadable"),
        (5537.0, "amount-unreadable"),
        (True, "amount-unreadable"),
        ("1e30 元", "amount-unreadable"),
        ("1_000 元", "amount-unreadable"),
        ("５５３７ 元", "amount-unreadable"),
        ("1.001 元", "amount-unreadable"),
        ("12,34 元", "amount-unreadable"),
        ("NaN 元", "amount-unreadable"),
        ("元", "amount-unreadable"),
        ("-1 元", "amount-negative"),
        (-1, "amount-negative"),
        (10**15, "amount-too-large"),
    ],
)
def test_any_other_amount_is_refused(said: object, code: str) -> None:
    assert faults("grant-temporary-aid", {**AID, "fen": said}) == {"fen": code}


def test_values_inside_values_become_the_domain_s_own() -> None:
    income = [{"kind": "wage", "period": "monthly", "fen": "400 元", "person": "A2"}]
    command = parse(
        "apply", {"on": "2021-07-01", "applicant": "A1", "income": income, "category": "MARGINAL"}, PERSONS
    )
    assert isinstance(command, Apply)
    assert command.income == (IncomeItem("wage", "monthly", Fen(40_000), A2),)
    assert command.category is Category.MARGINAL
    grace = parse("grant-grace", {"on": "2026-03-12", "months": {"first": "2026-04", "last": "2026-09"}})
    assert isinstance(grace, GrantGrace)
    assert grace.months == Months(Month(2026, 4), Month(2026, 9))
    order = parse("order-payment", {"on": "2026-03-12", "month": "2026-03"})
    assert isinstance(order, OrderPayment)
    assert order.month == Month(2026, 3)


def test_every_fault_is_found_with_the_path_of_its_field() -> None:
    said: dict[str, object] = {
        "on": "2021-02-30",
        "aplicant": "A1",
        "income": [{"kind": "wages", "period": "monthly", "fen": 1, "whose": "A1"}, 7],
        "promised": "yes",
    }
    assert faults("apply", said) == {
        "aplicant": "unknown-field",
        "applicant": "missing-field",
        "on": "not-a-date",
        "income[0].kind": "not-one-of",
        "income[0].whose": "unknown-field",
        "income[1]": "not-an-object",
        "promised": "not-a-flag",
    }


@pytest.mark.parametrize(
    ("said", "code"),
    [
        (datetime(2021, 7, 1, 9), "not-a-date"),
        ("20210701", "not-a-date"),
        ("2021-W26-4", "not-a-date"),
        (20210701, "not-a-date"),
        ("9999-12-31", "date-out-of-range"),
        ("0001-01-01", "date-out-of-range"),
    ],
)
def test_a_day_that_is_none_is_refused(said: object, code: str) -> None:
    assert faults("start-investigation", {"on": said}) == {"on": code}


def test_months_that_run_backwards_are_refused() -> None:
    said: dict[str, object] = {"on": "2026-03-12", "months": {"first": "2026-09", "last": "2026-04"}}
    assert faults("grant-grace", said) == {"months": "months-reversed"}
    said["months"] = {"first": "2026-13", "last": "2026-4"}
    assert faults("grant-grace", said) == {"months.first": "not-a-month", "months.last": "not-a-month"}


@pytest.mark.parametrize(
    ("said", "code"),
    [
        (7, "not-text"),
        ("住院\x00费用", "text-has-control-characters"),
        ("住院\ud800费用", "text-has-control-characters"),
        ("长" * 4_001, "text-too-long"),
    ],
)
def test_text_the_store_could_not_keep_is_refused(said: object, code: str) -> None:
    assert faults("grant-temporary-aid", {**AID, "cause": said}) == {"cause": code}


def test_a_rejected_value_is_never_repeated() -> None:
    secret = "张三的身份证号990101197304120013"
    wrong: dict[str, object] = {
        "on": secret,
        "region": [secret],
        "address": {secret: 1},
        secret: secret,
        "members": [
            {
                "key": [secret],
                "name": [secret],
                "relation": secret,
                "birth": secret,
                "disability": secret,
                secret: 1,
            }
        ],
    }
    every: dict[str, Mapping[str, object]] = {
        "register-household": wrong,
        "apply": {"on": secret, "applicant": secret, "income": secret, "account": [secret]},
        "order-payment": {"on": secret, "month": secret, "run": secret, "kind": secret},
        secret: {},
    }
    for name, said in every.items():
        with pytest.raises((BadField, UnknownCommand)) as caught:
            parse(name, said, PERSONS)
        shown = str(caught.value) + str(getattr(caught.value, "faults", ""))
        assert "张三" not in shown
        assert "9901011973" not in shown


def test_an_unknown_command_is_told_the_nearest() -> None:
    with pytest.raises(UnknownCommand, match="accept-application") as caught:
        parse("accept-aplication", {})
    assert caught.value.code == "unknown-command"
    assert "accept-application" in caught.value.nearest


def test_members_are_read_with_everything_about_them() -> None:
    member = {
        "key": "A1",
        "name": "于某",
        "relation": "head",
        "birth": "1973-04-12",
        "disability": {"kind": "physical", "grade": 2},
    }
    command = parse("register-household", {"on": "2021-06-28", "region": "370786101215", "members": [member]})
    assert isinstance(command, RegisterHousehold)
    (read,) = command.members
    assert (read.name, read.birth, read.work_capacity) == ("于某", date(1973, 4, 12), "full")
    assert read.disability is not None
    assert read.disability.grade == 2
    member["disability"] = {"kind": "physical", "grade": True}
    said = {"on": "2021-06-28", "region": "370786101215", "members": [member]}
    assert faults("register-household", said) == {"members[0].disability.grade": "not-one-of"}


def test_a_command_of_a_type_nobody_reads_is_found_out_by_the_tests_not_by_users() -> None:
    @dataclass
    class Strange:
        ratio: float

    @dataclass
    class Listed:
        items: list[str] = field(default_factory=list)

    with pytest.raises(TypeError, match=r"Strange\.ratio"):
        fields_of(Strange)
    with pytest.raises(TypeError, match=r"Listed\.items"):
        fields_of(Listed)
