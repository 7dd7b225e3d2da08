"""M57 art.15, 17: three working days to begin the investigation, three to begin the data check."""

from __future__ import annotations

from datetime import date

import pytest

from domain.clock.supervision import DeadlineMissed
from domain.inquiry.verification import (
    NotRequested,
    NotStarted,
    ReportVerification,
    StartInvestigation,
    StartVerification,
)
from tests import stories
from tests.scenario import Life


def accepted(on: date) -> Life:
    return stories.township(stories.on_the_road(stories.ling_registered(on), on, until="accept"))


def requested(on: date) -> Life:
    return stories.on_the_road(stories.ling_registered(on), on, until="request")


def due(story: Life, what: str) -> date:
    (day,) = [o.due.day for o in story.household.limits.dues if o.due.what == what]
    return day


DAYS = [
    (date(2021, 7, 1), date(2021, 7, 6)),
    (date(2026, 2, 12), date(2026, 2, 24)),  # over Spring Festival, the Saturday 02-14 worked
    (date(2026, 4, 30), date(2026, 5, 8)),  # over Labour Day, before the Saturday 05-09 is worked
    (date(2026, 9, 30), date(2026, 10, 10)),  # over National Day, ending on a working Saturday
    (date(2025, 9, 26), date(2025, 9, 30)),  # the Sunday 09-28 worked
]


@pytest.mark.parametrize(("on", "last"), DAYS)
def test_the_investigation_begins_within_three_working_days_of_acceptance(on: date, last: date) -> None:
    assert due(accepted(on), "DL-DIB-INV") == last


@pytest.mark.parametrize(("on", "last"), DAYS)
def test_the_data_check_begins_within_three_working_days_of_the_request(on: date, last: date) -> None:
    assert due(requested(on), "DL-DIB-CHK") == last


def missed(story: Life) -> list[tuple[date, str]]:
    return [(event.on, event.what) for event in story.events if isinstance(event, DeadlineMissed)]


def test_a_limit_kept_on_its_last_day_is_not_missed() -> None:
    story = accepted(date(2026, 2, 12)).when(StartInvestigation(date(2026, 2, 24)))
    assert missed(story.passed(date(2026, 3, 1))) == []


def test_a_late_step_is_taken_all_the_same_and_the_miss_was_noted_the_day_after() -> None:
    story = accepted(date(2026, 2, 12)).when(StartInvestigation(date(2026, 2, 25)))
    assert missed(story) == [(date(2026, 2, 25), "DL-DIB-INV")]
    assert "DL-DIB-INV" not in {o.due.what for o in story.household.limits.dues}


def test_a_missed_limit_stays_open_until_the_step_is_taken_and_is_noted_once() -> None:
    story = accepted(date(2026, 2, 12)).passed(date(2026, 3, 12))
    assert missed(story) == [(date(2026, 2, 25), "DL-DIB-INV")]
    assert [o.missed for o in story.household.limits.dues if o.due.what == "DL-DIB-INV"] == [True]


def test_the_check_is_neither_begun_before_the_request_nor_reported_before_the_beginning() -> None:
    on = date(2025, 4, 21)
    assert isinstance(stories.county(accepted(on)).refused(StartVerification(on)), NotRequested)
    assert isinstance(requested(on).refused(ReportVerification(on, True)), NotStarted)


def test_beginning_twice_is_no_news() -> None:
    on = date(2025, 4, 21)
    accepted(on).when(StartInvestigation(on)).no_news(StartInvestigation(on))
    requested(on).when(StartVerification(on)).no_news(StartVerification(on))
