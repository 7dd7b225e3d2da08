"""Every limit has a lawful end, and an act is held only against the limits that were set for it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given, settings

from domain.catalogue import EVENTS
from domain.clock.limit_kinds import CASE_ENDS, LIMIT_KINDS, LimitKind
from domain.decision.status import Exited
from domain.household.event import Event
from domain.household.notions import Limit
from domain.members.joining import JoinedInto
from tests.domain.walks import Life, lives, whole
from tests.eventstore.test_stored_for_ever import example
from tests.policy.test_packs import ROOT


def examples() -> Iterator[Event]:
    """Every household fact there is, and once more for each of its words that changes what it ends."""
    for name, kind in EVENTS.items():
        if not name.startswith("household."):
            continue
        event: Any = example(kind, name)
        yield event
        if isinstance(event, Exited):
            yield replace(event, leads_to=None)
        if "kind" in {field.name for field in fields(event)}:
            for paper in ("verification-result", "refusal-decision", "non-acceptance-notice"):
                yield replace(event, kind=paper)
        if hasattr(event, "assessment"):
            yield replace(event, assessment=replace(event.assessment, annual=(0, 1), standard=70_000))
        if hasattr(event, "periods"):
            yield replace(
                event,
                periods=tuple(replace(event.periods[0], what=f"DL-{word}-FILE") for word in ("FXS", "XSL")),
            )


def naming(limits: tuple[Limit, ...], code: str) -> bool:
    return any(what == code for what, _ in limits)


EXAMPLES = list(examples())


@pytest.mark.parametrize("code", LIMIT_KINDS)
def test_a_limit_names_all_its_lawful_ends(code: str) -> None:
    kind = LIMIT_KINDS[code]
    kept = {type(event) for event in EXAMPLES if naming(event.meets(), code)}
    ended = {type(event) for event in EXAMPLES if naming(event.closes(), code)}
    assert kept == set(kind.kept_by), f"domain/clock/limit_kinds.py, kept_by of {code}"
    # a fact that keeps it in one case may end it in another
    assert ended - kept == set(kind.ended_by), f"domain/clock/limit_kinds.py, ended_by of {code}"


@pytest.mark.parametrize("code", LIMIT_KINDS)
def test_no_limit_is_missed_for_ever(code: str) -> None:
    kind: LimitKind = LIMIT_KINDS[code]
    assert kind.kept_by or kind.runs_out, (
        f"no act can keep {code}: say in domain/clock/limit_kinds.py which does"
    )


def test_the_end_of_a_case_ends_its_limits() -> None:
    for event in EXAMPLES:
        if type(event) in CASE_ENDS:
            assert naming(event.closes(), "*"), type(event).__name__
        elif not isinstance(event, JoinedInto):
            assert not naming(event.closes(), "*"), f"{type(event).__name__} belongs to CASE_ENDS"


def test_no_fact_names_a_limit_that_nobody_sets() -> None:
    timers = {"return-to-monitoring", "warn-grace-expiry"}
    named = {code for event in EXAMPLES for code, _ in (*event.meets(), *event.closes())}
    placeholders = {due.what for event in EXAMPLES for due in getattr(event, "periods", ())}
    assert named - timers - placeholders - {"*"} <= LIMIT_KINDS.keys()


@settings(max_examples=60, deadline=None)
@given(life=lives)
def test_what_runs_in_a_life_is_in_the_table(life: Life) -> None:
    household = whole(life).household
    running = {each.due.what for each in household.dues if each.due.kind != "timer"}
    running |= {each.due.what for each in household.ended if each.due.kind != "timer"}
    assert running <= LIMIT_KINDS.keys(), "domain/clock/limit_kinds.py lacks it"


def test_every_limit_has_its_length_in_a_pack() -> None:
    text = "".join(file.read_text("utf-8") for file in (ROOT / "cn").iterdir() if file.name.endswith(".yaml"))
    # periods of appeal are said by the rules of remedies
    limits = [code for code, kind in LIMIT_KINDS.items() if not (kind.runs_out and not kind.of_case)]
    assert [code for code in limits if f"deadline.{code}:" not in text] == []
