"""Registers for tests: one good household of two; a test changes only the cell it is about."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from io import BytesIO

from application.register.checking import check
from application.register.reading import Register, read_register
from application.register.rows import Checked, Fault
from application.register.template import write_register
from domain.values.citizen_id import check_digit

TODAY = date(2026, 8, 1)
VILLAGE = "990801100201"

Row = dict[str, str | float]


def id_number(birth: str, sequence: int) -> str:
    """A test number; an odd sequence is a man."""
    first17 = f"990801{birth}{sequence:03d}"
    return first17 + check_digit(first17)


MOTHER = id_number("19850312", 2)
DAUGHTER = id_number("20140901", 4)


def without(row: Row, *keys: str) -> Row:
    return {key: value for key, value in row.items() if key not in keys}


def household(**changes: str | float) -> Row:
    row: Row = {
        "household": "001",
        "applicant": "于小满",
        "region": VILLAGE,
        "address": "3组12号",
        "channel": "窗口",
        "applied_on": "2026-07-01",
        "tenure": "自有",
        "dwellings": 1.0,
        "area": 86.5,
        "financial": 3200.0,
        "vehicles": 0.0,
        "business": "否",
        "bank": "农商行",
        "account": "6200990000000000002",
    }
    return row | changes


def mother(**changes: str | float) -> Row:
    row: Row = {
        "household": "001",
        "name": "于小满",
        "id_number": MOTHER,
        "relation": "本人",
        "sex": "女",
        "birth": "1985-03-12",
        "work_capacity": "部分",
    }
    return row | changes


def daughter(**changes: str | float) -> Row:
    row: Row = {
        "household": "001",
        "name": "周一诺",
        "id_number": DAUGHTER,
        "relation": "女儿",
        "sex": "女",
        "birth": "2014-09-01",
        "work_capacity": "无",
        "student": "是",
    }
    return row | changes


def wage(**changes: str | float) -> Row:
    row: Row = {
        "household": "001",
        "person": "于小满",
        "kind": "工资性收入",
        "period": "每月",
        "amount": 1200.5,
        "document": "银行流水",
    }
    return row | changes


def written(
    households: Sequence[Row] | None = None,
    members: Sequence[Row] | None = None,
    items: Sequence[Row] | None = None,
) -> bytes:
    """A workbook of these rows; the good household where none are given."""
    file = BytesIO()
    write_register(
        file,
        [household()] if households is None else households,
        [mother(), daughter()] if members is None else members,
        [wage()] if items is None else items,
    )
    return file.getvalue()


def region_problem(code: str, on: date) -> str | None:
    if code == "990801101201" and on >= date(2024, 9, 1):
        return "该区划已撤销。"
    return None if code in (VILLAGE, "990801101201") else "没有该代码。"


def checked(
    households: Sequence[Row] | None = None,
    members: Sequence[Row] | None = None,
    items: Sequence[Row] | None = None,
) -> Checked:
    """What checking says of these rows, through a real workbook."""
    return check(read(written(households, members, items)), region_problem, TODAY)


def read(content: bytes) -> Register:
    return read_register(BytesIO(content))


def places(faults: Sequence[Fault]) -> list[tuple[str, str]]:
    """Each fault's code and cell, `("id-wrong-length", "成员!C2")`."""
    return [(fault.code, f"{fault.sheet}!{fault.column}{fault.row}") for fault in faults]
