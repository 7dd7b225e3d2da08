"""The schema can be spread over servers by lanes: nothing in it rests on what only one server can give."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import Connection
from psycopg_pool import ConnectionPool

from migrations.distribution import DELEGATED, OF_ONE_LANE, REFERENCE, Fault, distribute, faults, said_wrong
from projections import registry
from projections.engine.plans import sql_of
from projections.engine.projector import Projector
from tests.database import Databases, TestServer
from tests.projections.lives import codec

ROOT = Path(__file__).parents[2]
SPOKEN = re.compile(
    r"^\s*(WITH|SELECT|INSERT|UPDATE|DELETE|CREATE|MERGE|LOCK|NOTIFY|LISTEN)\b", re.IGNORECASE
)
READS = re.compile(
    r"\b(?:FROM|JOIN|INTO|UPDATE)\s+(?:public\.)?(es_[a-z_]+|read_checkpoint|read_parked)\b(?!\s*\()"
)
OVER_ALL_LANES = {
    "bootstrap/": "what an operator asks or does, of the whole store",
    "migrations/": "the schema itself",
    "eventstore/sealing/": "verification and checkpoints go through lane after lane",
    "eventstore/keys/reindexing.py": "another index key is for every entry",
    "projections/engine/completing.py": "a read model is completed as a whole",
    "projections/engine/models.py": "a read model is begun, switched and dropped as a whole",
    "projections/engine/dead_letters.py": "how many are parked in all, asked when one is",
    "projections/gauges.py": "figures of operation",
    "projections/merging.py": "figures are merged over all lanes at a cut",
}
"""Who may speak of all lanes at once, and why; nobody waits for it within a command or a page."""


@pytest.fixture(scope="module")
def with_read_models(server: TestServer) -> Iterator[Databases]:
    """A store with all its read models, for all tests here: none leaves anything behind."""
    with server.databases() as databases:
        with ConnectionPool(databases.app, min_size=0, max_size=2, open=True) as pool:
            Projector(pool, codec(), registry.ALL)
        yield databases


@pytest.fixture
def whole(with_read_models: Databases) -> Iterator[Connection[Any]]:
    """A transaction of the server's owner, rolled back at the end."""
    with psycopg.connect(with_read_models.store) as connection:
        yield connection
        connection.rollback()


def test_the_migrated_schema_with_all_read_models_can_be_spread(whole: Connection[Any]) -> None:
    assert faults(whole) == []
    tables = {row[0] for row in whole.execute("SELECT schemaname || '.' || tablename FROM pg_tables")}
    # a reason for a table there is not would hide the next of that name
    assert REFERENCE.keys() <= tables
    assert len([table for table in tables if table.startswith("read_")]) > 15


@pytest.mark.parametrize(
    ("planted", "where", "why"),
    [
        ("CREATE TABLE t (id uuid PRIMARY KEY)", "public.t", "没有 lane 列"),
        ("CREATE TABLE t (lane integer, id uuid, PRIMARY KEY (lane, id))", "public.t", "smallint"),
        ("CREATE TABLE t (lane smallint NOT NULL, id uuid)", "public.t", "没有主键"),
        ("CREATE TABLE t (lane smallint, id uuid, PRIMARY KEY (id, lane))", "public.t: t_pkey", "lane 开头"),
        ("CREATE UNIQUE INDEX u ON es_event (event_id)", "public.es_event: u", "lane 开头"),
        ("CREATE UNIQUE INDEX u ON es_event ((md5(name)), lane)", "public.es_event: u", "lane 开头"),
        ("CREATE SEQUENCE s", "public.s", "序列"),
        ("ALTER TABLE es_claim ADD n bigint GENERATED ALWAYS AS IDENTITY", "public.es_claim.n", "自增"),
        ("ALTER TABLE es_claim ADD n text GENERATED ALWAYS AS (kind) STORED", "public.es_claim.n", "生成列"),
        ("CREATE MATERIALIZED VIEW v AS SELECT 1 AS one", "public.v", "物化视图"),
        (
            "CREATE TABLE t (lane smallint, id uuid, PRIMARY KEY (lane, id)) PARTITION BY LIST (lane)",
            "public.t",
            "分区表",
        ),
        (
            "CREATE TABLE t (lane smallint, id uuid, other smallint, oid uuid, PRIMARY KEY (lane, id),"
            " FOREIGN KEY (other, oid) REFERENCES es_stream (lane, stream_id))",
            "t: t_other_oid_fkey",
            "外键",
        ),
        (
            "CREATE TRIGGER g BEFORE UPDATE ON es_event FOR EACH ROW"
            " EXECUTE FUNCTION suppress_redundant_updates_trigger()",
            "es_event: g",
            "触发器",
        ),
        ("CREATE RULE r AS ON DELETE TO es_event DO INSTEAD NOTHING", "es_event: r", "规则"),
        (
            "CREATE FUNCTION f() RETURNS void LANGUAGE sql SECURITY DEFINER AS 'SELECT'",
            "f()",
            "search_path",
        ),
        (
            "CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS 'BEGIN PERFORM pg_advisory_lock(1); END'",
            "f()",
            "咨询锁",
        ),
    ],
)
def test_what_could_not_be_spread_is_named(
    whole: Connection[Any], planted: str, where: str, why: str
) -> None:
    whole.execute(planted.encode())
    found = faults(whole)
    assert [fault for fault in found if fault.where == where and why in fault.why], found


@pytest.mark.parametrize(
    "text",
    [
        "SELECT nextval('numbers')",
        "SELECT pg_try_advisory_xact_lock(7)",
        "NOTIFY events",
        "SELECT pg_notify('events', 'x')",
        "LOCK TABLE es_event IN EXCLUSIVE MODE",
        "SELECT pg_current_xact_id()",
        "SELECT txid_current()",
        "SELECT pg_snapshot_xmin(pg_current_snapshot())",
        "SELECT * FROM t WHERE xmin = 1",
        "MERGE INTO t USING u ON t.id = u.id WHEN MATCHED THEN DELETE",
        "INSERT INTO t VALUES (1) ON CONFLICT (id) DO UPDATE SET at = now()",
        "SELECT 1 WHERE EXISTS (SELECT FROM t)",
    ],
)
def test_what_only_one_server_can_give_is_not_said(text: str) -> None:
    assert said_wrong(text)
    assert not said_wrong("-- " + text)


def test_no_statement_of_the_program_says_what_only_one_server_can_give() -> None:
    spoken = dict(statements())
    assert len(spoken) > 150
    assert {where: said_wrong(text) for where, text in spoken.items() if said_wrong(text)} == {}


def test_every_statement_over_a_table_of_lanes_says_which_lane() -> None:
    lost = {
        where: text
        for where, text in statements()
        if not where.startswith(tuple(OVER_ALL_LANES))
        and any(f"public.{table}" not in REFERENCE for table in READS.findall(text))
        and "lane" not in text
    }
    assert lost == {}


FUNCTIONS = {
    name
    for file in sorted((ROOT / "migrations").rglob("*.sql"))
    for name in re.findall(r"CREATE FUNCTION (\w+)", file.read_text("utf-8"))
} - {"es_json"}
CALLED = re.compile(rf"(?<!FUNCTION )\b(?:{'|'.join(sorted(FUNCTIONS))})\s*\(")
ROW_LOCK = re.compile(r"\bFOR\s+(?:NO\s+KEY\s+|KEY\s+)?(?:UPDATE|SHARE)\b", re.IGNORECASE)
ONE_LANE = re.compile(r"\blane\s*=\s*(?:\$\d+|%[sb]|[prv]_lane\b|r\.lane\b|\d+)")
TIME_IN_WRITE = re.compile(
    r"\b(?:INSERT\s+INTO|(?<!FOR )UPDATE|DELETE\s+FROM)\b.*"
    r"\b(?:(?:now|clock_timestamp|statement_timestamp|transaction_timestamp)\s*\(|current_timestamp\b)",
    re.IGNORECASE | re.DOTALL,
)


def asks_a_function_over_a_table(statement: str) -> bool:
    return bool(OF_LANES.search(statement) and CALLED.search(statement))


def locks_rows_of_several_lanes(statement: str) -> bool:
    return bool(ROW_LOCK.search(statement) and OF_LANES.search(statement) and not ONE_LANE.search(statement))


def takes_the_time_in_a_write(statement: str) -> bool:
    return bool(TIME_IN_WRITE.search(statement))


OF_LANES = re.compile(
    r"\b(?:FROM|JOIN|INTO|UPDATE)\s+(?:public\.)?"
    r"(?:es_(?:lane|stream|event|command|claim|index|access|erasure|attachment|counter|number|seal|seal_node)"
    r"|read_checkpoint|read_parked)\b"
)
KEYS = "the keys database stays on a server of its own"
KINDS: dict[Callable[[str], bool], dict[str, str]] = {
    asks_a_function_over_a_table: {},
    locks_rows_of_several_lanes: {
        "projections/engine/reading.py": "a page claims whatever lanes are free; on Citus it needs a form of its own",
        "eventstore/keys/reindexing.py": "entries are carried over to where the new blind value lies",
        "bootstrap/cli/projections.py": "what an operator does, of a whole read model",
    },
    takes_the_time_in_a_write: {
        "eventstore/keys/": KEYS,
        "bootstrap/cli/keys/": KEYS,
    },
}
"""What a spread table refuses, as far as the text of a statement shows it; where it stands all the same, and why."""


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_no_statement_says_what_a_spread_table_refuses(kind: Callable[[str], bool]) -> None:
    found: dict[str, str] = {}
    for where, text in statements():
        for statement in re.sub(r"--[^\n]*", "", text).split(";"):
            if kind(statement):
                found[where] = statement
    excepted = {name: [where for where in found if where.startswith(name)] for name in KINDS[kind]}
    # an exception for nothing would hide the next of that place
    assert [name for name, hidden in excepted.items() if not hidden] == []
    assert {where: text for where, text in found.items() if not where.startswith(tuple(KINDS[kind]))} == {}


@pytest.mark.parametrize(
    ("kind", "statement"),
    [
        (asks_a_function_over_a_table, "SELECT a.* FROM es_command c CROSS JOIN LATERAL es_answer(c.lane) a"),
        (asks_a_function_over_a_table, "SELECT es_refuse(s.lane, s.stream_id, 1) FROM es_stream s"),
        (
            locks_rows_of_several_lanes,
            "SELECT 1 FROM read_checkpoint WHERE projection = %s ORDER BY lane FOR UPDATE",
        ),
        (
            locks_rows_of_several_lanes,
            "SELECT 1 FROM es_lane l WHERE l.lane = ANY (p_lanes) FOR UPDATE SKIP LOCKED",
        ),
        (takes_the_time_in_a_write, "UPDATE es_erasure SET done_at = clock_timestamp() WHERE lane = p_lane"),
        (takes_the_time_in_a_write, "INSERT INTO es_access SELECT u.lane, now() FROM unnest($1) AS u (lane)"),
    ],
)
def test_what_a_spread_table_refuses_is_seen(kind: Callable[[str], bool], statement: str) -> None:
    assert kind(statement)


def statements() -> Iterator[tuple[str, str]]:
    """Every piece of SQL the program sends or is made of: strings of its modules, its SQL files, tables."""
    packages = ("eventstore", "projections", "application", "api", "workers", "bootstrap", "migrations")
    for package in packages:
        for file in sorted((ROOT / package).rglob("*.py")):
            where = str(file.relative_to(ROOT))
            for node in ast.walk(ast.parse(file.read_text("utf-8"))):
                text = written(node)
                if text is not None and SPOKEN.match(text):
                    yield f"{where}:{getattr(node, 'lineno', 0)}", text
        for file in sorted((ROOT / package).rglob("*.sql")):
            yield str(file.relative_to(ROOT)), file.read_text("utf-8")
    for projection in registry.ALL:
        yield f"tables of {projection.name}", sql_of(projection)


def written(node: ast.AST) -> str | None:
    """The text of a string as it stands in the module, with what is filled in left out."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else " " for part in node.values)
    return None


STANDING_IN = """
CREATE TABLE pg_temp.said (call text, of text, lane text, shards integer, beside text);
CREATE FUNCTION public.create_reference_table(t regclass) RETURNS void LANGUAGE sql
    AS $$ INSERT INTO pg_temp.said VALUES ('reference', t::text, NULL, NULL, NULL) $$;
CREATE FUNCTION public.create_distributed_table(
    t regclass, c text, shard_count integer DEFAULT NULL, colocate_with text DEFAULT NULL) RETURNS void
    LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = t AND attname = c) THEN
        RAISE EXCEPTION '% has no %', t, c;
    END IF;
    IF EXISTS (SELECT FROM pg_index i WHERE i.indrelid = t AND i.indisunique AND NOT EXISTS (
               SELECT FROM pg_attribute a WHERE a.attrelid = t AND a.attname = c AND a.attnum = ANY (i.indkey))) THEN
        RAISE EXCEPTION 'creating unique indexes on non-partition columns is currently unsupported';
    END IF;
    PERFORM colocate_with::regclass WHERE colocate_with <> 'none';
    INSERT INTO pg_temp.said VALUES ('distributed', t::text, c, shard_count, colocate_with);
END $$;
CREATE FUNCTION public.create_distributed_function(
    f regprocedure, a text, colocate_with text DEFAULT NULL, force_delegation boolean DEFAULT NULL) RETURNS void
    LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_proc p WHERE p.oid = f AND a = ANY (p.proargnames[1:p.pronargs])) THEN
        RAISE EXCEPTION '% has no argument %', f, a;
    END IF;
    INSERT INTO pg_temp.said VALUES ('function', f::regproc::text, a, NULL, colocate_with);
END $$;
CREATE FUNCTION public.truncate_local_data_after_distributing_table(t regclass) RETURNS void
    LANGUAGE sql AS $$ INSERT INTO pg_temp.said VALUES ('truncate', t::text, NULL, NULL, NULL) $$;
"""


def test_what_is_printed_for_citus_spreads_every_table_once(whole: Connection[Any]) -> None:
    # Citus itself is not at hand: what it is told is heard by functions of the same form, with its refusals.
    tables = {
        row[0]
        for row in whole.execute(
            "SELECT oid::regclass::text FROM pg_class WHERE relkind = 'r'"
            " AND relnamespace::regnamespace::text !~ '^(pg_|information_schema)'"
        )
    }
    printed = distribute(whole, shards=64)
    whole.execute(STANDING_IN)
    whole.execute(printed.encode())
    said = whole.execute("SELECT call, of, lane, shards, beside FROM pg_temp.said").fetchall()
    spread = [of for call, of, *_ in said if call in ("reference", "distributed")]
    assert sorted(spread) == sorted(tables)
    assert {of for call, of, *_ in said if call == "reference"} == {
        name.removeprefix("public.") for name in REFERENCE
    }
    assert next(row for row in said if row[0] == "distributed") == (
        "distributed",
        "es_lane",
        "lane",
        64,
        "none",
    )
    assert {row[4] for row in said if row[0] == "distributed"} == {"none", "public.es_lane"}
    assert {of for call, of, *_ in said if call == "function"} == set(DELEGATED)


def test_a_function_that_is_held_to_its_lane_names_no_other_lane(whole: Connection[Any]) -> None:
    # such a function that reaches for another shard is refused by Citus
    bodies = whole.execute(
        "SELECT proname, prosrc FROM pg_proc WHERE proname = ANY (%s)", (list(OF_ONE_LANE),)
    )
    for name, body in bodies.fetchall():
        lanes = re.findall(r"\blane = (\w+)", body)
        assert lanes, name
        assert set(lanes) == {"p_lane"}, name
        assert not re.search(r"es_(claim|index|take_claims|change_index)\b", body), name


def test_a_fault_is_a_sentence() -> None:
    assert str(Fault("public.t", "没有主键")) == "public.t: 没有主键"
