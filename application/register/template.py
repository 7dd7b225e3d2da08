"""Writing the register workbook (登记册模板): drop-downs, text columns, a sheet of instructions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from os import PathLike, fspath
from typing import Any, BinaryIO

import xlsxwriter

from application.register.layout import (
    HOUSEHOLDS,
    INSTRUCTIONS,
    ITEMS,
    MEMBERS,
    SHEETS,
    Column,
    Sheet,
)

ROWS = 5000
"""How many rows of each sheet have drop-down lists."""

Written = Mapping[str, str | float]
"""A row by column key: text stays text; a number becomes a number cell."""

NUMBER_FORMAT = {"amount": "0.00", "count": "0"}
TEXT_FORMAT = "@"

_HOW = (
    "一、“家庭”一户一行，“成员”一人一行（申请人本人也要填），“收入与支出”一笔一行；三张表以“户编号”对应。",
    "二、请不要改动工作表名称和表头，不要增加列；深色表头为必填。",
    "三、身份证号、区划代码、银行账号所在列须为文本；粘贴时请选“只粘贴文本”，否则末几位会丢失。",
    "四、日期写作 2026-07-01；金额以元为单位，只填数字，最多两位小数。",
    "五、有差错的家庭整户退回，其余家庭照常受理；改正后可用同一文件再次导入，不会重复受理。",
    "六、示例见下表“示例”一列，为虚构内容；本表不会被读取。",
)


def write_template(target: str | PathLike[str] | BinaryIO) -> None:
    """Write an empty register for a township to fill in (.xlsx), to a path or an open binary file."""
    write_register(target, (), (), ())


def write_register(
    target: str | PathLike[str] | BinaryIO,
    households: Sequence[Written],
    members: Sequence[Written],
    items: Sequence[Written],
) -> None:
    """Write a register with these rows; the same rows give the same sheets, at any time, anywhere.

    Text is never taken for a formula, a link or a number.
    """
    file = fspath(target) if isinstance(target, (str, PathLike)) else target
    with xlsxwriter.Workbook(file, {"in_memory": True}) as workbook:
        workbook.set_properties({"title": "社会救助申请登记册", "created": datetime(2026, 1, 1, tzinfo=UTC)})
        write_instructions(workbook)
        for sheet, rows in ((HOUSEHOLDS, households), (MEMBERS, members), (ITEMS, items)):
            _write_sheet(workbook, sheet, rows)


def _write_sheet(workbook: Any, sheet: Sheet, rows: Sequence[Written]) -> None:
    page = workbook.add_worksheet(sheet.name)
    page.freeze_panes(1, 1)
    for place, column in enumerate(sheet.columns):
        form = workbook.add_format({"num_format": NUMBER_FORMAT.get(column.kind, TEXT_FORMAT)})
        page.set_column(place, place, column.width, form)
        page.write_string(0, place, column.header, header_format(workbook, column))
        rule = rule_of(column)
        if rule is not None:
            page.data_validation(1, place, ROWS, place, rule)
        for number, row in enumerate(rows, start=1):
            value = row.get(column.key)
            if isinstance(value, str):
                page.write_string(number, place, value, form)
            elif value is not None:
                page.write_number(number, place, value, form)


def header_format(workbook: Any, column: Column) -> Any:
    """How a column's header looks: dark where the column must be filled."""
    colours = {"bg_color": "#1F4E79", "font_color": "#FFFFFF"} if column.required else {"bg_color": "#DDEBF7"}
    return workbook.add_format({"bold": True, "border": 1, "align": "center", **colours})


def rule_of(column: Column) -> dict[str, object] | None:
    """What the spreadsheet lets people type in a column; None for anything."""
    told = {"error_title": column.header, "error_message": column.help}
    if column.choices:
        return {"validate": "list", "source": [one.word for one in column.choices], **told}
    if column.kind in ("amount", "count"):
        whole = "integer" if column.kind == "count" else "decimal"
        return {"validate": whole, "criteria": ">=", "value": 0, **told}
    return None


def write_instructions(workbook: Any) -> None:
    """Write the sheet 说明, which is for people and never read."""
    page = workbook.add_worksheet(INSTRUCTIONS)
    bold = workbook.add_format({"bold": True})
    wrapped = workbook.add_format({"text_wrap": True, "valign": "top", "num_format": TEXT_FORMAT})
    page.write_string(
        0, 0, "社会救助申请登记册填写说明", workbook.add_format({"bold": True, "font_size": 14})
    )
    for number, line in enumerate(_HOW, start=1):
        page.write_string(number, 0, line)
    top = len(_HOW) + 2
    headings = (("工作表", 12), ("列", 20), ("必填", 6), ("怎么填", 44), ("可选内容", 52), ("示例", 24))
    for place, (heading, width) in enumerate(headings):
        page.set_column(place, place, width)
        page.write_string(top, place, heading, bold)
    number = top
    for sheet in SHEETS:
        for column in sheet.columns:
            number += 1
            words = "、".join(one.word for one in column.choices)
            required = "是" if column.required else ""
            told = (sheet.name, column.header, required, column.help, words, column.example)
            for place, text in enumerate(told):
                page.write_string(number, place, text, wrapped)
