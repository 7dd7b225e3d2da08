"""Words beside what they name: everything people read has a word, every word names something, one word a meaning.

Each failure says the file and the key to write.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import fields
from importlib.resources import files
from inspect import signature
from pathlib import Path

import pytest
import yaml

from application.describing.labels import (
    WORD_FILE,
    code_word,
    command_example,
    command_field_word,
    command_sentence,
    deadline_word,
    field_label,
    input_label,
    rule_label,
    table_of,
)
from application.reference.reference import shipped
from domain.catalogue import COMMANDS, RULES
from domain.values.money import Fen
from domain.values.person import PersonId
from tests.application.vocabulary import (
    DOMAIN,
    FILES,
    closed,
    declared,
    file_of,
    module_of,
    modules,
    nothing_of,
    parts_of,
    places,
    said,
    stated,
)

SECTIONS = {
    *("commands", "command-fields", "fields", "codes", "open-codes", "tables", "limits", "rules", "inputs"),
}
STYLES = {"", "fen", "fen-list", "person", "ratio"}
CHINESE = re.compile(r"[一-鿿]")


# -- the files ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("file", FILES)
def test_each_file_stands_beside_a_module_and_has_known_sections_only(file: str) -> None:
    assert file == WORD_FILE or file in modules(), f"{file_of(file)} has no module of its name"
    assert FILES[file].keys() <= SECTIONS, file_of(file)
    assert all(FILES[file].values()), f"{file_of(file)} has an empty section"


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
    nothing_of(two)


# -- commands ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_a_sentence_and_its_fields_words_beside_it(name: str) -> None:
    kind = COMMANDS[name]
    known = [field.name for field in fields(kind)]  # type: ignore[arg-type]
    here = f"{file_of(module_of(kind))}: commands: {name}"
    if not command_sentence(name).endswith("。") or name not in FILES[module_of(kind)]["commands"]:
        nothing_of([f"{here}: sentence: …"])
    nothing_of(f"{here}: fields: {field}: …" for field in known if not command_field_word(name, field))
    assert command_example(name).keys() <= set(known), f"{here}: example"


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
    nothing_of(gone)


# -- fields of facts ---------------------------------------------------------------------------------------------


def test_every_field_of_a_fact_has_a_word_beside_it_or_in_the_shared_file() -> None:
    wrong = set()
    for place in places():
        module, word = module_of(place.kind), field_label(place.path).word
        words = stated("fields", module)
        if place.name not in words:
            wrong.add(f"{file_of(module)}: fields: {place.name}: …")
        elif word not in words[place.name]:
            wrong.add(f"{file_of(module)}: fields: {place.path}: … (it reads as {word})")
    nothing_of(wrong)


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
    nothing_of(gone)


@pytest.mark.parametrize(("kind", "style"), [(Fen, "fen"), (PersonId, "person")])
def test_amounts_and_persons_are_marked_as_such(kind: object, style: str) -> None:
    shared = FILES[WORD_FILE]["fields"]
    wrong = {
        f"{file_of(WORD_FILE if place.name in shared else module_of(place.kind))}: fields: "
        f"{place.name}: {{word: …, as: {style}}}"
        for place in places()
        if kind in parts_of(place.hint) and field_label(place.path).style != style
    }
    nothing_of(wrong)


# -- codes -------------------------------------------------------------------------------------------------------


def test_every_code_has_a_word_beside_its_list_or_in_the_shared_file() -> None:
    missing = {
        f"{each.file}: codes: {each.code}: …"
        for each in closed()
        if each.code not in stated("codes", *each.owners)
    }
    nothing_of(missing)


def test_no_code_is_read_by_the_word_of_another_list() -> None:
    wrong = set()
    for each in closed():
        word, own = code_word(each.code, each.place.path), stated("codes", *each.owners).get(each.code)
        if own and word not in own:
            wrong.add(f"{each.file}: codes: {each.place.name}/{each.code}: … (it reads as {word})")
    nothing_of(wrong)


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
    nothing_of(gone)


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
    nothing_of(unsaid)
    opened = "".join(Path(str(module.__file__)).read_text("utf-8") for module in modules().values())
    gone = [
        f"{file_of(each.file)}: limits: {each.key}"
        for each in said()
        if each.section == "limits" and each.key not in codes and f'"{each.key}"' not in opened
    ]
    nothing_of(gone)


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
    nothing_of(missing)
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
