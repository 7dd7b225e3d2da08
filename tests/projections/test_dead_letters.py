"""A household that a projection cannot take in waits alone, and is taken in when tried again."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, ClassVar
from uuid import UUID

import psycopg
import pytest

from domain.aid.payments import AidDelivered
from eventstore.lanes import lane_of
from projections import registry
from projections.chain import Chain
from projections.engine import dead_letters as parking
from projections.engine import models
from projections.engine.fact import Fact
from projections.engine.progress import Progress
from projections.engine.projector import Projector
from projections.payments import Payments
from tests.database import Databases
from tests.projections.conftest import Pool, caught_up
from tests.projections.lives import codec, fill, lives
from tests.projections.test_engine import count, digests


class FailingPayments(Payments):
    """Refuses what the test tells it to."""

    poison: ClassVar[set[Any]] = set()

    def on(self, fact: Fact) -> None:
        if fact.household in self.poison and isinstance(fact.event, AidDelivered):
            raise ZeroDivisionError("poison")
        super().on(fact)


@pytest.fixture
def failing(pool: Pool) -> Iterator[Projector]:
    """A projector whose payments refuse the households in `FailingPayments.poison`."""
    kinds = [FailingPayments if kind is Payments else kind for kind in registry.ALL]
    FailingPayments.__module__ = Payments.__module__  # its .sql stands there
    yield Projector(pool, codec(), kinds, patience=timedelta(0))
    FailingPayments.poison = set()


def settled(uri: str, household: UUID) -> int:
    return count(
        uri,
        f"SELECT count(*) FROM read_payments.payment WHERE household = '{household}' AND answered_on IS NOT NULL",
    )


def test_a_poison_event_parks_its_household_for_its_projection_and_nobody_else(
    databases: Databases, failing: Projector, progress: Progress
) -> None:
    given = list(lives(40))
    fill(databases.store, given)
    poisoned = given[7][0].originator_id
    FailingPayments.poison = {poisoned}
    parked = 0
    while (page := failing.page(300)).events:
        parked += page.parked.get("payments", 0)
    assert parked == 1
    assert set(progress.lag().values()) == {0}
    assert progress.failures() == []
    (waiting,) = progress.parked()
    assert (waiting.projection, waiting.lane, waiting.household, waiting.error, waiting.attempts) == (
        "payments",
        lane_of(poisoned),
        poisoned,
        "ZeroDivisionError: poison",
        1,
    )
    assert settled(databases.store, poisoned) == 0
    assert all(settled(databases.store, life[0].originator_id) for life in given if life is not given[7])


def test_later_events_of_a_parked_household_wait_with_it(
    databases: Databases, failing: Projector, progress: Progress
) -> None:
    (life,) = lives(1)
    poisoned = life[0].originator_id
    FailingPayments.poison = {poisoned}
    first = next(n for n, each in enumerate(life) if isinstance(each.event, AidDelivered))
    fill(databases.store, [life])
    assert failing.page(first + 1).parked == {"payments": 1}
    FailingPayments.poison = set()
    before = count(databases.store, "SELECT count(*) FROM read_payments.payment")
    caught_up(failing)
    assert count(databases.store, "SELECT count(*) FROM read_payments.payment") == before
    (waiting,) = progress.parked()
    assert waiting.position == first + 1
    assert failing.retry(waiting)
    assert progress.parked() == []


def test_a_household_tried_again_ends_as_if_it_had_never_waited(
    databases: Databases, failing: Projector, progress: Progress, pool: Pool
) -> None:
    given = list(lives(20))
    fill(databases.store, given)
    FailingPayments.poison = {given[3][0].originator_id, given[11][0].originator_id}
    caught_up(failing, 200)
    waiting = progress.parked()
    assert len(waiting) == 2
    assert not any(failing.retry(each) for each in waiting)
    assert [each.attempts for each in progress.parked()] == [2, 2]
    FailingPayments.poison = set()
    assert all(failing.retry(each) for each in progress.parked())
    assert failing.retry(waiting[0])  # by now there is nothing to try
    assert progress.parked() == []
    there = digests(databases.store)
    with psycopg.connect(databases.app) as connection:
        for projection in registry.ALL:
            connection.execute(f"DROP SCHEMA read_{projection.name} CASCADE")
        connection.execute("DELETE FROM read_model")
        connection.execute("DELETE FROM read_checkpoint")
    caught_up(Projector(pool, codec(), registry.ALL))
    assert digests(databases.store) == there


def test_rows_the_database_will_not_have_park_only_their_household(
    databases: Databases, pool: Pool, progress: Progress
) -> None:
    given = list(lives(25))
    fill(databases.store, given)
    refused = given[9][0].originator_id
    projector = Projector(pool, codec(), registry.ALL, patience=timedelta(0))
    with psycopg.connect(databases.app) as connection:
        connection.execute(f"ALTER TABLE read_dues.due ADD CHECK (household <> '{refused}')")
    caught_up(projector)
    assert {(each.projection, each.household) for each in progress.parked()} == {("dues", refused)}
    assert set(progress.lag().values()) == {0}
    with psycopg.connect(databases.app) as connection:
        connection.execute("ALTER TABLE read_dues.due DROP CONSTRAINT due_household_check")
    (waiting,) = progress.parked()
    assert projector.retry(waiting)
    households = "SELECT count(DISTINCT household) FROM read_dues.due"
    assert count(databases.store, households) == len(given)


def test_an_event_nobody_knows_parks_its_household_everywhere_and_no_other(
    databases: Databases, pool: Pool, progress: Progress
) -> None:
    given = list(lives(30))
    total = fill(databases.store, given)
    stream = given[3][0].originator_id
    renamed = "UPDATE es_event SET name = %s WHERE stream_id = %s AND version = 5"
    with psycopg.connect(databases.store) as connection:
        connection.execute(renamed, ["household.not-yet-known.1", stream])
    projector = Projector(pool, codec(), registry.ALL, patience=timedelta(0))
    caught_up(projector, 100)
    assert set(progress.lag().values()) == {0}
    assert {(each.projection, each.household) for each in progress.parked()} == {
        (projection.name, stream) for projection in registry.ALL
    }
    assert count(databases.store, "SELECT count(*) FROM read_chain.step") == total - len(given[3]) + 4
    with psycopg.connect(databases.store) as connection:
        connection.execute(renamed, [codec().name_of(type(given[3][4].event)), stream])
    assert all(projector.retry(each) for each in progress.parked())
    assert count(databases.store, "SELECT count(*) FROM read_chain.step") == total


def test_a_projection_that_cannot_take_in_anybody_waits_itself_and_parks_nobody(
    databases: Databases, failing: Projector, progress: Progress, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parking, "LIMIT", 6)
    given = list(lives(8))
    fill(databases.store, given)
    FailingPayments.poison = {life[0].originator_id for life in given}
    assert set(failing.page().failed) == {"payments"}
    assert progress.parked() == []
    assert progress.lag()["payments"] > 0
    assert progress.lag()["chain"] == 0
    assert {failure.error for failure in progress.failures()} == {"ZeroDivisionError: poison"}
    FailingPayments.poison = set()
    caught_up(failing)
    assert set(progress.lag().values()) == {0}
    assert progress.failures() == []


def test_a_new_version_begins_with_nobody_parked(
    databases: Databases, pool: Pool, progress: Progress, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = list(lives(6))
    fill(databases.store, given)
    broken = given[2][0].originator_id
    with psycopg.connect(databases.app) as connection:
        models.prepare(connection, [Chain])
        connection.execute(f"ALTER TABLE read_chain.step ADD CHECK (household <> '{broken}')")
    caught_up(Projector(pool, codec(), [Chain]))
    assert [each.household for each in progress.parked()] == [broken]
    monkeypatch.setattr(Chain, "version", Chain.version + 1)
    mended = Projector(pool, codec(), [Chain])
    caught_up(mended)
    assert mended.switch() == ["chain"]
    assert progress.parked() == []
    assert count(databases.store, "SELECT count(*) FROM read_parked") == 0
