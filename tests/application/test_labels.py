"""Words beside what they name: everything people read has a word, every word names something, one word a meaning.

Each failure says the file and the key to write.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from enum import Enum
from functools import cache
from importlib import import_module
from importlib.resources import files
from inspect import signature
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar, Literal, NamedTuple, get_args, get_origin, get_type_hints

import pytest
import yaml

from application.describing.labels import (
    WORD_FILE,
    code_word,
    command_example,
    command_field_word,
    command_sentence,
    deadline_word,
    event_of,
    field_label,
    input_label,
    rule_label,
    table_of,
    word_files,
)
from application.reference.reference import shipped
from domain.catalogue import COMMANDS, EVENTS, RULES
from domain.values.money import Fen
from domain.values.person import PersonId

DOMAIN = Path(str(files("domain")))
FILES = word_files()
SECTIONS = {
    *("commands", "command-fields", "fields", "codes", "open-codes", "tables", "limits", "rules", "inputs"),
}
STYLES = {"", "fen", "fen-list", "person", "ratio"}
CHINESE = re.compile(r"[一-鿿]")


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
        for inner in _parts(hint):
            if is_dataclass(inner) and isinstance(inner, type):
                yield from _below(f"{path}.{name}", inner)


@cache
def _hints(kind: type) -> dict[str, Any]:
    hints = get_type_hints(kind)
    return {field.name: hints[field.name] for field in fields(kind) if hints[field.name] is not ClassVar}


def _parts(hint: Any) -> Iterator[Any]:
    yield hint
    if get_origin(hint) is not Literal:
        for each in get_args(hint):
            yield from _parts(each)


def codes_in(hint: Any) -> Iterator[tuple[str, ...]]:
    """The closed lists of codes in a type."""
    for part in _parts(hint):
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


# -- the files ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("file", FILES)
def test_each_file_stands_beside_a_module_and_has_known_sections_only(file: str) -> None:
    assert file == WORD_FILE or file in modules(), f"{file_of(file)} has no module of its name"
    assert FILES[file].keys() <= SECTIONS, file_of(file)


@pytest.mark.parametrize("file", FILES)
def test_no_key_is_written_twice_in_a_file(file: str) -> None:
    def twice(node: yaml.Node) -> Iterator[str]:
        if isinstance(node, yaml.MappingNode):
            keys = [key.value for key, _ in node.value]
            yield from {key for key in keys if keys.count(key) > 1}
            for _, value in node.value:
                yield from twice(value)

    root = yaml.compose((DOMAIN.parent / file_of(file)).read_text("utf-8"), Loader=yaml.BaseLoader)
    assert root is not None
    assert list(twice(root)) == [], file_of(file)


def test_every_word_is_chinese_and_every_style_known() -> None:
    assert [each for each in said() if not CHINESE.search(each.word)] == []
    styles = {
        key: label["as"]
        for sections in FILES.values()
        for section in ("fields", "rules", "inputs")
        for key, label in sections.get(section, {}).items()
        if isinstance(label, dict) and "as" in label
    }
    assert set(styles.values()) <= STYLES


def test_a_key_has_one_word_in_the_whole_tree() -> None:
    words: dict[tuple[str, str], dict[str, str]] = defaultdict(dict)
    for each in said():
        words[each.section, each.key].setdefault(each.word, file_of(each.file))
    two = [
        f"{section}: {key}: {where}; make them one word, or write the place before the key where it differs"
        for (section, key), where in words.items()
        if len(where) > 1
    ]
    assert two == []


# -- commands ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_a_sentence_and_its_fields_words_beside_it(name: str) -> None:
    kind = COMMANDS[name]
    file = file_of(module_of(kind))
    sentence = command_sentence(name)
    assert sentence.endswith("。"), f"{file}: commands: {name}: sentence: …"
    assert name in FILES[module_of(kind)]["commands"], f"{file}: commands: {name}: …"
    unsaid = [field.name for field in fields(kind) if not command_field_word(name, field.name)]  # type: ignore[arg-type]
    assert unsaid == [], f"{file}: commands: {name}: fields: {{{', '.join(unsaid)}: …}}"
    assert set(command_example(name)) <= {field.name for field in fields(kind)}  # type: ignore[arg-type]


def test_no_words_are_kept_of_commands_and_fields_that_are_gone() -> None:
    gone = []
    for file, sections in FILES.items():
        for name, entry in sections.get("commands", {}).items():
            kind = COMMANDS.get(name)
            if kind is None or module_of(kind) != file:
                gone.append(f"{file_of(file)}: commands: {name}")
                continue
            known = {field.name for field in fields(kind)}  # type: ignore[arg-type]
            gone += [
                f"{file_of(file)}: commands: {name}: fields: {field}"
                for field in entry.get("fields", {}).keys() - known
            ]
            gone += [
                f"{file_of(file)}: commands: {name}: {key}"
                for key in entry.keys() - {"sentence", "fields", "example"}
            ]
    asked = {field.name for kind in COMMANDS.values() for field in fields(kind)}  # type: ignore[arg-type]
    gone += [
        f"{file_of(each.file)}: {each.section}: {each.key}"
        for each in said()
        if each.section == "command-fields" and each.key not in asked
    ]
    assert gone == []


# -- fields of facts ---------------------------------------------------------------------------------------------


def test_every_field_of_a_fact_has_a_word_beside_it_or_in_the_shared_file() -> None:
    missing, other = set(), set()
    for place in places():
        module = module_of(place.kind)
        words = stated("fields", module)
        if place.name not in words:
            missing.add(f"{file_of(module)}: fields: {place.name}: …")
        elif field_label(place.path).word not in words[place.name]:
            word = field_label(place.path).word
            other.add(f"{file_of(module)}: fields: {place.path}: … (it reads as {word})")
    assert sorted(missing) == []
    assert sorted(other) == []


def test_no_words_are_kept_of_fields_that_are_gone() -> None:
    there: dict[str, set[str]] = defaultdict(set)
    for place in places():
        there[module_of(place.kind)].add(place.path)
        there[WORD_FILE].add(place.path)
    gone = [
        f"{file_of(each.file)}: fields: {each.key}"
        for each in said()
        if each.section == "fields"
        and not any(f".{path}".endswith(f".{each.key}") for path in there[each.file])
    ]
    assert gone == []


@pytest.mark.parametrize(("kind", "style"), [(Fen, "fen"), (PersonId, "person")])
def test_amounts_and_persons_are_marked_as_such(kind: object, style: str) -> None:
    wrong = {
        f"{file_of(module_of(place.kind))}: fields: {place.name}: {{word: …, as: {style}}}"
        for place in places()
        if kind in _parts(place.hint) and field_label(place.path).style != style
    }
    assert wrong == set()


# -- codes -------------------------------------------------------------------------------------------------------


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


def test_every_code_has_a_word_beside_its_list_or_in_the_shared_file() -> None:
    missing = {
        f"{each.file}: codes: {each.code}: …"
        for each in closed()
        if each.code not in stated("codes", *each.owners)
    }
    assert sorted(missing) == []


def test_no_code_is_read_by_the_word_of_another_list() -> None:
    other = {
        f"{each.file}: codes: {each.place.name}/{each.code}: … (it reads as {code_word(each.code, each.place.path)})"
        for each in closed()
        if code_word(each.code, each.place.path)
        not in stated("codes", *each.owners).get(each.code, {code_word(each.code, each.place.path)})
    }
    assert sorted(other) == []


def test_no_words_are_kept_of_codes_that_are_gone() -> None:
    gone = []
    for file, sections in FILES.items():
        lists = declared().values() if file == WORD_FILE else [declared()[file]]
        known = {code for each in lists for codes in each for code in codes}
        for key in sections.get("codes", {}):
            if key.rpartition("/")[2] not in known:
                gone.append(f"{file_of(file)}: codes: {key}")
        for key in sections.get("open-codes", {}):
            if key in known:
                gone.append(f"{file_of(file)}: open-codes: {key} is of a closed list: codes: {key}")
        tabled = {key for table in sections.get("tables", ()) for key in table_of(table)}
        gone += [
            f"{file_of(file)}: codes: {key} stands in a table"
            for key in tabled & sections.get("codes", {}).keys()
        ]
    assert gone == []


# -- deadlines and rules -----------------------------------------------------------------------------------------


def test_every_deadline_of_a_pack_has_a_word_and_no_other_has() -> None:
    codes = {
        key.removeprefix("deadline.")
        for pack in shipped(files("policy")).packs
        for chapter in pack.chapters.values()
        for key in chapter
        if key.startswith("deadline.")
    }
    unsaid = [
        f"limits: {code}: … in the file beside the chapter that opens it"
        for code in codes
        if deadline_word(code) == code
    ]
    assert unsaid == []
    opened = "".join(Path(str(module.__file__)).read_text("utf-8") for module in modules().values())
    gone = [
        f"{file_of(each.file)}: limits: {each.key}"
        for each in said()
        if each.section == "limits" and each.key not in codes and f'"{each.key}"' not in opened
    ]
    assert gone == []


def test_every_rule_and_every_input_has_a_word_beside_it() -> None:
    missing = []
    for name, rule in RULES.items():
        file, sections = file_of(module_of(rule)), FILES.get(module_of(rule), {})
        if name not in sections.get("rules", {}):
            missing.append(f"{file}: rules: {name}: …")
        missing += [
            f"{file}: inputs: {each}: …"
            for each in signature(rule).parameters
            if each not in sections.get("inputs", {})
        ]
    assert missing == []
    asked = {name for rule in RULES.values() for name in signature(rule).parameters}
    assert {each.key for each in said() if each.section == "rules"} == set(RULES)
    assert {each.key for each in said() if each.section == "inputs"} == asked


# -- asking ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "place", "word"),
    [
        ("employment", "", "就业"),
        ("employment", "grace-granted.cause", "就业"),
        ("property", "", "财产"),
        ("property", "change-reported.kind", "财产"),
        ("property", "opinion-given.income.kind", "财产净收入"),
        ("agent", "applied.channel", "委托代理"),
        ("agent", "conflict-declared.ground", "该户的代理人"),
        ("village", "channel", "村（社区）代办"),
        ("village", "decision.decider.level", "村（社区）"),
        ("DIBAO", "category", "低保"),
        ("a-local-cause", "cause", "a-local-cause"),
        ("x/other", "cause", "x/other"),
        ("", "", ""),
    ],
)
def test_a_code_is_asked_by_its_place_where_it_has_two_meanings(code: str, place: str, word: str) -> None:
    assert code_word(code, place) == word


def test_what_nobody_has_named_keeps_its_own_name() -> None:
    assert field_label("grace-granted.unheard").word == "unheard"
    assert deadline_word("DL-LOCAL") == "DL-LOCAL"
    assert rule_label("local.rule").word == "local.rule"
    assert input_label("local").word == "local"
    assert (command_sentence("no-such"), command_field_word("no-such", "no-such")) == ("", "")
