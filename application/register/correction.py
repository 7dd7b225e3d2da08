"""The correction workbook (差错登记册): the households that stayed out, as they were written, and what is wrong.

It has the layout of the template, so that it can be corrected and imported by itself.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from os import PathLike, fspath
from pathlib import Path
from typing import Any

import xlsxwriter

from application.register.cells import Cell, local_number
from application.register.importing import Imported
from application.register.layout import HOUSEHOLDS, MESSAGES, Column, Sheet
from application.register.reading import RawRow, Register, Table
from application.register.rows import Checked, Fault
from application.register.template import (
    NUMBER_FORMAT,
    ROWS,
    TEXT_FORMAT,
    header_format,
    rule_of,
    write_instructions,
)

_EXACT = 10**15
"""From here on a number cell has lost digits: it stays a number, so that it is refused until typed anew."""

_COLOURS = {"error": "#FFC7CE", "warning": "#FFEB9C"}
_MESSAGE_WIDTH = 60
_COMMENT_SIZE = {"x_scale": 2.0, "y_scale": 1.0, "author": "户链"}


def write_correction(
    target: str | PathLike[str],
    register: Register,
    checked: Checked,
    refused: Sequence[Imported] = (),
) -> int:
    """Write the households of `register` that the check or the rules kept out; how many household rows.

    Bad cells are coloured, carry a comment, and are told once more in the column 差错说明, which is not read.
    Text is never taken for a formula, a link or a number.
    """
    stayed_out = {each.local_number for each in refused if each.state == "refused"}
    entered = {row.local_number for row in checked.good} - stayed_out
    faults = _by_place((*checked.faults, *_faults_of(register.households, refused, stayed_out)))
    options = {"constant_memory": True, "tmpdir": str(Path(fspath(target)).resolve().parent)}
    with xlsxwriter.Workbook(fspath(target), options) as workbook:
        workbook.set_properties({"title": "社会救助申请登记册（差错更正）"})
        write_instructions(workbook)
        written = [
            _write_page(workbook, table, entered, faults[table.sheet.name])
            for table in (register.households, register.members, register.items)
        ]
    return written[0]


def _by_place(faults: Sequence[Fault]) -> dict[str, dict[int, list[Fault]]]:
    places: dict[str, dict[int, list[Fault]]] = defaultdict(lambda: defaultdict(list))
    for fault in faults:
        places[fault.sheet][fault.row].append(fault)
    return places


def _faults_of(table: Table, refused: Sequence[Imported], out: Collection[str]) -> list[Fault]:
    """What the rules said against a household, at its number."""
    return [
        Fault(
            sheet=HOUSEHOLDS.name,
            row=each.row,
            column=table.letters["household"],
            header="户编号",
            code=each.code or "",
            reason=each.reason or "",
            advice="",
            household=each.local_number,
        )
        for each in refused
        if each.local_number in out
    ]


def _write_page(
    workbook: Any, table: Table, entered: Collection[str], faults: Mapping[int, Sequence[Fault]]
) -> int:
    page = _page(workbook, table.sheet)
    keys = {letter: key for key, letter in table.letters.items()}
    wrapped = workbook.add_format({"text_wrap": True, "num_format": TEXT_FORMAT, "font_color": "#9C0006"})
    forms = {
        (column.key, severity): workbook.add_format(
            {"num_format": NUMBER_FORMAT.get(column.kind, TEXT_FORMAT)}
            | ({"bg_color": _COLOURS[severity]} if severity else {})
        )
        for column in table.sheet.columns
        for severity in ("", *_COLOURS)
    }
    number = 0
    for row in table.rows:
        if _number(row) in entered:
            continue
        number += 1
        told = faults.get(row.number, ())
        marks: dict[str, list[Fault]] = defaultdict(list)
        for fault in told:
            marks[keys[fault.column]].append(fault)
        for place, column in enumerate(table.sheet.columns):
            against = marks[column.key]
            severity = min((fault.severity for fault in against), default="")
            _write(page, number, place, column, row.cells[column.key], forms[column.key, severity])
            if against:
                said = "\n".join(f"{fault.reason}{fault.advice}" for fault in against)
                page.write_comment(number, place, said, _COMMENT_SIZE)
        if told:
            said = "；".join(f"【{fault.header}】{fault.reason}{fault.advice}" for fault in told)
            page.write_string(number, len(table.sheet.columns), said, wrapped)
    return number


def _page(workbook: Any, sheet: Sheet) -> Any:
    page = workbook.add_worksheet(sheet.name)
    page.freeze_panes(1, 1)
    for place, column in enumerate(sheet.columns):
        form = workbook.add_format({"num_format": NUMBER_FORMAT.get(column.kind, TEXT_FORMAT)})
        page.set_column(place, place, column.width, form)
        page.write_string(0, place, column.header, header_format(workbook, column))
        rule = rule_of(column)
        if rule is not None:
            page.data_validation(1, place, ROWS, place, rule)
    place = len(sheet.columns)
    page.set_column(place, place, _MESSAGE_WIDTH)
    page.write_string(0, place, MESSAGES, workbook.add_format({"bold": True, "border": 1}))
    return page


def _write(page: Any, row: int, place: int, column: Column, cell: Cell, form: Any) -> None:
    """The cell as it was written; digits in a column of text become text unless some of them are lost."""
    if isinstance(cell, float):
        if column.kind in ("code", "number", "text") and cell == int(cell) and abs(cell) < _EXACT:
            page.write_string(row, place, str(int(cell)), form)
        else:
            page.write_number(row, place, cell, form)
    elif cell is None:
        page.write_blank(row, place, None, form)
    else:
        page.write_string(row, place, cell if isinstance(cell, str) else cell.isoformat(), form)


def _number(row: RawRow) -> str | None:
    cell = row.cells["household"]
    return None if cell is None else local_number(cell)
