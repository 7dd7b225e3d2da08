"""A read model built beside the live one: what it does without meanwhile, and that it stands complete at the end."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from psycopg import Connection

from projections import registry
from projections.card import Cards
from projections.chain import Chain
from projections.dues import Dues
from projections.engine import completing
from projections.engine.plans import sql_of
from projections.engine.progress import Progress
from projections.engine.projection import Projection
from projections.engine.projector import Projector
from tests.database import Databases
from tests.projections.conftest import Pool, caught_up
from tests.projections.lives import codec, fill, lives
from tests.projections.test_engine import count, digests

MADE = """
SELECT c.relname, 'options', coalesce(c.reloptions::text, '') FROM pg_class c
WHERE c.relnamespace = %(schema)s::text::regnamespace AND c.relkind = 'r'
UNION ALL
SELECT tablename, indexname, replace(indexdef, %(schema)s::text || '.', '') FROM pg_indexes
WHERE schemaname = %(schema)s::text
UNION ALL
SELECT c.relname, k.conname, pg_get_constraintdef(k.oid) FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
WHERE c.relnamespace = %(schema)s::text::regnamespace
UNION ALL
SELECT table_name, column_name, data_type || is_nullable FROM information_schema.columns
WHERE table_schema = %(schema)s::text
UNION ALL
SELECT table_name, grantee, privilege_type FROM information_schema.role_table_grants
WHERE table_schema = %(schema)s::text
UNION ALL
SELECT tablename, policyname, coalesce(qual, '') FROM pg_policies WHERE schemaname = %(schema)s::text
ORDER BY 1, 2, 3
"""


def made(uri: str, schema: str) -> list[tuple[str, str, str]]:
    """The tables of a schema: columns, indexes, constraints, options, grants and policies."""
    with psycopg.connect(uri) as connection:
        return connection.execute(MADE.encode(), {"schema": schema}).fetchall()


def about(lines: list[tuple[str, str, str]], word: str) -> set[str]:
    """Of which tables or indexes something is told that contains a word."""
    return {name if name != "options" else table for table, name, told in lines if word in told}


@contextmanager
def later(*projections: type[Projection]) -> Iterator[None]:
    """The next version of each, as the next release brings it."""
    with pytest.MonkeyPatch.context() as patch:
        for one in projections:
            patch.setattr(one, "version", one.version + 1)
        yield


@contextmanager
def completing_held_up(
    databases: Databases, projection: type[Projection], table: str
) -> Iterator[Future[bool]]:
    """Somebody who completes a projection, and waits for a lock on one of its tables until the block ends."""
    with (
        psycopg.connect(databases.store) as holder,
        psycopg.connect(databases.app, autocommit=True) as connection,
        ThreadPoolExecutor(1) as thread,
    ):
        holder.execute(f"LOCK TABLE read_{projection.name}_next.{table} IN ROW EXCLUSIVE MODE".encode())
        doing = thread.submit(completing.complete, connection, projection)
        waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE 'CREATE INDEX%'"
        while not count(databases.store, waits):
            assert not doing.done()
        try:
            yield doing
        finally:
            holder.rollback()


@pytest.mark.parametrize("projection", registry.ALL, ids=lambda each: each.name)
def test_what_is_built_beside_the_live_one_ends_as_if_it_had_been_made_whole(
    databases: Databases, pool: Pool, projection: type[Projection]
) -> None:
    fill(databases.store, lives(12))
    caught_up(Projector(pool, codec(), [projection]))
    schema = f"read_{projection.name}"
    whole, rows = made(databases.store, schema), digests(databases.store, [projection])
    with later(projection):
        projector = Projector(pool, codec(), [projection])
        bare = made(databases.store, f"{schema}_next")
        names = {table.name for table in projection.tables}
        assert names <= about(bare, "autovacuum_enabled=false")
        assert about(bare, "CREATE INDEX") == set()
        unkeyed = {table.name for table in projection.tables if table.log}
        keyed = {table for table, name, told in bare if told.startswith("PRIMARY KEY")}
        assert (keyed & names, names - keyed) == (names - unkeyed, unkeyed)
        caught_up(projector)
        assert made(databases.store, f"{schema}_next") == bare
        assert projector.switch() == [projection.name]
    assert made(databases.store, schema) == whole
    assert digests(databases.store, [projection]) == rows
    tables = f"FROM pg_class WHERE relnamespace = '{schema}'::regnamespace AND relkind = 'r'"
    assert count(databases.store, f"SELECT count(*) {tables} AND reltuples < 0") == 0, "not analysed"


def test_meanwhile_others_neither_wait_nor_complete_it_a_second_time(
    databases: Databases, pool: Pool, progress: Progress
) -> None:
    fill(databases.store, lives(5))
    caught_up(Projector(pool, codec(), [Cards, Dues]))
    with later(Cards):
        other = Projector(pool, codec(), [Cards, Dues])
        caught_up(other)
        with completing_held_up(databases, Cards, "card") as doing:
            fill(databases.store, lives(2, seed=2))
            assert other.switch() == []
            assert caught_up(other) > 0
            lag = progress.lag()
            assert (lag["dues"], lag["card_next"] > 0) == (0, True)
            assert not doing.done()
        assert doing.result(timeout=30)
        assert other.switch() == ["card"]
        caught_up(other)
    assert progress.lag() == {"card": 0, "dues": 0}
    assert len(about(made(databases.store, "read_card"), "CREATE INDEX")) == 7


def test_who_is_killed_while_completing_leaves_it_to_the_next(databases: Databases, pool: Pool) -> None:
    fill(databases.store, lives(5))
    caught_up(Projector(pool, codec(), [Cards]))
    whole = made(databases.store, "read_card")
    with later(Cards):
        projector = Projector(pool, codec(), [Cards])
        caught_up(projector)
        bare = made(databases.store, "read_card_next")
        with completing_held_up(databases, Cards, "card") as doing:
            count(
                databases.store,
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE query LIKE 'CREATE INDEX%'",
            )
            with pytest.raises(psycopg.OperationalError):
                doing.result(timeout=30)
        assert made(databases.store, "read_card_next") == bare
        assert projector.switch() == ["card"]
    assert made(databases.store, "read_card") == whole


def test_a_log_that_says_something_twice_is_told_and_holds_up_nobody(
    databases: Databases, pool: Pool, progress: Progress
) -> None:
    fill(databases.store, lives(5))
    caught_up(Projector(pool, codec(), [Chain, Dues]))
    with later(Chain, Dues):
        projector = Projector(pool, codec(), [Chain, Dues], patience=timedelta(0))
        patient = Projector(pool, codec(), [Chain])
        caught_up(projector)
        twice = "INSERT INTO read_chain_next.step SELECT * FROM read_chain_next.step LIMIT 1"
        change(databases.app, twice)
        assert patient.switch() == []
        assert projector.switch() == ["dues"]
        told = (
            "FROM read_checkpoint WHERE projection = 'chain' AND NOT live AND error LIKE 'UniqueViolation: %'"
        )
        assert count(databases.store, f"SELECT count(*) {told}") == 256
        fill(databases.store, lives(2, seed=2))
        caught_up(projector)
        assert (progress.lag()["chain_next"], progress.lag()["dues"]) == (0, 0)
        ours = "DELETE FROM read_chain_next.step a USING read_chain_next.step b"
        change(
            databases.app,
            f"{ours} WHERE a.household = b.household AND a.version = b.version AND a.ctid > b.ctid",
        )
        assert patient.switch() == [], "it waits for its patience"
        assert projector.switch() == ["chain"]
    failed = "SELECT count(*) FROM read_checkpoint WHERE error IS NOT NULL"
    caught_up(Projector(pool, codec(), [Chain, Dues]))
    assert count(databases.store, failed) == 0


def test_one_that_a_release_before_made_whole_is_complete(
    databases: Databases, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def whole(connection: Connection[Any], projection: type[Projection]) -> None:
        connection.execute(sql_of(projection).encode())

    fill(databases.store, lives(5))
    caught_up(Projector(pool, codec(), [Cards]))
    monkeypatch.setattr(completing, "begin", whole)
    with later(Cards):
        projector = Projector(pool, codec(), [Cards])
        caught_up(projector)
        assert projector.switch() == ["card"]
    assert len(about(made(databases.store, "read_card"), "CREATE INDEX")) == 7


def change(uri: str, statement: str) -> None:
    with psycopg.connect(uri) as connection:
        assert connection.execute(statement.encode()).rowcount == 1
