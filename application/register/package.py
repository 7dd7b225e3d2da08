"""The workbook as a file (工作簿文件): refused before parsing when it is none, too large, or sealed.

The parser lays a sheet out as a full rectangle and drops error values and formulas without a result, so
one stray cell in the last corner would take all memory and a broken formula would pass for an empty cell.
Both are found here.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from io import BytesIO
from xml.etree.ElementTree import Element, ParseError, fromstring, iterparse
from zipfile import BadZipFile, ZipFile

from application.register.village import letter, place_of

MOST_BYTES = 20 * 2**20
MOST_UNPACKED = 200 * 2**20
MOST_ROWS = 100_000
MOST_COLUMNS = 64
MOST_CELLS = 50_000 * 64
"""In the rectangle the parser lays out: a stray cell far to the right counts for all rows."""
MOST_ROWS_IN_ALL = 140_000
"""On all sheets together; some 25,000 households: what is held in memory at once stays below 400 MB."""

_MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_SAVE_AS_XLSX = "请用表格软件打开后另存为不加密码的 .xlsx 再导入。"

Places = frozenset[tuple[int, int]]
"""Cells of a sheet, row and column counted from 0."""


class WorkbookUnreadable(ValueError):
    """The file is no register: stable English `code`, Chinese `reason` and `advice`; nothing was read."""

    def __init__(self, code: str, reason: str, advice: str) -> None:
        super().__init__(f"{reason}{advice}")
        self.code = code
        self.reason = reason
        self.advice = advice


def bad_cells(content: bytes) -> Mapping[str, Places]:
    """By sheet name, the cells holding an error value (#N/A) or a formula that was never calculated.

    Raises `WorkbookUnreadable` for what is no .xlsx, is protected by a password, or is far too large.
    """
    if len(content) > MOST_BYTES:
        raise _too_large(f"文件超过{MOST_BYTES // 2**20}MB")
    if content.startswith(b"\xd0\xcf\x11\xe0"):
        raise WorkbookUnreadable("workbook-not-xlsx", "文件是旧版 .xls，或加了打开密码。", _SAVE_AS_XLSX)
    try:
        with ZipFile(BytesIO(content)) as package:
            if sum(part.file_size for part in package.infolist()) > MOST_UNPACKED:
                raise _too_large("文件展开后过大")
            bad: dict[str, Places] = {}
            rows = 0
            for name, path in _sheets(package):
                bad[name], filled = _bad_cells(name, _part(package, path))
                rows += filled
                if rows > MOST_ROWS_IN_ALL:
                    raise _too_large(f"各工作表合计超过{MOST_ROWS_IN_ALL}行")
            return bad
    except (BadZipFile, KeyError, NotImplementedError, RuntimeError):
        raise WorkbookUnreadable("workbook-not-xlsx", "文件不是 .xlsx 工作簿。", _SAVE_AS_XLSX) from None
    except (ParseError, ValueError, EOFError, OSError) as error:
        if isinstance(error, WorkbookUnreadable):
            raise
        raise damaged() from None


def damaged() -> WorkbookUnreadable:
    """The refusal of a workbook whose insides cannot be followed."""
    return WorkbookUnreadable("workbook-damaged", "工作簿已损坏，无法读取。", _SAVE_AS_XLSX)


def _sheets(package: ZipFile) -> Iterator[tuple[str, str]]:
    targets = {
        link.get("Id"): link.get("Target", "")
        for link in fromstring(_part(package, "xl/_rels/workbook.xml.rels"))
    }
    for sheet in fromstring(_part(package, "xl/workbook.xml")).iter(f"{_MAIN}sheet"):
        target = targets[sheet.get(_RELATION)]
        if "worksheets/" in target:
            yield sheet.get("name", ""), posixpath.normpath(posixpath.join("/xl", target)).lstrip("/")


def _part(package: ZipFile, path: str) -> bytes:
    part = package.read(path)
    if b"<!DOCTYPE" in part:
        raise damaged()
    return part


def _bad_cells(sheet: str, part: bytes) -> tuple[Places, int]:
    bad = set()
    rows = columns = 0
    for (row, column), cell in _filled(part):
        rows, columns = max(rows, row + 1), max(columns, column + 1)
        if rows > MOST_ROWS or columns > MOST_COLUMNS or rows * columns > MOST_CELLS:
            where = f"{letter(column)}{row + 1}"
            raise _too_large(
                f"工作表“{sheet}”在 {where} 处有内容，超出{MOST_ROWS}行、{MOST_COLUMNS}列或{MOST_CELLS}格"
            )
        value = cell.findtext(f"{_MAIN}v")
        uncalculated = cell.find(f"{_MAIN}f") is not None and not value and cell.get("t") != "str"
        if cell.get("t") == "e" or uncalculated:
            bad.add((row, column))
    return frozenset(bad), rows


def _filled(part: bytes) -> Iterator[tuple[tuple[int, int], Element]]:
    """Every cell with something in it, and where it stands; references may be left out in the file."""
    row = column = -1
    for event, element in iterparse(BytesIO(part), events=("start", "end")):
        if element.tag == f"{_MAIN}row":
            if event == "start":
                row, column = int(element.get("r", row + 2)) - 1, -1
            else:
                element.clear()
        elif event == "end" and element.tag == f"{_MAIN}c":
            row, column = place_of(element.get("r", "")) or (row, column + 1)
            if len(element):
                yield (row, column), element


def _too_large(what: str) -> WorkbookUnreadable:
    return WorkbookUnreadable(
        "workbook-too-large", f"{what}。", "请删除表格以外的内容，或把登记册分成几个文件。"
    )
