"""Months (月份): what benefits run by, stored as `YYYY-MM`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import total_ordering

_TEXT = re.compile(r"(\d{4})-(\d{2})")


class MonthUnreadable(ValueError):
    """月份无法识别：请写成“年-月”，例如 2026-07。"""


@total_ordering
class Month:
    """One calendar month; immutable, ordered, written `2026-07`."""

    __slots__ = ("_ordinal",)

    def __init__(self, year: int, month: int) -> None:
        if not 1 <= month <= 12 or not 1 <= year <= 9999:
            raise MonthUnreadable(MonthUnreadable.__doc__)
        self._ordinal = year * 12 + month - 1

    @classmethod
    def of(cls, day: date) -> Month:
        """The month a day lies in."""
        return cls(day.year, day.month)

    @classmethod
    def parse(cls, text: str) -> Month:
        """The month written `YYYY-MM`; raises `MonthUnreadable`."""
        match = _TEXT.fullmatch(text)
        if match is None:
            raise MonthUnreadable(MonthUnreadable.__doc__)
        return cls(int(match[1]), int(match[2]))

    @property
    def year(self) -> int:
        return self._ordinal // 12

    @property
    def month(self) -> int:
        return self._ordinal % 12 + 1

    @property
    def first_day(self) -> date:
        return date(self.year, self.month, 1)

    @property
    def last_day(self) -> date:
        return (self + 1).first_day - timedelta(days=1)

    def __add__(self, months: int) -> Month:
        return Month((self._ordinal + months) // 12, (self._ordinal + months) % 12 + 1)

    def __sub__(self, other: Month) -> int:
        """How many months this one lies after `other`."""
        return self._ordinal - other._ordinal

    def __lt__(self, other: Month) -> bool:
        return self._ordinal < other._ordinal

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Month) and self._ordinal == other._ordinal

    def __hash__(self) -> int:
        return hash(self._ordinal)

    def __str__(self) -> str:
        year, month = divmod(self._ordinal, 12)
        return f"{year:04d}-{month + 1:02d}"

    def __repr__(self) -> str:
        return f"Month({self.year}, {self.month})"


@dataclass(frozen=True, slots=True)
class Months:
    """A run of months, `first` and `last` both included."""

    first: Month
    last: Month

    def __post_init__(self) -> None:
        if self.last < self.first:
            raise MonthUnreadable("起止月份颠倒：起始月不得晚于截止月。")

    def __len__(self) -> int:
        return (self.last - self.first) + 1

    def __iter__(self) -> Iterator[Month]:
        return (self.first + n for n in range(len(self)))

    def __contains__(self, month: Month) -> bool:
        return self.first <= month <= self.last
