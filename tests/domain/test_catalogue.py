"""Everything that can be said has one stored name, and the chapters stand in the order of the story."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
import sys
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import TypeVar

import pytest

import domain
from domain.catalogue import COMMANDS, EVENTS, NAMES, RULES
from domain.household.command import Command
from domain.household.event import Event

T = TypeVar("T")
FOLDER = Path(domain.__path__[0])
CHAPTERS = (
    "membership",
    "finding",
    "monitoring",
    "doors",
    "separation",
    "avoidance",
    "mandate",
    "place",
    "completeness",
    "intake",
    "authorisation",
    "relatives",
    "endings",
    "verification",
    "recheck",
    "classification",
    "delegation",
    "decision",
    "objection",
    "file_return",
    "extension",
    "complaint",
    "sampling",
    "irregular",
    "documents",
    "delivery",
    "notification",
    "benefit",
    "review",
    "succession",
    "members",
    "death",
    "grace",
    "exit",
    "transfer",
    "adjustment",
    "arrival",
    "identification",
    "split",
    "joining",
    "moving",
    "correction",
    "day_correction",
    "member_correction",
    "supervision",
)
BESIDE = {"visit", "remedy", "order"}  # small questions several chapters ask
ABOVE = {"as_of", "catalogue", "claims", "clocks", "duties", "duty_conditions", "register_entry", "standing"}
# a row of a workbook, for which scripts and the API have no word; and two that only say what others have in common
NOT_SAID = {"EnterFromRegister", "JointCommand", "CorrectionCommand"}
STREAMS = {"jurisdiction"}  # chains of their own, not a household's

for module in pkgutil.iter_modules(domain.__path__):
    importlib.import_module(f"domain.{module.name}")


def below(kind: type[T]) -> Iterator[type[T]]:
    for each in kind.__subclasses__():
        # a dataclass with slots leaves the class it was made from behind
        if getattr(sys.modules.get(each.__module__), each.__name__, None) is each:
            if each.__module__.startswith("domain."):
                yield each
            yield from below(each)


def imported(name: str) -> set[str]:
    tree = ast.parse((FOLDER / f"{name}.py").read_text("utf-8"))
    found: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.module == "domain":
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("domain."):
            found.add((node.module or "").split(".")[1])
    return found


VALUES = {m.name for m in pkgutil.iter_modules(domain.__path__)} - {*CHAPTERS, *BESIDE, *ABOVE, *STREAMS}


def test_every_event_has_exactly_one_stored_name() -> None:
    assert sorted(map(repr, EVENTS.values())) == sorted(map(repr, set(below(Event))))
    assert {kind: name for name, kind in EVENTS.items()} == NAMES


def test_every_command_is_in_the_table_once() -> None:
    said = {kind for kind in below(Command) if kind.__name__ not in NOT_SAID}
    assert sorted(map(repr, COMMANDS.values())) == sorted(map(repr, said))


@pytest.mark.parametrize("name", EVENTS)
def test_a_stored_name_is_stream_event_and_number(name: str) -> None:
    assert re.fullmatch(r"(household|jurisdiction|calendar|run)\.[a-z]+(-[a-z]+)*\.[1-9][0-9]*", name)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_commands_name_is_kebab_case(name: str) -> None:
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", name)


@pytest.mark.parametrize("name", RULES)
def test_a_rules_name_is_chapter_and_rule(name: str) -> None:
    assert re.fullmatch(r"[a-z]+\.[a-z]+(-[a-z]+)*", name)


@pytest.mark.parametrize("kind", [*EVENTS.values(), *COMMANDS.values()], ids=lambda kind: kind.__name__)
def test_facts_and_questions_are_frozen_dated_and_described(kind: type) -> None:
    assert is_dataclass(kind)
    assert kind.__dataclass_params__.frozen  # type: ignore[attr-defined]
    assert fields(kind)[0].name == "on"
    assert (kind.__doc__ or "").strip().endswith((".", "。")) or "\n" in (kind.__doc__ or "")


@pytest.mark.parametrize("kind", EVENTS.values(), ids=lambda kind: kind.__name__)
def test_an_event_is_called_by_its_chinese_word(kind: type[Event]) -> None:
    assert re.search(r"[\u4e00-\u9fff]", kind.title)


@pytest.mark.parametrize(
    "kind",
    [kind for name, kind in EVENTS.items() if name.startswith("household.")],
    ids=lambda kind: kind.__name__,
)
def test_an_event_of_a_household_says_what_follows(kind: type[Event]) -> None:
    assert "evolve" in vars(kind)


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_chapter_imports_only_earlier_ones(chapter: str) -> None:
    later = set(CHAPTERS[CHAPTERS.index(chapter) :]) | ABOVE
    assert imported(chapter) & later == set()


@pytest.mark.parametrize("module", sorted(BESIDE))
def test_what_stands_beside_the_chapters_imports_none(module: str) -> None:
    assert imported(module) & {*CHAPTERS, *ABOVE} == set()


@pytest.mark.parametrize("value", sorted(VALUES))
def test_a_value_imports_no_chapter(value: str) -> None:
    assert imported(value) & {*CHAPTERS, *BESIDE, *ABOVE, *STREAMS} == set()


def test_every_chapter_is_there() -> None:
    assert {f"{chapter}.py" for chapter in CHAPTERS} <= {file.name for file in FOLDER.glob("*.py")}
