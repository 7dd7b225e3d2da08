"""What in the domain needs words, and what words there are: for the tests that compare the two."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from enum import Enum
from functools import cache
from importlib import import_module
from importlib.resources import files
from pathlib import Path
from types import ModuleType
from typing import Any, Literal, NamedTuple, get_args, get_origin, get_type_hints

from application.describing.labels import WORD_FILE, event_of, table_of, word_files
from domain.catalogue import COMMANDS, EVENTS

DOMAIN = Path(str(files("domain")))
FILES = word_files()


def nothing_of(problems: Iterable[str]) -> None:
    """Fail with every problem on a line of its own, where there is one."""
    found = sorted(set(problems))
    assert not found, "\n".join(["", *found])


class Place(NamedTuple):
    """One field of a fact or command, where it stands: `grace-granted.cause`, in the dataclass `kind`."""

    path: str
    kind: type
    name: str
    hint: Any


class Said(NamedTuple):
    """One word of a file: what kind of thing it names, its key and the word."""

    file: str
    section: str
    key: str
    word: str


def module_of(kind: type | Callable[..., Any]) -> str:
    """The module of a class or function as a word file is called: `change.grace`."""
    return kind.__module__.removeprefix("domain.")


def file_of(module: str) -> str:
    """The path of the words of a module."""
    return f"domain/{module.replace('.', '/')}.yaml"


@cache
def places(*, commands: bool = False) -> tuple[Place, ...]:
    """Every field of every event, or command, with the fields of the values inside."""
    kinds = COMMANDS if commands else EVENTS
    named = {stored if commands else event_of(stored): kind for stored, kind in kinds.items()}
    return tuple(place for name, kind in named.items() for place in _below(name, kind))


def _below(path: str, kind: type) -> Iterator[Place]:
    for name, hint in _hints(kind).items():
        yield Place(f"{path}.{name}", kind, name, hint)
        for inner in parts_of(hint):
            if is_dataclass(inner) and isinstance(inner, type):
                yield from _below(f"{path}.{name}", inner)


@cache
def _hints(kind: type) -> dict[str, Any]:
    hints = get_type_hints(kind)
    return {field.name: hints[field.name] for field in fields(kind)}


def parts_of(hint: Any) -> Iterator[Any]:
    yield hint
    if get_origin(hint) is not Literal:
        for each in get_args(hint):
            yield from parts_of(each)


def codes_in(hint: Any) -> Iterator[tuple[str, ...]]:
    """The closed lists of codes in a type."""
    for part in parts_of(hint):
        codes = _codes(part)
        if codes:
            yield codes


def _codes(part: Any) -> tuple[str, ...]:
    if get_origin(part) is Literal:
        return tuple(code for code in get_args(part) if isinstance(code, str))
    if isinstance(part, type) and issubclass(part, Enum):
        return tuple(str(each.value) for each in part)
    return ()


@cache
def modules() -> dict[str, ModuleType]:
    """Every module of the domain by the name its words would have."""
    found = {}
    for file in sorted(DOMAIN.rglob("*.py")):
        if file.name != "__init__.py":
            name = ".".join(file.relative_to(DOMAIN).with_suffix("").parts)
            found[name] = import_module(f"domain.{name}")
    return found


@cache
def declared() -> Mapping[str, set[tuple[str, ...]]]:
    """The closed lists that each module declares under a name or in a field of its own."""
    found: dict[str, set[tuple[str, ...]]] = defaultdict(set)
    for name, module in modules().items():
        source = Path(str(module.__file__)).read_text("utf-8")
        for alias in re.findall(r"^(\w+)(?: = Literal\[|: TypeAlias = Literal\[)", source, re.MULTILINE):
            found[name].add(_codes(getattr(module, alias)))
        for each in vars(module).values():
            if isinstance(each, type) and issubclass(each, Enum) and each.__module__ == module.__name__:
                found[name].add(_codes(each))
    named = {codes for lists in found.values() for codes in lists}
    for place in (*places(), *places(commands=True)):
        found[module_of(place.kind)].update(set(codes_in(place.hint)) - named)
    return found


def owners(codes: tuple[str, ...], place: Place) -> list[str]:
    """The modules beside which the words of a closed list stand."""
    return [name for name, lists in declared().items() if codes in lists] or [module_of(place.kind)]


@cache
def said() -> tuple[Said, ...]:
    """Every word of every file; the codes of a table as if they stood in the file that names it."""
    found = []
    for file, sections in FILES.items():
        for section in ("command-fields", "fields", "limits", "rules", "inputs"):
            for key, word in sections.get(section, {}).items():
                found.append(Said(file, section, key, word if isinstance(word, str) else word["word"]))
        for section in ("codes", "open-codes"):
            found += [Said(file, "codes", key, word) for key, word in sections.get(section, {}).items()]
        for table in sections.get("tables", ()):
            found += [Said(file, "codes", key, word) for key, word in table_of(table).items()]
    return tuple(found)


@cache
def stated(section: str, *of: str) -> Mapping[str, frozenset[str]]:
    """What these files and the shared one say of a section, by the last part of the key."""
    found: dict[str, set[str]] = defaultdict(set)
    for each in said():
        if each.section == section and each.file in (*of, WORD_FILE):
            found[re.split(r"[./]" if section == "fields" else "/", each.key)[-1]].add(each.word)
    return {name: frozenset(words) for name, words in found.items()}


@dataclass(frozen=True)
class Code:
    """A code of a closed list at one place."""

    place: Place
    code: str
    owners: tuple[str, ...]

    @property
    def file(self) -> str:
        return file_of(self.owners[0])


@cache
def closed() -> tuple[Code, ...]:
    return tuple(
        Code(place, code, tuple(owners(codes, place)))
        for place in (*places(), *places(commands=True))
        for codes in codes_in(place.hint)
        for code in codes
    )
