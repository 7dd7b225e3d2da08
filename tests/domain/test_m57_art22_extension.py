"""M57 art.22; M83 §4.1: forty-five working days in special circumstances, approved in time, by another, told."""

from __future__ import annotations

from datetime import date

import pytest

from domain.clock.supervision import DeadlineMissed
from domain.decision.confirmation import ConfirmDibao
from domain.decision.extension import (
    AlreadyExtended,
    ExtendLimit,
    ExtensionNeedsGround,
    ExtensionReason,
    ExtensionTooLate,
    ExtensionUnfounded,
    LimitExtended,
)
from domain.decision.objection import ObjectToNotice, Reinvestigate
from domain.decision.opinion import GiveOpinion
from domain.guards.separation_of_duties import DutiesNotSeparate
from domain.intake.application_place import Place, RecordPlace
from tests import stories
from tests.scenario import Life, altered, with_pack

ON = date(2025, 3, 3)
TOTAL, LONGER = date(2025, 4, 15), date(2025, 5, 8)


def accepted(*, delegated: bool = False) -> Life:
    return stories.on_the_road(stories.ling_registered(ON), ON, until="accept", delegated=delegated)


def extend(on: date = ON, reason: ExtensionReason = "person-apart", proposer: str = "w1") -> ExtendLimit:
    return ExtendLimit(on, reason, "人户分离，需异地协查", proposer)


def dues(story: Life) -> dict[str, date]:
    return {o.due.what: o.due.day for o in story.household.limits.dues}


@pytest.mark.parametrize(("delegated", "code"), [(False, "DL-DIB-TOT"), (True, "DL-DIB-DEL")])
def test_the_total_gives_way_to_forty_five_days_from_acceptance(delegated: bool, code: str) -> None:
    story = accepted(delegated=delegated)
    assert code in dues(story)
    story = story.when(extend()).then(LimitExtended)
    assert dues(story)["DL-DIB-EXT"] == LONGER
    assert code not in dues(story)


def test_on_the_last_day_it_is_in_time_and_on_the_next_too_late() -> None:
    accepted().when(extend(TOTAL)).then(LimitExtended)
    refusal = accepted().refused(extend(date(2025, 4, 16)))
    assert isinstance(refusal, ExtensionTooLate)
    assert refusal.facts == {"due": TOTAL}


def test_an_extended_case_is_missed_only_after_its_longer_limit() -> None:
    story = accepted().when(extend())
    totals = ("DL-DIB-TOT", "DL-DIB-EXT")
    assert not [e for e in story.passed(LONGER).events if isinstance(e, DeadlineMissed) and e.what in totals]
    late = story.passed(date(2025, 5, 9))
    assert [e.what for e in late.events if isinstance(e, DeadlineMissed) and e.what in totals] == [
        "DL-DIB-EXT"
    ]


@pytest.mark.parametrize(
    ("reason", "listed"),
    [
        ("person-apart", True),
        ("applied-elsewhere", True),
        ("difficult-investigation", True),
        ("other", False),
    ],
)
def test_other_special_circumstances_are_marked(reason: ExtensionReason, listed: bool) -> None:
    event = accepted().when(extend(reason=reason)).events[-1]
    assert isinstance(event, LimitExtended)
    assert event.listed == listed
    assert (event.proposer, event.approver.officer, event.approver.level) == ("w1", "c1", "county")


def test_what_the_record_says_otherwise_is_no_reason() -> None:
    here = accepted().household.region(ON)
    together = accepted().when(RecordPlace(ON, Place(here)))
    for reason in ("person-apart", "applied-elsewhere"):
        assert isinstance(together.refused(extend(reason=reason)), ExtensionUnfounded)
    apart = accepted().when(RecordPlace(ON, Place("990302200", here)))
    apart.when(extend(reason="person-apart")).then(LimitExtended)


def test_the_objection_it_rests_on_must_have_been_made_and_may_have_been_answered() -> None:
    story = stories.on_the_road(stories.ling_registered(ON), ON, until="post")
    assert isinstance(story.refused(extend(reason="notice-objected")), ExtensionUnfounded)
    story = story.when(ObjectToNotice(ON, "income", "该户有务工收入"))
    story.when(extend(reason="notice-objected")).then(LimitExtended)
    story = stories.township(story).when(Reinvestigate(ON, ("w3", "w4"), "不实"), GiveOpinion(ON))
    stories.county(story).when(extend(reason="notice-objected")).then(LimitExtended)


def test_who_proposed_it_does_not_approve_it_unless_the_place_lets_him() -> None:
    refusal = accepted().refused(extend(proposer="c1"))
    assert isinstance(refusal, DutiesNotSeparate)
    assert "c1" not in refusal.sentence
    loose = with_pack(accepted(), altered("990301", "duties.separate", ["investigate-then-decide"], "words"))
    loose.when(extend(proposer="c1")).then(LimitExtended)


def test_the_county_approves_also_where_the_township_decides_and_gives_its_ground() -> None:
    assert stories.township(accepted(delegated=True)).refused(extend()).code == "not-competent"
    refusal = accepted().refused(ExtendLimit(ON, "other", "　", "w1"))
    assert isinstance(refusal, ExtensionNeedsGround)


def test_it_is_extended_once_and_the_same_day_again_is_no_news() -> None:
    story = accepted().when(extend())
    story.no_news(extend())
    assert isinstance(story.refused(extend(TOTAL)), AlreadyExtended)


def test_the_family_is_told() -> None:
    story = accepted().when(extend())
    assert [waiting.kind for waiting in story.household.papers.undelivered] == ["extension"]


def test_the_decision_meets_the_longer_limit() -> None:
    story = stories.on_the_road(stories.ling_registered(ON), ON).when(extend(date(2025, 3, 10)))
    story = story.when(ConfirmDibao(date(2025, 3, 10)))
    assert set(dues(story)) == {"DL-REC-HALF"}
