"""Policy (政策): the packs adopted by the nation and each place below it, asked by day."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from domain.values.pack import NATION, Pack, Parameter, ParameterMistyped, Value, overstepping
from domain.values.refusals import Refusal

__all__ = [
    "Adoption",
    "Area",
    "OverrideNotAllowed",
    "Pack",
    "Parameter",
    "ParameterMissing",
    "ParameterMistyped",
    "Policy",
    "Rules",
    "Value",
    "merge",
]

Area = str | tuple[str, ...]
"""A region code of any level, or the explicit path of codes, province first."""


class ParameterMissing(Refusal):
    """{on} 在本地没有政策参数“{key}”：请先由有权机关发布并采用相应的政策包。"""


class OverrideNotAllowed(Refusal):
    """{region} 的政策包不得改动参数“{key}”：{reason}。"""


@dataclass(frozen=True, slots=True)
class Adoption:
    """A pack in force at its place `[since, until)` (采用): what the jurisdiction's stream says."""

    pack: Pack
    since: date
    until: date | None = None

    def holds(self, on: date) -> bool:
        """Whether the pack is in force on that day."""
        return self.since <= on and (self.until is None or on < self.until)


class Rules:
    """Everything valid on one day in one place (当日当地规则): each parameter, and the packs behind them.

    `packs` are the hashes from nation to county, as a decision's receipt stores them. Every question
    about a key that has no value that day raises `ParameterMissing`; a value of another type than asked
    for raises `ParameterMistyped`.
    """

    __slots__ = ("on", "packs", "parameters")

    def __init__(self, parameters: Mapping[str, Parameter], packs: tuple[str, ...], on: date) -> None:
        self.parameters = parameters
        self.packs = packs
        self.on = on

    def __getitem__(self, key: str) -> Parameter:
        parameter = self.parameters.get(key)
        if parameter is None:
            raise ParameterMissing(key=key, on=self.on)
        return parameter

    def __contains__(self, key: str) -> bool:
        return key in self.parameters

    def __iter__(self) -> Iterator[str]:
        return iter(self.parameters)

    def __len__(self) -> int:
        return len(self.parameters)

    def get(self, key: str) -> Parameter | None:
        """The parameter, or None where no level has set a value that day."""
        return self.parameters.get(key)

    def days(self, code: str) -> Parameter:
        """The term of a deadline code (`DL-DIB-INV`): value and unit (wd, d, months)."""
        return self[f"deadline.{code}"]

    def integer(self, key: str) -> int:
        """A whole number: days, months, fen or a count, as its unit says."""
        value = self[key].value
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        raise self._mistyped(key, "整数")

    def flag(self, key: str) -> bool:
        """A yes or no."""
        value = self[key].value
        if isinstance(value, bool):
            return value
        raise self._mistyped(key, "是否")

    def word(self, key: str) -> str:
        """One word of a closed list, such as `county`."""
        value = self[key].value
        if isinstance(value, str):
            return value
        raise self._mistyped(key, "词")

    def words(self, key: str) -> tuple[str, ...]:
        """A list of words, such as the causes of a grace period."""
        value = self[key].value
        if isinstance(value, tuple):
            return value
        raise self._mistyped(key, "词表")

    def ratio(self, key: str) -> Fraction:
        """An exact ratio, such as 3/2."""
        value = self[key].value
        if isinstance(value, Fraction):
            return value
        raise self._mistyped(key, "比例")

    def _mistyped(self, key: str, wanted: str) -> ParameterMistyped:
        return ParameterMistyped(f"政策参数“{key}”应为{wanted}，现为 {self[key].value!r}")


class Policy:
    """The packs adopted by the nation and the places below it (政策), asked by the day of the act.

    `area` is the place whose rules are meant: a region code of any level, whose upper levels are the
    adopted places its code begins with; or the explicit path from the register (province first) where
    code and government differ; None is the nation alone.
    """

    __slots__ = ("_adopted", "_breaks", "_cached", "_merged", "area")

    def __init__(self, adoptions: Iterable[Adoption], area: Area | None = None) -> None:
        self.area = area
        self._adopted: dict[str, list[Adoption]] = {}
        for adoption in sorted(adoptions, key=lambda each: each.since):
            self._adopted.setdefault(adoption.pack.region, []).append(adoption)
        self._breaks: dict[tuple[str, ...], list[date]] = {}
        self._merged: dict[tuple[tuple[str, ...], int], tuple[dict[str, Parameter], tuple[str, ...]]] = {}
        self._cached: dict[tuple[date, Area | None], Rules] = {}

    def of(self, area: Area | None) -> Policy:
        """The same adopted packs, asked for another place; shares what has been worked out."""
        other = object.__new__(Policy)
        other.area = area
        other._adopted, other._breaks = self._adopted, self._breaks
        other._merged, other._cached = self._merged, self._cached
        return other

    def rules(self, on: date, area: Area | None = None) -> Rules:
        """The rules of `area`, by default of this policy's own place, on the day of the act.

        Raises `OverrideNotAllowed` where a place's pack oversteps what the level above leaves to it.
        """
        area = self.area if area is None else area
        rules = self._cached.get((on, area))
        if rules is None:
            if len(self._cached) >= _CACHE:
                self._cached.clear()
            rules = self._cached[on, area] = self._rules(on, self._path(area))
        return rules

    def breaks(self) -> list[date]:
        """The days on which any rule of this policy's place changes, ascending."""
        return self._breaks_of(self._path(self.area))

    def _path(self, area: str | tuple[str, ...] | None) -> tuple[str, ...]:
        if area is None:
            return (NATION,) if NATION in self._adopted else ()
        if isinstance(area, str):
            below = sorted((code for code in self._adopted if area.startswith(code)), key=len)
        else:
            below = [code for code in dict.fromkeys(area) if code in self._adopted and code != NATION]
        return self._path(None) + tuple(below)

    def _rules(self, on: date, path: tuple[str, ...]) -> Rules:
        breaks = self._breaks.get(path)
        if breaks is None:
            breaks = self._breaks[path] = self._breaks_of(path)
        span = bisect_right(breaks, on)
        merged = self._merged.get((path, span))
        if merged is None:
            if len(self._merged) >= _MERGED:
                self._merged.clear()
            packs = tuple(pack for code in path if (pack := self._in_force(code, on)) is not None)
            merged = self._merged[path, span] = (
                merge(packs, on),
                tuple(pack.hash for pack in packs),
            )
        return Rules(*merged, on)

    def _breaks_of(self, path: tuple[str, ...]) -> list[date]:
        days: set[date | None] = set()
        for adoption in (each for code in path for each in self._adopted[code]):
            days |= {adoption.since, adoption.until}
            for entries in adoption.pack.parameters.values():
                days |= {day for entry in entries for day in (entry.since, entry.until)}
        return sorted(day for day in days if day is not None)

    def _in_force(self, code: str, on: date) -> Pack | None:
        """The pack adopted last among those in force: a later adoption takes over from an earlier."""
        holding = [each.pack for each in self._adopted[code] if each.holds(on)]
        return holding[-1] if holding else None


_CACHE = 20_000
_MERGED = 2_000  # about 10 KB each: a nation's counties must not fill the memory


def merge(packs: Sequence[Pack], on: date) -> dict[str, Parameter]:
    """The parameters valid on a day, packs given from the nation down; open ones left out.

    Raises `OverrideNotAllowed`.
    """
    valid: dict[str, Parameter] = {}
    for pack in packs:
        for key, entries in pack.parameters.items():
            entry = next((each for each in entries if each.holds(on)), None)
            if entry is None:
                continue
            if (
                pack.region != NATION
                and (reason := overstepping(entry, pack.region, valid.get(key))) is not None
            ):
                raise OverrideNotAllowed(region=pack.region, key=key, reason=reason)
            if entry.value is None and key in valid:
                continue
            valid[key] = entry
    return {key: entry for key, entry in valid.items() if entry.value is not None}
