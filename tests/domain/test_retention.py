"""When a file is over (保管期限): when aid and business have ended and the years since have passed, not before."""

from __future__ import annotations

from datetime import date

import pytest

from domain.household.retention import RetentionRuns, StillInUse, closed_on, in_use, require_over
from domain.household.state import Household
from tests import stories
from tests.scenario import Life


def last_on(life: Life) -> date:
    return life.events[-1].on


def words(life: Life, day: date) -> list[str]:
    return list(in_use(life.household, day))


def test_a_household_in_a_category_with_a_running_benefit_is_in_use() -> None:
    life = stories.yu_confirmed()
    assert words(life, last_on(life)) == ["救助类别仍有效", "待遇仍在发放"]


def test_a_household_with_a_case_under_way_is_in_use() -> None:
    assert words(stories.yu_reported(), date(2021, 8, 1)) == ["有在办事项"]


def test_a_household_whose_alert_nobody_looked_at_is_in_use() -> None:
    life = stories.yu_registered()
    assert words(life, date(2021, 7, 1)) == []
    assert words(stories.yu_accepted(), date(2021, 7, 2))[0] == "有在办事项"


def test_the_time_begins_when_the_last_of_the_aid_is_over() -> None:
    life = stories.yu_exited()
    household = life.household
    (spell,) = [each for each in household.status.categories if each.person is None]
    assert spell.end is not None
    closed = closed_on(household, last_on(life))
    last_month = max(each.last.last_day for each in household.aid.benefits if each.last is not None)
    assert closed == max(last_on(life), spell.end, last_month)


@pytest.mark.parametrize(
    ("last", "months", "until"),
    [
        (date(2026, 3, 2), 120, date(2036, 3, 2)),
        (date(2026, 1, 31), 61, date(2031, 2, 28)),
        (date(2026, 12, 31), 60, date(2031, 12, 31)),
        (date(2024, 2, 29), 120, date(2034, 2, 28)),
    ],
)
def test_the_last_day_of_the_time_still_keeps_the_file_and_the_next_does_not(
    last: date, months: int, until: date
) -> None:
    household: Household = stories.yu_registered().household
    with pytest.raises(RetentionRuns) as runs:
        require_over(household, last, months, until)
    assert str(until) in runs.value.sentence
    require_over(household, last, months, date.fromordinal(until.toordinal() + 1))


def test_what_ought_never_to_have_been_there_need_not_wait_but_must_be_out_of_use() -> None:
    require_over(stories.yu_registered().household, date(2021, 6, 28), 0, date(2021, 6, 28))
    with pytest.raises(StillInUse):
        require_over(stories.yu_confirmed().household, date(2021, 8, 1), 0, date(2021, 8, 1))
