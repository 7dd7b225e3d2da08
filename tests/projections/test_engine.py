"""The engine of the projections: exactly once, in few statements, one failing alone, on real PostgreSQL."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

import psycopg
import pytest
from psycopg import Connection
from psycopg_pool import ConnectionPool

from eventstore.lanes import lane_of
from projections import registry
from projections.card import Cards
from projections.chain import Chain, chain_of
from projections.dues import Dues
from projections.engine import models
from projections.engine.models import ProjectionEdited, prepare
from projections.engine.progress import Progress
from projections.engine.projection import Projection
from projections.engine.projector import Projector
from projections.engine.proof import digest_of
from tests.database import Databases
from tests.projections.conftest import Pool, caught_up
from tests.projections.lives import codec, fill, lives, many


def digests(uri: str, projections: Iterable[type[Projection]] = registry.ALL) -> dict[str, str]:
    with psycopg.connect(uri) as connection:
        return {projection.name: digest_of(connection, projection) for projection in projections}


def count(uri: str, query: str) -> int:
    with psycopg.connect(uri) as connection:
        row = connection.execute(query).fetchone()
    assert row is not None
    return int(row[0])


def statements(pool: Pool, projector: Projector, page: int) -> int:
    """How many statements the server is sent for one page, by libpq's own trace."""
    with tempfile.TemporaryFile("w+") as trace:
        with pool.connection() as connection:
            connection.pgconn.trace(trace.fileno())
        try:
            assert projector.page(page).events == page
        finally:
            with pool.connection() as connection:
                connection.pgconn.untrace()
        trace.seek(0)
        sent = [line.split("\t") for line in trace]
    return sum(parts[1] == "F" and parts[3] in ("Query", "Execute") for parts in sent if len(parts) > 3)


def test_a_page_takes_as_many_statements_for_ten_events_as_for_two_thousand(databases: Databases) -> None:
    fill(databases.store, many(9_000))
    with ConnectionPool(databases.app, min_size=1, max_size=1, open=True) as pool:
        projector = Projector(pool, codec(), registry.ALL, lanes=256)
        for _ in range(2):  # statements are prepared at their first time
            projector.page(1_500)
        many_events = [statements(pool, projector, page) for page in (2_000, 1_000)]
        few_events = [statements(pool, projector, 10) for _ in range(20)]
    # four for the page, and for each read model its savepoint, and reading and writing each of its tables
    tables = sum(len(projection.tables) for projection in registry.ALL)
    assert max(many_events) <= 4 + 2 * len(registry.ALL) + 3 * tables
    # a table that nothing touches is not asked: a small page may need less, never more
    assert max(few_events) <= max(many_events)


def test_every_event_of_a_household_becomes_one_step(databases: Databases, projector: Projector) -> None:
    given = list(lives(12))
    total = fill(databases.store, given)
    assert caught_up(projector, 50) == total
    with psycopg.connect(databases.app) as connection:
        for life in given:
            steps = chain_of(connection, life[0].originator_id)
            assert [step.version for step in steps] == [envelope.originator_version for envelope in life]


def test_pages_of_any_size_and_order_of_arrival_leave_the_same_rows(
    databases: Databases, projector: Projector
) -> None:
    given = list(lives(60))
    half = len(given) // 2
    total = fill(databases.store, given[:half])
    assert caught_up(projector, 37) == total
    fill(databases.store, given[half:], by_day=False)
    caught_up(projector, 411)
    before = digests(databases.store)
    with psycopg.connect(databases.app) as connection:
        for projection in registry.ALL:
            connection.execute(f"DROP SCHEMA read_{projection.name} CASCADE")
        connection.execute("DELETE FROM read_model")
        connection.execute("DELETE FROM read_checkpoint")
    with ConnectionPool(databases.app, min_size=1, open=True) as pool:
        caught_up(Projector(pool, codec(), registry.ALL), 5_000)
    assert digests(databases.store) == before


def test_a_digest_tells_one_changed_value(databases: Databases, projector: Projector) -> None:
    fill(databases.store, lives(2))
    caught_up(projector)
    before = digests(databases.store)
    with psycopg.connect(databases.app) as connection:
        connection.execute("UPDATE read_payments.payment SET fen = fen + 1 WHERE ctid IN"
                           " (SELECT ctid FROM read_payments.payment LIMIT 1)")  # fmt: skip
    after = digests(databases.store)
    assert {name for name in after if after[name] != before[name]} == {"payments"}


def test_rows_that_cannot_be_written_for_a_whole_table_leave_the_others_theirs(
    databases: Databases, pool: Pool, progress: Progress
) -> None:
    projector = Projector(pool, codec(), registry.ALL, patience=timedelta(0))
    fill(databases.store, lives(5))
    with psycopg.connect(databases.app) as connection:
        connection.execute("ALTER TABLE read_dues.due RENAME COLUMN missed_on TO gone_on")
    assert set(projector.page().failed) == {"dues"}
    assert count(databases.store, "SELECT count(*) FROM read_dues.due") == 0
    lag = progress.lag()
    assert lag["dues"] > 0
    assert lag["chain"] == 0
    assert {failure.position for failure in progress.failures()} == {None}
    with psycopg.connect(databases.app) as connection:
        connection.execute("ALTER TABLE read_dues.due RENAME COLUMN gone_on TO missed_on")
    caught_up(projector)
    assert progress.lag()["dues"] == 0


def test_streams_of_other_kinds_are_passed_by(
    databases: Databases, projector: Projector, progress: Progress
) -> None:
    total = fill(databases.store, lives(3))
    with psycopg.connect(databases.store) as connection:
        connection.execute("UPDATE es_event SET name = 'Dog.Registered', data = 'not ours' WHERE version = 1")
        connection.execute("DELETE FROM es_event WHERE version > 1")
        connection.execute("UPDATE es_event SET position = 1")
        connection.execute("UPDATE es_lane SET position = least(position, 1)")
    assert caught_up(projector) == 3 < total
    assert set(progress.lag().values()) == {0}


def test_lag_counts_the_events_behind_exactly(
    databases: Databases, projector: Projector, progress: Progress
) -> None:
    total = fill(databases.store, lives(20))
    assert set(progress.lag().values()) == {total}
    assert projector.page(100).events == 100
    assert set(progress.lag().values()) == {total - 100}
    caught_up(projector)
    assert progress.lag() == dict.fromkeys((each.name for each in registry.ALL), 0)


def test_who_waits_for_a_position_sees_what_was_written_there(
    databases: Databases, projector: Projector, progress: Progress
) -> None:
    life = next(lives(1))
    household, last = life[0].originator_id, len(life)
    fill(databases.store, [life])
    lane = lane_of(household)
    assert not progress.wait("chain", lane, last, timeout=0.05)
    with ThreadPoolExecutor(1) as waiter:
        waiting = waiter.submit(progress.wait, "chain", lane, last, timeout=10)
        caught_up(projector)
        assert waiting.result()
    assert progress.wait_for("dues", {lane: last, (lane + 1) % 256: 0}, timeout=0)
    assert not progress.wait("chain", lane, last + 1, timeout=0.01)


def test_a_new_version_is_built_beside_the_old_one_and_takes_its_place(
    databases: Databases, pool: Pool, progress: Progress, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(databases.store, lives(10))
    caught_up(Projector(pool, codec(), [Chain, Dues]))
    before = digests(databases.store, [Chain])
    with psycopg.connect(databases.app) as connection:
        connection.execute("UPDATE read_chain.step SET title = 'old'")
    monkeypatch.setattr(Chain, "version", Chain.version + 1)
    monkeypatch.setattr(models, "CAUGHT_UP", 0)
    projector = Projector(pool, codec(), [Chain, Dues])
    behind = progress.lag()
    assert (behind["chain"], behind["dues"]) == (0, 0)
    assert behind["chain_next"] > 0
    assert projector.building
    assert projector.switch() == []
    fill(databases.store, lives(5, seed=2))
    caught_up(projector, 100)
    assert count(databases.store, "SELECT count(*) FROM read_chain.step WHERE title <> 'old'") == 0
    assert projector.switch() == ["chain"]
    assert not projector.building
    assert count(databases.store, "SELECT count(*) FROM read_chain.step WHERE title = 'old'") == 0
    assert progress.lag() == {"chain": 0, "dues": 0}
    assert count(databases.store, "SELECT count(*) FROM pg_namespace WHERE nspname ~ '_(next|old)$'") == 0
    assert caught_up(projector) == 0
    fill(databases.store, lives(1, seed=3))
    caught_up(projector)
    assert before != digests(databases.store, [Chain])


def test_a_worker_of_the_release_before_leaves_a_newer_read_model_as_it_is(
    databases: Databases, pool: Pool, progress: Progress, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(databases.store, lives(3))
    caught_up(Projector(pool, codec(), [Chain, Dues]))
    before = digests(databases.store, [Chain])
    monkeypatch.setattr(Chain, "version", Chain.version - 1)
    old = Projector(pool, codec(), [Chain, Dues])
    assert not old.building
    assert old.switch() == []
    fill(databases.store, lives(3, seed=2))
    caught_up(old)
    # what it knows it goes on with; the other is for workers of the release that made it
    assert progress.lag()["dues"] == 0
    assert progress.lag()["chain"] > 0
    assert digests(databases.store, [Chain]) == before
    monkeypatch.undo()
    caught_up(Projector(pool, codec(), [Chain, Dues]))
    assert progress.lag() == {"chain": 0, "dues": 0}


def test_a_projection_being_built_does_not_hold_up_the_others(
    databases: Databases, pool: Pool, progress: Progress, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(databases.store, many(8_000))
    caught_up(Projector(pool, codec(), [Chain, Cards]))
    fill(databases.store, lives(5, seed=2))
    monkeypatch.setattr(Chain, "version", Chain.version + 1)
    projector = Projector(pool, codec(), [Chain, Cards], lanes=256)
    for _ in range(4):
        projector.page(1_000)
    lag = progress.lag()
    assert lag["card"] == 0
    assert lag["chain_next"] > 0


def test_tables_changed_without_a_new_version_are_refused(pool: Pool, projector: Projector) -> None:
    with pool.connection() as connection:
        connection.execute("UPDATE read_model SET sql_sha256 = 'other' WHERE projection = 'card'")
    with pool.connection() as connection, pytest.raises(ProjectionEdited, match="card"):
        prepare(connection, registry.ALL)


def test_starters_at_once_make_the_tables_once(databases: Databases) -> None:
    together = Barrier(4)

    def start(_: int) -> None:
        with psycopg.connect(databases.app) as connection:
            together.wait()
            prepare(connection, registry.ALL)

    with ThreadPoolExecutor(4) as starters:
        list(starters.map(start, range(4)))
    assert count(databases.store, "SELECT count(*) FROM read_checkpoint") == 256 * len(registry.ALL)


def test_the_reader_may_read_and_not_write(databases: Databases, projector: Projector) -> None:
    with psycopg.connect(databases.reader) as connection:
        connection.execute("SELECT FROM read_chain.step")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("DELETE FROM read_chain.step")


def test_every_key_of_a_household_has_the_lane_first(databases: Databases, projector: Projector) -> None:
    with psycopg.connect(databases.store) as connection:
        rows = connection.execute(
            "SELECT i.indexrelid::regclass::text, a.attname FROM pg_index i"
            " JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace"
            " JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]"
            " WHERE n.nspname LIKE 'read\\_%' AND i.indisunique"
            " AND EXISTS (SELECT FROM pg_attribute h WHERE h.attrelid = i.indrelid AND h.attname = 'household')"
        ).fetchall()
    assert len(rows) > len(registry.ALL)
    assert {first for _, first in rows} == {"lane"}


def test_nothing_is_kept_open_when_nothing_is_new(pool: Pool, projector: Projector) -> None:
    assert projector.page().events == 0
    with pool.connection() as connection:
        idle: Connection[Any] = connection
        assert idle.info.transaction_status == psycopg.pq.TransactionStatus.IDLE
