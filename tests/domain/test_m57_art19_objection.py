"""M57 art.19: anybody may object while the notice hangs; then it is looked into and opined anew."""

from __future__ import annotations

from dataclasses import fields
from datetime import date, timedelta

import pytest

from domain.decision.confirmation import ConfirmDibao
from domain.decision.file import ReceiveFile
from domain.decision.notice import CloseNotice, PostNotice
from domain.decision.objection import (
    DemocraticReviewHeld,
    HoldDemocraticReview,
    NoOpenObjection,
    NoticeObjected,
    ObjectionEmpty,
    ObjectionTooLate,
    ObjectToNotice,
    Reinvestigate,
    Reinvestigated,
    RepresentativesTooFew,
    ReviewNumbersWrong,
    require_representatives,
)
from domain.decision.opinion import GiveOpinion, ObjectionNotInquired, ObjectionOpen, OpinionGiven
from domain.decision.status import Classified
from domain.guards.visit_team import TeamTooSmall
from domain.values.receipt import Actor
from tests import stories
from tests.scenario import SEED, Life, altered, reference, with_pack

ON = date(2025, 4, 14)
END = date(2025, 4, 21)  # the seventh day, a working Monday
VILLAGE = "990301100201"


def posted() -> Life:
    story = stories.on_the_road(stories.ling_registered(ON), ON, until="post")
    return stories.township(story)


def against(on: date, name: str | None = "赵某") -> ObjectToNotice:
    return ObjectToNotice(on, "income", "该户有务工收入", name)


def objected(on: date = END) -> Life:
    return posted().when(against(on)).then(NoticeObjected)


@pytest.mark.parametrize("days", range(8))
def test_every_day_of_the_notice_and_its_last_count(days: int) -> None:
    posted().when(against(ON + timedelta(days=days))).then(NoticeObjected)


def test_after_the_last_day_it_is_no_objection_and_the_way_of_a_complaint_is_shown() -> None:
    refusal = posted().refused(against(END + timedelta(days=1)))
    assert isinstance(refusal, ObjectionTooLate)
    assert refusal.facts == {"ends": END}
    assert "投诉举报" in refusal.sentence


def test_a_period_that_rolls_over_a_rest_day_is_open_until_its_rolled_end() -> None:
    on = date(2025, 4, 19)  # ends on Saturday 04-26, rolled to the worked Sunday
    story = stories.township(stories.on_the_road(stories.ling_registered(on), on, until="post"))
    story.when(against(date(2025, 4, 27))).then(NoticeObjected)
    assert isinstance(story.refused(against(date(2025, 4, 28))), ObjectionTooLate)


def test_before_the_notice_there_is_nothing_to_object_to_and_it_must_say_something() -> None:
    story = stories.township(stories.on_the_road(stories.ling_registered(ON), ON, until="opine"))
    assert story.refused(against(ON)).code == "notice-missing"
    assert isinstance(posted().refused(ObjectToNotice(ON, "income", " ")), ObjectionEmpty)


def test_who_objects_is_sealed_under_an_owner_of_its_own_or_stays_unknown() -> None:
    story = objected()
    event = story.events[-1]
    assert isinstance(event, NoticeObjected)
    assert event.name is not None
    assert event.name.owner not in {story.household.id, *(m.person for m in story.household.members)}
    anonymous = posted().when(against(ON, None)).events[-1]
    assert isinstance(anonymous, NoticeObjected)
    assert (anonymous.named, anonymous.name) == (False, None)
    assert "name" not in {field.name for field in fields(story.household.procedures[-1].objections[0])}


def test_two_neighbours_are_two_objections_and_one_inquiry_answers_both() -> None:
    story = posted().when(against(ON), against(ON, "钱某"))
    assert len(story.household.procedures[-1].objections) == 2
    story = story.when(Reinvestigate(ON, ("w3", "w4"), "务工收入已中断"), GiveOpinion(ON))
    assert [o.answered_on for o in story.household.procedures[-1].objections] == [ON, ON]


def test_an_opposed_notice_is_not_closed_and_the_opinion_waits_for_an_inquiry() -> None:
    story = objected()
    refusal = story.refused(CloseNotice(END))
    assert isinstance(refusal, ObjectionOpen)
    assert refusal.article == "M57 art.19"
    assert isinstance(story.refused(GiveOpinion(END)), ObjectionNotInquired)
    assert isinstance(stories.county(story).refused(ReceiveFile(END)), ObjectionOpen)


def test_an_objection_on_the_last_day_opens_a_notice_closed_that_morning_and_brings_the_file_back() -> None:
    story = posted().when(CloseNotice(END))
    story = stories.county(story).when(ReceiveFile(END), against(END))
    assert {o.due.what for o in story.household.dues} == {"DL-DIB-TOT"}
    assert story.refused(ConfirmDibao(END)).code == "objection-open"


def test_reinvestigated_and_opined_anew_it_goes_on_notice_again_for_seven_days() -> None:
    again = date(2025, 4, 23)
    story = objected().when(Reinvestigate(again, ("w3", "w4"), "务工收入已中断")).then(Reinvestigated)
    story = story.when(GiveOpinion(again)).then(OpinionGiven).when(PostNotice(again))
    assert [o.due.day for o in story.household.dues if o.due.what == "DL-DIB-NOT"] == [date(2025, 4, 30)]
    story = story.when(CloseNotice(date(2025, 4, 30)))
    story = stories.county(story).when(ReceiveFile(date(2025, 4, 30)), ConfirmDibao(date(2025, 4, 30)))
    story.then(Classified)


def test_the_same_opinion_again_is_news_because_it_answers_the_objection() -> None:
    story = posted().when(against(ON), Reinvestigate(ON, ("w3", "w4"), "属实"), GiveOpinion(ON))
    story.then(OpinionGiven).no_news(GiveOpinion(ON))


def test_a_new_objection_asks_for_a_new_inquiry() -> None:
    story = objected(ON).when(Reinvestigate(ON, ("w3", "w4"), "不实"), against(END, "钱某"))
    assert isinstance(story.refused(GiveOpinion(END)), ObjectionNotInquired)


def test_those_who_look_again_are_a_team_and_nobody_looks_unasked() -> None:
    assert isinstance(objected().refused(Reinvestigate(END, ("w3",), "不实")), TeamTooSmall)
    assert isinstance(posted().refused(Reinvestigate(ON, ("w3", "w4"), "不实")), NoOpenObjection)
    assert isinstance(posted().refused(HoldDemocraticReview(ON, 15, 10, 8)), NoOpenObjection)
    early = objected().refused(Reinvestigate(ON, ("w3", "w4"), "不实"))
    assert early.code == "steps-out-of-order"


@pytest.mark.parametrize(("agree", "result"), [(7, "not-agreed"), (8, "agreed"), (0, "not-agreed")])
def test_a_review_counts_those_who_took_part_and_more_than_half_agree(agree: int, result: str) -> None:
    story = objected().when(HoldDemocraticReview(END, 15, 0, agree)).then(DemocraticReviewHeld)
    event = story.events[-1]
    assert isinstance(event, DemocraticReviewHeld)
    assert event.result == result
    story.no_news(HoldDemocraticReview(END, 15, 0, agree))
    story.when(GiveOpinion(END)).then(OpinionGiven)


@pytest.mark.parametrize("numbers", [(0, 0, 0), (5, 6, 1), (5, 3, 6), (5, -1, 2), (5, 3, -1)])
def test_numbers_that_cannot_be_are_refused(numbers: tuple[int, int, int]) -> None:
    assert isinstance(objected().refused(HoldDemocraticReview(END, *numbers)), ReviewNumbersWrong)


def test_two_thirds_were_representatives_until_the_measure_of_2021_and_none_need_be_since() -> None:
    for on, too_few in ((date(2021, 6, 30), True), (date(2021, 7, 1), False)):
        context = reference().context(VILLAGE, on, Actor("w1", "990301100/township"), SEED)
        require_representatives(15, 10, on, context)
        if too_few:
            with pytest.raises(RepresentativesTooFew):
                require_representatives(15, 9, on, context)
        else:
            require_representatives(15, 0, on, context)


def test_a_place_may_ask_for_representatives() -> None:
    pack = altered(
        "990301", "procedure.review-representative-ratio", {"numerator": 2, "denominator": 3}, "ratio"
    )
    story = with_pack(objected(), pack)
    assert isinstance(story.refused(HoldDemocraticReview(END, 15, 9, 9)), RepresentativesTooFew)
    story.when(HoldDemocraticReview(END, 15, 10, 9)).then(DemocraticReviewHeld)
