from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from importlib.resources import files

import chinese_calendar
import holidays
import pytest
from hypothesis import given
from hypothesis import strategies as st

from application.reference.packs import read_calendars
from domain.values.calendar import (
    CalendarEdition,
    CalendarEditionFaulty,
    CalendarYearMissing,
    DayCount,
    WorkingCalendar,
)

EDITIONS = read_calendars(files("policy"))
NATIONAL = WorkingCalendar.of(EDITIONS)

YEARS = range(2020, 2027)
DAYS = st.dates(date(2020, 1, 1), date(2026, 12, 31))


def day(text: str) -> date:
    return date.fromisoformat(text)


def days_of(year: int) -> Iterator[date]:
    first = date(year, 1, 1)
    return (first + timedelta(days=n) for n in range((date(year + 1, 1, 1) - first).days))


@pytest.mark.parametrize(
    ("start", "n", "end"),
    [
        ("2021-07-01", 30, "2021-08-12"),
        ("2021-07-01", 45, "2021-09-02"),
        ("2025-03-03", 30, "2025-04-15"),
        ("2025-03-03", 45, "2025-05-08"),
        ("2025-09-26", 20, "2025-10-30"),
        ("2026-01-05", 20, "2026-02-02"),
        ("2026-01-05", 30, "2026-02-14"),
        ("2026-01-05", 45, "2026-03-13"),
        ("2026-02-12", 3, "2026-02-24"),
        ("2026-02-13", 10, "2026-03-05"),
        ("2026-04-30", 3, "2026-05-08"),
        ("2026-06-15", 5, "2026-06-23"),
        ("2026-09-07", 15, "2026-09-28"),
        ("2026-09-30", 3, "2026-10-10"),
    ],
)
def test_a_term_in_working_days_ends_as_published(start: str, n: int, end: str) -> None:
    year = start[:4]
    assert NATIONAL.add_working_days(day(start), n) == DayCount(day(end), (f"cn/{year}#1",), False)


def test_a_term_in_calendar_days_ends_as_published() -> None:
    assert NATIONAL.add_days(day("2026-05-22"), 60, roll=True).day == day("2026-07-21")


@pytest.mark.parametrize("year", YEARS)
def test_every_day_agrees_with_both_public_calendars(year: int) -> None:
    china = holidays.country_holidays("CN", years=[year])
    ours = {each: NATIONAL.is_working(each) for each in days_of(year)}
    assert ours == {each: chinese_calendar.is_workday(each) for each in days_of(year)}
    assert ours == {each: china.is_working_day(each) for each in days_of(year)}


def test_2026_has_248_working_days() -> None:
    assert sum(map(NATIONAL.is_working, days_of(2026))) == 248
    assert NATIONAL.working_days_between(day("2025-12-31"), day("2026-12-31")) == 248


def test_new_years_eve_2022_rests_in_the_edition_of_its_own_year() -> None:
    assert not NATIONAL.is_working(day("2022-12-31"))
    assert NATIONAL.add_working_days(day("2022-12-30"), 1) == DayCount(
        day("2023-01-03"), ("cn/2022#1", "cn/2023#1")
    )


def test_a_term_into_the_assumed_year_says_so() -> None:
    assert NATIONAL.add_working_days(day("2026-12-31"), 1) == DayCount(
        day("2027-01-04"), ("cn/2027#1",), True
    )
    assert NATIONAL.add_working_days(day("2026-11-23"), 30).assumed
    assert not NATIONAL.add_working_days(day("2026-11-13"), 30).assumed


def test_the_assumed_year_rests_on_statutory_days_and_calls_nobody_to_work_at_weekends() -> None:
    statutory = holidays.country_holidays("CN", years=[2027])
    edition = NATIONAL.editions[2027]
    assert edition.assumed
    assert not edition.work
    assert edition.off == set(statutory)


def test_a_period_without_rolling_consults_no_edition() -> None:
    assert NATIONAL.add_days(day("2026-09-24"), 3, roll=False) == DayCount(day("2026-09-27"))
    assert NATIONAL.add_days(day("1999-01-01"), 3, roll=False) == DayCount(day("1999-01-04"))


def test_a_period_that_ends_on_a_rest_day_ends_on_the_next_working_day() -> None:
    assert NATIONAL.add_days(day("2026-09-18"), 7, roll=True).day == day("2026-09-28")
    assert NATIONAL.add_days(day("2026-09-13"), 7, roll=True).day == day("2026-09-20")  # a Sunday at work


@pytest.mark.parametrize(
    ("start", "n", "plain", "rolled"),
    [
        ("2026-01-31", 1, "2026-02-28", "2026-02-28"),
        ("2024-01-31", 1, "2024-02-29", "2024-02-29"),
        ("2025-08-31", 6, "2026-02-28", "2026-02-28"),
        ("2025-11-15", 3, "2026-02-15", "2026-02-24"),
        ("2022-01-26", 6, "2022-07-26", "2022-07-26"),
        ("2026-12-15", 1, "2027-01-15", "2027-01-15"),
        ("2026-03-31", -1, "2026-02-28", "2026-02-28"),
    ],
)
def test_months_end_on_the_corresponding_day_or_the_last(start: str, n: int, plain: str, rolled: str) -> None:
    assert NATIONAL.add_months(day(start), n, roll=False).day == day(plain)
    assert NATIONAL.add_months(day(start), n).day == day(rolled)


def test_the_next_working_day_is_the_day_itself_when_it_works() -> None:
    assert NATIONAL.next_working_day(day("2026-02-14")) == day("2026-02-14")
    assert NATIONAL.next_working_day(day("2026-02-15")) == day("2026-02-24")
    assert NATIONAL.next_working_day(day("2022-12-31")) == day("2023-01-03")


def test_no_working_days_is_the_start_rolled() -> None:
    assert NATIONAL.add_working_days(day("2026-09-30"), 0).day == day("2026-09-30")
    assert NATIONAL.add_working_days(day("2026-10-01"), 0).day == day("2026-10-08")
    with pytest.raises(ValueError, match="不能为负"):
        NATIONAL.add_working_days(day("2026-10-01"), -1)


@given(start=DAYS, n=st.integers(1, 300))
def test_counting_back_gives_what_was_added(start: date, n: int) -> None:
    if start.year == 2026 and n > 200:
        n -= 200
    end = NATIONAL.add_working_days(start, n).day
    assert NATIONAL.is_working(end)
    assert NATIONAL.working_days_between(start, end) == n
    assert NATIONAL.working_days_between(end, start) == -n


@given(start=DAYS, n=st.integers(1, 20))
def test_adding_is_walking_day_by_day(start: date, n: int) -> None:
    each, left = start, n
    while left:
        each += timedelta(days=1)
        left -= NATIONAL.is_working(each)
    assert NATIONAL.add_working_days(start, n).day == each


def test_a_year_without_an_edition_is_refused_by_name() -> None:
    for ask in (
        lambda: NATIONAL.is_working(day("2019-12-31")),
        lambda: NATIONAL.add_working_days(day("2027-12-20"), 30),
        lambda: NATIONAL.working_days_between(day("2026-12-31"), day("2028-01-01")),
        lambda: NATIONAL.add_months(day("2027-12-01"), 3),
    ):
        with pytest.raises(CalendarYearMissing, match=r"没有 (2019|2028) 年的工作日历") as refused:
            ask()
        assert isinstance(refused.value, ValueError)
        assert refused.value.code == "calendar-year-missing"


def test_a_published_edition_takes_over_from_the_assumed_one() -> None:
    notice = CalendarEdition("cn", 2027, 2, frozenset({day("2027-01-01")}), frozenset(), False, "通知")
    calendar = WorkingCalendar.of([notice, *EDITIONS])
    assert calendar.add_working_days(day("2026-12-31"), 1).editions == ("cn/2027#2",)
    assert not calendar.add_working_days(day("2026-12-31"), 1).assumed


def test_a_place_with_holidays_of_its_own_uses_its_edition_and_others_do_not() -> None:
    national = NATIONAL.editions[2026]
    festival = day("2026-04-20")
    local = CalendarEdition("45", 2026, 1, national.off | {festival}, national.work, False, "三月三")
    assert not WorkingCalendar.of([local, *EDITIONS], ("45", "4501")).is_working(festival)
    assert WorkingCalendar.of([local, *EDITIONS], ("37", "3707")).is_working(festival)


def test_an_edition_returns_unchanged_from_json() -> None:
    for edition in EDITIONS:
        assert CalendarEdition.from_json(edition.to_json()) == edition


@pytest.mark.parametrize(("off", "work"), [("2026-01-01", "2026-01-01"), ("2025-12-31", "2026-01-04")])
def test_an_edition_that_contradicts_itself_is_refused(off: str, work: str) -> None:
    with pytest.raises(CalendarEditionFaulty):
        CalendarEdition("cn", 2026, 1, frozenset({day(off)}), frozenset({day(work)}), False, "")


def test_an_edition_cannot_stand_for_another_year() -> None:
    with pytest.raises(CalendarEditionFaulty):
        WorkingCalendar({2025: NATIONAL.editions[2026]})
