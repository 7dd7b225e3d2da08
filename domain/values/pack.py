"""Packs (政策包): a place's dated, cited, marked parameters, and what a lower place may change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Any

NATION = "cn"
"""The region code of the national pack."""

LOCAL = "local"
"""The mark by which an upper level leaves a parameter to the places below it."""

DIGITS = {"province": 2, "city": 4, "county": 6}
"""How many digits the code of a place with packs has, by level."""

LEVEL_WORDS = {"province": "省级", "city": "设区的市级", "county": "县级"}

Value = bool | int | str | tuple[str, ...] | Fraction


class ParameterMistyped(TypeError):
    """政策参数的类型与规则所需不符。"""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One value of one parameter (政策参数), valid `[since, until)`, with its source and marks.

    `unit` is one of wd (working days), d (calendar days), months, quarters (to the end of), fen,
    fen/person-month, count, ratio, flag, word, words. `mark` holds domain marks, parted by blanks:
    `local` (places below may differ), `D` (project default), `K` (not re-checked), `2nd-hand`. `value`
    is None where the upper level only leaves the parameter open. `pack` is the hash of the pack it
    stands in. `least` and `most` bound what places below may set, `by` names the lowest level that may
    (province, city, county; None: any).
    """

    key: str
    value: Value | None
    unit: str
    source: str
    mark: str | None
    since: date
    until: date | None
    pack: str
    least: Value | None = None
    most: Value | None = None
    by: str | None = None

    @property
    def local(self) -> bool:
        """Whether a lower level may set its own value."""
        return self.mark is not None and LOCAL in self.mark.split()

    def holds(self, on: date) -> bool:
        """Whether this value is valid on that day."""
        return self.since <= on and (self.until is None or on < self.until)

    def to_json(self) -> dict[str, Any]:
        """The entry as it stands in a pack: no key, no pack hash; days in ISO form, no floats."""
        body: dict[str, Any] = {"from": self.since.isoformat()}
        if self.until is not None:
            body["to"] = self.until.isoformat()
        body |= {"value": _plain(self.value), "unit": self.unit, "source": self.source}
        if self.mark is not None:
            body["mark"] = self.mark
        bounds = {"min": _plain(self.least), "max": _plain(self.most)}
        if bounds := {side: value for side, value in bounds.items() if value is not None}:
            body["bounds"] = bounds
        if self.by is not None:
            body["by"] = self.by
        return body

    @classmethod
    def from_json(cls, key: str, body: Mapping[str, Any], pack: str) -> Parameter:
        """The entry stored by `to_json`, under its key and its pack's hash."""
        bounds = body.get("bounds", {})
        until = body.get("to")
        return cls(
            key=key,
            value=_value(body["value"]),
            unit=body["unit"],
            source=body["source"],
            mark=body.get("mark"),
            since=date.fromisoformat(body["from"]),
            until=None if until is None else date.fromisoformat(until),
            pack=pack,
            least=_value(bounds.get("min")),
            most=_value(bounds.get("max")),
            by=body.get("by"),
        )


def _plain(value: Value | None) -> Any:
    if isinstance(value, Fraction):
        return {"numerator": value.numerator, "denominator": value.denominator}
    return list(value) if isinstance(value, tuple) else value


def _value(body: Any) -> Value | None:
    if isinstance(body, Mapping):
        return Fraction(body["numerator"], body["denominator"])
    if isinstance(body, list | tuple):
        return tuple(body)
    if body is None or isinstance(body, bool | int | str):
        return body
    raise ParameterMistyped(f"政策参数只能是整数、分数、是否、词或词表，不能是 {body!r}")


@dataclass(frozen=True, slots=True)
class Pack:
    """A place's policy pack (政策包): its chapters, each key with its entries in order of time.

    `hash` is the SHA-256 (hex) of the canonical JSON of `to_json()`; a decision cites it.
    """

    region: str
    hash: str
    chapters: Mapping[str, Mapping[str, tuple[Parameter, ...]]]

    @property
    def parameters(self) -> dict[str, tuple[Parameter, ...]]:
        """Every key of every chapter with its entries."""
        return {key: entries for chapter in self.chapters.values() for key, entries in chapter.items()}

    def to_json(self) -> dict[str, Any]:
        """The body that is hashed, stored and adopted."""
        return {
            "region": self.region,
            "chapters": {
                name: {key: [each.to_json() for each in entries] for key, entries in chapter.items()}
                for name, chapter in self.chapters.items()
            },
        }

    @classmethod
    def from_json(cls, body: Mapping[str, Any], pack_hash: str) -> Pack:
        """The pack stored by `to_json`; the caller vouches for the hash."""
        return cls(
            region=body["region"],
            hash=pack_hash,
            chapters={
                name: {
                    key: tuple(Parameter.from_json(key, entry, pack_hash) for entry in entries)
                    for key, entries in chapter.items()
                }
                for name, chapter in body["chapters"].items()
            },
        )


def overstepping(entry: Parameter, region: str, upper: Parameter | None) -> str | None:
    """Why `region` may not set `entry` below what the level above has (None: nothing); None if it may."""
    if upper is None:
        return "上级当日没有这个参数"
    if not upper.local:
        return f"上级自 {upper.since} 起未把它留给地方（mark 中没有 {LOCAL}）"
    if upper.by is not None and len(region) > DIGITS[upper.by]:
        return f"自 {upper.since} 起只能由{LEVEL_WORDS[upper.by]}规定（{upper.source}）"
    if entry.unit != upper.unit:
        return f"单位应为 {upper.unit}，不是 {entry.unit}"
    return out_of_bounds(entry.value, upper)


def out_of_bounds(value: Value | None, upper: Parameter) -> str | None:
    """Why a value lies outside the bounds of `upper`; None if it does not."""
    if isinstance(value, int | Fraction):
        if isinstance(upper.least, int | Fraction) and value < upper.least:
            return f"{value} 低于下限 {upper.least}"
        if isinstance(upper.most, int | Fraction) and value > upper.most:
            return f"{value} 高于上限 {upper.most}"
    return None
