"""Fields of commands (命令字段): how what a caller wrote becomes what a command wants, or is refused.

One reader a type, built once from a command's annotations.
"""

from __future__ import annotations

import dataclasses
import re
import types
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any, Final, Literal
from uuid import UUID

from application.describing.field_values import (
    Amount,
    Day,
    Fault,
    Flag,
    Id,
    MonthField,
    OneOf,
    OtherHousehold,
    Person,
    Reader,
    Reading,
    Schema,
    Text,
    Whole,
)
from domain.values.money import Fen
from domain.values.month import Month, Months, MonthUnreadable
from domain.values.person import HouseholdId, PersonId

__all__ = [
    "Day",
    "Fault",
    "Field",
    "Fields",
    "Missing",
    "MonthField",
    "OneOf",
    "OtherHousehold",
    "Reading",
    "Text",
    "fields_of",
]

LONGEST_LIST: Final = 500
Missing: Final = dataclasses.MISSING
_NAME = re.compile(r"[A-Za-z][A-Za-z_]{0,39}")


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
        HouseholdId: OtherHousehold(),
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
