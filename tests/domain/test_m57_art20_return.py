"""M57 art.20: a file sent back: the township's clock runs, the county's starts anew, the total goes on."""

from __future__ import annotations

from datetime import date

import pytest

from domain.clock.supervision import DeadlineMissed
from domain.decision.confirmation import ConfirmDibao, FileNotReceived
from domain.decision.file import FileNotResubmitted, ReceiveFile
from domain.decision.file_return import (
    FileNotReturned,
    FileResubmitted,
    FileReturned,
    ResubmitFile,
    ReturnFile,
    ReturnNeedsReasons,
)
from domain.decision.notice import CloseNotice, PostNotice
from domain.decision.opinion import GiveOpinion
from domain.decision.status import Classified
from tests import stories
from tests.scenario import Life, altered, with_pack

ON, END = date(2025, 4, 14), date(2025, 4, 21)
BACK = date(2025, 4, 23)
RETURN = ReturnFile(BACK, ("入户调查表",), "调查表缺少在场成员签字")


def received() -> Life:
    return stories.on_the_road(stories.ling_registered(ON), ON)


def returned() -> Life:
    return received().when(RETURN).then(FileReturned)


def dues(story: Life) -> dict[str, date]:
    return {o.due.what: o.due.day for o in story.household.dues}


def test_it_stops_the_countys_clock_starts_the_townships_and_leaves_the_total() -> None:
    before, after = dues(received()), dues(returned())
    assert before["DL-DIB-CTY"] == date(2025, 5, 7)
    assert after == {"DL-DIB-RTN": date(2025, 4, 29), "DL-DIB-TOT": before["DL-DIB-TOT"]}


def test_without_reasons_or_items_it_is_not_sent_back() -> None:
    for command in (ReturnFile(BACK, ("入户调查表",), " "), ReturnFile(BACK, (" ",), "缺签字")):
        assert isinstance(received().refused(command), ReturnNeedsReasons)


def test_only_what_the_county_holds_is_sent_back_and_only_by_the_county() -> None:
    story = stories.on_the_road(stories.ling_registered(ON), ON, until="close")
    assert isinstance(story.refused(RETURN), FileNotReceived)
    assert stories.township(received()).refused(RETURN).code == "not-competent"


def test_the_county_neither_decides_nor_receives_before_the_township_answered() -> None:
    story = returned()
    assert isinstance(story.refused(ConfirmDibao(BACK)), FileNotReceived)
    refusal = story.refused(ReceiveFile(BACK))
    assert isinstance(refusal, FileNotResubmitted)
    assert refusal.facts == {"returned": BACK}


def test_the_second_receipt_gives_the_county_ten_working_days_anew() -> None:
    day = date(2025, 4, 28)
    story = stories.township(returned()).when(ResubmitFile(day, ("入户调查表",))).then(FileResubmitted)
    assert "DL-DIB-RTN" not in dues(story)
    story = stories.county(story).when(ReceiveFile(day))
    assert dues(story)["DL-DIB-CTY"] == date(2025, 5, 15)
    story.when(ConfirmDibao(date(2025, 5, 15))).then(Classified)


def test_where_the_places_rule_says_so_the_days_left_run_on() -> None:
    story = with_pack(returned(), altered("990301", "procedure.county-clock-after-return", "resume", "word"))
    event = story.events[-1]
    assert isinstance(event, FileReturned)
    assert event.left == 8
    day = date(2025, 4, 28)
    story = stories.county(stories.township(story).when(ResubmitFile(day))).when(ReceiveFile(day))
    assert dues(story)["DL-DIB-CTY"] == date(2025, 5, 13)


def test_a_file_returned_after_its_days_were_over_leaves_one_day_at_least() -> None:
    story = with_pack(received(), altered("990301", "procedure.county-clock-after-return", "resume", "word"))
    day = date(2025, 5, 9)
    story = story.when(ReturnFile(day, ("材料",), "缺件"))
    story = stories.county(stories.township(story).when(ResubmitFile(day))).when(ReceiveFile(day))
    assert dues(story)["DL-DIB-CTY"] == date(2025, 5, 12)


@pytest.mark.parametrize(("day", "late"), [(date(2025, 4, 29), False), (date(2025, 4, 30), True)])
def test_the_townships_last_day_is_in_time_and_the_next_is_late(day: date, late: bool) -> None:
    story = stories.township(returned()).when(ResubmitFile(day))
    missed = [e for e in story.events if isinstance(e, DeadlineMissed) and e.what == "DL-DIB-RTN"]
    assert bool(missed) == late


def test_how_often_it_went_back_is_counted() -> None:
    story = stories.township(returned()).when(ResubmitFile(BACK))
    story = stories.county(story).when(ReceiveFile(BACK), ReturnFile(date(2025, 4, 24), ("照片",), "不清"))
    assert [e.ordinal for e in story.events if isinstance(e, FileReturned)] == [1, 2]
    assert len(story.household.procedures[-1].returns) == 2


def test_a_new_opinion_answers_the_return_by_going_the_whole_way_again() -> None:
    story = stories.township(returned()).when(GiveOpinion(BACK, (stories.other(900),)), PostNotice(BACK))
    assert "DL-DIB-RTN" not in dues(story)
    end = date(2025, 4, 30)
    story = stories.county(story.when(CloseNotice(end))).when(ReceiveFile(end))
    story.when(ConfirmDibao(end)).then(Classified)


def test_returning_and_resubmitting_twice_is_no_news() -> None:
    returned().no_news(RETURN)
    story = stories.township(returned()).when(ResubmitFile(BACK))
    story.no_news(ResubmitFile(BACK))
    assert isinstance(story.refused(ResubmitFile(date(2025, 4, 24))), FileNotReturned)
    assert isinstance(stories.township(received()).refused(ResubmitFile(BACK)), FileNotReturned)
