"""GB 11643: what a citizen ID number is refused for, and what must never be a ground to refuse one."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum.iso7064 import mod_11_2

from domain.values import citizen_id
from domain.values.citizen_id import CitizenId, CitizenIdRefused, check_digit, masked, parse, prefix_hint

STANDARDS_EXAMPLE = "11010519491231002X"


def numbered(first17: str) -> str:
    return first17 + check_digit(first17)


def test_the_standards_own_example_is_read() -> None:
    assert parse(STANDARDS_EXAMPLE) == CitizenId(STANDARDS_EXAMPLE, date(1949, 12, 31), "female")


@given(st.integers(0, 10**17 - 1).map(lambda n: f"{n:017d}"))
def test_our_check_digit_is_that_of_stdnum(first17: str) -> None:
    assert check_digit(first17) == mod_11_2.calc_check_digit(first17)


@pytest.mark.parametrize(
    "written",
    [
        "11010519491231002x",
        "１１０１０５１９４９１２３１００２Ｘ",
        "１１０１０５１９４９１２３１００２ｘ",
        " 110105 19491231 002X\u3000",
    ],
)
def test_other_ways_of_writing_are_put_right(written: str) -> None:
    assert parse(written).number == STANDARDS_EXAMPLE


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("", "id-wrong-length"),
        ("1101051949123100", "id-wrong-length"),
        ("11010519491231002", "id-wrong-length"),
        ("11010519491231002XX", "id-wrong-length"),
        ("110105491231002", "id-old-15-digits"),
        ("1101051949123100OX", "id-wrong-characters"),
        ("11010519491231X02X", "id-wrong-characters"),
        ("11010519491231002×", "id-wrong-characters"),
        ("١١٠١٠٥١٩٤٩١٢٣١٠٠٢X", "id-wrong-characters"),
        (numbered("11010519490229002"), "id-impossible-date"),
        (numbered("11010500001231002"), "id-impossible-date"),
        ("110105194912310021", "id-wrong-check-digit"),
        ("110105194912310X", "id-wrong-length"),
        (numbered("99010120261123001"), "id-born-in-future"),
    ],
)
def test_a_wrong_number_is_refused_with_its_own_code_and_never_repeated(written: str, code: str) -> None:
    with pytest.raises(CitizenIdRefused) as refused:
        parse(written, today=date(2026, 11, 22))
    assert refused.value.code == code
    assert isinstance(refused.value, ValueError)
    assert str(refused.value).endswith("。")
    assert refused.value.advice.endswith("。")
    assert not written or written not in str(refused.value)


def test_a_child_born_today_is_accepted_and_without_a_day_nothing_is_the_future() -> None:
    number = numbered("99010120261122001")
    assert parse(number, today=date(2026, 11, 22)).birth == date(2026, 11, 22)
    assert parse(numbered("99010129991231001")).birth == date(2999, 12, 31)


def test_a_leap_day_exists_in_leap_years_only() -> None:
    assert parse(numbered("99010120240229001")).birth == date(2024, 2, 29)


@pytest.mark.parametrize("county", ["810000", "820000", "830000", "990101", "911156", "230304", "669999"])
def test_no_county_code_is_a_ground_to_refuse(county: str) -> None:
    assert parse(numbered(county + "19450101001")).sex == "male"


def test_an_unknown_province_is_a_hint() -> None:
    assert prefix_hint("669999194501010010")
    assert all(prefix_hint(code) is None for code in ("110105", "810000", "990101", "911156"))


@given(st.integers(0, 16), st.integers(1, 9))
def test_every_single_wrong_digit_is_noticed(place: int, shift: int) -> None:
    digits = list(STANDARDS_EXAMPLE)
    digits[place] = str((int(digits[place]) + shift) % 10)
    with pytest.raises(CitizenIdRefused):
        parse("".join(digits))


def test_every_refusal_has_a_code_of_its_own() -> None:
    kinds = [k for k in vars(citizen_id).values() if isinstance(k, type) and issubclass(k, CitizenIdRefused)]
    assert len({kind.code for kind in kinds}) == len(kinds) == 7


def test_a_number_is_shown_masked() -> None:
    assert masked("990101197304120013") == "990101********0013"
    assert masked("12345678") == "********"
    assert "19491231" not in repr(parse(STANDARDS_EXAMPLE))
