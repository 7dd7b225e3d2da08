"""Every rule and its inputs have words on the audit page; no field with a person's id is taken for another."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import is_dataclass
from datetime import UTC, date, datetime
from typing import Any, get_args, get_type_hints

import pytest

from application.audit.audit_labels import (
    INPUT_WORDS,
    RULE_WORDS,
    basis_words,
    field_word,
    result_word,
    value_word,
)
from application.audit.page import PERSONS, Notes, Paper, Stored
from domain.catalogue import EVENTS, RULES
from domain.values.person import PersonId


def test_every_rule_and_every_input_has_a_word() -> None:
    assert RULE_WORDS.keys() == RULES.keys()
    named = {name for rule in RULES.values() for name in inspect.signature(rule).parameters}
    assert INPUT_WORDS.keys() == named


def test_every_field_that_holds_a_person_is_known_as_one() -> None:
    found = {name for kind in EVENTS.values() for name in _persons(kind, set())}
    assert found == PERSONS


def test_every_field_of_a_fact_has_a_word() -> None:
    untold = {"birth", "sex", "student", "disability", "work_capacity", "on", "decision", "receipt", "fields"}
    shown = {
        name
        for stored, kind in EVENTS.items()
        if stored.startswith("household.")
        for name in get_type_hints(kind)
        if name not in untold | {"title", "basis"}
    }
    # deadlines are told in words of their own
    assert {name for name in shown if field_word(name) == name} <= DUES


DUES = {
    "death_due",
    "due",
    "due_subject",
    "end",
    "investigation_due",
    "name",
    "id_number",
    "notice_due",
    "review_due",
    "total_due",
    "value",
    "warning",
    "approver",
    "decider",
}


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("fen", 553_700, "5,537.00 元"),
        ("annual", [480_000, 1], "4,800.00 元"),
        ("annual", [480_001, 3], "1,600.00 元又 1/3 分"),
        ("monthly", [40_000, 20_000], "400.00 元、200.00 元"),
        ("yearly", [], "无"),
        ("times", [3, 2], "3/2"),
        ("heard", True, "是"),
        ("paper", None, "无"),
        ("months", {"first": "2022-12", "last": "2023-05"}, "2022-12 至 2023-05"),
        ("cause", "employment", "就业"),
    ],
)
def test_values_read_as_people_say_them(name: str, value: object, said: str) -> None:
    assert value_word(name, value) == said


def test_results_are_amounts_where_the_rule_computes_one() -> None:
    assert result_word("dibao.gap-benefit", 100_000) == "1,000.00 元"
    assert result_word("dibao.is-below-standard", True) == "是"


def test_articles_are_named_and_local_papers_left_as_they_are() -> None:
    assert basis_words("M57 art.33") == "《最低生活保障审核确认办法》（民发〔2021〕57号）第三十三条"
    assert basis_words("试验值 P-std（S1）") == "试验值 P-std（S1）"
    assert basis_words("") == ""


def test_an_attachment_whose_step_does_not_say_its_hash_is_listed_as_the_stores_word() -> None:
    attachment, household = "00000000-0000-5000-8000-000000000001", "00000000-0000-5000-8000-000000000002"
    notes = Notes(household, {attachment: "ab" * 32})
    at = datetime(2026, 11, 22, tzinfo=UTC)
    data = f'{{"on":"2026-11-22","attachment":"{attachment}","paper":"委托书"}}'
    stored = Stored(1, 1, "household.agent-mandated.1", date(2026, 11, 22), at, "{}", data, "00", True)
    step = notes.told(stored)
    assert (step.title, step.entered) == ("委托代理", "无记载")
    assert notes.papers == [Paper(1, "委托代理", attachment, "ab" * 32, False)]


def _persons(kind: type, seen: set[type]) -> Iterator[str]:
    if kind in seen:
        return
    seen.add(kind)
    for name, hint in get_type_hints(kind).items():
        for each in _parts(hint):
            if each is PersonId:
                yield name
            elif isinstance(each, type) and is_dataclass(each):
                yield from _persons(each, seen)


def _parts(hint: Any) -> Iterator[Any]:
    yield hint
    for each in get_args(hint):
        yield from _parts(each)
