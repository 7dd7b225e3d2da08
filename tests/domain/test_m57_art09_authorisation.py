"""M57 art.9; L26 art.40: every adult member signs before anything about the family is looked up."""

from __future__ import annotations

from datetime import date

import pytest

from domain.guards.registered import NotAMember
from domain.inquiry.verification import AuthorisationMissing, RequestVerification, VerificationRequested
from domain.intake.application import Apply, EndProcedure, PromiseMissing
from domain.intake.authorisation import AuthoriseVerification, GuardianNotAdult
from domain.members.registration import NewMember, RegisterHousehold
from domain.values.person import PersonId
from domain.values.spells import Label
from tests import stories
from tests.scenario import SEED, Life, life

ON = date(2025, 4, 21)


def accepted(*signers: int) -> Life:
    story = stories.on_the_road(stories.ling_registered(ON), ON, until="accept", without="authorise")
    story = stories.township(story)
    persons = tuple(stories.person(story, ordinal) for ordinal in signers)
    return story.when(AuthoriseVerification(ON, persons)) if persons else story


@pytest.mark.parametrize(("signers", "missing"), [((), 2), ((0,), 1), ((1,), 1), ((0, 2), 1)])
def test_the_check_is_refused_while_an_adult_has_not_signed(signers: tuple[int, ...], missing: int) -> None:
    refusal = accepted(*signers).refused(RequestVerification(ON))
    assert isinstance(refusal, AuthorisationMissing)
    assert refusal.facts == {"missing": missing}
    assert refusal.article == "M57 art.9; L26 art.40"


def test_a_minor_need_not_sign() -> None:
    accepted(0, 1).when(RequestVerification(ON)).then(VerificationRequested)


@pytest.mark.parametrize(("day", "adult"), [(date(2025, 4, 20), False), (date(2025, 4, 21), True)])
def test_a_student_signs_from_the_18th_birthday_on(day: date, adult: bool) -> None:
    members = (
        NewMember("H", "甲", "head", birth=date(1980, 1, 1)),
        NewMember("S", "乙", "son", birth=date(2007, 4, 21), student=True),
    )
    village = "990301100201"
    story = life(village, "990301100/township").when(RegisterHousehold(day, village, members))
    story = stories.on_the_road(story, day, until="accept", without="authorise")
    story = stories.township(story).when(AuthoriseVerification(day, (stories.person(story, 0),)))
    if adult:
        assert isinstance(story.refused(RequestVerification(day)), AuthorisationMissing)
    else:
        story.when(RequestVerification(day)).then(VerificationRequested)


def test_a_person_whose_birth_is_unknown_counts_as_adult() -> None:
    members = (NewMember("H", "甲", "head", birth=date(1980, 1, 1)), NewMember("S", "乙", "son"))
    village = "990301100201"
    story = life(village, "990301100/township").when(RegisterHousehold(ON, village, members))
    story = stories.on_the_road(story, ON, until="accept", without="authorise")
    story = stories.township(story).when(AuthoriseVerification(ON, (stories.person(story, 0),)))
    assert isinstance(story.refused(RequestVerification(ON)), AuthorisationMissing)


def test_a_guardian_signs_for_another_only_after_signing_for_himself() -> None:
    story = accepted()
    head, spouse = stories.person(story, 0), stories.person(story, 1)
    assert isinstance(story.refused(AuthoriseVerification(ON, (spouse,), head)), GuardianNotAdult)
    story = story.when(AuthoriseVerification(ON, (head,)), AuthoriseVerification(ON, (spouse,), head))
    story.when(RequestVerification(ON)).then(VerificationRequested)


def test_a_minor_is_nobodys_guardian() -> None:
    story = accepted(2)
    child, spouse = stories.person(story, 2), stories.person(story, 1)
    assert isinstance(story.refused(AuthoriseVerification(ON, (spouse,), child)), GuardianNotAdult)


def test_a_stranger_cannot_sign() -> None:
    assert isinstance(accepted().refused(AuthoriseVerification(ON, (PersonId(SEED),))), NotAMember)


def test_signing_twice_is_no_news() -> None:
    story = accepted(0)
    story.no_news(AuthoriseVerification(ON, (stories.person(story, 0),)))


def test_the_promise_of_truth_comes_with_the_application() -> None:
    story = stories.ling_registered(ON)
    refusal = story.refused(Apply(ON, stories.person(story, 0), promised=False))
    assert isinstance(refusal, PromiseMissing)


def test_a_family_that_refuses_to_sign_may_have_its_procedure_ended() -> None:
    story = accepted().when(EndProcedure(ON, "authorisation-refused", "拒绝签署核对授权"))
    assert story.household.case is None
    assert [each.due.what for each in story.household.limits.dues] == ["return-to-monitoring"]
    story.no_news(EndProcedure(ON, "authorisation-refused", "拒绝签署核对授权"))


def test_a_family_whose_procedure_was_ended_is_watched() -> None:
    story = accepted().when(EndProcedure(ON, "authorisation-refused", "拒绝签署核对授权")).passed(ON)
    household = story.household
    assert [(label.label, label.start) for label in household.status.labels] == [(Label.REFUSED, ON)]
    assert household.limits.dues == ()
