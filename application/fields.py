"""Fields of commands (命令字段): how what a caller wrote becomes the value a command wants, or is refused.

One reader a type, built once from a command's annotations. A rejected value is never repeated in an error:
it may be a name or an ID number in the wrong place.
"""

from __future__ import annotations

import dataclasses
import re
import types
import typing
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Final, Literal, Protocol
from uuid import UUID

from domain.money import AmountUnreadable, Fen, fen_of_yuan
from domain.month import Month, Months, MonthUnreadable
from domain.person import PersonId

MOST_FEN: Final = 10**14
LONGEST_TEXT: Final = 4_000
LONGEST_LIST: Final = 500
FIRST_YEAR, LAST_YEAR = 1850, 2199

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_AMOUNT = re.compile(r"(.*?)\s*(?:元|yuan)", re.IGNORECASE | re.DOTALL)
_NAME = re.compile(r"[A-Za-z][A-Za-z_]{0,39}")

Schema = dict[str, Any]
Missing: Final = dataclasses.MISSING


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with one field: its path (`members[0].relation`), a stable code, a sentence."""

    field: str
    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class Reading:
    """One reading: the caller's own words for persons, and the faults found so far."""

    persons: Mapping[str, PersonId]
    faults: list[Fault]

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


@dataclass(frozen=True, slots=True)
class Many:
    """A list of one kind of thing."""

    item: Reader

    @property
    def word(self) -> str:
        return f"[{self.item.word}, …]"

    def read(self, value: object, path: str, reading: Reading) -> Any:
        if isinstance(value, str | bytes) or not isinstance(value, Sequence):
            reading.fault(path, "not-a-list", "应为列表，例如 [a, b]。")
            return None
        if len(value) > LONGEST_LIST:
            reading.fault(path, "list-too-long", f"列表不得超过{LONGEST_LIST}项。")
            return None
        return tuple(self.item.read(item, f"{path}[{n}]", reading) for n, item in enumerate(value))

    def schema(self) -> Schema:
        return {"type": "array", "items": self.item.schema(), "maxItems": LONGEST_LIST}

    def example(self, path: str) -> object:
        return [self.item.example(path)]


@dataclass(frozen=True, slots=True)
class Keyed:
    """Things of one kind under the caller's own words."""

    item: Reader

    @property
    def word(self) -> str:
        return f"{{…: {self.item.word}}}"

    def read(self, value: object, path: str, reading: Reading) -> Any:
        if not isinstance(value, Mapping):
            reading.fault(path, "not-an-object", "应为“代号: 取值”的对照。")
            return None
        if len(value) > LONGEST_LIST:
            reading.fault(path, "list-too-long", f"不得超过{LONGEST_LIST}项。")
            return None
        return {str(key): self.item.read(item, f"{path}.{key}", reading) for key, item in value.items()}

    def schema(self) -> Schema:
        return {"type": "object", "additionalProperties": self.item.schema(), "maxProperties": LONGEST_LIST}

    def example(self, path: str) -> object:
        return {"A1": self.item.example(path)}


@dataclass(frozen=True, slots=True)
class Maybe:
    """A value or nothing."""

    inner: Reader

    @property
    def word(self) -> str:
        return self.inner.word

    def read(self, value: object, path: str, reading: Reading) -> Any:
        return None if value is None else self.inner.read(value, path, reading)

    def schema(self) -> Schema:
        return {"anyOf": [self.inner.schema(), {"type": "null"}]}

    def example(self, path: str) -> object:
        return self.inner.example(path)


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a command or of a value inside it; `default` is `Missing` when it must be said."""

    name: str
    reader: Reader
    default: object

    @property
    def required(self) -> bool:
        return self.default is Missing


@dataclass(frozen=True, slots=True)
class Fields:
    """A dataclass read from a mapping; unknown names are refused, since nobody would see them dropped."""

    kind: type
    fields: tuple[Field, ...]

    @property
    def word(self) -> str:
        return "{" + ", ".join(f.name if f.required else f"{f.name}?" for f in self.fields) + "}"

    def read(self, value: object, path: str, reading: Reading) -> Any:
        if not isinstance(value, Mapping):
            reading.fault(path, "not-an-object", "应为键值对，例如 {kind: wage, fen: 100000}。")
            return None
        before, dot = len(reading.faults), f"{path}." if path else ""
        known = {field.name for field in self.fields}
        for name in value:
            if name not in known:
                shown = f"{dot}{name}" if isinstance(name, str) and _NAME.fullmatch(name) else f"{dot}?"
                allowed = "、".join(field.name for field in self.fields)
                reading.fault(shown, "unknown-field", f"没有这个字段；可用字段：{allowed}。")
        said: dict[str, Any] = {}
        for field in self.fields:
            if field.name in value:
                said[field.name] = field.reader.read(value[field.name], f"{dot}{field.name}", reading)
            elif field.required:
                reading.fault(f"{dot}{field.name}", "missing-field", "缺少必填字段。")
        if len(reading.faults) > before:
            return None
        try:
            return self.kind(**said)
        except MonthUnreadable as fault:
            reading.fault(path, "months-reversed", str(fault))
            return None

    def schema(self) -> Schema:
        return {
            "type": "object",
            "properties": {field.name: field.reader.schema() for field in self.fields},
            "required": [field.name for field in self.fields if field.required],
            "additionalProperties": False,
        }

    def example(self, path: str) -> object:
        shown = [field for field in self.fields if field.required or self.kind is Months]
        return {field.name: field.reader.example(f"{path}.{field.name}") for field in shown}


def fields_of(kind: type) -> Fields:
    """How a dataclass is read, by its annotations; raises `TypeError` for a type no reader knows."""
    hints = typing.get_type_hints(kind)
    fields = []
    for field in dataclasses.fields(kind):
        if field.default_factory is not dataclasses.MISSING:
            raise TypeError(f"{kind.__name__}.{field.name}: a command's default must be a plain value")
        fields.append(
            Field(field.name, _reader(hints[field.name], f"{kind.__name__}.{field.name}"), field.default)
        )
    return Fields(kind, tuple(fields))


_LEAVES: Final[Mapping[object, Reader]] = types.MappingProxyType(
    {
        str: Text(),
        bool: Flag(),
        int: Whole(),
        date: Day(),
        Month: MonthField(),
        UUID: Id(),
        Fen: Amount(),
        PersonId: Person(),
    }
)


def _reader(annotation: Any, where: str) -> Reader:
    leaf = _LEAVES.get(annotation)
    if leaf is not None:
        return leaf
    if isinstance(annotation, typing.NewType):
        return _reader(annotation.__supertype__, where)
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is Literal:
        return OneOf(arguments)
    if origin is tuple and len(arguments) == 2 and arguments[1] is Ellipsis:
        return Many(_reader(arguments[0], where))
    if origin is Mapping and arguments[0] is str:
        return Keyed(_reader(arguments[1], where))
    if origin in (typing.Union, types.UnionType):
        rest = [argument for argument in arguments if argument is not type(None)]
        if len(rest) == 1 and len(rest) < len(arguments):
            return Maybe(_reader(rest[0], where))
    if isinstance(annotation, type):
        if issubclass(annotation, StrEnum):
            return OneOf(tuple(member.value for member in annotation), annotation)
        if dataclasses.is_dataclass(annotation):
            return fields_of(annotation)
    raise TypeError(f"{where}: no reader for {annotation!r}")


def _uuid(value: object) -> UUID | None:
    if isinstance(value, UUID):
        return value
    if not isinstance(value, str) or len(value) != 36:
        return None
    try:
        return UUID(value)
    except ValueError:
        return None
