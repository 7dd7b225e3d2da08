"""The work list says who has to do what by when, and nothing that is done."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import msgspec
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.aid.payments import AidDelivered, PaymentOrdered, PaymentReturned
from domain.catalogue import NAMES
from domain.clock.duty_kinds import DUTY_KINDS, TOTALS
from domain.household.event import Event
from domain.members.moving import HandOverFile, MoveHousehold
from eventstore.events.envelope import Envelope
from projections.engine.projector import Projector
from projections.work_list import NO_DAY
from projections.work_list_queries import After, OpenDuty, counts_in, duties_in, duties_of
from tests import stories
from tests.database import Databases
from tests.eventstore.test_stored_for_ever import example
from tests.projections.conftest import caught_up
from tests.projections.lives import fill, folded, lives, told
from tests.projections.test_duties import START, awaited
from tests.projections.test_state import Chance, enclosed
from tests.scenario import HOUSEHOLD, Life


def lived(databases: Databases, projector: Projector, *every: Life) -> list[UUID]:
    """Tell these lives to the store and project them; answers their households."""
    given = list(lives(len(every), templates=[told(each) for each in every]))
    fill(databases.store, given)
    caught_up(projector)
    return [life[0].originator_id for life in given]


def enclosed_as(life: Life, seed: int, actors: Sequence[tuple[str, str]]) -> list[Envelope]:
    """The life as envelopes, its last facts entered by these actors (officer, organ), the others as told."""
    (envelopes,) = lives(1, seed, [told(life)])
    for envelope, (officer, organ) in zip(reversed(envelopes), reversed(actors), strict=False):
        envelope.meta = msgspec.structs.replace(envelope.meta, actor=officer, organ=organ)
    return envelopes


def days_of(duties: Sequence[OpenDuty]) -> list[tuple[str, str, date | None, str | None]]:
    return [(duty.row.step, duty.office, duty.due, duty.row.what) for duty in duties]


def test_a_duty_is_due_by_its_own_deadline_or_else_by_its_cases(
    databases: Databases, projector: Projector
) -> None:
    accepted, received, graced = lived(
        databases, projector, stories.yu_accepted(), stories.yu_received(), stories.yu_graced()
    )
    with psycopg.connect(databases.app) as connection:
        assert days_of(duties_of(connection, accepted)) == [
            ("start-investigation", "township", date(2021, 7, 6), "DL-DIB-INV"),
            ("request-verification", "township", date(2021, 8, 12), "DL-DIB-TOT"),
            ("visit-home", "township", date(2021, 8, 12), "DL-DIB-TOT"),
        ]
        assert days_of(duties_of(connection, received)) == [
            ("decide", "county", date(2021, 8, 2), "DL-DIB-CTY")
        ]
        assert days_of(duties_of(connection, graced)) == [
            ("recertify", "township", date(2023, 5, 17), "DL-REC-HALF"),
            ("decide-after-grace", "county", date(2023, 5, 31), "DL-GRC"),
        ]
        (decide,) = duties_of(connection, received)
        assert (decide.row.category, decide.row.cycle, decide.row.since) == ("DIBAO", 1, date(2021, 7, 19))
        assert (decide.title, decide.region, decide.row.officer) == (
            "审核确认，作出决定",
            "370786",
            "c1",
        )
        assert not decide.row.missed


def test_a_limit_that_passed_is_marked_and_stays(databases: Databases, projector: Projector) -> None:
    # counted in an edition not published yet, noted as missed the day after
    late = stories.yu_received().passed(date(2021, 8, 3))
    future = stories.on_the_road(
        stories.ling_registered(date(2026, 12, 28)), date(2026, 12, 28), until="accept"
    )
    missed, ahead = lived(databases, projector, late, future)
    with psycopg.connect(databases.app) as connection:
        (decide,) = duties_of(connection, missed)
        assert decide.row.missed
        assert decide.is_overdue(date(2021, 8, 3))
        assert not decide.is_overdue(date(2021, 8, 2))
        assert [d.row.assumed for d in duties_of(connection, ahead) if d.due and d.due.year == 2027] != []
        for duty in duties_of(connection, ahead):
            assert duty.row.assumed == (duty.due is not None and duty.due.year == 2027)


def test_mine_are_the_duties_of_households_i_handled_last(databases: Databases, projector: Projector) -> None:
    story = stories.on_the_road(stories.ling_registered(START), START, until="request")
    township, county = "990301100/township", "990301/civil-affairs"
    # w7 accepted, w8 asked for the data check; c3 looked at an alert in between
    fill(
        databases.store,
        [
            enclosed_as(story, 1, [("w7", township), ("w7", township), ("w8", township)]),
            enclosed_as(story, 2, [("w8", township), ("c3", county), ("w7", township)]),
        ],
    )
    caught_up(projector)
    with psycopg.connect(databases.app) as connection:
        mine = duties_in(connection, None, officer="w8")
        assert [(duty.row.step, duty.row.officer) for duty in mine] == [("visit-home", "w8")]
        (theirs,) = {duty.row.household for duty in duties_in(connection, "990301100", officer="w7")}
        assert theirs != mine[0].row.household
        (checks,) = duties_in(connection, "99", officer="c3")
        assert (checks.row.step, checks.row.household) == ("start-verification", theirs)
        assert duties_in(connection, "37", officer="w8") == []
        assert counts_in(connection, None, START, officer="w8")[0].step == "visit-home"


@pytest.fixture
def desk(databases: Databases, projector: Projector) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    """Sixty households standing at different steps, of both stories' places."""
    every = [
        stories.on_the_road(
            stories.ling_registered(START + timedelta(days=7 * n)), START + timedelta(days=7 * n), until=step
        )
        for n, step in enumerate(("apply", "accept", "request", "visit", "post", "receive"))
    ]
    lived(
        databases,
        projector,
        *(every * 5),
        *([stories.yu_accepted(), stories.yu_graced(), stories.yu_exited()] * 10),
    )
    with psycopg.connect(databases.app) as connection:
        yield connection


@pytest.mark.parametrize("page", [1, 7, 500])
def test_pages_go_through_every_duty_once_the_nearest_day_first(
    desk: psycopg.Connection[tuple[object, ...]], page: int
) -> None:
    for region in ("99", "9903", "990301", "990301100", "37"):
        found: list[OpenDuty] = []
        after = None
        while listed := duties_in(desk, region, after=after, limit=page):
            assert len(listed) <= page
            found += listed
            after = listed[-1].after
        (expected,) = desk.execute(
            "SELECT count(*) FROM read_work_list.duty WHERE %s IN (province, city, county, township, village)",
            [region],
        ).fetchone() or (0,)
        assert len(found) == len({duty.after for duty in found}) == expected
        assert [duty.row.due for duty in found] == sorted(duty.row.due for duty in found)
    assert found[-1].due is None


def test_filters_ask_for_step_office_category_and_what_is_overdue(
    desk: psycopg.Connection[tuple[object, ...]],
) -> None:
    every = duties_in(desk, "99", limit=500) + duties_in(desk, "37", limit=500)

    def asked(**filters: Any) -> set[After]:
        rows = duties_in(desk, "99", limit=500, **filters) + duties_in(desk, "37", limit=500, **filters)
        return {duty.after for duty in rows}

    def chosen(want: Callable[[OpenDuty], bool]) -> set[After]:
        found = {duty.after for duty in every if want(duty)}
        assert 0 < len(found) < len(every)
        return found

    today = date(2025, 5, 7)
    assert asked(step="decide") == chosen(lambda d: d.row.step == "decide")
    assert asked(office="county") == chosen(lambda d: d.office == "county")
    assert asked(category="NONE") == chosen(lambda d: d.row.category == "NONE")
    assert asked(overdue_on=today) == chosen(lambda d: d.is_overdue(today))
    day = min(d.due for d in every if d.due)
    assert asked(overdue_on=day) == set()
    assert asked(overdue_on=day + timedelta(days=1)) == chosen(lambda d: d.due == day)
    assert asked(step="decide", office="township") == set()
    wrongs: tuple[dict[str, Any], ...] = (
        {"region": "9903011"},
        {"region": None},
        {"region": "99", "step": "dream"},
    )
    for wrong in wrongs:
        with pytest.raises(ValueError, match=r"\S"):
            duties_in(desk, **wrong)


def test_counts_tell_by_step_what_is_open_and_overdue(desk: psycopg.Connection[tuple[object, ...]]) -> None:
    today = date(2025, 5, 7)
    every = duties_in(desk, "99", limit=500)
    counted = {each.step: (each.open, each.overdue, each.more) for each in counts_in(desk, "99", today)}
    assert counted == {
        step: (
            sum(duty.row.step == step for duty in every),
            sum(duty.row.step == step and duty.is_overdue(today) for duty in every),
            False,
        )
        for step in {duty.row.step for duty in every}
    }
    assert {each.office for each in counts_in(desk, "99", today, office="county")} == {"county"}


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    derandomize=True,
)
@given(seed=st.integers(0, 2**32), count=st.integers(0, 40), page=st.integers(1, 30))
def test_any_facts_leave_the_duties_and_days_the_table_and_the_state_say(
    databases: Databases, projector: Projector, seed: int, count: int, page: int
) -> None:
    life = enclosed(Chance(seed), count)
    household = life[0].originator_id
    with psycopg.connect(databases.store) as connection:
        known = connection.execute("SELECT FROM es_stream WHERE stream_id = %s", [household])
        if known.fetchone() is not None:
            return
    fill(databases.store, [life], by_day=False)
    caught_up(projector, page)
    with psycopg.connect(databases.app) as connection:
        rows = [duty.row for duty in duties_of(connection, household)]
    duties = awaited([envelope.event for envelope in life], household)
    assert sorted((row.step, row.subject, row.month) for row in rows) == sorted(
        (duty.step, duty.subject, duty.month) for duty in duties
    )
    running = [each.due for each in folded(life).dues if each.due.kind != "timer"]
    for row in rows:
        mine = [due for due in running if due.subject == row.subject]
        own = [due.day for due in mine if DUTY_KINDS[row.step].is_limited_by(due.what)]
        total = [due.day for due in mine if due.what in TOTALS]
        assert row.due == min(own or total, default=NO_DAY)


def test_a_family_that_moved_is_on_the_list_of_its_new_village(
    databases: Databases, projector: Projector
) -> None:
    story = stories.township(stories.ling_confirmed())
    story = story.when(MoveHousehold(date(2025, 7, 1), "990301100202", date(2025, 6, 30)))
    # the village is drawn anew for each life, the one moved to is as told
    (household,) = lived(databases, projector, story)
    with psycopg.connect(databases.app) as connection:
        assert {duty.row.village for duty in duties_of(connection, household)} == {"990301100202"}
        there = duties_in(connection, "990301100202", limit=500)
        # under the same standard there is nothing to look at anew
        assert {duty.row.step for duty in there} == {"recertify"}


def test_another_county_has_the_duties_of_a_file_handed_over(
    databases: Databases, projector: Projector
) -> None:
    story = stories.county(stories.ling_confirmed()).when(HandOverFile(date(2025, 7, 1), "990801100201"))
    (household,) = lived(databases, projector, story)
    with psycopg.connect(databases.app) as connection:
        rows = [duty.row for duty in duties_of(connection, household)]
    assert {row.county for row in rows} == {"990801"}
    (taking,) = [row for row in rows if row.step == "take-over-file"]
    assert (taking.what, taking.officer) == ("DL-MOV", "c1")


@pytest.mark.parametrize("kind", [PaymentOrdered, AidDelivered, PaymentReturned])
def test_a_payment_has_one_plain_turn_about_its_benefit(kind: type[Event]) -> None:
    # the work list takes it without `turned`
    (turn,) = kind.turns
    assert (turn.when, turn.once_done, turn.beside) == (None, (), ())
    assert "*" not in turn.closes
    event: Any = example(kind, NAMES[kind])
    assert turn.about(event, HOUSEHOLD) == event.benefit != HOUSEHOLD
