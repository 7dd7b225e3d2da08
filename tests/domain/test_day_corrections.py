"""A day of notice or delivery put right: what runs from it is counted anew, a decision taken too early is named."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from domain.change.termination import TerminateBenefit
from domain.correction.day_correction import (
    CorrectDeliveryDay,
    CorrectNoticeDay,
    DeliveryDayCorrected,
    NoticeDayCorrected,
)
from domain.correction.fact_correction import DayDoesNotFit, NothingWrong
from domain.decision.confirmation import ConfirmDibao, FileNotReceived, RefuseApplication
from domain.decision.file import ReceiveFile
from domain.decision.notice import CloseNotice, NoticePosted, PostNotice
from domain.decision.opinion import GiveOpinion, OpinionGiven
from domain.household.event import Event
from domain.household.replay import replayed
from domain.inquiry.verification import VisitHome
from domain.papers.delivery import DeliverDocument, DocumentDelivered, NoteFailedDelivery
from domain.papers.notification import DeliverNotice, NoticeDelivered
from tests import stories
from tests.domain.printing import issued, last
from tests.scenario import HOUSEHOLD, Life

ON = date(2025, 4, 21)
ENDS = date(2025, 4, 28)
NOW = date(2025, 8, 4)


def posted(until: str = "post") -> Life:
    """The family on the road, every step on one day, the notice posted that day and ending seven days later."""
    return stories.township(stories.on_the_road(stories.ling_registered(ON), ON, until=until))


def step_of(story: Life, kind: type[Event]) -> int:
    return [n for n, event in enumerate(story.events, 1) if type(event) is kind][-1]


def of(story: Life, kind: type[Event]) -> Event:
    (last,) = [event for event in story.events[-1:] if isinstance(event, kind)]
    return last


def notice(story: Life, day: date, on: date = NOW) -> CorrectNoticeDay:
    return CorrectNoticeDay(on, step_of(story, NoticePosted), "录入错误", day)


def running(story: Life) -> dict[str, date]:
    return {o.due.what: o.due.day for o in story.household.dues}


# --- the public notice


def test_a_notice_still_up_ends_seven_days_after_the_right_day() -> None:
    story = posted()
    right = ON + timedelta(days=2)
    story = story.when(notice(story, right, right))
    case = story.household.case
    assert case is not None
    assert (case.notice_on, case.notice_ends) == (right, date(2025, 4, 30))
    assert running(story)["DL-DIB-NOT"] == date(2025, 4, 30)
    assert story.refused(CloseNotice(date(2025, 4, 29))).code == "notice-still-running"
    story.when(CloseNotice(date(2025, 4, 30)))


def test_a_notice_that_was_up_longer_than_recorded_needs_nothing_more() -> None:
    story = posted("opine")
    story = stories.township(story.when(PostNotice(ON + timedelta(days=3))))
    story = story.when(CloseNotice(date(2025, 5, 6)))
    story = story.when(notice(story, ON, date(2025, 5, 7)))
    corrected = of(story, NoticeDayCorrected)
    assert isinstance(corrected, NoticeDayCorrected)
    assert (corrected.ends, corrected.reopened, corrected.period, corrected.due) == (ENDS, False, None, None)
    assert "DL-DIB-NOT" not in running(story)
    assert story.household.case is not None
    assert story.household.case.notice_closed_on == date(2025, 5, 6)


def test_a_notice_closed_too_early_is_open_again_and_the_file_comes_back() -> None:
    story = posted("receive")
    right = ON + timedelta(days=3)
    story = stories.township(story).when(notice(story, right, ENDS + timedelta(days=1)))
    corrected = of(story, NoticeDayCorrected)
    assert isinstance(corrected, NoticeDayCorrected)
    assert (corrected.reopened, corrected.affected) == (True, ())
    assert running(story)["DL-DIB-NOT"] == date(2025, 5, 6)  # 1 May to 5 May are holidays
    assert not {"DL-DIB-SND", "DL-DIB-CTY"} & set(running(story))
    early = stories.county(story).refused(ConfirmDibao(ENDS + timedelta(days=1)))
    assert isinstance(early, FileNotReceived)
    story = stories.county(story.when(CloseNotice(date(2025, 5, 6))))
    assert isinstance(story.refused(ConfirmDibao(date(2025, 5, 6))), FileNotReceived)
    story.when(ReceiveFile(date(2025, 5, 6)), ConfirmDibao(date(2025, 5, 6)))


def test_a_decision_taken_before_the_notice_was_over_is_named_and_stands() -> None:
    story = stories.township(stories.ling_in_dibao(ON))
    amounts = story.household.benefits
    story = story.when(notice(story, ON + timedelta(days=1)))
    corrected = of(story, NoticeDayCorrected)
    assert isinstance(corrected, NoticeDayCorrected)
    (case,) = story.household.procedures
    assert (corrected.affected, corrected.reopened, corrected.period) == ((case.id,), False, None)
    assert (case.notice_on, case.notice_closed_on) == (ON + timedelta(days=1), ENDS)
    assert running(story)["DL-CHG"] == corrected.due.day  # type: ignore[union-attr]
    assert story.household.benefits == amounts


def test_a_notice_posted_earlier_than_recorded_touches_no_decision() -> None:
    story = posted("opine").when(PostNotice(ON + timedelta(days=1)))
    story = story.when(CloseNotice(date(2025, 4, 29)))
    story = stories.county(story).when(ReceiveFile(date(2025, 4, 29)), ConfirmDibao(date(2025, 4, 29)))
    story = stories.township(story)
    corrected = of(story.when(notice(story, ON)), NoticeDayCorrected)
    assert isinstance(corrected, NoticeDayCorrected)
    assert (corrected.affected, corrected.due, corrected.ends) == ((), None, ENDS)


def test_the_day_of_a_notice_lies_between_the_opinion_and_the_decision() -> None:
    story = stories.township(stories.ling_in_dibao(ON))
    assert isinstance(story.events[step_of(story, OpinionGiven) - 1], OpinionGiven)
    for day in (ON - timedelta(days=1), ENDS + timedelta(days=1)):
        assert isinstance(story.refused(notice(story, day)), DayDoesNotFit)
    assert isinstance(story.refused(notice(story, ON)), NothingWrong)
    future = posted()
    assert isinstance(future.refused(notice(future, ENDS, ON)), DayDoesNotFit)


def test_a_notice_corrected_is_corrected_again_by_naming_the_correction() -> None:
    story = posted()
    story = story.when(notice(story, date(2025, 4, 23), date(2025, 4, 23)))
    again = CorrectNoticeDay(date(2025, 4, 24), len(story.events), "再核对", date(2025, 4, 22))
    assert running(story.when(again))["DL-DIB-NOT"] == date(2025, 4, 29)


# --- documents and notices delivered


def refused(document: bool = True) -> Life:
    story = stories.on_the_road(stories.ling_registered(ON), ON)
    story = story.when(RefuseApplication(ENDS, "other", "理由"))
    return issued(story, "refusal-decision", ENDS) if document else story


def delivered(on: date, **how: object) -> Life:
    story = refused()
    how = how or {"received_by": stories.person(story, 0)}
    return story.when(DeliverDocument(on, last(story).id, **how))  # type: ignore[arg-type]


def correct(story: Life, day: date, kind: type[Event] = DocumentDelivered) -> CorrectDeliveryDay:
    return CorrectDeliveryDay(NOW, step_of(story, kind), "核对送达回证", day)


def test_the_terms_of_appeal_run_from_the_right_day() -> None:
    story = delivered(date(2025, 5, 6))
    assert running(story)["DL-FXS-FILE"] == date(2025, 7, 7)
    story = story.when(correct(story, date(2025, 4, 30))).then(DeliveryDayCorrected)
    assert running(story) == {"DL-FXS-FILE": date(2025, 6, 30), "DL-XSL-FILE": date(2025, 10, 30)}
    assert last(story).delivered_on == date(2025, 4, 30)
    (met,) = [each for each in story.household.ended if each.due.what == "DL-DIB-REF"]
    assert met.ended_on == date(2025, 4, 30)


def test_a_document_announced_counts_from_the_end_of_its_time() -> None:
    story = refused()
    story = story.when(NoteFailedDelivery(date(2025, 4, 29), "moved"))
    story = story.when(DeliverDocument(date(2025, 4, 30), last(story).id, "public-announcement"))
    first = last(story).delivered_on
    assert first is not None
    story = story.when(correct(story, date(2025, 5, 2)))
    assert last(story).delivered_on == first + timedelta(days=2)
    corrected = of(story, DeliveryDayCorrected)
    assert isinstance(corrected, DeliveryDayCorrected)
    assert (corrected.was, corrected.day, corrected.method) == (
        first,
        date(2025, 5, 2),
        "public-announcement",
    )
    assert story.refused(correct(story, date(2025, 5, 3))).code == "corrected-already"


def test_a_notice_without_a_document_meets_its_limit_on_the_right_day() -> None:
    story = refused(document=False)
    story = story.when(DeliverNotice(date(2025, 5, 6), stories.person(story, 0))).then(NoticeDelivered)
    right = story.when(correct(story, date(2025, 4, 30), NoticeDelivered))
    (met,) = [each for each in right.household.ended if each.due.what == "DL-DIB-REF"]
    assert met.ended_on == date(2025, 4, 30)
    assert isinstance(story.refused(correct(story, date(2025, 4, 27), NoticeDelivered)), DayDoesNotFit)


def test_nothing_is_delivered_before_it_was_there_or_in_the_future() -> None:
    story = delivered(date(2025, 5, 6))
    for day in (date(2025, 4, 27), NOW + timedelta(days=1)):
        assert isinstance(story.refused(correct(story, day)), DayDoesNotFit)
    assert isinstance(story.refused(correct(story, date(2025, 5, 6))), NothingWrong)


def test_a_delivery_corrected_is_corrected_again_by_naming_the_correction() -> None:
    story = delivered(date(2025, 5, 6))
    story = story.when(correct(story, date(2025, 4, 30)))
    story = story.when(correct(story, date(2025, 5, 6), DeliveryDayCorrected))
    assert running(story)["DL-FXS-FILE"] == date(2025, 7, 7)


def test_a_refusal_whose_ground_the_family_was_told_only_afterwards_is_named() -> None:
    told, decided = date(2025, 4, 22), date(2025, 4, 24)
    story = stories.on_the_road(stories.ling_registered(ON), ON, until="report", eligible=False)
    head = stories.person(story, 0)
    story = issued(stories.township(story), "verification-result", ON)
    story = story.when(DeliverDocument(told, last(story).id, received_by=head))
    story = story.when(VisitHome(told, ("w1", "w2"), head), GiveOpinion(told))
    story = stories.county(story).when(ReceiveFile(decided), RefuseApplication(decided, "other", "理由"))
    (case,) = story.household.procedures
    for day, decisions in ((decided, ()), (date(2025, 4, 25), (case.id,))):
        corrected = of(stories.township(story).when(correct(story, day)), DeliveryDayCorrected)
        assert isinstance(corrected, DeliveryDayCorrected)
        assert (corrected.affected, corrected.due is not None) == (decisions, bool(decisions))
    assert stories.township(story).when(correct(story, day)).household.procedures[0].told_on == day


def test_a_termination_s_notice_is_corrected_too() -> None:
    story = stories.ling_in_dibao(ON)
    end = date(2025, 6, 10)
    story = story.when(TerminateBenefit(end, "own-request", "本人申请"))
    story = story.when(DeliverNotice(date(2025, 6, 12), stories.person(story, 0)))
    right = story.when(correct(story, date(2025, 6, 11), NoticeDelivered))
    assert right.household.benefits == story.household.benefits
    assert isinstance(story.refused(correct(story, end - timedelta(days=1), NoticeDelivered)), DayDoesNotFit)


@pytest.mark.parametrize("day", [date(2025, 4, 30), date(2025, 5, 9)])
def test_what_was_known_before_reads_as_it_was_told(day: date) -> None:
    story = delivered(date(2025, 5, 6))
    corrected = story.when(correct(story, day))
    assert replayed(HOUSEHOLD, corrected.events[:-1]) == story.household
    assert corrected.events[:-1] == story.events
