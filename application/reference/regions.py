"""Reading the register of regions (行政区划登记) from its CSV sheet."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping
from datetime import date
from importlib.resources.abc import Traversable
from typing import cast, get_args

from domain.values.region import LEVELS, Level, Region, RegionRegister

COLUMNS = (
    "code",
    "id",
    "name",
    "level",
    "parent",
    "from",
    "to",
    "successors",
    "urban_rural",
    "mark",
)
"""The columns of the sheet, in order; `successors` are parted by blanks, empty cells mean none."""

_CODE = re.compile(r"\d{2}|\d{4}|\d{6}|\d{9}|\d{12}")
_CLASS = re.compile(r"[12]\d{2}")
_MARKS = ("", "K", "synthetic")


class RegisterRefused(ValueError):
    """行政区划登记表不合规定：`file` 第 `line` 行，`reason`。"""

    def __init__(self, file: str, line: int, reason: str) -> None:
        self.file = file
        self.line = line
        self.reason = reason
        super().__init__(f"{file} 第 {line} 行：{reason}")


def read_regions(file: Traversable) -> list[Region]:
    """The rows of a register sheet; raises `RegisterRefused` with file, line and reason."""
    with file.open(encoding="utf-8") as lines:
        sheet = csv.DictReader(lines)
        if tuple(sheet.fieldnames or ()) != COLUMNS:
            raise RegisterRefused(file.name, 1, f"表头应为：{','.join(COLUMNS)}")
        rows = [(sheet.line_num, _row(file.name, sheet.line_num, cells)) for cells in sheet]
    for line, reason in _faults(rows):
        raise RegisterRefused(file.name, line, reason)
    return [row for _, row in rows]


def read_register(root: Traversable) -> RegionRegister:
    """The register shipped under a policy folder, `<root>/regions.csv`."""
    return RegionRegister(read_regions(root.joinpath("regions.csv")))


def _row(file: str, line: int, cells: Mapping[str | None, str | None]) -> Region:
    def refused(reason: str) -> RegisterRefused:
        return RegisterRefused(file, line, reason)

    if None in cells or None in cells.values():
        raise refused("列数与表头不符")
    cell = {str(name): str(text).strip() for name, text in cells.items()}
    codes = [cell["code"], *([cell["parent"]] if cell["parent"] else []), *cell["successors"].split()]
    for code in codes:
        if not _CODE.fullmatch(code):
            raise refused(f"“{code}”不是 2、4、6、9 或 12 位行政区划代码")
    if not cell["name"]:
        raise refused("没有名称")
    if cell["level"] not in get_args(Level):
        raise refused(f"级别“{cell['level']}”不认识，可用：{'、'.join(LEVELS)}")
    if cell["urban_rural"] and not _CLASS.fullmatch(cell["urban_rural"]):
        raise refused(f"城乡分类代码“{cell['urban_rural']}”应为三位，如 111、220")
    if cell["mark"] not in _MARKS:
        raise refused(f"标记“{cell['mark']}”不认识，可用：K、synthetic 或留空")
    try:
        since = date.fromisoformat(cell["from"])
        until = date.fromisoformat(cell["to"]) if cell["to"] else None
    except ValueError as error:
        raise refused("日期应写成 2026-07-01") from error
    if until is not None and until <= since:
        raise refused(f"撤销日 {until} 不晚于启用日 {since}")
    if cell["successors"] and until is None:
        raise refused("有继任代码的区划须写明撤销日")
    return Region(
        code=cell["code"],
        id=cell["id"] or cell["code"],
        name=cell["name"],
        level=cast(Level, cell["level"]),
        parent=cell["parent"] or None,
        since=since,
        until=until,
        successors=tuple(cell["successors"].split()),
        urban_rural=cell["urban_rural"] or None,
        mark=cell["mark"] or None,
    )


def _faults(rows: list[tuple[int, Region]]) -> Iterator[tuple[int, str]]:
    by_code: dict[str, list[Region]] = {}
    for line, row in rows:
        for other in by_code.setdefault(row.code, []):
            if (other.until is None or row.since < other.until) and (
                row.until is None or other.since < row.until
            ):
                yield line, f"{row.code} 与另一条登记的有效期重叠"
        by_code[row.code].append(row)
    for line, row in rows:
        if row.parent is None and row.level != LEVELS[0]:
            yield line, f"{row.code} 不是省级，须写明上级"
        if row.parent is not None:
            uppers = by_code.get(row.parent, [])
            if not uppers:
                yield line, f"上级 {row.parent} 不在登记表中"
            elif any(LEVELS.index(upper.level) >= LEVELS.index(row.level) for upper in uppers):
                yield line, f"上级 {row.parent} 的级别不高于 {row.code}"
            elif not any(upper.holds(row.since) for upper in uppers):
                yield line, f"上级 {row.parent} 在 {row.since} 尚未启用或已经撤销"
        for successor in row.successors:
            if successor not in by_code:
                yield line, f"继任代码 {successor} 不在登记表中"
