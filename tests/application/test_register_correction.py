"""The correction workbook: only who stayed out, as written, with messages; corrected, it is a register itself."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from zipfile import ZipFile

import pytest
from openpyxl import load_workbook
from python_calamine import CalamineWorkbook

from application.register.checking import check
from application.register.correction import write_correction
from application.register.importing import Imported
from application.register.layout import HOUSEHOLDS, INSTRUCTIONS, ITEMS, MEMBERS, MESSAGES, SHEETS
from application.register.reading import RawRow, Register, read_register
from application.register.rows import Checked
from tests.application.registers import (
    TODAY,
    VILLAGE,
    daughter,
    household,
    id_number,
    mother,
    region_problem,
    wage,
    written,
)

OTHER = id_number("19850312", 4)
THIRD = id_number("19850312", 6)


def kept_out(
    target: Path, content: bytes, refused: tuple[Imported, ...] = ()
) -> tuple[int, Register, Checked]:
    """How many households were written, the workbook read again, and what checking says of it."""
    register = read_register(content)
    count = write_correction(target, register, check(register, region_problem, TODAY), refused)
    again = read_register(target)
    return count, again, check(again, region_problem, TODAY)


def two(**changes: str | float) -> bytes:
    """A good household 001 and one 002, of one person, whose row is changed."""
    return written(
        [household(), household(household="002")],
        [mother(), daughter(), mother(household="002", **{"id_number": THIRD, **changes})],
        [wage(), wage(household="002")],
    )


def sheet_of(path: Path, name: str) -> Sequence[Sequence[object]]:
    with CalamineWorkbook.from_path(path) as workbook:
        return workbook.get_sheet_by_name(name).to_python()


def test_only_the_households_that_stayed_out_are_in_it(tmp_path: Path) -> None:
    count, register, checked = kept_out(tmp_path / "out.xlsx", two(birth="1985-03-13"))
    assert count == 1
    for table in (register.households, register.members, register.items):
        assert [row.cells["household"] for row in table.rows] == ["002"]
    assert [fault.code for fault in checked.errors] == ["birth-contradicts-id"]


def test_each_row_tells_in_words_what_is_wrong_with_it(tmp_path: Path) -> None:
    target = tmp_path / "out.xlsx"
    kept_out(target, two(birth="1985-03-13", work_capacity="也许"))
    heading, row = sheet_of(target, "成员")
    assert heading[-1] == MESSAGES
    assert str(row[-1]).startswith("【出生日期】")
    assert "；【劳动能力】" in str(row[-1])
    heading, row = sheet_of(target, "家庭")
    assert (heading[-1], row[-1]) == (MESSAGES, "")
    with CalamineWorkbook.from_path(target) as workbook:
        assert workbook.sheet_names == [INSTRUCTIONS, *(sheet.name for sheet in SHEETS)]


def test_the_bad_cell_is_coloured_and_commented_and_no_other(tmp_path: Path) -> None:
    target = tmp_path / "out.xlsx"
    kept_out(target, two(birth="1985-03-13"))
    with ZipFile(target) as package:
        comments = [name for name in package.namelist() if name.startswith("xl/comments")]
        (commented,) = (package.read(name).decode() for name in comments)
        styles = package.read("xl/styles.xml").decode()
        members = package.read("xl/worksheets/sheet3.xml").decode()
    place = chr(ord("A") + [column.key for column in MEMBERS.columns].index("birth")) + "2"
    assert commented.count("<comment ref=") == 1
    assert f'ref="{place}"' in commented
    assert "出生日期与身份证号" in commented
    assert "FFFFC7CE" in styles
    styled = {cell.split('"')[1]: cell.split('s="')[1].split('"')[0] for cell in members.split("<c ")[1:]}
    assert styled[place] not in {style for where, style in styled.items() if where != place}


@pytest.mark.parametrize("text", ["=cmd|' /C calc'!A0", "+1+1", "@SUM(1)", "-2", "https://example.invalid/x"])
def test_what_looks_like_a_formula_or_a_link_stays_text(tmp_path: Path, text: str) -> None:
    target = tmp_path / "out.xlsx"
    content = written(
        [household(address=text, property_note=text)], [mother(birth="1985-03-13"), daughter()], [wage()]
    )
    _, register, _ = kept_out(target, content)
    assert register.households.rows[0].cells["address"] == text
    with ZipFile(target) as package:
        parts = [package.read(name).decode() for name in package.namelist() if "worksheets/sheet" in name]
    assert not any("<f>" in part or "<hyperlink" in part for part in parts)


def test_numbers_typed_where_text_belongs_become_text_unless_digits_are_lost(tmp_path: Path) -> None:
    target = tmp_path / "out.xlsx"
    damaged = float(OTHER[:15]) * 1000
    _, register, checked = kept_out(
        target,
        written(
            [household(household=1.0, region=990801100201.0)],
            [mother(household=1.0, id_number=damaged)],
            [wage(household=1.0)],
        ),
    )
    (family,) = register.households.rows
    assert (family.cells["household"], family.cells["region"]) == ("1", "990801100201")
    assert register.members.rows[0].cells["id_number"] == damaged
    assert [fault.code for fault in checked.errors] == ["id-as-number"]


def test_the_columns_of_numbers_are_formatted_as_text(tmp_path: Path) -> None:
    target = tmp_path / "out.xlsx"
    kept_out(target, two(birth="1985-03-13"))
    with ZipFile(target) as package:
        members = package.read("xl/worksheets/sheet3.xml").decode()
        styles = package.read("xl/styles.xml").decode()
    forms = styles.split("<cellXfs")[1].split("</cellXfs>")[0].split("<xf ")[1:]
    place = [column.key for column in MEMBERS.columns].index("id_number") + 1
    column = next(part for part in members.split("<col ")[1:] if part.startswith(f'min="{place}"'))
    style = int(column.split('style="')[1].split('"')[0])
    assert 'formatCode="@"' in next(
        part for part in styles.split("<numFmt ") if part.startswith('numFmtId="164"')
    )
    assert 'numFmtId="164"' in forms[style]
    assert f'<c r="C2" s="{style}" t="inlineStr"><is><t>{THIRD}</t>' in members


def test_what_belongs_to_no_household_is_not_lost(tmp_path: Path) -> None:
    content = written(
        [household(), household(household="010")],
        [mother(), daughter(), mother(household="O10", id_number=OTHER)],
        [wage(), wage(household="999")],
    )
    count, register, checked = kept_out(tmp_path / "out.xlsx", content)
    assert count == 1
    assert [row.cells["household"] for row in register.members.rows] == ["O10"]
    assert [row.cells["household"] for row in register.items.rows] == ["999"]
    assert {fault.code for fault in checked.errors} >= {"member-without-household", "item-without-household"}


def test_whom_the_rules_refused_is_in_it_with_the_reason(tmp_path: Path) -> None:
    target = tmp_path / "out.xlsx"
    refused = Imported("002", 3, "refused", None, "outside-jurisdiction", "不在辖区。")
    changed = Imported("001", 2, "changed", None, "changed-command", "内容不同。")
    count, register, checked = kept_out(target, two(), (changed, refused))
    assert (count, [row.cells["household"] for row in register.households.rows]) == (1, ["002"])
    assert sheet_of(target, "家庭")[1][-1] == "【户编号】不在辖区。"
    assert [row.local_number for row in checked.good] == ["002"]


def test_dates_and_columns_moved_by_hand_come_out_in_the_templates_order(tmp_path: Path) -> None:
    target = tmp_path / "out.xlsx"
    register = read_register(two(birth="1985-03-13"))
    moved = [
        RawRow(row.number, {**row.cells, "applied_on": date(2026, 7, 1)}, row.broken)
        for row in register.households.rows
    ]
    households = type(register.households)(HOUSEHOLDS, register.households.letters, tuple(moved))
    write_correction(
        target,
        Register(households, register.members, register.items),
        check(register, region_problem, TODAY),
    )
    again = read_register(target)
    assert again.households.rows[0].cells["applied_on"] == "2026-07-01"
    assert [str(cell) for cell in sheet_of(target, "收入与支出")[0][:-1]] == [
        column.header for column in ITEMS.columns
    ]


def retyped(path: Path, changes: dict[tuple[str, object], object]) -> None:
    """Open the workbook in another program, type over cells by sheet and content, and save it."""
    book = load_workbook(path)
    for (sheet, old), new in changes.items():
        cells = [cell for row in book[sheet].iter_rows() for cell in row if cell.value == old]
        assert cells, (sheet, old)
        for cell in cells:
            cell.value = new
    book.save(path)


def test_corrected_in_place_it_goes_in_whole_with_its_messages_still_beside(tmp_path: Path) -> None:
    target = tmp_path / "out.xlsx"
    content = written(
        [household(), household(household="010", region="990801100299"), household(household="003")],
        [
            mother(),
            daughter(),
            mother(household="O10", id_number=OTHER),
            mother(household="003", id_number=THIRD, birth="1985-03-13"),
        ],
        [wage(), wage(household="010", amount="约800元"), wage(household="003")],
    )
    count, _, checked = kept_out(target, content)
    assert (count, checked.good) == (2, ())
    retyped(
        target,
        {
            ("家庭", "990801100299"): VILLAGE,
            ("成员", "O10"): "010",
            ("成员", "1985-03-13"): "1985-03-12",
            ("收入与支出", "约800元"): 800,
        },
    )
    assert "差错说明" in str(sheet_of(target, "成员")[0])
    mended = check(read_register(target), region_problem, TODAY)
    assert mended.errors == ()
    assert {row.local_number: len(row.members) for row in mended.good} == {"010": 1, "003": 1}
    assert mended.good[0].items[0].fen == 80000
