"""Reading a register workbook (读取登记册): raw cells by column, or why this is not such a workbook."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from io import BytesIO
from os import PathLike
from pathlib import Path
from typing import Any, BinaryIO

from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook

from application.register.cells import Cell, calendar_day, plain
from application.register.layout import (
    HOUSEHOLDS,
    INSTRUCTIONS,
    ITEMS,
    MEMBERS,
    MESSAGES,
    SHEETS,
    Column,
    Sheet,
)
from application.register.package import WorkbookUnreadable, bad_cells, damaged
from application.register.village import letter

HEADER_SEARCHED = 10
"""How many rows from the top may come before the header: people put a title above it."""

_INVISIBLE = dict.fromkeys(map(ord, "\u200b\u200c\u200d\u2060\ufeff\u00ad"))


@dataclass(frozen=True, slots=True)
class RawRow:
    """One row as written: `number` counts from 1 as the spreadsheet shows it, `cells` by column key.

    `broken` names the columns holding an error value or a formula that was never calculated.
    """

    number: int
    cells: Mapping[str, Cell]
    broken: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Table:
    """A sheet as read: where each column stands (key → letter), and every row that is not empty."""

    sheet: Sheet
    letters: Mapping[str, str]
    rows: tuple[RawRow, ...]
    columns: Mapping[str, Column] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "columns", {column.key: column for column in self.sheet.columns})


@dataclass(frozen=True, slots=True)
class Register:
    """The three sheets of a township's application register (申请登记册), cells not yet understood."""

    households: Table
    members: Table
    items: Table


def read_register(source: str | PathLike[str] | BinaryIO | bytes) -> Register:
    """The cells of a register workbook (.xlsx), from a path, an open file or its bytes.

    Raises `WorkbookUnreadable` when it is no workbook, empty, protected, oversized, or when a sheet or a
    column is missing, renamed, doubled or unknown: what is not understood is never passed over.
    """
    content = _bytes_of(source)
    try:
        broken = bad_cells(content)
        with CalamineWorkbook.from_filelike(BytesIO(content)) as workbook:
            names = {plain(name): name for name in workbook.sheet_names}
            _check_sheets(names)
            households, members, items = (
                _table(sheet, workbook.get_sheet_by_name(names[sheet.name]), broken[names[sheet.name]])
                for sheet in (HOUSEHOLDS, MEMBERS, ITEMS)
            )
    except CalamineError:
        raise damaged() from None
    return Register(households, members, items)


def _bytes_of(source: str | PathLike[str] | BinaryIO | bytes) -> bytes:
    if isinstance(source, bytes):
        return source
    if isinstance(source, (str, PathLike)):
        try:
            return Path(source).read_bytes()
        except OSError as error:
            raise WorkbookUnreadable(
                "file-unreadable", f"文件打不开（{error.strerror}）。", "请核对文件路径和权限。"
            ) from None
    return source.read()


def _check_sheets(names: Mapping[str, str]) -> None:
    wanted = [sheet.name for sheet in SHEETS]
    missing = [name for name in wanted if name not in names]
    extra = [name for plain_name, name in names.items() if plain_name not in {*wanted, INSTRUCTIONS}]
    if missing:
        found = f"；多出{_quoted(extra)}，是否改了名" if extra else ""
        raise WorkbookUnreadable(
            "sheet-missing",
            f"缺少工作表{_quoted(missing)}{found}。",
            "请使用登记册模板，不要改动工作表名称。",
        )
    if extra:
        raise WorkbookUnreadable(
            "sheet-unknown", f"多出工作表{_quoted(extra)}。", "其中的内容不会被读取，请删除后再导入。"
        )


def _table(sheet: Sheet, source: CalamineSheet, broken: frozenset[tuple[int, int]]) -> Table:
    grid: list[list[Any]] = source.to_python(skip_empty_area=False) if source.start is not None else []
    places, unread, first = _header(sheet, grid)
    # the parser ends a sheet at its last value: rows of nothing but broken cells come after that
    beyond = max((row + 1 for row, _ in broken), default=0) - len(grid)
    grid.extend([""] * len(grid[0]) for _ in range(beyond))
    _fill_merged_numbers(source, grid, places["household"], first)
    letters = {key: letter(index) for key, index in places.items()}
    known = {*places.values(), *unread}
    rows = []
    words: dict[Cell, Cell] = {}
    for index in range(first, len(grid)):
        cells = {key: _cell(grid[index][place]) for key, place in places.items()}
        for key, cell in cells.items():
            # most cells say what another one said before: kept once, a large register stays small
            cells[key] = words.setdefault(cell, cell)
        bad = frozenset(key for key, place in places.items() if (index, place) in broken)
        stray = [n for n, value in enumerate(grid[index]) if n not in known and _cell(value) is not None]
        if stray:
            raise _outside(sheet, index, stray[0])
        grid[index] = []
        if bad or any(cell is not None for cell in cells.values()):
            rows.append(RawRow(index + 1, cells, bad))
    return Table(sheet, letters, tuple(rows))


def _header(sheet: Sheet, grid: Sequence[Sequence[Any]]) -> tuple[dict[str, int], list[int], int]:
    """Where each column stands, which are not read, and the index of the first row below the header."""
    keys = {plain(column.header): column for column in sheet.columns}
    titled = [[_title(value) for value in row] for row in grid[:HEADER_SEARCHED]]
    index = max(range(len(titled)), key=lambda n: len(keys.keys() & set(titled[n])), default=None)
    if index is None or len(keys.keys() & set(titled[index])) < 2:
        raise WorkbookUnreadable(
            "sheet-empty", f"工作表“{sheet.name}”没有表头。", "请使用登记册模板，不要删除表头行。"
        )
    titles = titled[index]
    missing = [column.header for title, column in keys.items() if title not in titles]
    unread = [n for n, title in enumerate(titles) if title == MESSAGES]
    extra = [
        f"{grid[index][n]}"
        for n, title in enumerate(titles)
        if title and title not in keys and n not in unread
    ]
    doubled = [column.header for title, column in keys.items() if titles.count(title) > 1]
    if missing:
        found = f"；多出{_quoted(extra)}，是否改了名" if extra else ""
        raise WorkbookUnreadable(
            "column-missing",
            f"工作表“{sheet.name}”缺少列{_quoted(missing)}{found}。",
            "请使用登记册模板，不要改动表头。",
        )
    if extra or doubled:
        raise WorkbookUnreadable(
            "column-doubled" if doubled else "column-unknown",
            f"工作表“{sheet.name}”{'重复' if doubled else '多出'}列{_quoted(doubled or extra)}。",
            "其中的内容不会被读取，请删除该列后再导入。",
        )
    return {column.key: titles.index(title) for title, column in keys.items()}, unread, index + 1


def _fill_merged_numbers(source: CalamineSheet, grid: list[list[Any]], place: int, first: int) -> None:
    """Household numbers merged down over their people hold for every one of these rows."""
    for (top, left), (bottom, right) in source.merged_cell_ranges or ():
        if left == right == place and top >= first:
            for row in range(top + 1, min(bottom + 1, len(grid))):
                grid[row][place] = grid[top][place]


def _title(value: object) -> str:
    return plain(value).strip("*") if isinstance(value, str) else ""


def _cell(value: object) -> Cell:
    if isinstance(value, str):
        return value.translate(_INVISIBLE).strip() or None
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, (int, float)):
        return float(value)
    if isinstance(value, (datetime, date)):
        return calendar_day(value)
    return None if value is None else str(value)


def _outside(sheet: Sheet, row: int, column: int) -> WorkbookUnreadable:
    return WorkbookUnreadable(
        "cell-outside-columns",
        f"工作表“{sheet.name}”的 {letter(column)}{row + 1} 有内容，但该列没有表头。",
        "其中的内容不会被读取，请删除后再导入。",
    )


def _quoted(words: Sequence[str]) -> str:
    return "、".join(f"“{word}”" for word in words)


__all__ = ["RawRow", "Register", "Table", "WorkbookUnreadable", "read_register"]
