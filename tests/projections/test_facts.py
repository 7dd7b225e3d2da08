"""What a chain shows of each event: plain values with Chinese words, and never one that is sealed or personal."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from enum import Enum
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import pytest

from application.describing.facts import fact, value_word
from application.describing.labels import code_word, event_of
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
        assert value is False or is_chinese(fact(f"{event_of(name)}.{field}", value)), field


@pytest.mark.parametrize("name", HOUSEHOLDS)
def test_each_code_of_a_closed_list_shown_has_a_word(name: str) -> None:
    hints = get_type_hints(HOUSEHOLDS[name])
    codes = {(f"{event_of(name)}.{field}", code) for field in said(name) for code in options(hints[field])}
    assert {(place, code) for place, code in codes if not is_chinese(code_word(code, place))} == set()


def test_what_a_place_may_call_causes_and_aids_has_words() -> None:
    rules = reference().context(VILLAGE, date(2026, 8, 1), COUNTY, SEED).rules(date(2026, 8, 1))
    codes = {("cause", code) for code in rules.words("grace.causes")}
    codes |= {("eligible_for", code) for code in rules.words("marginal.specialised-aid")}
    assert codes
    assert {code for place, code in codes if not is_chinese(code_word(code, place))} == set()


@pytest.mark.parametrize(
    ("place", "value", "words"),
    [
        ("payment-ordered.fen", 553_700, "5,537.00 元"),
        ("benefit-adjusted.was", 100_000, "原为 1,000.00 元"),
        ("verification-reported.eligible", True, "符合条件"),
        ("verification-reported.eligible", False, "不符合条件"),
        ("limit-extended.listed", True, "列明情形"),
        ("limit-extended.listed", False, ""),
        ("grace-granted.months", {"first": "2022-12", "last": "2023-05"}, "期间 2022-12 至 2023-05"),
        ("agent-mandated.scope", ["apply", "receive"], "权限 代为申请、代收文书"),
    ],
)
def test_a_fact_reads_as_people_say_it(place: str, value: object, words: str) -> None:
    assert fact(place, value) == words


@pytest.mark.parametrize(
    ("value", "style", "words"),
    [
        ([480_000, 1], "fen", "4,800.00 元"),
        ([480_001, 3], "fen", "1,600.00 元又 1/3 分"),
        ([40_000, 20_000], "fen-list", "400.00 元、200.00 元"),
        ([], "fen-list", "无"),
        ([3, 2], "ratio", "3/2"),
        (True, "", "是"),
        (None, "", "无"),
    ],
)
def test_what_rules_were_given_reads_as_people_say_it(value: object, style: str, words: str) -> None:
    assert value_word(value, style=style) == words


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
