"""Every limit has a lawful end, and an act is held only against the limits that were set for it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings

from domain.catalogue import EVENTS
from domain.change.hearing import HearOpinion
from domain.change.review import Recertify
from domain.change.termination import TerminateBenefit
from domain.clock.limit_kinds import CASE_ENDS, LIMIT_KINDS, LimitKind
from domain.clock.supervision import DeadlineMissed
from domain.decision.confirmation import ConfirmDibao
from domain.decision.status import Exited
from domain.household.event import Event
from domain.household.notions import Limit
from domain.members.joining import JoinedInto
from tests import stories
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
    running = {each.due.what for each in household.limits.dues if each.due.kind != "timer"}
    running |= {each.due.what for each in household.limits.ended if each.due.kind != "timer"}
    assert running <= LIMIT_KINDS.keys(), "domain/clock/limit_kinds.py lacks it"


def test_every_limit_has_its_length_in_a_pack() -> None:
    text = "".join(file.read_text("utf-8") for file in (ROOT / "cn").iterdir() if file.name.endswith(".yaml"))
    # periods of appeal are said by the rules of remedies
    limits = [code for code, kind in LIMIT_KINDS.items() if not (kind.runs_out and not kind.of_case)]
    assert [code for code in limits if f"deadline.{code}:" not in text] == []


def test_the_limit_for_sending_the_file_ends_when_the_township_decides_instead() -> None:
    """M57 art.19: nothing is left to be sent; that it was late for sending is not held against the decision."""
    on, end = date(2025, 4, 21), date(2025, 5, 6)
    story = stories.on_the_road(stories.ling_registered(on), on, until="close").by("990301100/township", "w8")
    story = story.when(ConfirmDibao(end, delegated_by="试验县民发〔2022〕9号"))
    ended = {each.due.what: each for each in story.household.limits.ended}
    assert ended["DL-DIB-SND"].due.day < end
    assert not ended["DL-DIB-SND"].met
    assert ended["DL-DIB-TOT"].met
    assert "DL-DIB-SND" not in {each.due.what for each in story.household.limits.dues}


def test_the_end_of_grace_awaits_no_decision_once_income_has_fallen_back() -> None:
    """M57 art.33: a family below the standard again is not decided out of Dibao when its grace is over."""
    story = stories.township(stories.ling_graced())
    story = story.when(Recertify(date(2026, 5, 11), (stories.other(100),)))
    assert "DL-GRC" not in {each.due.what for each in story.household.limits.dues}
    (grace,) = [each for each in story.household.limits.ended if each.due.what == "DL-GRC"]
    assert not grace.met
    assert not [
        each
        for each in story.passed(date(2027, 3, 1)).events
        if isinstance(each, DeadlineMissed) and each.what == "DL-GRC"
    ]


def test_an_act_in_time_is_not_late_for_a_limit_that_ends_with_it() -> None:
    """A recertification that is overdue ends with the decision, and does not make the decision late."""
    on = date(2026, 10, 5)
    story = stories.county(stories.ling_in_dibao(date(2025, 5, 6)))
    ended = stories.township(story).when(HearOpinion(on, heard=stories.person(story, 0), statement="同意"))
    ended = stories.county(ended).when(TerminateBenefit(on, "own-request", "本人申请"))
    exited = ended.events[-1]
    missed = {each.due.what for each in ended.household.limits.ended if each.due.day < on and not each.met}
    assert "DL-REC-YEAR" in missed or "DL-REC-HALF" in missed
    assert missed.isdisjoint(code for code, _ in exited.meets())
