"""M57 art.19, 24; N31: seven days on the board, the number of members and the amount and nothing else."""

from __future__ import annotations

from dataclasses import fields
from datetime import date, timedelta

import pytest

from domain.decision.confirmation import ConfirmDibao
from domain.decision.file import ReceiveFile
from domain.decision.notice import (
    CloseNotice,
    NoticeClosed,
    NoticeNotForIdentification,
    NoticePosted,
    NoticeStillRunning,
    PostNotice,
)
from domain.decision.opinion import GiveOpinion, NoticeMissing, OpinionMissing
from domain.values.spells import Category
from tests import stories
from tests.scenario import Life

MONDAY = date(2025, 4, 14)  # the seventh day after it is a working Monday


def opined(on: date) -> Life:
    return stories.township(stories.on_the_road(stories.ling_registered(on), on, until="opine"))


def posted(on: date) -> Life:
    return opined(on).when(PostNotice(on))


@pytest.mark.parametrize("days", range(7))
def test_it_cannot_be_closed_before_the_seventh_day(days: int) -> None:
    refusal = posted(MONDAY).refused(CloseNotice(MONDAY + timedelta(days=days)))
    assert isinstance(refusal, NoticeStillRunning)
    assert refusal.facts == {"ends": date(2025, 4, 21)}


def test_it_can_be_closed_on_its_last_day() -> None:
    posted(MONDAY).when(CloseNotice(MONDAY + timedelta(days=7))).then(NoticeClosed)


@pytest.mark.parametrize(
    ("on", "ends"),
    [
        (date(2025, 4, 18), date(2025, 4, 25)),
        (date(2025, 4, 21), date(2025, 4, 28)),
        (date(2025, 4, 19), date(2025, 4, 27)),  # 04-26 is a Saturday, the Sunday after it is worked
        (date(2025, 9, 25), date(2025, 10, 9)),  # ends in National Day week
        (date(2026, 2, 7), date(2026, 2, 14)),  # ends on a Saturday that is worked
        (date(2026, 2, 9), date(2026, 2, 24)),  # ends in Spring Festival
    ],
)
def test_it_ends_on_a_working_day(on: date, ends: date) -> None:
    (due,) = [o.due for o in posted(on).household.limits.dues if o.due.what == "DL-DIB-NOT"]
    assert (due.day, due.kind) == (ends, "period")


def test_what_is_posted_is_the_number_of_members_and_the_amount() -> None:
    (notice,) = [event for event in posted(MONDAY).events if isinstance(event, NoticePosted)]
    assert (notice.members, notice.fen) == (3, 108_000)
    assert {field.name for field in fields(NoticePosted)} == {"on", "case", "members", "fen", "due"}


def test_nothing_is_posted_before_an_opinion_and_nothing_closed_before_it_is_posted() -> None:
    story = stories.township(stories.on_the_road(stories.ling_registered(MONDAY), MONDAY, until="visit"))
    assert isinstance(story.refused(PostNotice(MONDAY)), OpinionMissing)
    assert isinstance(opined(MONDAY).refused(CloseNotice(MONDAY)), NoticeMissing)


def test_the_file_does_not_reach_the_county_while_the_notice_runs() -> None:
    story = stories.county(posted(MONDAY))
    assert isinstance(story.refused(ReceiveFile(MONDAY + timedelta(days=6))), NoticeMissing)


def test_posting_and_closing_twice_is_no_news() -> None:
    story = posted(MONDAY)
    story.no_news(PostNotice(MONDAY))
    end = MONDAY + timedelta(days=7)
    story.when(CloseNotice(end)).no_news(CloseNotice(end))


def test_identification_as_marginal_is_not_put_on_notice() -> None:
    story = stories.ling_registered(MONDAY)
    found = (stories.other(2_000),)
    story = stories.on_the_road(story, MONDAY, until="opine", income=found, category=Category.MARGINAL)
    refusal = stories.township(story).refused(PostNotice(MONDAY))
    assert isinstance(refusal, NoticeNotForIdentification)
    assert refusal.article == "N31"


def test_another_opinion_goes_on_notice_anew() -> None:
    end = MONDAY + timedelta(days=7)
    story = posted(MONDAY).when(CloseNotice(end))
    story = story.when(GiveOpinion(end, income=(stories.other(900),)))
    assert isinstance(stories.county(story).refused(ReceiveFile(end)), NoticeMissing)
    story = story.when(PostNotice(end))
    (*_, notice) = [event for event in story.events if isinstance(event, NoticePosted)]
    assert notice.fen == 78_000


def test_an_opinion_changed_at_the_countys_desk_takes_the_file_back() -> None:
    end = MONDAY + timedelta(days=7)
    story = stories.county(posted(MONDAY).when(CloseNotice(end))).when(ReceiveFile(end))
    story = stories.township(story).when(GiveOpinion(end, income=(stories.other(900),)))
    assert stories.county(story).refused(ConfirmDibao(end)).code == "file-not-received"
    assert {o.due.what for o in story.household.limits.dues} == {"DL-DIB-TOT"}
