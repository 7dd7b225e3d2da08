"""Single values as callers write them (字段取值): text, days, months, amounts, persons, words out of a list.

A rejected value is never repeated in an error: it may be a name or an ID number in the wrong place.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final, Protocol
from uuid import UUID

from domain.values.money import AmountUnreadable, Fen, fen_of_yuan
from domain.values.month import Month, MonthUnreadable
from domain.values.person import HouseholdId, PersonId

MOST_FEN: Final = 10**14
LONGEST_TEXT: Final = 4_000
FIRST_YEAR, LAST_YEAR = 1850, 2199

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_AMOUNT = re.compile(r"(.*?)\s*(?:元|yuan)", re.IGNORECASE | re.DOTALL)

Schema = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with one field: its path (`members[0].relation`), a stable code, a sentence."""

    field: str
    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class Reading:
    """One reading: the caller's own words for persons and households, and the faults found so far."""

    persons: Mapping[str, PersonId]
    faults: list[Fault]
    households: Mapping[str, HouseholdId] = field(default_factory=dict)

    def fault(self, path: str, code: str, reason: str) -> None:
        """Note a fault and read on."""
        self.faults.append(Fault(path or "*", code, reason))


class Reader(Protocol):
    """How one type is read, described, shown by example, and written as JSON Schema."""

    @property
    def word(self) -> str: ...
    def read(self, value: object, path: str, reading: Reading) -> Any: ...
    def schema(self) -> Schema: ...
    def example(self, path: str) -> object: ...


@dataclass(frozen=True, slots=True)
class Text:
    word: str = "text"

    def read(self, value: object, path: str, reading: Reading) -> Any:
        if not isinstance(value, str):
            reading.fault(path, "not-text", "应为文字；数字开头的内容请加引号。")
        elif len(value) > LONGEST_TEXT:
            reading.fault(path, "text-too-long", f"文字不得超过{LONGEST_TEXT}字。")
        elif any(unicodedata.category(sign) in ("Cc", "Cs") and sign not in "\n\t" for sign in value):
            reading.fault(path, "text-has-control-characters", "文字中含有不可见的控制字符，请重新输入。")
        else:
            return value
        return None

    def schema(self) -> Schema:
        return {"type": "string", "maxLength": LONGEST_TEXT}

    def example(self, path: str) -> object:
        return "…"


@dataclass(frozen=True, slots=True)
class Flag:
    word: str = "true | false"

    def read(self, value: object, path: str, reading: Reading) -> Any:
        if not isinstance(value, bool):
            reading.fault(path, "not-a-flag", "应为 true（是）或 false（否）。")
        return value

    def schema(self) -> Schema:
        return {"type": "boolean"}

    def example(self, path: str) -> object:
        return True


@dataclass(frozen=True, slots=True)
class Whole:
    word: str = "integer"

    def read(self, value: object, path: str, reading: Reading) -> Any:
        if not isinstance(value, int) or isinstance(value, bool) or abs(value) > 2**53:
            reading.fault(path, "not-a-whole-number", "应为整数。")
        return value

    def schema(self) -> Schema:
        return {"type": "integer"}

    def example(self, path: str) -> object:
        return 1


@dataclass(frozen=True, slots=True)
class Amount:
    """Integer fen, or text in yuan with its unit."""

    word: str = 'fen | "… 元"'

    def read(self, value: object, path: str, reading: Reading) -> Any:
        fen: int | None = None
        if isinstance(value, int) and not isinstance(value, bool):
            fen = value
        elif isinstance(value, str) and (said := _AMOUNT.fullmatch(value.strip())) is not None:
            try:
                fen = fen_of_yuan(said[1])
            except AmountUnreadable:
                fen = None
        if fen is None:
            reading.fault(path, "amount-unreadable", "金额应为整数分，或写成“5537 元”，最多两位小数。")
        elif fen < 0:
            reading.fault(path, "amount-negative", "金额不得为负数。")
        elif fen > MOST_FEN:
            reading.fault(path, "amount-too-large", "金额过大，请核对单位是分还是元。")
        else:
            return Fen(fen)
        return None

    def schema(self) -> Schema:
        pattern = r"^\s*(\d{1,12}|\d{1,3}([,，]\d{3}){1,3})(\.\d{0,2}0*)?\s*(元|[Yy][Uu][Aa][Nn])\s*$"
        return {
            "anyOf": [
                {"type": "integer", "minimum": 0, "maximum": MOST_FEN, "description": "fen (分)"},
                {"type": "string", "pattern": pattern, "description": "yuan (元)"},
            ]
        }

    def example(self, path: str) -> object:
        return "5537 元"


@dataclass(frozen=True, slots=True)
class Day:
    word: str = "YYYY-MM-DD"

    def read(self, value: object, path: str, reading: Reading) -> Any:
        day: date | None = None
        if isinstance(value, date) and not isinstance(value, datetime):
            day = value
        elif isinstance(value, str) and _DATE.fullmatch(value) is not None:
            try:
                day = date.fromisoformat(value)
            except ValueError:
                day = None
        if day is None:
            reading.fault(path, "not-a-date", "应为真实存在的日期，写成“年-月-日”，例如 2026-07-01。")
        elif not FIRST_YEAR <= day.year <= LAST_YEAR:
            reading.fault(path, "date-out-of-range", f"日期应在{FIRST_YEAR}年至{LAST_YEAR}年之间。")
        else:
            return day
        return None

    def schema(self) -> Schema:
        return {"type": "string", "format": "date", "pattern": r"^\d{4}-\d{2}-\d{2}$"}

    def example(self, path: str) -> object:
        return "2012-03-20" if path.endswith("birth") else "2026-07-01"


@dataclass(frozen=True, slots=True)
class MonthField:
    word: str = "YYYY-MM"

    def read(self, value: object, path: str, reading: Reading) -> Any:
        try:
            month = Month.parse(value) if isinstance(value, str) else None
        except MonthUnreadable:
            month = None
        if month is None or not FIRST_YEAR <= month.year <= LAST_YEAR:
            reading.fault(path, "not-a-month", "月份应写成“年-月”，例如 2026-07。")
            return None
        return month

    def schema(self) -> Schema:
        return {"type": "string", "pattern": r"^\d{4}-(0[1-9]|1[0-2])$"}

    def example(self, path: str) -> object:
        return "2026-12" if path.endswith("last") else "2026-07"


@dataclass(frozen=True, slots=True)
class Id:
    word: str = "UUID"

    def read(self, value: object, path: str, reading: Reading) -> Any:
        found = _uuid(value)
        if found is None:
            reading.fault(path, "not-an-id", "应为 UUID 形式的编号。")
        return found

    def schema(self) -> Schema:
        return {"type": "string", "format": "uuid"}

    def example(self, path: str) -> object:
        return "00000000-0000-5000-8000-000000000001"


@dataclass(frozen=True, slots=True)
class Person:
    """A person by id, or by the caller's own word for them."""

    word: str = "person (key or id)"

    def read(self, value: object, path: str, reading: Reading) -> Any:
        if isinstance(value, str) and value in reading.persons:
            return reading.persons[value]
        found = _uuid(value)
        if found is not None:
            return PersonId(found)
        known = f"，或者：{'、'.join(reading.persons)}" if reading.persons else ""
        reading.fault(path, "unknown-person", f"没有这个人；应为人员编号{known}。")
        return None

    def schema(self) -> Schema:
        return {"type": "string", "minLength": 1, "description": "a person: key or id (人员)"}

    def example(self, path: str) -> object:
        return "A1"


@dataclass(frozen=True, slots=True)
class OtherHousehold(Id):
    """Another household by id, or by the caller's own word for it."""

    word: str = "household (key or id)"

    def read(self, value: object, path: str, reading: Reading) -> Any:
        if isinstance(value, str) and value in reading.households:
            return reading.households[value]
        found = _uuid(value)
        if found is not None:
            return HouseholdId(found)
        known = f"，或者：{'、'.join(reading.households)}" if reading.households else ""
        reading.fault(path, "unknown-household", f"没有这一户；应为户编号{known}。")
        return None


@dataclass(frozen=True, slots=True)
class OneOf:
    """A word (or number) out of a fixed list; `make` turns it into the value wanted."""

    words: tuple[str | int, ...]
    make: Callable[[Any], Any] | None = None

    @property
    def word(self) -> str:
        return " | ".join(str(word) for word in self.words)

    def read(self, value: object, path: str, reading: Reading) -> Any:
        if isinstance(value, str | int) and not isinstance(value, bool) and value in self.words:
            return self.make(value) if self.make else value
        allowed = "、".join(str(word) for word in self.words)
        reading.fault(path, "not-one-of", f"应为以下之一：{allowed}。")
        return None

    def schema(self) -> Schema:
        return {"enum": list(self.words)}

    def example(self, path: str) -> object:
        return self.words[0]


def _uuid(value: object) -> UUID | None:
    if isinstance(value, UUID):
        return value
    if not isinstance(value, str) or len(value) != 36:
        return None
    try:
        return UUID(value)
    except ValueError:
        return None
