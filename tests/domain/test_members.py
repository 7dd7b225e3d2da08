"""Members come, leave and change from a day; the past reads as it was, and an aided family is looked at again."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from domain.aid.payments import OrderPayment
from domain.change.adjustment import AdjustBenefit, BenefitAdjusted, CheckMissing, NoClearChange
from domain.change.hearing import HearingNotHeld, HearOpinion
from domain.change.review import Recertify
from domain.guards.order_of_steps import StepsOutOfOrder
from domain.household.claims import Claim, claims_of
from domain.members.arrival import MemberArrived
from domain.members.member_changes import (
    AddMember,
    ChangeMember,
    LeaveCause,
    MemberChanged,
    MemberJoined,
    MemberLeft,
    RemoveMember,
)
from domain.members.registration import MemberAdded, MemberFacts, NewMember, NotOneHead, membership_of
from domain.members.succession import HeadChanged, HeadNeeded
from domain.values.money import Fen
from domain.values.month import Month
from domain.values.person import Disability, PersonId
from tests import stories
from tests.eventstore.test_stored_for_ever import example
from tests.scenario import Life

ON = date(2025, 4, 21)
LATER = date(2025, 7, 1)
BABY = NewMember("C4", "岭小小", "daughter", birth=date(2025, 6, 20), sex="female", work_capacity="none")


def aided() -> Life:
    """The Ling family in Dibao since 2025-04-28, 1 080 yuan a month from May; the township acts."""
    return stories.township(stories.ling_in_dibao(ON))


def person(n: int) -> PersonId:
    return stories.person(aided(), n)


def checked(story: Life, on: date, yuan: int = 600) -> Life:
    """The family checked again, the county to decide."""
    return stories.county(stories.township(story).when(Recertify(on, (stories.other(yuan),))))


def test_a_child_counts_from_its_birth_not_from_the_day_it_was_told() -> None:
    story = aided().when(AddMember(LATER, BABY, "birth", date(2025, 6, 20))).then(MemberJoined)
    counts = {day: len(story.household.counted(day)) for day in (date(2025, 6, 19), date(2025, 6, 20), LATER)}
    assert counts == {date(2025, 6, 19): 3, date(2025, 6, 20): 4, LATER: 4}


def test_nobody_belongs_before_their_birth_or_from_a_day_to_come() -> None:
    early = replace(BABY, birth=date(2025, 6, 21))
    assert aided().refused(AddMember(LATER, early, "birth", date(2025, 6, 20))).code == "not-born-yet"
    late = AddMember(LATER, BABY, "birth", LATER + timedelta(days=1))
    assert isinstance(aided().refused(late), StepsOutOfOrder)


def test_the_amount_rises_from_the_month_after_the_decision_once_the_family_was_checked() -> None:
    story = aided().when(AddMember(LATER, BABY, "birth", date(2025, 6, 20)))
    assert isinstance(stories.county(story).refused(AdjustBenefit(LATER, "新生儿")), CheckMissing)
    story = checked(story, LATER).when(AdjustBenefit(date(2025, 7, 3), "新生儿")).then(BenefitAdjusted)
    amounts = {month: story.household.benefit(month) for month in (Month(2025, 7), Month(2025, 8))}
    assert [spell.fen for spell in amounts.values() if spell] == [108_000, 164_000]
    assert not any(o.due.what == "DL-CHG" for o in story.household.limits.dues)


def test_a_new_member_of_an_aided_family_is_claimed_from_the_day_they_count() -> None:
    story = aided().when(AddMember(LATER, BABY, "birth", date(2025, 6, 20)))
    baby = story.household.people.members[-1].person
    assert Claim(baby, date(2025, 6, 20), None) in claims_of(story.household)


def test_somebody_there_already_is_no_news_and_a_second_head_is_refused() -> None:
    known = NewMember("C2", "岭某某", "spouse", stories.C2)
    story = replace(aided(), persons=((stories.C2, person(1)),))
    story.no_news(AddMember(LATER, known, "other", ON))
    assert story.refused(AddMember(LATER, known, "other")).code == "already-member"
    assert isinstance(aided().refused(AddMember(LATER, replace(BABY, relation="head"), "other")), NotOneHead)


@pytest.mark.parametrize("cause", ["marriage", "prison", "drug-treatment", "missing", "graduate-studies"])
def test_who_is_not_counted_any_more_is_not_from_that_day_on(cause: LeaveCause) -> None:
    story = aided().when(RemoveMember(LATER, person(1), cause, date(2025, 6, 15))).then(MemberLeft)
    assert story.household.has_member(person(1), date(2025, 6, 14))
    assert not story.household.has_member(person(1), date(2025, 6, 15))
    assert Claim(person(1), date(2025, 4, 28), date(2025, 6, 15)) in claims_of(story.household)
    story.no_news(RemoveMember(LATER, person(1), cause, date(2025, 6, 15)))


def test_clergy_are_left_out_only_after_three_years_apart() -> None:
    on = date(2025, 7, 1)
    short = RemoveMember(on, person(1), "religious", apart_since=date(2022, 7, 2))
    assert aided().refused(short).code == "religious-too-short"
    aided().when(replace(short, apart_since=date(2022, 7, 1))).then(MemberLeft)


def test_a_leaving_head_is_followed_by_a_named_member() -> None:
    leaving = RemoveMember(LATER, person(0), "prison")
    assert isinstance(aided().refused(leaving), HeadNeeded)
    story = aided().when(replace(leaving, new_head=person(1))).then(MemberLeft, HeadChanged)
    assert (story.household.head(LATER - timedelta(days=1)), story.household.head(LATER)) == (
        person(0),
        person(1),
    )
    not_needed = RemoveMember(LATER, person(2), "missing", new_head=person(1))
    assert isinstance(aided().refused(not_needed), NotOneHead)


def test_a_member_back_from_prison_counts_again_and_the_gap_stays() -> None:
    story = aided().when(RemoveMember(LATER, person(1), "prison"))
    back = replace(story, persons=((stories.C2, person(1)),)).when(
        AddMember(date(2025, 9, 1), NewMember("C2", "岭某某", "spouse", stories.C2), "release")
    )
    days = [back.household.has_member(person(1), date(2025, month, 15)) for month in (6, 8, 9)]
    assert days == [True, False, True]
    assert Claim(person(1), date(2025, 9, 1), None) in claims_of(back.household)


def test_a_change_of_circumstance_holds_from_its_day_and_the_claim_goes_on() -> None:
    change = ChangeMember(LATER, person(0), date(2025, 6, 10), disability=Disability("physical", 2))
    story = aided().when(replace(change, work_capacity="none")).then(MemberChanged)
    before, after = (
        next(m for m in story.household.counted(day) if m.person == person(0))
        for day in (date(2025, 6, 9), date(2025, 6, 10))
    )
    assert (before.disability, before.work_capacity) == (None, "full")
    assert (after.disability, after.work_capacity) == (Disability("physical", 2), "none")
    assert (after.name, after.birth, after.relation) == (before.name, before.birth, before.relation)
    assert Claim(person(0), date(2025, 4, 28), None) in claims_of(story.household)
    story.no_news(replace(change, work_capacity="none"))


def test_a_change_from_before_a_later_one_is_refused() -> None:
    story = aided().when(ChangeMember(LATER, person(2), date(2025, 6, 10), student=False))
    earlier = ChangeMember(LATER, person(2), date(2025, 6, 1), work_capacity="full")
    refusal = story.refused(earlier)
    assert (refusal.code, refusal.facts["since"]) == ("later-change-recorded", date(2025, 6, 10))


def test_a_reduction_waits_for_the_hearing_since_the_new_law() -> None:
    on = date(2026, 7, 6)
    story = aided().when(RemoveMember(on, person(1), "marriage"))
    story = checked(story, on)
    cut = AdjustBenefit(on, "成员减少")
    assert isinstance(story.refused(cut), HearingNotHeld)
    heard = story.when(HearOpinion(on, "reduction", person(0), "无异议")).when(cut)
    adjusted = heard.events[-1]
    assert isinstance(adjusted, BenefitAdjusted)
    assert (adjusted.direction, adjusted.was, adjusted.fen, adjusted.first) == (
        "reduction",
        108_000,
        52_000,
        Month(2026, 8),
    )
    assert heard.household.papers.undelivered[-1].kind == "reduction"
    assert "复议" in adjusted.remedy
    assert all(h.used for h in heard.household.management.hearings)


def test_inside_the_check_period_a_small_change_leaves_the_amount_alone() -> None:
    """A tenth of the standard a head (56 yuan here) is clear; the period ends with the next regular check."""
    inside = date(2025, 7, 1)
    small, clear = checked(aided(), inside, 767), checked(aided(), inside, 768)
    assert isinstance(small.refused(AdjustBenefit(inside, "收入变化")), NoClearChange)
    clear.when(AdjustBenefit(inside, "收入变化")).then(BenefitAdjusted)
    regular = date(2025, 10, 28)
    checked(aided(), regular, 767).when(AdjustBenefit(regular, "定期核查")).then(BenefitAdjusted)


def test_an_amount_looked_at_and_left_is_no_news_unless_it_was_awaited() -> None:
    checked(aided(), LATER).no_news(AdjustBenefit(LATER, "定期核查"))
    story = aided().when(ChangeMember(LATER, person(2), student=False))
    story = checked(story, LATER).when(AdjustBenefit(LATER, "不影响金额")).then(BenefitAdjusted)
    last = story.events[-1]
    assert isinstance(last, BenefitAdjusted)
    assert (last.direction, last.fen) == ("unchanged", 108_000)
    assert not any(o.due.what == "DL-CHG" for o in story.household.limits.dues)


def test_an_ordered_month_is_paid_as_ordered() -> None:
    story = stories.paid(stories.ling_in_dibao(ON), Month(2025, 5), Month(2025, 8), 5)
    on = date(2025, 8, 6)
    story = stories.county(story).when(OrderPayment(on, month=Month(2025, 9)))
    story = stories.township(story).when(AddMember(on, BABY, "birth"))
    story = checked(story, on).when(AdjustBenefit(on, "新生儿"))
    spells = [(s.first, s.last, s.fen) for s in story.household.aid.benefits]
    assert spells == [
        (Month(2025, 5), Month(2025, 9), Fen(108_000)),
        (Month(2025, 10), None, Fen(164_000)),
    ]


@pytest.mark.parametrize("kind", [MemberAdded, MemberJoined, MemberArrived])
def test_a_membership_says_of_the_person_what_the_fact_said(kind: type[MemberFacts]) -> None:
    fact = example(kind, kind.__name__)
    member = membership_of(fact, LATER)
    said = (
        "person",
        "relation",
        "sex",
        "birth",
        "student",
        "disability",
        "work_capacity",
        "name",
        "id_number",
    )
    assert [getattr(member, each) for each in said] == [getattr(fact, each) for each in said]
    assert (member.start, member.end) == (LATER, None)
