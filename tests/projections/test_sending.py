"""Long pages: written while the next read model is being folded, and nothing is otherwise than in short ones."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import psycopg
import pytest
from psycopg import sql
from psycopg_pool import ConnectionPool

from projections import registry
from projections.engine import projector as engine
from projections.engine.columns import BIGINT, INTEGER, copy_body
from projections.engine.progress import Progress
from projections.engine.projector import Projector
from projections.engine.sending import Outbox, Write
from projections.payments import Payments
from projections.statistics import Statistics
from tests.database import Databases, TestServer
from tests.projections.conftest import Pool, caught_up
from tests.projections.lives import codec, fill, lives, many
from tests.projections.test_dead_letters import FailingPayments
from tests.projections.test_engine import count, digests

LONG = 3_000
MANY_ROWS = 200_000
COPY = Write(b"COPY thing (n, word) FROM STDIN (FORMAT binary)")


@pytest.fixture
def thing(databases: Databases) -> str:
    """A database with an empty table `thing`."""
    with psycopg.connect(databases.store) as connection:
        connection.execute("CREATE TABLE thing (n bigint PRIMARY KEY, word integer NOT NULL)")
    return databases.store


def copied(numbers: range) -> Write:
    body = copy_body([BIGINT.pack(numbers), INTEGER.pack([1] * len(numbers))])
    return Write(COPY.text, body=body)


def failing(connection: psycopg.Connection[Any], pushes: int) -> None:
    with connection.transaction(), Outbox(connection) as outbox:
        outbox.put([copied(range(MANY_ROWS)), copied(range(MANY_ROWS))])
        for _ in range(pushes):
            outbox.push()
        raise ZeroDivisionError


def test_long_pages_leave_the_rows_that_short_ones_leave(databases: Databases, server: TestServer) -> None:
    fill(databases.store, many(2 * LONG))
    with server.databases() as other:
        fill(other.store, many(2 * LONG))
        for there, page in ((databases, LONG), (other, 100)):
            assert (page >= engine._LONG) is (there is databases)
            with ConnectionPool(there.app, min_size=1, max_size=2, open=True) as pool:
                caught_up(Projector(pool, codec(), registry.ALL, lanes=256), page)
        assert digests(databases.store) == digests(other.store)


@pytest.mark.parametrize("model", [Payments, Statistics])
def test_a_poison_event_in_a_long_page_parks_its_household_alone(
    databases: Databases, pool: Pool, progress: Progress, model: type[Payments | Statistics]
) -> None:
    given = list(lives(60))
    fill(databases.store, given)
    projector = Projector(pool, codec(), registry.ALL, lanes=256, patience=timedelta(0))
    refused = given[7][0].originator_id
    # the chain is being copied in when another is refused
    table = f"read_{model.name}.{model.tables[0].name}"
    with psycopg.connect(databases.app) as connection:
        connection.execute(f"ALTER TABLE {table} ADD CHECK (household <> '{refused}')")
    assert projector.page(LONG).events >= engine._LONG
    caught_up(projector, LONG)
    assert {(each.projection, each.household) for each in progress.parked()} == {(model.name, refused)}
    assert set(progress.lag().values()) == {0}
    assert count(databases.store, "SELECT count(*) FROM read_chain.step") == sum(map(len, given))


def test_a_handler_that_fails_while_rows_are_on_their_way_parks_its_household_alone(
    databases: Databases, pool: Pool, progress: Progress, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = list(lives(60))
    fill(databases.store, given)
    monkeypatch.setattr(FailingPayments, "poison", {given[40][0].originator_id})
    monkeypatch.setattr(FailingPayments, "__module__", Payments.__module__)
    kinds = [FailingPayments if kind is Payments else kind for kind in registry.ALL]
    projector = Projector(pool, codec(), kinds, lanes=256, patience=timedelta(0))
    assert sum(map(len, given)) < 2 * LONG
    assert projector.page(2 * LONG).parked == {"payments": 1}
    caught_up(projector, LONG)
    assert [each.household for each in progress.parked()] == [given[40][0].originator_id]
    assert set(progress.lag().values()) == {0}
    assert count(databases.store, "SELECT count(*) FROM read_chain.step") == sum(map(len, given))
    FailingPayments.poison.clear()
    assert all(projector.retry(each) for each in progress.parked())
    ordered = "SELECT count(DISTINCT household) FROM read_payments.payment"
    assert count(databases.store, ordered) == len(given)


def test_what_is_put_is_written_in_order(thing: str) -> None:
    numbers = BIGINT.array([1, 2, 3])
    deletes = Write(b"DELETE FROM thing t USING unnest($1::bigint[]) AS k (n) WHERE t.n = k.n", [numbers])
    with psycopg.connect(thing) as connection:
        with Outbox(connection) as outbox:
            outbox.put([copied(range(MANY_ROWS)), deletes])
            outbox.push()
            outbox.put([copied(range(1, 3))])
        assert connection.execute("SELECT count(*), sum(n) FROM thing WHERE n < 5").fetchone() == (4, 7)


def test_the_first_refusal_is_told_and_the_connection_can_be_used_again(thing: str) -> None:
    with psycopg.connect(thing) as connection:
        with (
            pytest.raises(psycopg.errors.UniqueViolation),
            connection.transaction(),
            Outbox(connection) as outbox,
        ):
            outbox.put(
                [copied(range(MANY_ROWS)), copied(range(5, 6)), copied(range(MANY_ROWS, MANY_ROWS + 9))]
            )
        assert connection.execute("SELECT count(*) FROM thing").fetchone() == (0,)


@pytest.mark.parametrize("pushes", [0, 1, 3])
def test_a_copy_under_way_is_given_up_when_something_else_fails(thing: str, pushes: int) -> None:
    with psycopg.connect(thing) as connection:
        with pytest.raises(ZeroDivisionError):
            failing(connection, pushes)
        assert connection.execute("SELECT count(*) FROM thing").fetchone() == (0,)


def test_a_lost_connection_is_told(thing: str) -> None:
    with psycopg.connect(thing) as connection, psycopg.connect(thing, autocommit=True) as other:
        ends = sql.SQL("SELECT pg_terminate_backend({})").format(connection.info.backend_pid)
        outbox = Outbox(connection)
        outbox.put([copied(range(MANY_ROWS))])
        other.execute(ends)
        with pytest.raises(psycopg.OperationalError):
            outbox.__exit__(None, None, None)
        assert connection.broken
