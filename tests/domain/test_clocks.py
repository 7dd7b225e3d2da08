"""How long each stretch took and in whose hands: figures by hand at the calendar's edges, and the law of the parts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.aid.payments import OrderPayment, ReturnPayment, SettlePayment
from domain.catalogue import EVENTS
from domain.clock.stage_clocks import Clocks, advance
from domain.clock.stages import HOLDERS, STAGES, STOPS, Days, Finished, days_by_holder, days_of
from domain.decision.confirmation import ConfirmDibao, RefuseApplication
from domain.decision.file import ReceiveFile
from domain.decision.file_return import ResubmitFile, ReturnFile
from domain.decision.notice import CloseNotice, PostNotice
from domain.decision.objection import ObjectToNotice, Reinvestigate
from domain.decision.opinion import GiveOpinion, OpinionGiven
from domain.household.event import Event
from domain.inquiry.recheck import ObjectToReport, Recheck, TellResult
from domain.inquiry.verification import StartInvestigation
from domain.intake.application import AcceptApplication, Apply, EndProcedure
from domain.intake.application_closure import DeclineApplication, WithdrawApplication
from domain.intake.completeness import NotifyMissingItems, SupplementMaterials
from domain.intake.proactive_discovery import NeedFound, OfferHelp, ReportNeed
from domain.papers.delivery import DocumentDelivered
from domain.papers.notification import DeliverNotice
from domain.values.calendar import CalendarEdition, CalendarYearMissing, WorkingCalendar
from domain.values.month import Month
from domain.watching.alerts import FeedBackAlert, RaiseAlert, VerifyAlert
from tests import stories
from tests.domain.walks import Life as Walk
from tests.domain.walks import lives as walks
from tests.domain.walks import whole
from tests.eventstore.test_stored_for_ever import example
from tests.scenario import Life, reference


def calendar(region: str = "990301100201") -> WorkingCalendar:
    return reference().ground(region, date(2026, 3, 2)).calendar


def plain(year: int) -> CalendarEdition:
    """A year nothing was said about: weekends rest."""
    return CalendarEdition("cn", year, 1, frozenset(), frozenset(), assumed=True, source="试验")


def timed(events: Sequence[Event]) -> tuple[list[Finished], Clocks]:
    """What a life's events finish, and the clocks that still run."""
    clocks: Clocks = ()
    finished: list[Finished] = []
    for event in events:
        clocks, done = advance(clocks, event)
        finished += done
    return finished, clocks


def of(story: Life, stage: str) -> Finished:
    (found,) = [each for each in timed(story.events)[0] if each.stage == stage]
    return found


def days(story: Life, stage: str) -> Days:
    return days_of(of(story, stage).parts, calendar())


def running(story: Life) -> dict[str, date]:
    return {stage: since for clock in timed(story.events)[1] for stage, since in clock.running}


def registered(on: date = date(2026, 1, 5)) -> Life:
    return stories.ling_registered(on)


def accepted(on: date) -> Life:
    return stories.on_the_road(registered(), on, until="accept")


def yu_paid() -> Life:
    return stories.paid(stories.yu_confirmed(), Month(2021, 8), Month(2021, 8), 10)


@pytest.mark.parametrize(
    ("accepted_on", "started_on", "calendar_days", "working_days"),
    [
        (date(2026, 3, 2), date(2026, 3, 2), 0, 0),  # the same day
        (date(2026, 3, 6), date(2026, 3, 8), 2, 0),  # Friday to Sunday
        (date(2026, 3, 6), date(2026, 3, 9), 3, 1),  # over a weekend
        (date(2026, 3, 7), date(2026, 3, 9), 2, 1),  # from a Saturday
        (date(2026, 2, 12), date(2026, 2, 24), 12, 3),  # Spring Festival 15-23, Saturday 14 is worked
        (date(2026, 2, 13), date(2026, 2, 14), 1, 1),  # to the make-up Saturday
        (date(2026, 2, 14), date(2026, 2, 23), 9, 0),  # from it to the end of the holiday
        (date(2026, 9, 30), date(2026, 10, 10), 10, 3),  # National Day, Saturday 10 is worked
        (date(2025, 12, 31), date(2026, 1, 4), 4, 1),  # over New Year, Sunday 4 is worked
    ],
)
def test_days_are_counted_without_the_first_on_the_official_calendar(
    accepted_on: date, started_on: date, calendar_days: int, working_days: int
) -> None:
    story = stories.on_the_road(registered(date(2025, 11, 3)), accepted_on, until="accept")
    story = stories.township(story).when(StartInvestigation(started_on))
    assert days(story, "investigate") == Days(calendar_days, working_days, working_days)


def test_the_road_of_s1_takes_what_the_calendar_of_2021_says() -> None:
    found = {each.stage: days_of(each.parts, calendar()) for each in timed(yu_paid().events)[0]}
    assert {stage: (each.calendar, each.working) for stage, each in found.items()} == {
        "clue-verified": (1, 1),
        "clue-answered": (1, 1),
        "accept": (0, 0),
        "investigate": (1, 1),
        "check-start": (0, 0),
        "check-report": (4, 2),
        "opinion": (7, 5),
        "notice": (7, 5),
        "send": (3, 1),
        "decide": (7, 5),
        "total": (25, 17),
        "money": (15, 11),
        "application-money": (40, 28),
        "clue-money": (43, 31),
        "aid-money": (1, 1),
    }


def test_the_road_from_clue_to_money_is_split_by_who_had_the_file() -> None:
    stretch = of(yu_paid(), "clue-money")
    assert (stretch.since, stretch.until) == (date(2021, 6, 28), date(2021, 8, 10))
    assert [(part.holder, part.since.isoformat()[5:]) for part in stretch.parts] == [
        ("township", "06-28"),
        ("applicant", "06-29"),
        ("township", "07-01"),
        ("county", "07-02"),
        ("township", "07-06"),
        ("village", "07-09"),
        ("township", "07-16"),
        ("county", "07-19"),
    ]
    split = days_by_holder(stretch.parts, calendar())
    assert {holder: (each.calendar, each.working) for holder, each in split.items()} == {
        "township": (8, 6),
        "applicant": (2, 2),
        "county": (26, 18),
        "village": (7, 5),
    }


def test_days_between_the_one_time_notice_and_the_last_paper_are_the_applicants() -> None:
    story = registered()
    head = stories.person(story, 0)
    story = story.when(
        Apply(date(2026, 3, 2), head, income=(stories.other(600),)),
        NotifyMissingItems(date(2026, 3, 3), ("甲", "乙")),
        SupplementMaterials(date(2026, 3, 5), ("甲",)),  # one is not all: the clock still stands
        SupplementMaterials(date(2026, 3, 10), ("乙",)),
        AcceptApplication(date(2026, 3, 11)),
    )
    assert days(story, "accept") == Days(9, 7, 2)
    assert days_by_holder(of(story, "accept").parts, calendar()) == {
        "township": Days(2, 2, 2),
        "applicant": Days(7, 5, 0),
    }


def test_a_standstill_before_acceptance_counts_for_no_stage_after_it() -> None:
    story = registered()
    head = stories.person(story, 0)
    story = story.when(
        Apply(date(2026, 3, 2), head),
        NotifyMissingItems(date(2026, 3, 2), ("甲",)),
        SupplementMaterials(date(2026, 3, 9), ("甲",)),
        AcceptApplication(date(2026, 3, 9)),
        StartInvestigation(date(2026, 3, 12)),
    )
    assert days(story, "accept") == Days(7, 5, 0)
    assert days(story, "investigate") == Days(3, 3, 3)


def test_a_refusal_ends_the_road_but_for_its_notice() -> None:
    story = stories.on_the_road(registered(), date(2026, 3, 2), income=(stories.other(5_000),), until="opine")
    story = stories.county(story).when(ReceiveFile(date(2026, 3, 4)))
    story = story.when(RefuseApplication(date(2026, 3, 6), "income-above-standard", "超过标准"))
    assert days(story, "send") == Days(2, 2, 2)  # a refusal is proposed without a public notice
    assert days(story, "total") == Days(4, 4, 4)
    assert running(story) == {"notify": date(2026, 3, 6)}
    story = story.when(DeliverNotice(date(2026, 3, 9), stories.person(story, 0)))
    assert days(story, "notify") == Days(3, 1, 1)
    assert running(story) == {}


def test_a_procedure_that_is_ended_leaves_no_figure_and_nothing_running() -> None:
    story = accepted(date(2026, 3, 2)).by("990301100/township")
    assert running(story).keys() == {"investigate", "opinion", "total", "application-money"}
    story = story.when(EndProcedure(date(2026, 3, 20), "not-cooperating", "拒不配合"))
    assert running(story) == {}
    assert {each.stage for each in timed(story.events)[0]} == {"accept"}


def test_money_that_came_back_was_not_in_the_account() -> None:
    story = stories.yu_confirmed().when(
        OrderPayment(date(2021, 8, 10)),
        ReturnPayment(date(2021, 8, 12), "account-wrong"),
        OrderPayment(date(2021, 8, 16), month=Month(2021, 8)),
        SettlePayment(date(2021, 8, 18)),
    )
    stretch = of(story, "money")
    assert (stretch.since, stretch.until) == (date(2021, 7, 26), date(2021, 8, 18))
    assert [(part.holder, (part.until - part.since).days) for part in stretch.parts] == [
        ("county", 15),
        ("bank", 2),
        ("county", 4),
        ("bank", 2),
    ]


def test_only_the_first_money_of_a_benefit_ends_its_road() -> None:
    story = stories.paid(stories.yu_confirmed(), Month(2021, 8), Month(2022, 1), 10)
    assert [each.stage for each in timed(story.events)[0]].count("money") == 1


def test_a_clue_answered_after_the_application_it_led_to_is_where_the_road_began() -> None:
    story = registered()
    head = stories.person(story, 0)
    story = story.when(
        RaiseAlert(date(2026, 3, 2), "E-EXP-01", "RED", head),
        VerifyAlert(date(2026, 3, 4), ("w1", "w2"), True),
        Apply(date(2026, 3, 5), head),
        FeedBackAlert(date(2026, 3, 9), "application-started"),
    )
    assert running(story) == {
        "accept": date(2026, 3, 5),
        "application-money": date(2026, 3, 5),
        "clue-money": date(2026, 3, 2),
    }
    assert len(timed(story.events)[1]) == 1


def test_a_clue_that_led_to_nothing_begins_no_road() -> None:
    story = registered()
    head = stories.person(story, 0)
    story = story.when(
        RaiseAlert(date(2026, 3, 2), "E-EXP-01", "RED", head),
        VerifyAlert(date(2026, 3, 4), ("w1", "w2"), False),
        FeedBackAlert(date(2026, 3, 4), "false-positive"),
        Apply(date(2026, 3, 5), head),
    )
    assert running(story).keys() == {"accept", "application-money"}


def test_a_transfer_is_timed_from_its_start_to_its_decision() -> None:
    found = [each for each in timed(stories.ling_marginal().events)[0] if each.category == "MARGINAL"]
    assert [(each.stage, days_of(each.parts, calendar())) for each in found] == [("total", Days(8, 7, 7))]


def test_an_act_recorded_late_counts_on_its_own_day() -> None:
    events = list(accepted(date(2026, 3, 2)).events)
    start = StartInvestigation(date(2026, 3, 3))
    late = accepted(date(2026, 3, 2)).by("990301100/township").asked(start)
    (stretch,) = [each for each in timed([*events, *late])[0] if each.stage == "investigate"]
    assert days_of(stretch.parts, calendar()) == Days(1, 1, 1)


def told_by_all() -> Iterator[Event]:
    """An example of every fact there is, and both kinds of opinion."""
    for name, kind in EVENTS.items():
        event = example(kind, name)
        yield event
        if isinstance(event, OpinionGiven):
            yield replace(event, approves=not event.approves)
        if isinstance(event, NeedFound):
            yield replace(event, alert=None)
        if isinstance(event, DocumentDelivered):
            yield from (replace(event, kind=paper) for paper in ("refusal-decision", "verification-result"))


def test_every_table_of_stages_fits_together() -> None:
    moves = [move for event in told_by_all() if (move := event.moves_clock()) is not None]
    reached = {mark for move in moves for mark in move.reaches}
    for stage in STAGES.values():
        assert stage.until in reached, stage
        assert stage.since in reached or stage.code == "clue-money", stage
    for stop in STOPS.values():
        assert stop.article
        assert stop.stages <= STAGES.keys()
        assert stop.until <= reached
    for move in moves:
        assert move.holder in (None, *HOLDERS)
        assert move.stop in (None, *STOPS)


@settings(max_examples=25, deadline=None, derandomize=True)
@given(walk=walks)
def test_the_parts_of_every_stretch_add_up_to_the_whole(walk: Walk) -> None:
    counted = WorkingCalendar({**calendar().editions, **{year: plain(year) for year in range(2028, 2036)}})
    finished, clocks = timed(whole(walk).events)
    assert finished
    for each in finished:
        assert each.parts[0].since == each.since
        assert each.parts[-1].until == each.until
        assert all(one.until == other.since for one, other in zip(each.parts, each.parts[1:], strict=False))
        assert all(part.since <= part.until for part in each.parts)
        total, by_holder = days_of(each.parts, counted), days_by_holder(each.parts, counted)
        assert sum(held.calendar for held in by_holder.values()) == (each.until - each.since).days
        assert total.working == counted.working_days_between(each.since, each.until)
        assert sum(held.working or 0 for held in by_holder.values()) == total.working
        assert sum(held.net or 0 for held in by_holder.values()) == total.net
        assert (total.net or 0) <= (total.working or 0) <= total.calendar
    for clock in clocks:
        assert clock.running
        assert all(stage in STAGES for stage, _ in clock.running)


@settings(max_examples=25, deadline=None, derandomize=True)
@given(walk=walks, gaps=st.lists(st.integers(-20, 20), min_size=1, max_size=8))
def test_parts_add_up_even_when_days_go_back(walk: Walk, gaps: list[int]) -> None:
    events: list[Event] = []
    for n, event in enumerate(whole(walk).events):
        on = event.on + timedelta(days=gaps[n % len(gaps)])
        events.append(replace(event, on=on))  # type: ignore[type-var]
    for each in timed(events)[0]:
        assert each.since <= each.until
        assert sum((part.until - part.since).days for part in each.parts) == (each.until - each.since).days


def test_a_year_without_a_calendar_is_said_not_guessed() -> None:
    stretch = of(yu_paid(), "total")
    without = WorkingCalendar({2026: calendar().editions[2026]})
    assert days_of(stretch.parts) == Days(25)
    with pytest.raises(CalendarYearMissing):
        days_of(stretch.parts, without)


def test_while_the_file_is_back_at_the_township_the_countys_days_stand_and_the_total_goes_on() -> None:
    on = date(2025, 4, 14)
    story = stories.on_the_road(stories.ling_registered(on), on)  # received on Monday 04-21
    story = story.when(ReturnFile(date(2025, 4, 23), ("入户调查表",), "缺少签字"))
    story = stories.township(story).when(ResubmitFile(date(2025, 4, 28), ("入户调查表",)))
    story = stories.county(story).when(ReceiveFile(date(2025, 4, 29)), ConfirmDibao(date(2025, 5, 7)))
    # 04-21 to 05-07 with the make-up Sunday 04-27 and Labour Day 05-01 to 05-05: 10 worked, 5 of them elsewhere
    assert days(story, "decide") == Days(16, 10, 5)
    assert days_by_holder(of(story, "decide").parts, calendar()) == {
        "county": Days(10, 5, 5),
        "township": Days(6, 5, 0),
    }
    assert days(story, "mend") == Days(5, 4, 4)
    assert [each.stage for each in timed(story.events)[0]].count("send") == 2
    total = days(story, "total")
    assert total.net == total.working == calendar().working_days_between(on, date(2025, 5, 7))


def test_an_objection_begins_the_notice_anew() -> None:
    on = date(2025, 4, 14)
    story = stories.township(stories.on_the_road(stories.ling_registered(on), on, until="post"))
    story = story.when(
        ObjectToNotice(date(2025, 4, 18), "income", "该户有务工收入"),
        Reinvestigate(date(2025, 4, 22), ("w1", "w2"), "收入不实"),
        GiveOpinion(date(2025, 4, 23)),
        PostNotice(date(2025, 4, 24)),
        CloseNotice(date(2025, 5, 6)),
    )
    assert days(story, "objection") == Days(5, 3, 3)
    assert days(story, "notice") == Days(12, 6, 6)  # the notice objected to was given up, not finished
    assert [part.holder for part in of(story, "objection").parts] == ["township"]


def test_an_adverse_report_is_told_and_looked_into_again() -> None:
    on = date(2025, 4, 14)
    story = stories.on_the_road(stories.ling_registered(on), on, until="visit", eligible=False)
    story = stories.township(story)
    head = stories.person(story, 0)
    story = story.when(
        TellResult(date(2025, 4, 16), head), ObjectToReport(date(2025, 4, 18), head, ("车辆转让协议",))
    )
    assert days(story, "tell") == Days(2, 2, 2)
    assert running(story)["recheck"] == date(2025, 4, 18)
    again = story.when(Recheck(date(2025, 4, 21), True))
    assert days(again, "recheck") == Days(3, 1, 1)


def test_withdrawn_and_not_accepted_applications_end_but_for_what_is_owed_in_writing() -> None:
    story = registered()
    story = story.when(Apply(date(2026, 3, 2), stories.person(story, 0)))
    assert running(story.when(WithdrawApplication(date(2026, 3, 4)))) == {}
    declined = story.when(
        DeclineApplication(date(2026, 3, 4), "under-way-elsewhere", "已在他处申请", place="990801")
    )
    assert running(declined) == {"notify": date(2026, 3, 4)}
    declined = declined.when(DeliverNotice(date(2026, 3, 5), stories.person(story, 0)))
    assert days(declined, "notify") == Days(1, 1, 1)
    at_the_door = registered().when(
        DeclineApplication(date(2026, 3, 4), "promise-refused", "拒绝作出书面承诺")
    )
    assert running(at_the_door) == {"notify": date(2026, 3, 4)}


def test_what_was_found_is_answered_by_help_or_by_the_application_and_begins_its_road() -> None:
    story = registered()
    head = stories.person(story, 0)
    found = story.when(ReportNeed(date(2026, 3, 2), "grid", head))
    applied = found.when(Apply(date(2026, 3, 4), head, "active-finding"))
    assert days(applied, "finding-answered") == Days(2, 2, 2)
    assert running(applied)["clue-money"] == date(2026, 3, 2)
    waiting = found.when(OfferHelp(date(2026, 3, 3), "told-will-apply", head))
    assert running(waiting) == {"clue-money": date(2026, 3, 2)}
    assert running(found.when(OfferHelp(date(2026, 3, 3), "told-declined", head))) == {}
    both = waiting.when(Apply(date(2026, 3, 9), head))
    assert running(both)["clue-money"] == date(2026, 3, 2)
    assert days(both, "finding-answered") == Days(1, 1, 1)
