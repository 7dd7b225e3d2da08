"""Reading a workbook: as clerks really make them, and as no register may be."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from datetime import date, datetime
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import pytest
from openpyxl import Workbook, load_workbook
from openpyxl.worksheet.worksheet import Worksheet

from application.register import package
from application.register.checking import check
from application.register.layout import HOUSEHOLDS, ITEMS, MEMBERS, SHEETS
from application.register.reading import WorkbookUnreadable, read_register
from application.register.rows import Checked
from application.register.template import write_register
from samples.register import MISTAKES, families
from tests.application.registers import (
    DAUGHTER,
    MOTHER,
    TODAY,
    VILLAGE,
    places,
    read,
    region_problem,
    written,
)


def clerks_workbook() -> Workbook:
    """A register typed by hand: a title above the header, numbers as numbers, dates as dates, merged cells."""
    book = Workbook()
    book.remove(book.worksheets[0])
    for sheet in SHEETS:
        page = book.create_sheet(sheet.name)
        page.append(["试验八一县河东镇2026年7月申请登记册"])
        page.merge_cells(start_row=1, start_column=1, end_row=1, end_column=len(sheet.columns))
        page.append([])
        page.append([f" {column.header.replace('（', '(').replace('）', ')')}*" for column in sheet.columns])
    dwelling = ("自有", 1, 86.5, 3200, 0, False, None, None, None)
    applied = datetime(2026, 7, 1, 9, 30)
    book[HOUSEHOLDS.name].append([1, "于 小满", None, int(VILLAGE), "3组12号", "窗口", applied, *dwelling])
    book[MEMBERS.name].append(
        [1, "于小满", MOTHER, "本人", "女", date(1985, 3, 12), None, None, "部分", False]
    )
    book[MEMBERS.name].append(
        [None, "周一诺", f"'{DAUGHTER}", "女儿", "女", 20140901, "无", "无", "无", True]
    )
    book[MEMBERS.name].merge_cells("A4:A5")
    book[ITEMS.name].append([1, "于小满", None, "工资", "月", 1200.5, "流水"])
    return book


def saved(book: Workbook) -> bytes:
    file = BytesIO()
    book.save(file)
    return file.getvalue()


def checked(book: Workbook) -> Checked:
    return check(read(saved(book)), region_problem, TODAY)


def test_a_register_typed_by_hand_is_understood() -> None:
    result = checked(clerks_workbook())
    assert result.faults == ()
    (one,) = result.good
    assert (one.local_number, one.region, one.applied_on, one.row) == ("1", VILLAGE, date(2026, 7, 1), 4)
    assert [(m.name, m.birth, m.student, m.row) for m in one.members] == [
        ("于小满", date(1985, 3, 12), False, 4),
        ("周一诺", date(2014, 9, 1), True, 5),
    ]
    assert (one.items[0].person_index, one.items[0].fen) == (0, 120050)


def test_an_id_typed_as_a_number_is_told_with_its_cell() -> None:
    book = clerks_workbook()
    book[MEMBERS.name]["C5"] = int(DAUGHTER[:17] + "0")
    result = checked(book)
    assert places(result.faults) == [("id-as-number", "成员!C5")]
    assert "请将该列设为文本" in result.faults[0].advice
    assert result.faults[0].header == "身份证号"


@pytest.mark.parametrize("value", ["=MID(C5,7,8)", "=1/0", "#N/A"])
@pytest.mark.parametrize("cell", ["F5", "G5"])
def test_a_formula_without_result_or_an_error_is_no_empty_cell(value: str, cell: str) -> None:
    book = clerks_workbook()
    book[MEMBERS.name][cell] = value
    assert places(checked(book).faults) == [("cell-broken", f"成员!{cell}")]


def test_a_last_row_of_nothing_but_a_formula_without_result_is_not_lost() -> None:
    book = clerks_workbook()
    book[ITEMS.name]["F5"] = "=F4*2"
    assert ("cell-broken", "收入与支出!F5") in places(checked(book).faults)


def test_columns_may_stand_in_another_order_and_faults_follow_them() -> None:
    book = clerks_workbook()
    page = book[ITEMS.name]
    for row in page.iter_rows(min_row=3):
        values = [cell.value for cell in row]
        for cell, value in zip(row, reversed(values), strict=True):
            cell.value = value
    page["B4"] = "许多"
    assert places(checked(book).faults) == [("amount-unreadable", "收入与支出!B4")]


def test_empty_rows_between_and_formats_below_are_nothing() -> None:
    book = clerks_workbook()
    page = book[ITEMS.name]
    page["A9"], page["D9"], page["E9"], page["F9"] = 1, "其他收入", "每年", 10
    page["A400"].number_format = "@"
    page["A10"] = " \u3000\u200b"
    result = checked(book)
    assert result.faults == ()
    assert [item.row for item in result.good[0].items] == [4, 9]


def rename_sheet(book: Workbook) -> None:
    book[ITEMS.name].title = "收支"


def drop_sheet(book: Workbook) -> None:
    book.remove(book[MEMBERS.name])


def add_sheet(book: Workbook) -> None:
    book.create_sheet("家庭2")


def rename_column(book: Workbook) -> None:
    book[MEMBERS.name]["D3"] = "关系"


def drop_column(book: Workbook) -> None:
    book[MEMBERS.name].delete_cols(10)


def add_column(book: Workbook) -> None:
    book[MEMBERS.name]["K3"] = "备注"


def double_column(book: Workbook) -> None:
    book[MEMBERS.name]["K3"] = "姓名"


def write_in_the_margin(book: Workbook) -> None:
    book[MEMBERS.name]["L4"] = "下周补材料"


def drop_header(book: Workbook) -> None:
    book[HOUSEHOLDS.name].delete_rows(1, 3)


def empty_a_sheet(book: Workbook) -> None:
    book[HOUSEHOLDS.name].delete_rows(1, 10)


def write_in_the_last_corner(book: Workbook) -> None:
    book[ITEMS.name]["XFD1048576"] = " "


@pytest.mark.parametrize(
    ("spoil", "code", "told"),
    [
        (rename_sheet, "sheet-missing", "缺少工作表“收入与支出”；多出“收支”，是否改了名。"),
        (drop_sheet, "sheet-missing", "缺少工作表“成员”。"),
        (add_sheet, "sheet-unknown", "多出工作表“家庭2”。"),
        (rename_column, "column-missing", "工作表“成员”缺少列“与申请人关系”；多出“关系”，是否改了名。"),
        (drop_column, "column-missing", "工作表“成员”缺少列“在读学生”。"),
        (add_column, "column-unknown", "工作表“成员”多出列“备注”。"),
        (double_column, "column-doubled", "工作表“成员”重复列“姓名”。"),
        (write_in_the_margin, "cell-outside-columns", "工作表“成员”的 L4 有内容，但该列没有表头。"),
        (drop_header, "sheet-empty", "工作表“家庭”没有表头。"),
        (empty_a_sheet, "sheet-empty", "工作表“家庭”没有表头。"),
        (write_in_the_last_corner, "workbook-too-large", "工作表“收入与支出”在 XFD1048576 处有内容"),
    ],
)
def test_a_workbook_of_another_shape_is_refused(
    spoil: Callable[[Workbook], None], code: str, told: str
) -> None:
    book = clerks_workbook()
    spoil(book)
    with pytest.raises(WorkbookUnreadable) as refused:
        read(saved(book))
    assert refused.value.code == code
    assert refused.value.reason.startswith(told)
    assert refused.value.advice.endswith("。")
    assert "下周" not in str(refused.value)


def without_part(content: bytes, name: str, instead: bytes | None = None) -> bytes:
    file = BytesIO()
    with ZipFile(BytesIO(content)) as old, ZipFile(file, "w") as new:
        for part in old.infolist():
            if part.filename != name:
                new.writestr(part, old.read(part))
            elif instead is not None:
                new.writestr(name, instead)
    return file.getvalue()


SHEET = "xl/worksheets/sheet2.xml"
BOMB = b'<!DOCTYPE x [<!ENTITY a "aaaa">]><worksheet>&a;</worksheet>'


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "workbook-not-xlsx"),
        ("户编号,姓名\n1,于小满\n".encode("gb18030"), "workbook-not-xlsx"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "workbook-not-xlsx"),
        (written()[:2000], "workbook-not-xlsx"),
        (without_part(written(), "xl/workbook.xml"), "workbook-not-xlsx"),
        (without_part(written(), SHEET, b"<worksheet"), "workbook-damaged"),
        (without_part(written(), SHEET, BOMB), "workbook-damaged"),
        (bytes(21 * 2**20), "workbook-too-large"),
        (without_part(written(), SHEET, bytes(201 * 2**20)), "workbook-too-large"),
    ],
    ids=["empty", "csv", "xls", "cut", "no-workbook", "broken-xml", "doctype", "big", "bomb"],
)
def test_a_file_that_is_no_workbook_is_refused(content: bytes, code: str) -> None:
    with pytest.raises(WorkbookUnreadable) as refused:
        read(content)
    assert refused.value.code == code


def test_a_file_that_is_not_there_is_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(WorkbookUnreadable) as refused:
        read_register(tmp_path / "none.xlsx")
    assert refused.value.code == "file-unreadable"


def test_a_register_is_read_from_a_path_an_open_file_and_bytes(tmp_path: Path) -> None:
    path = tmp_path / "register.xlsx"
    path.write_bytes(written())
    with path.open("rb") as file:
        assert (
            read_register(path) == read_register(str(path)) == read_register(file) == read_register(written())
        )


def test_a_sheet_without_references_in_its_cells_is_still_looked_through() -> None:
    book = clerks_workbook()
    book[ITEMS.name]["F4"] = "#N/A"
    with ZipFile(BytesIO(saved(book))) as package:
        sheet = package.read("xl/worksheets/sheet3.xml").decode()
    cells = sheet[sheet.index('<row r="4"') :]
    bare = sheet.replace(cells, cells.replace('r="E4"', "").replace('r="F4"', ""))
    content = without_part(saved(book), "xl/worksheets/sheet3.xml", bare.encode())
    assert places(check(read(content), region_problem, TODAY).faults) == [("cell-broken", "收入与支出!F4")]


MEASURE = """
import resource, sys
from application.register.checking import check
from application.register.reading import read_register
from datetime import date
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
checked = check(read_register(sys.argv[1]), lambda code, on: None, date(2026, 8, 1))
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(checked.seen, len(checked.good), (after - before) // 1024)
"""


def test_two_thousand_households_are_read_in_sane_memory(tmp_path: Path) -> None:
    made = families(2000)
    path = tmp_path / "large.xlsx"
    write_register(
        path,
        [family.household for family in made],
        [member for family in made for member in family.members],
        [item for family in made for item in family.items],
    )
    run = subprocess.run(
        [sys.executable, "-c", MEASURE, path],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    seen, good, megabytes = map(int, run.stdout.split())
    # the unknown region passes, as every region does here
    assert (seen, good) == (2000, 2000 - len(MISTAKES) + 1)
    assert megabytes < 150


def test_hand_made_and_template_workbooks_have_the_same_headers() -> None:
    page: Worksheet = load_workbook(BytesIO(written()))[MEMBERS.name]
    assert [cell.value for cell in page[1]] == [column.header for column in MEMBERS.columns]


@pytest.mark.parametrize(
    ("limit", "told"), [("MOST_ROWS_IN_ALL", "各工作表合计超过9行。"), ("MOST_CELLS", "列或9格。")]
)
def test_what_would_take_too_much_memory_is_refused_before_it_is_laid_out(
    monkeypatch: pytest.MonkeyPatch, limit: str, told: str
) -> None:
    monkeypatch.setattr(package, limit, 9)
    with pytest.raises(WorkbookUnreadable) as refused:
        read(written())
    assert refused.value.code == "workbook-too-large"
    assert refused.value.reason.endswith(told)
