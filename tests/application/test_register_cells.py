"""Cells as people fill them: what each kind of column understands, and what it refuses."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from application.register import cells
from application.register.cells import Cell, CellRefused
from application.register.layout import RELATIONS, SHEETS
from tests.application.registers import DAUGHTER, TODAY


@pytest.mark.parametrize(
    "written",
    [
        "2026-07-01",
        "2026-7-1",
        "2026/7/1",
        "2026.07.01",
        "2026年7月1日",
        "２０２６年７月１日",
        "20260701",
        20260701.0,
        date(2026, 7, 1),
    ],
)
def test_a_date_is_understood_as_people_write_it(written: Cell) -> None:
    assert cells.day(written) == date(2026, 7, 1)


@pytest.mark.parametrize(
    "written", ["2026-02-30", "2026年7月", "7月1日", "2026-7/1", "26-7-1", 46204.0, "昨天"]
)
def test_what_is_no_day_is_refused(written: Cell) -> None:
    with pytest.raises(CellRefused) as refused:
        cells.day(written)
    assert refused.value.code == "date-unreadable"


@pytest.mark.parametrize(
    ("written", "fen"),
    [
        (1200.5, 120050),
        (0.1 + 0.2, 30),
        (1.15, 115),
        (4.35, 435),
        (70000.0, 7000000),
        ("1200.50", 120050),
        ("1,200.50", 120050),
        ("１２００．５", 120050),
        ("1，200", 120000),
        ("0", 0),
        ("1200.", 120000),
        ("3.10000", 310),
        ("999999999999.99", 99999999999999),
    ],
)
def test_an_amount_is_exact_to_the_fen(written: Cell, fen: int) -> None:
    assert cells.amount(written) == fen


@given(st.integers(0, 10**13))
def test_no_amount_in_a_number_cell_loses_a_fen(fen: int) -> None:
    assert cells.amount(fen / 100) == fen
    assert cells.amount(f"{fen // 100}.{fen % 100:02d}") == fen


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("约800元", "amount-unreadable"),
        ("8oo", "amount-unreadable"),
        ("1e3", "amount-unreadable"),
        ("12,00", "amount-unreadable"),
        ("NaN", "amount-unreadable"),
        ("1_000", "amount-unreadable"),
        ("٣٠٠", "amount-unreadable"),
        (1e300, "amount-unreadable"),
        (date(2026, 7, 1), "amount-unreadable"),
        ("-5", "amount-negative"),
        (-0.01, "amount-negative"),
        ("0.125", "amount-too-precise"),
        (0.125, "amount-too-precise"),
    ],
)
def test_an_amount_that_is_none_is_refused_with_its_reason(written: Cell, code: str) -> None:
    with pytest.raises(CellRefused) as refused:
        cells.amount(written)
    assert refused.value.code == code


@pytest.mark.parametrize(
    "written", [9.90801201409010e17, 110105.0, "9.90801E+17", "1.10105E17", date(2014, 9, 1)]
)
def test_an_id_that_became_a_number_is_refused_with_the_way_out(written: Cell) -> None:
    with pytest.raises(CellRefused) as refused:
        cells.id_number(written, TODAY)
    assert refused.value.code == "id-as-number"
    assert "请将该列设为文本" in refused.value.advice


@pytest.mark.parametrize("written", [f"'{DAUGHTER}", f"‘{DAUGHTER}", f" {DAUGHTER[:6]} {DAUGHTER[6:]}"])
def test_an_id_typed_with_an_apostrophe_or_blanks_is_understood(written: str) -> None:
    assert cells.id_number(written, TODAY).number == DAUGHTER


@pytest.mark.parametrize(
    ("written", "code"),
    [
        (6.22202020011223e18, "account-as-number"),
        ("6.22202E+18", "account-as-number"),
        (12.5, "account-as-number"),
        ("6222", "account-malformed"),
        ("6222 0202 OO11 2230", "account-malformed"),
        ("6" * 20, "account-malformed"),
    ],
)
def test_an_account_that_is_none_is_refused(written: Cell, code: str) -> None:
    with pytest.raises(CellRefused) as refused:
        cells.digits(written, least=12, most=19, what="银行账号", code="account")
    assert refused.value.code == code


def test_digits_that_a_number_cell_still_holds_are_taken() -> None:
    assert cells.digits(990801100201.0, least=12, most=12, what="区划代码", code="region") == "990801100201"
    assert cells.digits("6222 0202-0011 2230", least=12, most=19, what="", code="a") == "6222020200112230"


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("于 小 满", "于小满"),
        ("于\u3000小满", "于小满"),
        ("买买提•艾力", "买买提·艾力"),
        ("𠮷野", "𠮷野"),
        ("\uf9dc某", "\uf9dc某"),  # a compatibility ideograph that NFKC would make another character
        ("ANNA  MARIA SMITH", "ANNA MARIA SMITH"),
    ],
)
def test_a_name_keeps_its_characters(written: str, name: str) -> None:
    assert cells.name(written) == name


def test_a_name_is_never_a_number() -> None:
    with pytest.raises(CellRefused):
        cells.name(12.0)


def test_words_are_understood_through_width_blanks_and_other_names() -> None:
    for written in ("女儿", " 女 儿", "长女"):
        assert cells.choice(written, RELATIONS, "与申请人关系") == "daughter"
    with pytest.raises(CellRefused) as refused:
        cells.choice("户主", RELATIONS, "与申请人关系")
    assert refused.value.code == "word-unknown"
    assert "本人、配偶" in refused.value.advice


def test_no_word_of_a_list_has_two_meanings() -> None:
    for sheet in SHEETS:
        for column in sheet.columns:
            words = [cells.plain(word) for one in column.choices for word in (one.word, *one.also)]
            assert len(words) == len(set(words)), column.header


def test_counts_and_areas_are_plain_numbers() -> None:
    assert (cells.count(2.0), cells.count("０")) == (2, 0)
    assert cells.square_metres(86.5) == Decimal("86.5")
    for written in (1.5, "两套", -1.0, 100.0):
        with pytest.raises(CellRefused):
            cells.count(written)
    with pytest.raises(CellRefused):
        cells.square_metres("约90")
