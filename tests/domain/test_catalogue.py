"""Everything that can be said has one stored name."""

from __future__ import annotations

import importlib
import pkgutil
import re
import sys
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import TypeVar

import pytest

import domain
from domain.catalogue import COMMANDS, EVENTS, NAMES, RESERVED, RULES
from domain.household.command import Command
from domain.household.event import Event

T = TypeVar("T")
# a row of a workbook, for which scripts and the API have no word; and two that only say what others have in common
NOT_SAID = {"EnterFromRegister", "JointCommand", "CorrectionCommand", "ConfirmCategory"}

for module in pkgutil.walk_packages(domain.__path__, "domain."):
    importlib.import_module(module.name)


def below(kind: type[T]) -> Iterator[type[T]]:
    for each in kind.__subclasses__():
        # a dataclass with slots leaves the class it was made from behind
        if getattr(sys.modules.get(each.__module__), each.__name__, None) is each:
            if each.__module__.startswith("domain."):
                yield each
            yield from below(each)


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


@pytest.mark.parametrize("name", RESERVED)
def test_a_reserved_name_is_taken_by_nothing_else(name: str) -> None:
    assert name not in EVENTS
    assert re.fullmatch(r"household\.[a-z]+(-[a-z]+)*\.1", name)


def test_the_seven_main_facts_have_their_names() -> None:
    seven = ("applied", "verified", "classified", "referred", "aid-delivered", "graduated", "exited")
    assert {f"household.{word}.1" for word in seven} <= EVENTS.keys() | RESERVED.keys()
