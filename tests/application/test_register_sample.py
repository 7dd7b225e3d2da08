"""The register shipped as a sample: thirty households, ten with the mistakes people really make."""

from __future__ import annotations

import json
from datetime import date
from importlib.resources import files
from pathlib import Path

from application.reference import regions as regions_register
from application.register.checking import check, villages_of
from application.register.reading import read_register
from application.register.report import summary_table, to_json
from application.register.rows import Checked
from samples.register import MISTAKES, SAMPLE, families, write_sample
from tests.application.registers import TODAY

FAULTS = [
    ("region-unknown", "家庭", 13, "D", "012"),
    ("applied-in-future", "家庭", 20, "G", "019"),
    ("applicant-not-among-members", "家庭", 27, "B", "026"),
    ("id-as-number", "成员", 5, "C", "002"),
    ("id-wrong-check-digit", "成员", 11, "C", "005"),
    ("member-without-household", "成员", 21, "A", "O10"),
    ("person-twice", "成员", 31, "C", "014"),
    ("sex-contradicts-id", "成员", 49, "E", "023"),
    ("required-cell-empty", "收入与支出", 34, "F", "017"),
    ("amount-unreadable", "收入与支出", 54, "F", "028"),
]


def sample_checked(today: date = TODAY) -> Checked:
    regions = regions_register.read_register(files("policy"))
    return check(read_register(SAMPLE), villages_of(regions), today)


def test_the_ten_mistakes_are_found_each_in_its_cell() -> None:
    faults = sample_checked().faults
    assert [(f.code, f.sheet, f.row, f.column, f.household) for f in faults] == FAULTS


def test_the_twenty_other_households_are_good() -> None:
    checked = sample_checked()
    good = [household.local_number for household in checked.good]
    assert good == [f"{n:03d}" for n in range(1, 31) if n not in MISTAKES]
    assert (checked.seen, len(good)) == (30, 20)


def test_nobody_of_a_good_household_is_lost() -> None:
    made = {str(f.household["household"]): f for f in families()}
    for household in sample_checked().good:
        family = made[household.local_number]
        assert [m.id_number for m in household.members] == [m["id_number"] for m in family.members]
        assert [i.fen for i in household.items] == [round(float(i["amount"]) * 100) for i in family.items]
        assert household.applicant.name == family.household["applicant"]


def test_the_file_is_written_again_byte_for_byte(tmp_path: Path) -> None:
    write_sample(tmp_path / "again.xlsx")
    assert (tmp_path / "again.xlsx").read_bytes() == SAMPLE.read_bytes()


def test_the_result_names_nobody() -> None:
    checked = sample_checked()
    shown = (
        "\n".join(summary_table(checked)) + json.dumps(to_json(checked), ensure_ascii=False) + repr(checked)
    )
    for family in families():
        for member in family.members:
            assert str(member["name"]) not in shown
            assert str(member["id_number"]) not in shown
        assert str(family.household["account"]) not in shown
        assert str(family.household["address"]) not in shown


def test_the_table_says_how_many_and_where() -> None:
    lines = summary_table(sample_checked())
    assert lines[0] == "共 30 户：可受理 20 户，退回 10 户；差错 10 处，提示 0 处。"
    assert any("C5" in line and "002" in line and "请将该列设为文本" in line for line in lines)


def test_members_of_one_family_can_be_told_apart_by_name_in_a_register_without_mistakes() -> None:
    for family in families(2_500, mistakes=False):
        names = [member["name"] for member in family.members]
        assert len(set(names)) == len(names), family.household["household"]
