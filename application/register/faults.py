"""Collecting faults (差错): each row is read through one reading that notes what is wrong and where."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeVar

from application.register.cells import Cell, CellRefused, local_number
from application.register.layout import SHEETS, Column
from application.register.reading import RawRow, Table
from application.register.rows import Fault, Severity

T = TypeVar("T")

_LONG_DIGITS = re.compile(r"[0-9]{11,}[Xx]?")
_SHEET_ORDER = {sheet.name: n for n, sheet in enumerate(SHEETS)}


class FaultList:
    """All faults found, and which households must stay out for them."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._out: set[str] = set()

    def add(self, fault: Fault, number: str | None) -> None:
        """Keep a fault of the household `number`."""
        self._faults.append(fault)
        if number is not None and fault.severity == "error":
            self.keep_out(number)

    def keep_out(self, number: str) -> None:
        """Let no household of this number go on."""
        self._out.add(number)

    def keeps_out(self, number: str) -> bool:
        """Whether an error stands against the household of this number."""
        return number in self._out

    def in_order(self) -> tuple[Fault, ...]:
        """Every fault by sheet, row and column."""
        return tuple(sorted(self._faults, key=_place))


class RowReading:
    """One row being understood; what cannot be understood goes to `faults`, the rest comes back typed."""

    __slots__ = ("_faults", "_raw", "_table", "number", "row")

    def __init__(self, table: Table, raw: RawRow, faults: FaultList) -> None:
        self._table = table
        self._raw = raw
        self._faults = faults
        self.row = raw.number
        self.number: str | None = None
        self.number = self.read("household", local_number)

    def read(self, key: str, how: Callable[[Cell], T]) -> T | None:
        """What the cell says; None when it is empty or at fault (a required one is at fault when empty)."""
        cell = self._raw.cells[key]
        if key in self._raw.broken:
            self.fault(
                key, "cell-broken", "单元格是错误值，或公式没有计算结果。", "请删去公式，直接填写内容。"
            )
        elif cell is not None:
            try:
                return how(cell)
            except CellRefused as refused:
                self.fault(key, refused.code, refused.reason, refused.advice)
        elif self._table.columns[key].required:
            self.empty(key)
        return None

    def filled(self, key: str) -> bool:
        """Whether anything at all stands in the cell."""
        return self._raw.cells[key] is not None or key in self._raw.broken

    def column(self, key: str) -> Column:
        """The column a key means on this sheet."""
        return self._table.columns[key]

    def empty(self, key: str) -> None:
        """Note that a cell that is needed here was left empty."""
        header = self._table.columns[key].header
        self.fault(
            key, "required-cell-empty", f"“{header}”没有填写。", f"请填写：{self._table.columns[key].help}"
        )

    def fault(self, key: str, code: str, reason: str, advice: str, severity: Severity = "error") -> None:
        """Note what is wrong with the cell under `key`."""
        self._faults.add(
            Fault(
                sheet=self._table.sheet.name,
                row=self.row,
                column=self._table.letters[key],
                header=self._table.columns[key].header,
                code=code,
                reason=reason,
                advice=advice,
                household=None if self.number is None else shown(self.number),
                severity=severity,
            ),
            self.number,
        )

    def warn(self, key: str, code: str, reason: str, advice: str) -> None:
        """Note what is worth a second look and keeps nobody out."""
        self.fault(key, code, reason, advice, "warning")


def shown(number: str) -> str:
    """A household's number fit to be shown: what looks like an ID, phone or account number is masked."""
    return _LONG_DIGITS.sub(lambda run: f"{run[0][:3]}…{run[0][-2:]}", number)


def _place(fault: Fault) -> tuple[int, int, int, str]:
    return _SHEET_ORDER[fault.sheet], fault.row, len(fault.column), fault.column
