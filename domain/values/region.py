"""Regions (行政区划): an effective-dated register of codes, with parents and successors."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from domain.values.refusals import Refusal

Level = Literal["province", "city", "county", "township", "village"]
LEVELS: tuple[Level, ...] = ("province", "city", "county", "township", "village")
"""The five levels, top down (省、市、县、乡、村)."""

_FULL = 12


_LENGTHS = (2, 4, 6, 9, 12)
"""How many digits a code has, from the province to the village."""


class UnknownRegion(Refusal):
    """{on} 的行政区划登记中没有代码“{code}”：请核对代码，或先登记该区划。"""

    article = "民政部令第79号"


class RegionAbolished(Refusal):
    """行政区划“{name}”（{code}）已于 {until} 撤销：请改用现行代码{successors}。"""

    article = "民政部令第79号"


class RegisterFaulty(ValueError):
    """行政区划登记有误。"""


@dataclass(frozen=True, slots=True)
class Region:
    """One row of the register: a code with its name and place in the order, valid `[since, until)`.

    `code` has 2, 4, 6, 9 or 12 digits; `id` stays the same when the same place gets a new code.
    `parent` is None for a province. `urban_rural` is the three-digit class (111 … 220), None if unknown.
    `mark` is `synthetic` for places made up for tests, `K` for codes not checked, None otherwise.
    """

    code: str
    id: str
    name: str
    level: Level
    parent: str | None
    since: date
    until: date | None = None
    successors: tuple[str, ...] = ()
    urban_rural: str | None = None
    mark: str | None = None

    @property
    def rural(self) -> bool | None:
        """Whether it counts as countryside (乡村, class 2xx); None where the class is unknown."""
        return None if self.urban_rural is None else self.urban_rural.startswith("2")

    def holds(self, on: date) -> bool:
        """Whether the row is valid on that day."""
        return self.since <= on and (self.until is None or on < self.until)

    def to_json(self) -> dict[str, Any]:
        """The row as plain data, for storing."""
        return {
            "code": self.code,
            "id": self.id,
            "name": self.name,
            "level": self.level,
            "parent": self.parent,
            "from": self.since.isoformat(),
            "to": None if self.until is None else self.until.isoformat(),
            "successors": list(self.successors),
            "urban_rural": self.urban_rural,
            "mark": self.mark,
        }

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> Region:
        """The row stored by `to_json`."""
        until = body.get("to")
        return cls(
            code=body["code"],
            id=body["id"],
            name=body["name"],
            level=body["level"],
            parent=body.get("parent"),
            since=date.fromisoformat(body["from"]),
            until=None if until is None else date.fromisoformat(until),
            successors=tuple(body.get("successors", ())),
            urban_rural=body.get("urban_rural"),
            mark=body.get("mark"),
        )


class RegionRegister:
    """The register of regions (行政区划登记), asked by code and day.

    A code may be given short or filled with zeros: `3707`, `370700` and `370700000000` are one place.
    Levels and parents come from the rows, never from the digits. Raises `RegisterFaulty` when two rows
    of a code overlap.
    """

    __slots__ = ("_children", "_rows")

    def __init__(self, rows: Iterable[Region]) -> None:
        self._rows: dict[str, list[Region]] = {}
        self._children: dict[str, list[Region]] = {}
        for row in sorted(rows, key=lambda each: each.since):
            known = self._rows.setdefault(_filled(row.code), [])
            if known and (known[-1].until is None or known[-1].until > row.since):
                raise RegisterFaulty(f"行政区划 {row.code} 的两条登记在 {row.since} 重叠。")
            known.append(row)
            if row.parent is not None:
                self._children.setdefault(_filled(row.parent), []).append(row)

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[Region]:
        return (row for rows in self._rows.values() for row in rows)

    def at(self, code: str, on: date) -> Region:
        """The region a code meant on a day; raises `UnknownRegion` or `RegionAbolished`."""
        rows = self._rows.get(_filled(code), ())
        for row in rows:
            if row.holds(on):
                return row
        ended = [row for row in rows if row.until is not None and row.until <= on]
        if not ended:
            raise UnknownRegion(code=_told(code), on=on)
        last = ended[-1]
        raise RegionAbolished(
            code=last.code,
            name=last.name,
            until=last.until,
            successors="、".join(last.successors),
        )

    def path(self, code: str, on: date) -> tuple[str, ...]:
        """The codes from the province down to `code` itself, one a level: five for a village.

        A level that a place lacks (a city without counties, a county right under its province) repeats
        the code above it. Raises as `at`, and `RegisterFaulty` when the line of parents is broken.
        """
        region = self.at(code, on)
        line = {region.level: region.code}
        while region.parent is not None:
            upper = self.at(region.parent, on)
            if LEVELS.index(upper.level) >= LEVELS.index(region.level):
                raise RegisterFaulty(f"行政区划 {region.code} 的上级 {upper.code} 级别不高于它。")
            region = upper
            line[region.level] = region.code
        if region.level != LEVELS[0]:
            raise RegisterFaulty(f"行政区划 {code} 在 {on} 没有省级上级。")
        codes: list[str] = []
        for level in LEVELS:
            codes.append(line.pop(level, codes[-1] if codes else ""))
            if not line:
                break
        return tuple(codes)

    def ancestor(self, code: str, level: Level, on: date) -> str:
        """The code of the place of that level which `code` lies in, or is; raises as `path`."""
        path = self.path(code, on)
        depth = LEVELS.index(level)
        if depth >= len(path):
            raise UnknownRegion(code=_told(code), on=on)
        return path[depth]

    def children(self, code: str, on: date) -> tuple[Region, ...]:
        """The regions right below `code` on a day, by code."""
        below = (row for row in self._children.get(_filled(code), ()) if row.holds(on))
        return tuple(sorted(below, key=lambda each: each.code))

    def successors(self, code: str, on: date) -> tuple[str, ...]:
        """The codes in force on a day that stand for `code`: itself, or those that followed it."""
        found: dict[str, None] = {}
        seen: set[str] = set()
        waiting = [code]
        while waiting:
            each = _filled(waiting.pop(0))
            if each in seen:
                continue
            seen.add(each)
            try:
                found[self.at(each, on).code] = None
            except RegionAbolished:
                rows = [row for row in self._rows[each] if row.until is not None and row.until <= on]
                waiting += rows[-1].successors
        return tuple(found)


def _filled(code: str) -> str:
    return code.ljust(_FULL, "0")


def _told(code: str) -> str:
    """A code nobody has as it may be repeated: what is no code at all may be anybody's number or name."""
    return code if code.isdigit() and len(code) in _LENGTHS else "（位数不对）"
