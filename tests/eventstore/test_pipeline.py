"""Statements sent together: one transaction, one answer, nothing done when one fails."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg_pool import PoolTimeout

from eventstore.access_records import SEEN, Access, AccessLog
from eventstore.postgres.libpq_client import (
    Broken,
    Call,
    ConnectionLost,
    Pool,
    Statement,
    run_pipeline,
    run_pipeline_async,
)
from eventstore.postgres.pools import open_pool
from tests.database import Databases

HOUSEHOLD = UUID("00000000-0000-5000-8000-000000000007")
ONE = Call(Statement("t_one", "SELECT 1"))
ECHO = Statement("t_echo", "SELECT $1::text")
SPLIT = Call(Statement("t_split", "SELECT 1 / (SELECT 0)"))
NOW = Call(Statement("t_now", "SELECT count(*) FROM es_access"))
SLOW = Call(Statement("t_slow", "SELECT pg_sleep(30)"))
WHO = Call(Statement("t_who", "SELECT current_user::text, current_setting('transaction_read_only')"))
READER = Call(Statement("t_reader", "SELECT set_config('role', 'hulian_reader', true)"))
SAY = Statement("t_say", f"SELECT set_config('{SEEN}', $1::text, true)")


@pytest.fixture
def pool(databases: Databases) -> Iterator[Pool]:
    """One connection, so that whoever asks next gets the same."""
    with open_pool(databases.app, size=1) as pool:
        pool.wait()
        yield pool


def looked(pool: Pool) -> list[Call]:
    """The record of a look, as the end of a transaction."""
    return list(AccessLog(pool).beside(Access(HOUSEHOLD, "c1", None, "audit", ("refused",))))


def records(databases: Databases) -> list[tuple[object, ...]]:
    """The records there are, for everybody to see."""
    with psycopg.connect(databases.store) as connection:
        return connection.execute("SELECT subject, actor, organ, purpose, fields FROM es_access").fetchall()


def test_each_call_gets_its_own_rows(pool: Pool) -> None:
    assert run_pipeline(pool, [ONE, Call(ECHO, ("户".encode(),)), Call(ECHO, (None,))], writes=False) == [
        [(1,)], [("户",)], [(None,)],
    ]  # fmt: skip


def test_reading_is_all_that_is_allowed_unless_asked_for(databases: Databases, pool: Pool) -> None:
    with pytest.raises(Broken) as broken:
        run_pipeline(pool, [ONE, *looked(pool)], writes=False)
    assert broken.value.call == 2
    assert isinstance(broken.value.__cause__, psycopg.errors.ReadOnlySqlTransaction)
    assert records(databases) == []


def test_the_record_says_what_the_transaction_let_see(databases: Databases, pool: Pool) -> None:
    run_pipeline(pool, [Call(SAY, (b"chain",)), *looked(pool)], writes=True)
    run_pipeline(pool, looked(pool), writes=True)
    assert records(databases) == [
        (HOUSEHOLD, "c1", None, "audit", ["chain"]),
        (HOUSEHOLD, "c1", None, "audit", ["refused"]),
    ]


def test_a_record_stands_only_if_all_was_read(databases: Databases, pool: Pool) -> None:
    with pytest.raises(Broken) as broken:
        run_pipeline(pool, [ONE, *looked(pool), SPLIT], writes=True)
    assert broken.value.call == 3
    assert records(databases) == []
    assert run_pipeline(pool, [ONE], writes=False) == [[(1,)]]


def test_a_role_taken_is_given_back(pool: Pool) -> None:
    _, as_reader, *_ = run_pipeline(pool, [READER, WHO, *looked(pool)], writes=True)
    (after,) = run_pipeline(pool, [WHO], writes=False)
    assert as_reader == [("hulian_reader", "off")]
    assert after == [("hulian_app", "on")]


def test_all_calls_read_at_one_moment(databases: Databases, pool: Pool) -> None:
    wait = Call(Statement("t_wait", "SELECT pg_sleep(0.5)"))
    found: list[list[tuple[object, ...]]] = []

    async def both() -> None:
        reading = asyncio.create_task(run_pipeline_async(pool, [NOW, wait, NOW], writes=False))
        await asyncio.sleep(0.2)
        with psycopg.connect(databases.app, autocommit=True) as other:
            other.execute(
                "SELECT es_record_access('{7}', %s, %s, '{c1}', '{o}', '{audit}', '{x}')",
                ([HOUSEHOLD], [uuid4()]),
            )
        found.extend(await reading)

    asyncio.run(both())
    assert (found[0], found[2]) == ([(0,)], [(0,)])
    assert run_pipeline(pool, [NOW], writes=False) == [[(1,)]]


def test_what_the_server_forgot_is_told_again(databases: Databases, pool: Pool) -> None:
    run_pipeline(pool, [ONE, *looked(pool)], writes=True)
    with pool.connection() as connection:
        connection.execute("DEALLOCATE ALL")
    assert run_pipeline(pool, [ONE, *looked(pool)], writes=True)[0] == [(1,)]
    assert len(records(databases)) == 2


def test_a_statement_that_cannot_be_prepared_is_the_call_that_failed(pool: Pool) -> None:
    missing = Call(Statement("t_missing", "SELECT * FROM no_such_table"))
    for _ in range(2):
        with pytest.raises(Broken) as broken:
            run_pipeline(pool, [missing], writes=False)
        assert isinstance(broken.value.__cause__, psycopg.errors.UndefinedTable)
    assert run_pipeline(pool, [ONE], writes=False) == [[(1,)]]


def test_a_connection_that_is_gone_is_replaced(databases: Databases, pool: Pool) -> None:
    run_pipeline(pool, [ONE], writes=False)
    with psycopg.connect(databases.store, autocommit=True) as other:
        other.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'hulian_app'"
            " OR (datname = current_database() AND pid <> pg_backend_pid())"
        )
    with pytest.raises(ConnectionLost):
        run_pipeline(pool, [ONE], writes=False)
    assert run_pipeline(pool, [ONE], writes=False) == [[(1,)]]


def test_on_a_loop_nobody_waits_for_a_connection(pool: Pool) -> None:
    async def asked() -> None:
        together_pool = pool.getconn()
        try:
            with pytest.raises(PoolTimeout):
                await run_pipeline_async(pool, [ONE], writes=False)
        finally:
            pool.putconn(together_pool)
        assert await run_pipeline_async(pool, [ONE], writes=False) == [[(1,)]]

    asyncio.run(asked())


def test_an_answer_nobody_waits_for_does_not_come_to_the_next(pool: Pool) -> None:
    async def given_up() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(run_pipeline_async(pool, [SLOW], writes=False), 0.2)

    asyncio.run(given_up())
    assert run_pipeline(pool, [ONE], writes=False) == [[(1,)]]
