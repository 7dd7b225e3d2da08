"""G39; domain.md §5.4: an alert is checked on site by two, answered, and only then closed; it ends no aid."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from domain.change.monitoring import ReturnToMonitoring, StillInCategory
from domain.clock.supervision import DeadlineMissed, NoteMissedDeadline, NothingMissed
from domain.guards.registered import NotAMember
from domain.guards.visit_team import TeamTooSmall
from domain.values.person import PersonId
from domain.watching.alerts import (
    AlertFedBack,
    AlertLevel,
    AlertMerged,
    AlertNotVerified,
    AlertRaised,
    AlertVerified,
    FeedBackAlert,
    NoOpenAlert,
    RaiseAlert,
    VerifyAlert,
)
from tests import stories
from tests.scenario import SEED, Life

ON = date(2026, 1, 5)


def known() -> Life:
    return stories.ling_registered(ON)


def alert(on: date = ON, code: str = "E-EXP-01", level: AlertLevel = "RED") -> RaiseAlert:
    return RaiseAlert(on, code, level, stories.person(known(), 0))


def open_dues(story: Life) -> list[tuple[str, date]]:
    return [(o.due.what, o.due.day) for o in story.household.limits.dues]


@pytest.mark.parametrize(
    ("level", "what", "day"),
    [
        ("RED", "DL-ALERT-R", date(2026, 1, 8)),
        ("ORANGE", "DL-ALERT-O", date(2026, 1, 12)),
        ("YELLOW", "DL-ALERT-Y", date(2026, 1, 19)),
        ("BLUE", "DL-ALERT-B", date(2026, 2, 14)),
    ],
)
def test_each_level_has_its_working_days(level: AlertLevel, what: str, day: date) -> None:
    assert open_dues(known().when(alert(level=level))) == [(what, day)]


def test_a_repeated_hit_within_90_days_joins_the_open_alert_and_on_the_91st_is_another() -> None:
    story = known().when(alert())
    story.when(alert(ON + timedelta(days=90))).then(AlertMerged)
    story.when(alert(ON + timedelta(days=91))).then(AlertRaised)


def test_the_same_hit_again_is_no_news_raised_or_merged() -> None:
    story = known().when(alert())
    story.no_news(alert())
    later = alert(ON + timedelta(days=30))
    story.when(later).no_news(later)


def test_another_indicator_and_another_person_are_alerts_of_their_own() -> None:
    story = known().when(alert(), alert(code="E-INC-01"))
    story = story.when(RaiseAlert(ON, "E-EXP-01", "RED", stories.person(story, 1)))
    assert len(story.household.clues.alerts) == 3


def test_it_is_checked_on_site_before_it_is_answered() -> None:
    story = known().when(alert())
    assert isinstance(story.refused(FeedBackAlert(ON, "false-positive")), AlertNotVerified)
    story = story.when(VerifyAlert(ON, ("w1", "w2"), False)).then(AlertVerified)
    assert open_dues(story) == [("DL-ALERT-R", date(2026, 1, 8))]
    story = story.when(FeedBackAlert(ON, "false-positive")).then(AlertFedBack)
    assert open_dues(story) == []
    story.no_news(FeedBackAlert(ON, "false-positive"))


def test_two_people_go() -> None:
    story = known().when(alert())
    for team in ((), ("w1",), ("w1", "w1")):
        assert isinstance(story.refused(VerifyAlert(ON, team, True)), TeamTooSmall)


def test_there_must_be_an_alert_to_check_or_answer() -> None:
    assert isinstance(known().refused(VerifyAlert(ON, ("w1", "w2"), True)), NoOpenAlert)
    assert isinstance(known().refused(FeedBackAlert(ON, "watch")), NoOpenAlert)


def test_it_is_about_a_member_or_the_whole_family() -> None:
    refusal = known().refused(RaiseAlert(ON, "E-EXP-01", "RED", PersonId(SEED)))
    assert isinstance(refusal, NotAMember)
    known().when(RaiseAlert(ON, "E-EXP-01", "RED")).then(AlertRaised)


def test_every_one_of_several_alerts_gets_its_own_answer() -> None:
    story = known().when(alert(), alert(code="E-INC-01"))
    for _ in range(2):
        story = story.when(VerifyAlert(ON, ("w1", "w2"), True), FeedBackAlert(ON, "watch"))
    assert [each.outcome for each in story.household.clues.alerts] == ["watch", "watch"]
    assert {what for what, _ in open_dues(story)} == {"DL-HELP"}  # the needs they showed wait for help


def test_every_one_of_several_missed_alerts_is_noted_once_the_day_after() -> None:
    story = known().when(alert(), alert(code="E-INC-01")).passed(date(2026, 3, 1))
    missed = [event for event in story.events if isinstance(event, DeadlineMissed)]
    assert [event.on for event in missed] == [date(2026, 1, 9)] * 2
    assert {event.due_subject for event in missed} == {each.id for each in story.household.clues.alerts}


def test_a_limit_is_not_noted_as_missed_while_its_day_lasts() -> None:
    story = known().when(alert())
    for command in (NoteMissedDeadline(date(2026, 1, 8), "DL-ALERT-R"), NoteMissedDeadline(ON, "DL-DIB-TOT")):
        assert isinstance(story.refused(command), NothingMissed)
    noted = NoteMissedDeadline(date(2026, 1, 9), "DL-ALERT-R")
    story.when(noted).no_news(noted)


def test_an_alert_that_coverage_may_be_wrong_ends_no_aid() -> None:
    story = stories.ling_in_dibao(date(2025, 4, 21))
    before = story.household
    story = stories.township(story).when(RaiseAlert(date(2025, 9, 1), "X-VEH-01", "RED"))
    story = story.when(
        VerifyAlert(date(2025, 9, 2), ("w1", "w2"), False), FeedBackAlert(date(2025, 9, 2), "watch")
    )
    assert (story.household.status.categories, story.household.aid.benefits) == (
        before.status.categories,
        before.aid.benefits,
    )


def test_a_family_in_a_category_is_not_put_back_on_the_watch_list() -> None:
    story = stories.ling_in_dibao(date(2025, 4, 21))
    assert isinstance(story.refused(ReturnToMonitoring(date(2025, 9, 1))), StillInCategory)
    known().no_news(ReturnToMonitoring(ON))
