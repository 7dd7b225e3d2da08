"""Commands as they are written (命令的书写): a name and plain fields, from a script, the API or a worker."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from inspect import cleandoc
from types import MappingProxyType
from typing import Any, ClassVar

from application.describing.fields import Fault, Fields, Missing, Reading, fields_of
from application.describing.labels import command_example, command_field_word
from domain.catalogue import COMMANDS
from domain.household.command import Command
from domain.values.month import Month
from domain.values.person import HouseholdId, PersonId

NO_PERSONS: Mapping[str, PersonId] = MappingProxyType({})
NO_HOUSEHOLDS: Mapping[str, HouseholdId] = MappingProxyType({})
_KEBAB = re.compile(r"[a-z][a-z-]{0,39}")


class CommandUnreadable(ValueError):
    """A command as written cannot be understood; `code` is stable, the sentence is Chinese."""

    code: ClassVar[str] = "command-unreadable"


class UnknownCommand(CommandUnreadable):
    """没有这个命令。"""

    code = "unknown-command"

    def __init__(self, name: str, nearest: tuple[str, ...]) -> None:
        self.name = name
        self.nearest = nearest
        shown = f"“{name}”" if _KEBAB.fullmatch(name) else ""
        advice = f"是否指：{'、'.join(nearest)}？" if nearest else "全部命令见 hulian commands。"
        super().__init__(f"没有{shown}这个命令；{advice}")


class BadField(CommandUnreadable):
    """A field cannot be read. `faults` are all that were found, `field`, `code` and `reason` the first's.

    The rejected value is never part of it.
    """

    def __init__(self, command: str, faults: tuple[Fault, ...]) -> None:
        self.command = command
        self.faults = faults
        self.field = faults[0].field
        self.code = faults[0].code  # type: ignore[misc]
        self.reason = faults[0].reason
        super().__init__(f"命令 {command} 的字段 {self.field} 有误：{self.reason}")


@dataclass(frozen=True, slots=True)
class FieldDescription:
    """One field of a command: its name, what may stand there, and what it means; `default` as it is written."""

    name: str
    type: str
    required: bool
    default: object
    doc: str


@dataclass(frozen=True, slots=True)
class CommandDescription:
    """What can be asked under a name: what it does, its fields, and one example that reads."""

    name: str
    summary: str
    fields: tuple[FieldDescription, ...]
    example: Mapping[str, object]


def parse(
    name: str,
    fields: Mapping[str, object],
    persons: Mapping[str, PersonId] = NO_PERSONS,
    households: Mapping[str, HouseholdId] = NO_HOUSEHOLDS,
) -> Command:
    """The command of a name with its fields as written: dates `YYYY-MM-DD`, months `YYYY-MM`, amounts
    integer fen or `"5537 元"`, persons by id or by a key of `persons`, other households alike.

    Raises `UnknownCommand` with the nearest names, or `BadField` with every fault found.
    """
    reading = Reading(persons, [], households)
    command = _known(name).read(fields, "", reading)
    if reading.faults:
        raise BadField(name, tuple(reading.faults))
    assert isinstance(command, Command)
    return command


def describe(name: str) -> CommandDescription:
    """What a command does and takes; raises `UnknownCommand`."""
    known = _known(name)
    fields = tuple(
        FieldDescription(
            field.name,
            field.reader.word,
            field.required,
            _written(field.default),
            command_field_word(name, field.name),
        )
        for field in known.fields
    )
    return CommandDescription(name, cleandoc(COMMANDS[name].__doc__ or ""), fields, example(name))


def example(name: str) -> dict[str, object]:
    """One set of fields that reads, for persons A1 and A2; raises `UnknownCommand`."""
    generated = _known(name).example("")
    assert isinstance(generated, dict)
    return {**generated, **command_example(name)}


def json_schema(name: str) -> dict[str, Any]:
    """The JSON Schema (2020-12) of a command's fields; raises `UnknownCommand`."""
    known = _known(name)
    schema = known.schema()
    for field in known.fields:
        inner = schema["properties"][field.name]
        inner["description"] = command_field_word(name, field.name)
        default = _written(field.default)
        if default is not None:
            inner["default"] = default
    return {"description": cleandoc(COMMANDS[name].__doc__ or ""), **schema}


@cache
def _known(name: str) -> Fields:
    kind = COMMANDS.get(name)
    if kind is None:
        nearest = difflib.get_close_matches(name, COMMANDS, n=3, cutoff=0.5)
        raise UnknownCommand(name, tuple(nearest))
    return fields_of(kind)


def _written(default: object) -> Any:
    if default is Missing or default is None:
        return None
    if isinstance(default, Month):
        return str(default)
    if isinstance(default, StrEnum):
        return default.value
    return list(default) if isinstance(default, tuple) else default
