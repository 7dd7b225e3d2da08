"""What a chain shows of each event: plain values with Chinese words, and never one that is sealed or personal."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from enum import Enum
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import pytest

from application.describing.labels import FIELDS, MONEY, fact, word
from domain.catalogue import EVENTS, NAMES
from domain.household.event import Event
from domain.values.private import Private
from projections.facts import sayers
from tests.domain.walks import COUNTY, VILLAGE
from tests.eventstore.test_stored_for_ever import example
from tests.scenario import SEED, reference

HOUSEHOLDS = {name: kind for name, kind in EVENTS.items() if name.startswith("household.")}
SAYERS = sayers(NAMES)
CODES = {"code", "cause", "what", "notice", "region", "from_region", "number"}
"""Texts a chain may show: codes of closed lists and registers, numbers of documents."""
PERSONAL = {
    *("name", "id_number", "phone", "account", "address", "birth", "sex", "student", "disability"),
    *("work_capacity", "person", "persons", "applicant", "received_by", "recipient", "witnesses"),
}


def said(name: str) -> dict[str, Any]:
    """What a chain shows of an example of this event, in which every optional field is there."""
    kind = HOUSEHOLDS[name]
    say = SAYERS[kind]
    return {} if say is None else json.loads(say(example(kind, name)) or "{}")


def options(kind: Any) -> Iterator[str]:
    """The codes of the closed lists in a type."""
    if get_origin(kind) is Literal:
        yield from (each for each in get_args(kind) if isinstance(each, str))
    elif get_origin(kind) in (Union, UnionType, tuple):
        for each in get_args(kind):
            yield from options(each)
    elif isinstance(kind, type) and issubclass(kind, Enum):
        yield from (str(each.value) for each in kind)


def is_chinese(text: str) -> bool:
    return any("\u4e00" <= letter <= "\u9fff" for letter in text)


@pytest.mark.parametrize("name", HOUSEHOLDS)
def test_each_fact_shown_has_a_word(name: str) -> None:
    for field, value in said(name).items():
        assert field in FIELDS or field in MONEY, field
        assert is_chinese(fact(field, value)), field


@pytest.mark.parametrize("name", HOUSEHOLDS)
def test_each_code_of_a_closed_list_shown_has_a_word(name: str) -> None:
    hints = get_type_hints(HOUSEHOLDS[name])
    codes = {code for field in said(name) for code in options(hints[field])}
    assert {code for code in codes if not is_chinese(word(code))} == set()


def test_what_a_place_may_call_causes_and_aids_has_words() -> None:
    rules = reference().context(VILLAGE, date(2026, 8, 1), COUNTY, SEED).rules(date(2026, 8, 1))
    codes = {*rules.words("grace.causes"), *rules.words("marginal.specialised-aid")}
    assert codes
    assert {code for code in codes if not is_chinese(word(code))} == set()


@pytest.mark.parametrize("name", HOUSEHOLDS)
def test_nothing_sealed_personal_or_told_in_free_text_is_shown(name: str) -> None:
    hints = get_type_hints(HOUSEHOLDS[name])
    for field in said(name):
        assert field not in PERSONAL
        kinds = [hints[field], *get_args(hints[field])]
        assert not any(kind is Private or get_origin(kind) is Private for kind in kinds)
        assert str not in kinds or field in CODES | {"eligible_for"}


def test_each_event_of_a_household_is_said_by_somebody() -> None:
    assert set(SAYERS) == set(EVENTS.values())
    assert all(issubclass(kind, Event) for kind in SAYERS)


def test_a_family_that_moves_is_shown_where_to() -> None:
    assert {"region", "from_region", "area"} <= set(said("household.file-handed-over.1"))
    assert {"region", "since"} <= set(said("household.moved.1"))
    assert {"kind", "number"} <= set(said("household.document-issued.1"))
