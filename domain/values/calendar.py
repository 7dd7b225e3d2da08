"""Working days (工作日) and terms (期间): counted on adopted editions of the official calendar."""

from __future__ import annotations

from bisect import bisect_right
from calendar import monthrange
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from domain.values.refusals import Refusal

_SATURDAY = 5
_NATION = "cn"


class CalendarYearMissing(Refusal, ValueError):
    """没有 {year} 年的工作日历：请先采用该年的放假安排，或采用标明“推定”的日历，再计算期限。"""

    article = "HOL24"


class CalendarEditionFaulty(ValueError):
    """工作日历有误：放假日与上班日必须都在本年之内，且不得重复。"""


@dataclass(frozen=True, slots=True)
class CalendarEdition:
    """One year's rest days and make-up working days (放假调休安排) of one region.

    `off` names every day the notice gives off, `work` every day it calls to work; weekends named in
    neither rest. A day belongs to the edition of its own year, also when next year's notice governs it.
    `assumed` (推定) says that no notice was out yet. Raises `CalendarEditionFaulty`.
    """

    region: str
    year: int
    number: int
    off: frozenset[date]
    work: frozenset[date]
    assumed: bool
    source: str

    def __post_init__(self) -> None:
        stray = sorted(day for day in self.off | self.work if day.year != self.year)
        if stray:
            raise CalendarEditionFaulty(f"{self.id}：{stray[0]} 不在 {self.year} 年之内。")
        if both := sorted(self.off & self.work):
            raise CalendarEditionFaulty(f"{self.id}：{both[0]} 既列为放假又列为上班。")

    @property
    def id(self) -> str:
        """How deadlines cite this edition: `cn/2026#1`."""
        return f"{self.region}/{self.year}#{self.number}"

    def is_working(self, day: date) -> bool:
        """Whether `day`, a day of this year, is a working day."""
        return day in self.work or (day.weekday() < _SATURDAY and day not in self.off)

    def working_ordinals(self) -> list[int]:
        """The proleptic ordinals of the year's working days, ascending."""
        first = date(self.year, 1, 1)
        length = 366 if monthrange(self.year, 2)[1] == 29 else 365
        days = (first + timedelta(days=n) for n in range(length))
        return [day.toordinal() for day in days if self.is_working(day)]

    def to_json(self) -> dict[str, Any]:
        """The edition as plain data, for storing; days in ISO form, ascending."""
        return {
            "region": self.region,
            "year": self.year,
            "number": self.number,
            "off": [day.isoformat() for day in sorted(self.off)],
            "work": [day.isoformat() for day in sorted(self.work)],
            "assumed": self.assumed,
            "source": self.source,
        }

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> CalendarEdition:
        """The edition stored by `to_json`."""
        return cls(
            region=body["region"],
            year=body["year"],
            number=body["number"],
            off=frozenset(map(date.fromisoformat, body["off"])),
            work=frozenset(map(date.fromisoformat, body["work"])),
            assumed=body["assumed"],
            source=body["source"],
        )


@dataclass(frozen=True, slots=True)
class DayCount:
    """A day found by counting, the editions it rests on, and whether any of them is assumed (推定)."""

    day: date
    editions: tuple[str, ...] = ()
    assumed: bool = False


class WorkingCalendar:
    """The working calendar of one place (工作日历): one edition a year.

    Terms exclude their first day (MFD art.201) and, when they end on a rest day, end on the next
    working day (MFD art.203). Every question about a year without an edition raises
    `CalendarYearMissing`.
    """

    __slots__ = ("_days", "editions")

    def __init__(self, editions: Mapping[int, CalendarEdition]) -> None:
        for year, edition in editions.items():
            if edition.year != year:
                raise CalendarEditionFaulty(f"{edition.id} 不能用作 {year} 年的日历。")
        self.editions: Mapping[int, CalendarEdition] = dict(editions)
        self._days: dict[int, list[int]] = {}

    @classmethod
    def of(cls, editions: Iterable[CalendarEdition], path: Sequence[str] = ()) -> WorkingCalendar:
        """The calendar of the place at the end of `path` (nation left out, province first).

        Of each year the edition of the nearest region on the path serves, then the published before
        the assumed, then the highest number: local holidays exist (HOL24 art.4).
        """
        nearness = {_NATION: 0} | {region: n for n, region in enumerate(path, 1)}
        best: dict[int, tuple[tuple[int, bool, int], CalendarEdition]] = {}
        for edition in editions:
            if edition.region not in nearness:
                continue
            rank = (nearness[edition.region], not edition.assumed, edition.number)
            if edition.year not in best or rank > best[edition.year][0]:
                best[edition.year] = (rank, edition)
        return cls({year: edition for year, (_, edition) in best.items()})

    def is_working(self, day: date) -> bool:
        """Whether `day` is a working day, make-up days included."""
        return self._edition(day.year).is_working(day)

    def next_working_day(self, day: date) -> date:
        """`day` itself when it is a working day, otherwise the first working day after it."""
        return self._find(day.toordinal() - 1, 1)

    def add_working_days(self, start: date, n: int) -> DayCount:
        """The `n`th working day after `start`, which is not counted; `n` = 0 is `start`, rolled."""
        if n < 0:
            raise ValueError(f"工作日数不能为负：{n}")
        origin = start.toordinal() if n else start.toordinal() - 1
        return self._counted(date.fromordinal(origin + 1), self._find(origin, n or 1))

    def add_days(self, start: date, n: int, roll: bool) -> DayCount:
        """`n` calendar days after `start`; with `roll`, a rest day gives way to the next working day.

        Without `roll` no edition is consulted.
        """
        return self._rolled(start + timedelta(days=n), roll)

    def add_months(self, start: date, n: int, roll: bool = True) -> DayCount:
        """The corresponding day `n` months on, or that month's last day (MFD art.202), rolled if asked."""
        year, month = divmod(start.year * 12 + start.month - 1 + n, 12)
        last = monthrange(year, month + 1)[1]
        return self._rolled(date(year, month + 1, min(start.day, last)), roll)

    def working_days_between(self, start_excl: date, end_incl: date) -> int:
        """How many working days lie after `start_excl` up to and with `end_incl`; negative backwards."""
        if end_incl < start_excl:
            return -self.working_days_between(end_incl, start_excl)
        count = 0
        for year in range(start_excl.year, end_incl.year + 1):
            days = self._year(year)
            low = bisect_right(days, start_excl.toordinal())
            count += bisect_right(days, end_incl.toordinal()) - low
        return count

    def _find(self, origin: int, n: int) -> date:
        """The `n`th working day after the ordinal `origin`, `n` ≥ 1."""
        year = date.fromordinal(origin + 1).year
        days = self._year(year)
        at = bisect_right(days, origin) + n - 1
        while at >= len(days):
            at -= len(days)
            year += 1
            days = self._year(year)
        return date.fromordinal(days[at])

    def _rolled(self, day: date, roll: bool) -> DayCount:
        if not roll:
            return DayCount(day)
        return self._counted(day, self._find(day.toordinal() - 1, 1))

    def _counted(self, first: date, last: date) -> DayCount:
        if first.year == last.year:
            edition = self.editions[last.year]
            return DayCount(last, (edition.id,), edition.assumed)
        used = [self.editions[year] for year in range(first.year, last.year + 1)]
        return DayCount(last, tuple(each.id for each in used), any(each.assumed for each in used))

    def _edition(self, year: int) -> CalendarEdition:
        edition = self.editions.get(year)
        if edition is None:
            raise CalendarYearMissing(year=year)
        return edition

    def _year(self, year: int) -> list[int]:
        days = self._days.get(year)
        if days is None:
            days = self._days[year] = self._edition(year).working_ordinals()
        return days
