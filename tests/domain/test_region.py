from __future__ import annotations

from dataclasses import replace
from datetime import date
from importlib.resources import files
from pathlib import Path

import pytest

from application.reference.regions import COLUMNS, RegisterRefused, read_regions, read_register
from domain.values.region import Region, RegionAbolished, RegionRegister, RegisterFaulty, UnknownRegion

REGISTER = read_register(files("policy"))
TODAY = date(2026, 11, 20)
SINCE = date(2000, 1, 1)


def place(code: str, level: str, parent: str | None, name: str = "某地") -> Region:
    return Region(code, code, name, level, parent, SINCE)  # type: ignore[arg-type]


def test_a_village_has_five_ancestors_itself_included() -> None:
    assert REGISTER.path("370786101215", date(2021, 6, 28)) == (
        "37",
        "3707",
        "370786",
        "370786101",
        "370786101215",
    )
    assert REGISTER.path("990301100201", TODAY)[:3] == ("99", "9903", "990301")


def test_an_upper_level_has_as_many_ancestors_as_levels() -> None:
    assert REGISTER.path("99", TODAY) == ("99",)
    assert REGISTER.path("370786", TODAY) == ("37", "3707", "370786")


@pytest.mark.parametrize("code", ["3707", "370700", "370700000000"])
def test_a_code_filled_with_zeros_is_the_same_place(code: str) -> None:
    assert REGISTER.at(code, TODAY).name == "潍坊市"
    assert REGISTER.at(code, TODAY).code == "3707"


def test_an_abolished_code_holds_before_its_end_and_then_names_its_successor() -> None:
    old = "990801100216"
    assert REGISTER.at(old, date(2023, 5, 31)).name == "顺北村"
    with pytest.raises(RegionAbolished, match="990801100222") as refused:
        REGISTER.at(old, date(2023, 6, 1))
    assert refused.value.facts["successors"] == "990801100222"
    assert refused.value.code == "region-abolished"


def test_a_new_code_is_unknown_before_its_day() -> None:
    with pytest.raises(UnknownRegion, match="990801100222"):
        REGISTER.at("990801100222", date(2023, 5, 31))


def test_an_unknown_code_is_refused_by_name() -> None:
    with pytest.raises(UnknownRegion, match="123456"):
        REGISTER.path("123456", TODAY)


def test_the_same_place_keeps_its_id_under_a_new_code() -> None:
    old = REGISTER.at("990801100216", date(2023, 5, 31))
    assert REGISTER.at("990801100222", TODAY).id == old.id


def test_successors_lead_to_the_codes_in_force() -> None:
    assert REGISTER.successors("990801100216", TODAY) == ("990801100222",)
    assert REGISTER.successors("990801100216", date(2020, 1, 1)) == ("990801100216",)
    assert REGISTER.successors("990801101201", TODAY) == ("990801101203",)


def test_successors_follow_a_chain_and_a_split() -> None:
    first = replace(
        place("990901100201", "village", None), until=date(2010, 1, 1), successors=("990901100202",)
    )
    second = replace(
        place("990901100202", "village", None),
        since=date(2010, 1, 1),
        until=date(2020, 1, 1),
        successors=("990901100203", "990901100204"),
    )
    ends = [
        replace(place(code, "village", None), since=date(2020, 1, 1))
        for code in ("990901100203", "990901100204")
    ]
    register = RegionRegister([first, second, *ends])
    assert register.successors("990901100201", TODAY) == ("990901100203", "990901100204")


def test_a_merger_moves_the_villages_below_a_town() -> None:
    assert [each.code for each in REGISTER.children("990801101", date(2024, 8, 31))] == [
        "990801101001",
        "990801101201",
        "990801101202",
    ]
    assert [each.code for each in REGISTER.children("990801101", TODAY)] == ["990801101001", "990801101203"]


def test_a_city_without_counties_stands_for_its_county() -> None:
    register = RegionRegister(
        [
            place("44", "province", None),
            place("4419", "city", "44"),
            place("441900101", "township", "4419"),
            place("441900101001", "village", "441900101"),
        ]
    )
    assert register.path("441900101001", TODAY) == ("44", "4419", "4419", "441900101", "441900101001")


def test_a_county_right_under_its_province_repeats_the_province() -> None:
    register = RegionRegister([place("42", "province", None), place("429004", "county", "42")])
    assert register.path("429004", TODAY) == ("42", "42", "429004")


def test_the_government_and_not_the_digits_say_where_a_town_belongs() -> None:
    register = RegionRegister(
        [
            place("99", "province", None),
            place("9901", "city", "99"),
            place("9902", "city", "99"),
            place("990201", "county", "9902"),
            place("990101100", "township", "990201"),
        ]
    )
    assert register.path("990101100", TODAY) == ("99", "9902", "990201", "990101100")
    assert register.ancestor("990101100", "county", TODAY) == "990201"


def test_a_broken_line_of_parents_is_refused() -> None:
    with pytest.raises(RegisterFaulty, match="没有省级上级"):
        RegionRegister([place("990101", "county", None)]).path("990101", TODAY)
    upside = [place("9901", "city", "990101"), place("990101", "county", "9901")]
    with pytest.raises(RegisterFaulty, match="级别不高于"):
        RegionRegister(upside).path("990101", TODAY)


def test_two_rows_of_a_code_may_follow_each_other_but_not_overlap() -> None:
    old = replace(place("99", "province", None, "旧名"), until=date(2020, 1, 1))
    new = replace(place("99", "province", None, "新名"), since=date(2020, 1, 1))
    register = RegionRegister([new, old])
    assert [register.at("99", on).name for on in (date(2019, 12, 31), date(2020, 1, 1))] == ["旧名", "新名"]
    with pytest.raises(RegisterFaulty, match="重叠"):
        RegionRegister([replace(old, until=None), new])


def test_urban_and_rural_follow_the_class_code() -> None:
    assert REGISTER.at("370786101215", TODAY).rural is True
    assert REGISTER.at("370786001001", TODAY).rural is False
    assert REGISTER.at("370786", TODAY).rural is None


def test_a_row_returns_unchanged_from_json() -> None:
    rows = list(REGISTER)
    assert [Region.from_json(row.to_json()) for row in rows] == rows
    assert len(rows) == 27


HEAD = ",".join(COLUMNS)
PROVINCE = "99,,试验省,province,,2000-01-01,,,,synthetic"


@pytest.mark.parametrize(
    ("rows", "line", "reason"),
    [
        (["99,,试验省,province"], 2, "列数"),
        (["9,,试验省,province,,2000-01-01,,,,"], 2, "不是 2、4、6、9 或 12 位"),
        (["99,,,province,,2000-01-01,,,,"], 2, "没有名称"),
        (["99,,试验省,state,,2000-01-01,,,,"], 2, "级别“state”"),
        (["99,,试验省,province,,2000-1-1,,,,"], 2, "日期"),
        (["99,,试验省,province,,2000-01-01,1999-01-01,,,"], 2, "不晚于"),
        (["99,,试验省,province,,2000-01-01,,98,,"], 2, "须写明撤销日"),
        (["99,,试验省,province,,2000-01-01,,,9,"], 2, "三位"),
        (["99,,试验省,province,,2000-01-01,,,,guess"], 2, "标记“guess”"),
        ([PROVINCE, PROVINCE], 3, "重叠"),
        ([PROVINCE, "9901,,试验市,city,98,2000-01-01,,,,"], 3, "上级 98 不在"),
        ([PROVINCE, "9901,,试验市,city,99,1999-01-01,,,,"], 3, "尚未启用"),
        ([PROVINCE, "9901,,试验市,city,,2000-01-01,,,,"], 3, "须写明上级"),
        ([PROVINCE, "9901,,试验市,province,99,2000-01-01,,,,"], 3, "级别不高于"),
        ([PROVINCE, "9901,,试验市,city,99,2000-01-01,2001-01-01,9902,,"], 3, "继任代码 9902 不在"),
    ],
)
def test_a_bad_register_is_refused_with_its_line(
    tmp_path: Path, rows: list[str], line: int, reason: str
) -> None:
    file = tmp_path / "regions.csv"
    file.write_text("\n".join([HEAD, *rows]) + "\n", encoding="utf-8")
    with pytest.raises(RegisterRefused, match=reason) as refused:
        read_regions(file)
    assert (refused.value.file, refused.value.line) == ("regions.csv", line)


def test_a_register_with_other_columns_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "regions.csv"
    file.write_text("code,name\n99,试验省\n", encoding="utf-8")
    with pytest.raises(RegisterRefused, match="表头"):
        read_regions(file)
