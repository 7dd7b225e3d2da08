"""Durations as they are read: finished and running, by household and by area, whatever the pages."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg import Connection

from domain.clock.stages import Days, days_of
from domain.members.moving import HouseholdMoved
from domain.watching.alerts import AlertFedBack, FeedBackAlert, RaiseAlert, VerifyAlert
from eventstore.events.envelope import Envelope, Meta
from projections.durations import Durations, Stretch, durations_of, stuck_in
from projections.engine.projector import Projector
from projections.engine.row_security import read_as
from projections.statistics import Statistics
from tests import stories
from tests.database import Databases
from tests.domain.test_clocks import accepted, calendar, registered, timed, yu_paid
from tests.projections.conftest import Pool, caught_up
from tests.projections.lives import codec, fill, lives, told
from tests.projections.test_engine import digests
from tests.scenario import Life

MINE = (Durations, Statistics)


@pytest.fixture
def projector(pool: Pool) -> Projector:
    """A projector of the two read models these tests are about."""
    return Projector(pool, codec(), MINE)


def lived(databases: Databases, projector: Projector, *every: Life, page: int = 5_000) -> list[UUID]:
    given = list(lives(len(every), templates=[told(each) for each in every]))
    fill(databases.store, given)
    caught_up(projector, page)
    return [life[0].originator_id for life in given]


@contextmanager
def reading(databases: Databases, area: str = "cn") -> Iterator[Connection[Any]]:
    """A connection that sees what a reader of an area sees."""
    with psycopg.connect(databases.reader) as connection:
        read_as(connection, area)
        yield connection


def test_the_durations_of_a_household_are_read_as_they_were_folded(
    databases: Databases, projector: Projector
) -> None:
    story = yu_paid()
    (household,) = lived(databases, projector, story, page=3)
    with reading(databases) as connection:
        found = durations_of(connection, household, date(2021, 9, 1))
    assert [(s.stage, s.category, s.since, s.until, s.parts) for s in found] == [
        (each.stage, each.category, each.since, each.until, each.parts) for each in timed(story.events)[0]
    ]


def test_what_runs_is_shown_up_to_today_with_who_has_it(databases: Databases, projector: Projector) -> None:
    (household,) = lived(databases, projector, stories.yu_received())
    with reading(databases) as connection:
        found = durations_of(connection, household, date(2021, 7, 23))
    open_now = {each.stage: each for each in found if each.until is None}
    assert open_now.keys() == {"decide", "total", "application-money", "clue-money"}
    assert days_of(open_now["decide"].parts, calendar()) == Days(4, 4, 4)
    assert open_now["total"].parts[-1].holder == "county"


def test_the_longest_running_stand_first_wherever_one_looks(
    databases: Databases, projector: Projector
) -> None:
    started = [date(2026, 3, 2) + timedelta(days=n) for n in range(12)]
    story = [stories.on_the_road(registered(), on, until="accept") for on in started]
    lived(databases, projector, *story, stories.yu_received())
    today = date(2026, 4, 1)
    with reading(databases) as connection:
        for area in ("99", "9903", "990301", "990301100"):
            found = stuck_in(connection, area, "investigate", today, limit=5)
            assert [each.since for each in found] == started[:5]
            assert [days_of(each.parts).calendar for each in found] == [30, 29, 28, 27, 26]
        assert stuck_in(connection, "370786", "investigate", today) == []
        assert [each.since for each in stuck_in(connection, "370786", "decide", today)] == [date(2021, 7, 19)]
        assert stuck_in(connection, "99", "investigate", date(2026, 3, 1)) == []
        with pytest.raises(KeyError):
            stuck_in(connection, "990", "investigate", today)


def test_whoever_reads_for_an_area_sees_what_is_stuck_there_and_nowhere_else(
    databases: Databases, projector: Projector
) -> None:
    lived(databases, projector, accepted(date(2026, 3, 2)), stories.yu_received())
    for area, there in (("990301100", 1), ("990301", 1), ("990801", 0), ("370786", 0)):
        with reading(databases, area) as connection:
            (found,) = (stuck_in(connection, "990301", "investigate", date(2026, 4, 1)),)
            assert len(found) == there
            assert all(days_of(each.parts).calendar == 30 for each in found)


def test_a_family_that_moves_takes_what_runs_with_it(databases: Databases, projector: Projector) -> None:
    (life,) = lives(1, templates=[told(accepted(date(2026, 3, 2)))])
    household, version = life[0].originator_id, len(life) + 1
    day = date(2026, 3, 9)
    moved = HouseholdMoved(day, "990301100999", "rural", day, None, None)
    meta = Meta("w1", "990301100/township", "990301100999")
    fill(databases.store, [[*life, Envelope(household, version, moved, uuid4(), meta)]])
    caught_up(projector, 5)
    with reading(databases) as connection:
        (found,) = stuck_in(connection, "990301100999", "investigate", date(2026, 4, 1))
    assert found.household == household


def test_pages_of_any_size_leave_the_same_durations(
    databases: Databases, projector: Projector, pool: Pool
) -> None:
    templates = [told(each) for each in (yu_paid(), stories.yu_received(), stories.ling_marginal())]
    fill(databases.store, lives(30, templates=templates))
    caught_up(projector, 23)
    before = digests(databases.store, MINE)
    with psycopg.connect(databases.app) as connection:
        for projection in MINE:
            connection.execute(f"DROP SCHEMA read_{projection.name} CASCADE".encode())
            for table in ("read_model", "read_checkpoint"):
                connection.execute(f"DELETE FROM {table} WHERE projection = %s".encode(), [projection.name])
    caught_up(Projector(pool, codec(), MINE), 5_000)
    assert digests(databases.store, MINE) == before


def test_an_answered_clue_waits_for_its_application(databases: Databases, projector: Projector) -> None:
    story = registered()
    head = stories.person(story, 0)
    story = story.when(
        RaiseAlert(date(2026, 3, 2), "E-EXP-01", "RED", head),
        VerifyAlert(date(2026, 3, 3), ("w1", "w2"), True),
        FeedBackAlert(date(2026, 3, 4), "application-started"),
    )
    assert isinstance(story.events[-1], AlertFedBack)
    (household,) = lived(databases, projector, story)
    with reading(databases) as connection:
        (waiting,) = stuck_in(connection, "990301", "clue-money", date(2026, 3, 9))
    assert isinstance(waiting, Stretch)
    assert (waiting.household, waiting.parts[-1].holder) == (household, "applicant")
    assert [(part.until - part.since).days for part in waiting.parts] == [2, 5]
