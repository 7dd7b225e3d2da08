"""M57 art.30, 31: checked half-yearly or yearly; what did not change leaves the amount alone."""

from __future__ import annotations

from datetime import date

import pytest

from domain.change.review import ChangeReported, NothingToReview, Recertified, Recertify, ReportChange
from domain.clock.supervision import DeadlineMissed
from domain.decision.confirmation import ConfirmDibao
from domain.decision.status import Classified
from domain.members.registration import NewMember, RegisterHousehold
from tests import stories
from tests.scenario import Life, life

ON = date(2025, 4, 21)
CONFIRMED = date(2025, 4, 28)


def confirmed() -> Life:
    return stories.township(stories.ling_in_dibao(ON))


def open_dues(story: Life) -> dict[str, date]:
    return {o.due.what: o.due.day for o in story.household.dues}


def test_a_family_with_a_member_able_to_work_is_checked_half_yearly() -> None:
    assert open_dues(confirmed()) == {"DL-REC-HALF": date(2025, 10, 28)}


def test_a_family_without_one_is_checked_yearly() -> None:
    members = (
        NewMember("H", "甲", "head", birth=date(1945, 1, 1), work_capacity="none"),
        NewMember("S", "乙", "spouse", birth=date(1950, 1, 1), work_capacity="none"),
        NewMember("G", "丙", "grandchild", birth=date(2015, 1, 1)),
        NewMember("U", "丁", "son", birth=date(2005, 1, 1), student=True),
    )
    village = "990301100201"
    story = life(village, "990301100/township").when(RegisterHousehold(ON, village, members))
    story = stories.on_the_road(story, ON)
    story = story.when(ConfirmDibao(CONFIRMED)).then(Classified)
    assert open_dues(story) == {"DL-REC-YEAR": date(2026, 4, 28)}


def test_the_next_check_is_counted_from_the_last() -> None:
    story = confirmed().when(Recertify(date(2025, 8, 31)))
    assert open_dues(story) == {"DL-REC-HALF": date(2026, 2, 28)}  # the last day, a Saturday that is worked


def test_an_interval_set_by_the_officer_holds() -> None:
    story = confirmed().when(Recertify(date(2025, 9, 1), interval="yearly"))
    assert open_dues(story) == {"DL-REC-YEAR": date(2026, 9, 1)}


@pytest.mark.parametrize(
    ("income", "finding"),
    [(600, "unchanged"), (500, "less"), (700, "more"), (1_679, "more"), (1_680, "above-standard")],
)
def test_the_finding_is_told_and_the_amount_is_not_touched(income: int, finding: str) -> None:
    story = confirmed().when(Recertify(date(2025, 9, 1), (stories.other(income),)))
    found = story.events[-1]
    assert isinstance(found, Recertified)
    assert found.finding == finding
    assert story.household.benefits == confirmed().household.benefits
    assert story.household.categories == confirmed().household.categories


def test_a_check_forgotten_is_noted_and_terminates_nothing() -> None:
    story = confirmed().passed(date(2026, 6, 30)).then(DeadlineMissed)
    assert story.events[-1].on == date(2025, 10, 29)
    assert story.household.in_any_category(date(2026, 6, 30))
    assert story.household.benefits[-1].last is None
    story = story.when(Recertify(date(2026, 6, 30)))
    assert open_dues(story) == {"DL-REC-HALF": date(2026, 12, 30)}


def test_the_same_check_again_is_no_news() -> None:
    check = Recertify(date(2025, 9, 1), (stories.other(700),))
    confirmed().when(check).no_news(check)


def test_a_family_in_no_category_is_not_checked() -> None:
    story = stories.on_the_road(stories.ling_registered(ON), ON)
    assert isinstance(story.refused(Recertify(CONFIRMED)), NothingToReview)
    exited = stories.yu_exited()
    assert isinstance(stories.township(exited).refused(Recertify(date(2023, 6, 1))), NothingToReview)


def test_two_changes_of_a_day_are_two_reports_and_one_told_twice_is_no_news() -> None:
    story = confirmed()
    person, day = stories.person(story, 0), date(2025, 9, 1)
    work, home = ReportChange(day, person, "employment"), ReportChange(day, person, "residence")
    story = story.when(work)
    story.no_news(work)
    story.when(home).then(ChangeReported, ChangeReported)
