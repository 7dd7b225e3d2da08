"""Commands in JSON (命令的数据形状): a command's own fields in camelCase, read with every fault found at once."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from inspect import cleandoc
from typing import Annotated, Any, Final
from uuid import UUID, uuid5

from pydantic import PlainValidator, WithJsonSchema
from pydantic.alias_generators import to_camel
from pydantic_core import InitErrorDetails, PydanticCustomError, ValidationError

from application.describing.commands import BadField, describe, example, parse
from application.describing.field_values import Amount, Day, MonthField, Person, Reader, Schema, Text, Whole
from application.describing.fields import Fields, Keyed, Many, Maybe, fields_of
from application.describing.labels import command_sentence
from application.reference.reference import NATURAL_KEYS
from domain.catalogue import COMMANDS
from domain.household.command import Command

_PLACE: Final = re.compile(r"[^.\[\]]+|\[\d+\]")
_TITLE: Final = re.compile(r"[（(]([^（）()]*[一-鿿][^（）()]*)[）)]")
_UNKNOWN: Final = "?"
_TEXT: Final = r"^[^\u0000-\u0008\u000B-\u001F\u007F-\u009F]*$"
_DAY: Final = r"^(18[5-9]|19[0-9]|20[0-9]|21[0-9])[0-9]-[0-9]{2}-[0-9]{2}$"
_MONTH: Final = r"^(18[5-9]|19[0-9]|20[0-9]|21[0-9])[0-9]-(0[1-9]|1[0-2])$"
_ADVICE: Final = {"unknown-field": "没有这个字段，请对照接口说明。", "not-text": "应为文字。"}
"""Where the advice given to who writes scripts would mislead who writes JSON."""
_PARTS: Final = {
    "NewMember": "一名成员；key 为本次填报中对该成员的称呼",
    "Disability": "残疾证所载的类别和等级（一级最重）",
    "Months": "起止月份，首月和末月均含在内",
}
"""Parts of commands whose own docstring has no Chinese name."""
_SAFE: Final = 2**53

named = lru_cache(maxsize=2_000)(to_camel)
"""A field's name in JSON: `id_number` → `idNumber`."""


@dataclass(frozen=True, slots=True)
class CommandShape:
    """One command as the API takes it: its words, its component schemas by name, and an example that reads.

    `component` is the name of its own schema among `schemas`.
    """

    name: str
    title: str
    description: str
    component: str
    schemas: Mapping[str, Schema]
    example: Mapping[str, Any]
    fields: Fields

    def read(self, body: object) -> Command:
        """The command a body says; raises pydantic's `ValidationError` with all faults, without any value."""
        try:
            return parse(self.name, _snake(body, self.fields) if isinstance(body, Mapping) else {})
        except BadField as bad:
            raise ValidationError.from_exception_data(
                self.component,
                [
                    InitErrorDetails(
                        type=PydanticCustomError(
                            fault.code.replace("-", "_"),
                            "{advice}",
                            {"advice": _ADVICE.get(fault.code, fault.reason)},
                        ),
                        loc=_pointer(fault.field, self.fields),
                        input=None,
                    )
                    for fault in bad.faults
                ],
                hide_input=True,
            ) from None

    @property
    def body(self) -> Any:
        """The type of an endpoint's body that is this command."""
        return Annotated[Any, PlainValidator(self.read), WithJsonSchema({"type": "object"})]


def shape_of(name: str) -> CommandShape:
    """How a command of the catalogue is said in JSON; raises `UnknownCommand`."""
    described = describe(name)
    kind = COMMANDS[name]
    fields = fields_of(kind)
    schemas: dict[str, Schema] = {}
    _object(fields, schemas)
    top = schemas[kind.__name__]
    for field in described.fields:
        said = top["properties"][named(field.name)]
        described_too = {"description": field.doc} if field.doc else {}
        defaulted = {"default": _camel(field.default)} if field.default is not None else {}
        top["properties"][named(field.name)] = {**_beside(said), **described_too, **defaulted}
    said = _camel_example(example(name), fields)
    top["examples"] = [said]
    title = _called(kind)
    description = command_sentence(name)
    return CommandShape(name, title, description, kind.__name__, schemas, said, fields)


def _called(kind: type) -> str:
    """The Chinese name of a command or a part of one: what its docstring says in brackets, without articles."""
    first = cleandoc(kind.__doc__ or "").partition("\n")[0]
    found = _TITLE.findall(first)
    return _PARTS.get(kind.__name__) or (found[-1].partition(",")[0] if found else first.rstrip("."))


def _object(fields: Fields, schemas: dict[str, Schema]) -> Schema:
    """A reference to a dataclass's schema, which is put among `schemas`."""
    component = fields.kind.__name__
    if component not in schemas:
        schemas[component] = {}
        schemas[component].update(
            {
                "type": "object",
                "description": _called(fields.kind),
                "properties": {named(field.name): _schema(field.reader, schemas) for field in fields.fields},
                "additionalProperties": False,
            }
        )
        required = [named(field.name) for field in fields.fields if field.required]
        if required:
            schemas[component]["required"] = required
    return {"$ref": f"#/components/schemas/{component}"}


def _schema(reader: Reader, schemas: dict[str, Schema]) -> Schema:
    match reader:
        case Fields():
            return _object(reader, schemas)
        case Maybe():
            return {"anyOf": [_schema(reader.inner, schemas), {"type": "null"}]}
        case Many():
            return {**reader.schema(), "items": _schema(reader.item, schemas)}
        case Keyed():
            return {**reader.schema(), "additionalProperties": _schema(reader.item, schemas)}
        case Person():
            return {"type": "string", "format": "uuid", "description": "人员编号"}
        case Text():
            return {**reader.schema(), "pattern": _TEXT}
        case Day():
            return {"type": "string", "format": "date", "pattern": _DAY}
        case MonthField():
            return {"type": "string", "pattern": _MONTH}
        case Whole():
            return {**reader.schema(), "minimum": -_SAFE, "maximum": _SAFE}
        case Amount():
            fen, yuan = reader.schema()["anyOf"]
            return {"anyOf": [{**fen, "description": "整数分"}, {**yuan, "description": "写成“5537 元”"}]}
    schema = reader.schema()
    words = schema.get("enum")
    if words is None:
        return schema
    return {"type": "string" if all(isinstance(word, str) for word in words) else "integer", **schema}


def _beside(schema: Schema) -> Schema:
    """A schema beside whose reference other words may stand."""
    return {"allOf": [schema]} if "$ref" in schema else schema


def _snake(body: Mapping[Any, Any], fields: Fields) -> dict[str, Any]:
    known = {named(field.name): field for field in fields.fields}
    said: dict[str, Any] = {}
    for name, value in body.items():
        field = known.get(name)
        # what is not a name of ours is never handed on: it might be one inside
        said[_UNKNOWN if field is None else field.name] = (
            None if field is None else _inside(value, field.reader)
        )
    return said


def _inside(value: Any, reader: Reader) -> Any:
    match reader:
        case Maybe():
            return _inside(value, reader.inner)
        case Many() if isinstance(value, list):
            return [_inside(each, reader.item) for each in value]
        case Keyed() if isinstance(value, dict):
            return {key: _inside(each, reader.item) for key, each in value.items()}
        case Fields() if isinstance(value, dict):
            return _snake(value, reader)
        # JSON knows no integers: 3.0 is one where 3 is
        case Whole() | Amount() if isinstance(value, float) and value.is_integer():
            return int(value)
    return value


def _pointer(path: str, fields: Fields) -> tuple[str | int, ...]:
    """A fault's path as it stands in JSON: `members[0].id_number` → `members`, 0, `idNumber`."""
    reader: Reader | None = fields
    places: list[str | int] = []
    for part in _PLACE.findall(path) if path != "*" else ():
        while isinstance(reader, Maybe):
            reader = reader.inner
        if part.startswith("["):
            places.append(int(part[1:-1]))
            reader = reader.item if isinstance(reader, Many) else None
        elif isinstance(reader, Fields):
            field = next((each for each in reader.fields if each.name == part), None)
            if field is None:
                break
            places.append(named(part))
            reader = field.reader
        else:
            # the caller's own word for a thing may be somebody's name
            break
    return tuple(places)


def _camel(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {named(name): _camel(each) for name, each in value.items()}
    return [_camel(each) for each in value] if isinstance(value, list | tuple) else value


def _camel_example(value: Any, reader: Reader) -> Any:
    match reader:
        case Maybe():
            return None if value is None else _camel_example(value, reader.inner)
        case Many():
            return [_camel_example(each, reader.item) for each in value]
        case Keyed():
            return {key: _camel_example(each, reader.item) for key, each in value.items()}
        case Fields():
            inner = {field.name: field.reader for field in reader.fields}
            return {
                named(name): _camel_example(each, inner[name])
                for name, each in value.items()
                if name in inner
            }
        case Person():
            return str(person(str(value)))
    return value


def person(key: str) -> UUID:
    """The id that stands in examples for a made-up person."""
    try:
        return UUID(key)
    except ValueError:
        return uuid5(NATURAL_KEYS, f"example/{key}")
