"""L26 art.48: since 2026-07-01 nobody's aid is reduced or ended unheard; before, reasons were enough."""

from __future__ import annotations

from datetime import date

import pytest

from domain.change.hearing import HearingNotHeld, HearOpinion, NothingToTerminate, OpinionHeard, Substitute
from domain.change.review import Recertify
from domain.change.termination import EndsNextMonth, ReasonsMissing, StillEligible, TerminateBenefit
from domain.decision.confirmation import ConfirmDibao
from domain.decision.status import Exited
from domain.guards.registered import NotAMember
from domain.papers.notification import DeliverNotice, NoticeDelivered
from domain.values.month import Month
from domain.values.person import PersonId
from tests import stories
from tests.scenario import SEED, Life

LAST, FIRST = date(2026, 6, 30), date(2026, 7, 1)
CHECKED = date(2026, 6, 1)


def over_the_line() -> Life:
    story = stories.township(stories.ling_in_dibao(date(2026, 3, 2)))
    return stories.county(story.when(Recertify(CHECKED, (stories.other(3_000),))))


def end(on: date, reasons: str = "人均收入超过标准", from_month: Month | None = None) -> TerminateBenefit:
    return TerminateBenefit(on, "income-above-standard", reasons, from_month=from_month)


def test_unheard_it_stands_on_the_last_day_before_the_law() -> None:
    over_the_line().when(end(LAST)).then(Exited)


def test_unheard_it_is_refused_on_the_laws_first_day() -> None:
    refusal = over_the_line().refused(end(FIRST))
    assert isinstance(refusal, HearingNotHeld)
    assert refusal.article == "L26 art.48"


def test_a_hearing_before_the_decision_suffices_even_one_of_the_same_day_or_before_the_law() -> None:
    for heard in (date(2026, 6, 25), FIRST):
        story = over_the_line()
        story = story.when(HearOpinion(heard, heard=stories.person(story, 0), statement="没有意见"))
        story.when(end(FIRST)).then(Exited)


def test_a_hearing_after_the_decision_does_not() -> None:
    story = over_the_line()
    story = story.when(HearOpinion(date(2026, 7, 6), heard=stories.person(story, 0)))
    assert isinstance(story.refused(end(date(2026, 7, 5))), HearingNotHeld)


def test_being_heard_about_a_reduction_is_not_being_heard_about_a_termination() -> None:
    story = over_the_line()
    story = story.when(HearOpinion(FIRST, "reduction", stories.person(story, 0)))
    assert isinstance(story.refused(end(FIRST)), HearingNotHeld)


@pytest.mark.parametrize("ground", ["own-request", "unreachable"])
def test_a_lawful_substitute_is_recorded_and_suffices(ground: Substitute) -> None:
    story = over_the_line().when(HearOpinion(FIRST, substitute=ground))
    heard = story.events[-1]
    assert isinstance(heard, OpinionHeard)
    assert (heard.heard, heard.substitute) == (None, ground)
    story.when(end(FIRST)).then(Exited)


def test_a_record_that_hears_nobody_and_says_why_not_is_refused() -> None:
    assert isinstance(over_the_line().refused(HearOpinion(FIRST)), HearingNotHeld)


def test_only_a_member_is_heard() -> None:
    assert isinstance(over_the_line().refused(HearOpinion(FIRST, heard=PersonId(SEED))), NotAMember)


def test_nobody_is_heard_about_ending_what_there_is_not() -> None:
    """A hearing on stock would empty the duty."""
    story = stories.on_the_road(stories.ling_registered(FIRST), FIRST)
    assert isinstance(story.refused(HearOpinion(FIRST, heard=stories.person(story, 0))), NothingToTerminate)


def test_the_same_record_again_is_no_news() -> None:
    story = over_the_line()
    hearing = HearOpinion(FIRST, heard=stories.person(story, 0))
    story.when(hearing).no_news(hearing)


def test_a_used_hearing_does_not_serve_twice() -> None:
    story = over_the_line()
    story = story.when(HearOpinion(FIRST, heard=stories.person(story, 0)), end(FIRST))
    again = date(2026, 8, 3)
    story = stories.on_the_road(stories.township(story), again)
    case = story.household.case
    assert case is not None
    assert case.file_received_on is not None
    story = story.when(ConfirmDibao(case.file_received_on))
    day = date(2026, 9, 1)
    story = stories.township(story).when(Recertify(day, (stories.other(3_000),)))
    assert isinstance(stories.county(story).refused(end(day)), HearingNotHeld)


def test_it_takes_effect_from_the_next_month_neither_earlier_nor_later() -> None:
    story = over_the_line()
    for month in (Month(2026, 6), Month(2026, 8)):
        refusal = story.refused(end(LAST, from_month=month))
        assert isinstance(refusal, EndsNextMonth)
        assert refusal.facts == {"first": Month(2026, 7)}
    story = story.when(end(LAST, from_month=Month(2026, 7)))
    assert story.household.in_any_category(LAST)
    assert not story.household.in_any_category(FIRST)
    assert story.household.benefits[-1].last == Month(2026, 6)


def test_reasons_are_always_owed() -> None:
    assert isinstance(over_the_line().refused(end(LAST, "  ")), ReasonsMissing)


def test_a_family_below_the_standard_is_not_ended_for_its_income() -> None:
    story = stories.ling_in_dibao(date(2026, 3, 2))
    assert isinstance(story.refused(end(LAST)), StillEligible)


def test_the_written_notice_names_the_remedies_and_is_delivered() -> None:
    story = over_the_line().when(end(LAST))
    ended = story.events[-1]
    assert isinstance(ended, Exited)
    assert ended.remedy is not None
    assert "行政复议" in ended.remedy
    assert "行政诉讼" in ended.remedy
    story.when(DeliverNotice(date(2026, 7, 2), stories.person(story, 0))).then(NoticeDelivered)


def test_what_was_ended_is_not_ended_again() -> None:
    story = over_the_line().when(end(LAST))
    story.no_news(end(LAST))
    assert isinstance(story.refused(end(FIRST)), NothingToTerminate)
    assert isinstance(stories.ling_registered(FIRST).refused(end(FIRST)), NothingToTerminate)
