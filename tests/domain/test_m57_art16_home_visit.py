"""M57 art.16: at least two go, and the form is signed by a member who was there."""

from __future__ import annotations

from datetime import date

import pytest

from domain.guards.registered import NotAMember
from domain.guards.visit_team import TeamTooSmall
from domain.inquiry.verification import HomeVisited, VisitHome, VisitUnsigned
from domain.values.person import PersonId
from tests import stories
from tests.scenario import SEED, Life

ON = date(2025, 4, 21)


@pytest.fixture
def story() -> Life:
    return stories.township(stories.on_the_road(stories.ling_registered(ON), ON, until="accept"))


@pytest.mark.parametrize("team", [(), ("w1",), ("w1", "w1")])
def test_fewer_than_two_different_people_are_refused(story: Life, team: tuple[str, ...]) -> None:
    refusal = story.refused(VisitHome(ON, team, stories.person(story, 0)))
    assert isinstance(refusal, TeamTooSmall)
    assert refusal.sentence == "入户调查人员不得少于2人。"


def test_an_unsigned_form_is_refused(story: Life) -> None:
    assert isinstance(story.refused(VisitHome(ON, ("w1", "w2"))), VisitUnsigned)


def test_a_neighbours_signature_is_refused(story: Life) -> None:
    assert isinstance(story.refused(VisitHome(ON, ("w1", "w2"), PersonId(SEED))), NotAMember)


def test_two_people_and_a_members_signature_make_a_visit(story: Life) -> None:
    visit = VisitHome(ON, ("w1", "w2"), stories.person(story, 1))
    story.when(visit).then(HomeVisited).no_news(visit)
