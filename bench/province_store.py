"""What the province rows stand on: a sample province, its lists copied to a million households, many intervals."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psycopg

from bench.rows import AuditFailed, Extent, Sample
from bench.server import BenchServer
from bootstrap.addresses import Addresses
from bootstrap.cli.sample.province import fill, project, province_of
from bootstrap.settings import load_settings
from bootstrap.trial_store import trial_in
from bootstrap.wiring import Installation, database, opened
from domain.clock.stages import STAGES
from samples.province import Wish
from samples.province_places import COUNTIES_A_CITY, HOUSEHOLDS_A_COUNTY

PREPARED: Final = "BENCH_PROVINCE"
"""The environment variable that names the home of a sample province to be read instead of making one."""
PROCESSES: Final = 2
EVENTS_A_HOUSEHOLD: Final = 12

_FIRST_CITY: Final = 10
_LISTED: Final = (
    "read_card.card",
    "read_card.category",
    "read_card.label",
    "read_card.benefit",
    "read_work_list.duty",
)
_COLUMNS: Final = """
SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum
"""
_INDEXES: Final = """
SELECT format('%%I.%%I', schemaname, indexname), indexdef FROM pg_indexes
WHERE format('%%s.%%s', schemaname, tablename) = %s AND indexname NOT LIKE '%%\\_pkey'
"""
# a lane's intervals lie at the positions it has, some at each; no two events of the sample have such numbers
_INTERVALS: Final = """
INSERT INTO read_durations.finished (
    lane, position, n, household, version, subject, stage, category, region, holder, stop, since, until, ended)
SELECT i %% 256, 1 + (i / 256) %% h.position, 1000 + (i / 256 / h.position)::integer, gen_random_uuid(), 1,
       gen_random_uuid(), (%(stages)s::text[])[1 + (i %% cardinality(%(stages)s::text[]))::integer],
       (ARRAY['DIBAO', 'TEKUN', 'MARGINAL', 'RIGID'])[1 + ((i / 7) %% 4)::integer],
       (%(villages)s::text[])[1 + ((i / 3) %% cardinality(%(villages)s::text[]))::integer], 'county', NULL,
       e.ended - e.days, e.ended, e.ended
FROM generate_series(0::bigint, %(count)s - 1) AS i
CROSS JOIN LATERAL (SELECT position FROM es_lane WHERE lane = i %% 256 AND position > 0) AS h
CROSS JOIN LATERAL (SELECT DATE '2026-10-31' - (i %% 700)::integer AS ended,
                           ((i * 7919) %% 45)::integer + ((i * 104729) %% 17)::integer AS days) AS e
"""


@dataclass(slots=True)
class Ground:
    """A province to be read: its installation, how many households its lists hold, where they live.

    `filled` and `projected` say how quickly it was made, None for one that was there; `copies` how often each
    row of the lists is there. `registered` are the villages that are no copies.
    """

    installation: Installation
    superuser: str
    households: int
    events: int
    copies: int
    villages: list[str]
    registered: list[str]
    officers: list[str]
    filled: Sample | None = None
    projected: Sample | None = None


@contextmanager
def ground(server: BenchServer, extent: Extent) -> Iterator[Ground]:
    """The province of the environment's home, or one made here with its lists copied."""
    home = os.environ.get(PREPARED)
    if home:
        settings = load_settings(home=Path(home))
        with (
            database(settings) as where,
            opened(where, settings.key_directory, pool_size=2) as installation,
        ):
            yield _ground(installation, where.store_owner, 1)
        return
    store, keys = (server.database(f"bench_province{part}") for part in ("", "_keys"))
    directory = server.home / "bench_province" / "keys"
    households = extent.few(40_000, quick=400)
    wanted = extent.few(1_000_000, quick=1_200)
    try:
        with trial_in(Addresses(store, keys, store, keys), directory) as installation:
            filled, projected = _made(server, installation, directory, households)
            copies = wanted // households
            _copied(store, households, copies)
            server.checkpoint()
            made = _ground(installation, store, copies)
            made.filled, made.projected = filled, projected
            yield made
    finally:
        server.drop("bench_province", "bench_province_keys")


def intervals(ground: Ground, count: int) -> int:
    """Put so many finished stretches straight into their table; how many it holds then."""
    stages = [code for code in STAGES if not STAGES[code].whole]
    with psycopg.connect(ground.superuser, autocommit=True) as connection:
        connection.execute("SET synchronous_commit = off")
        connection.execute(_INTERVALS, {"count": count, "stages": stages, "villages": ground.registered})
        connection.execute("VACUUM ANALYZE read_durations.finished")
        (there,) = connection.execute("SELECT count(*) FROM read_durations.finished").fetchone() or (0,)
    return int(there)


def _made(
    server: BenchServer, installation: Installation, keys: Path, households: int
) -> tuple[Sample, Sample]:
    wish = Wish(households, households * EVENTS_A_HOUSEHOLD, 1)
    province = province_of(installation, wish)
    used, own = server.cpu(), _children()

    def seen(done: int, total: int) -> None:
        server.cpu()  # of a process of the server that has ended only what was seen of it is known

    filled = fill(installation, keys, province, PROCESSES, seen)
    if filled.events != province.events:
        raise AuditFailed(f"{province.events} events to be written, {filled.events} said to be new")
    events = Sample(filled.events, filled.seconds, _children() - own, server.cpu() - used)
    with psycopg.connect(installation.addresses.store_owner, autocommit=True) as connection:
        connection.execute("VACUUM (ANALYZE) es_event")
        (there,) = connection.execute(
            "SELECT count(*) FROM es_event WHERE name LIKE 'household.%'"
        ).fetchone() or (0,)
    if there != filled.events:
        raise AuditFailed(f"{filled.events} events claimed, {there} in the database")
    used, own = server.cpu(), _children()
    seconds = project(installation, keys, PROCESSES, seen)
    return events, Sample(filled.events, seconds, _children() - own, server.cpu() - used)


def _copied(superuser: str, households: int, copies: int) -> None:
    """Copy the rows the lists read, under new ids and in cities, counties and hands of their own."""
    cities = -(-max(-(-households // HOUSEHOLDS_A_COUNTY), 2) // COUNTIES_A_CITY)
    if _FIRST_CITY + cities * copies > 100:
        raise ValueError(f"{copies} copies of {cities} cities have no codes")
    with psycopg.connect(superuser, autocommit=True) as connection:
        connection.execute("SET synchronous_commit = off; SET maintenance_work_mem = '256MB'; SET jit = off")
        for table in _LISTED:
            columns = [name for (name,) in connection.execute(_COLUMNS, [table]).fetchall()]
            indexes = connection.execute(_INDEXES, [table]).fetchall()
            for name, _ in indexes:
                connection.execute(f"DROP INDEX {name}".encode())
            told = ", ".join(_copy_of(column, cities) for column in columns)
            connection.execute(
                f"INSERT INTO {table} SELECT {told} FROM {table} AS t, generate_series(1, {copies - 1}) AS k".encode()
            )
            for _, definition in indexes:
                connection.execute(definition.encode())
            connection.execute(f"VACUUM ANALYZE {table}".encode())


def _copy_of(column: str, cities: int) -> str:
    moved = f"(substr(t.{column}, %d, 2)::integer + k * {cities})::text"
    if column == "household":
        # the low byte is the lane
        return "(left(md5(t.household::text || k), 30) || right(t.household::text, 2))::uuid"
    if column == "subject":
        return "md5(t.subject::text || k)::uuid"
    if column in ("region", "city", "county", "township", "village"):
        return (
            f"CASE WHEN substr(t.{column}, 1, 4) >= '99{_FIRST_CITY}'"
            f" THEN overlay(t.{column} PLACING {moved % 3} FROM 3 FOR 2) ELSE t.{column} END"
        )
    if column == "officer":
        return (
            "CASE WHEN t.officer LIKE '__-99%' THEN overlay(t.officer PLACING"
            f" {moved % 6} FROM 6 FOR 2) ELSE t.officer END"
        )
    return f"t.{column}"


def _ground(installation: Installation, superuser: str, copies: int) -> Ground:
    def asked(connection: psycopg.Connection[Any], query: str) -> list[Any]:
        return [value for (value,) in connection.execute(query.encode()).fetchall()]

    with psycopg.connect(superuser, autocommit=True) as connection:
        (households,) = asked(connection, "SELECT count(*) FROM read_card.card")
        (events,) = asked(connection, "SELECT count(*) FROM es_event WHERE name LIKE 'household.%'")
        villages = asked(connection, "SELECT DISTINCT village FROM read_card.card WHERE village LIKE '991%'")
        officers = asked(
            connection, "SELECT DISTINCT officer FROM read_work_list.duty WHERE officer LIKE '%-99%'"
        )
        known = set(asked(connection, "SELECT code FROM ref_region"))
    villages.sort()
    registered = [village for village in villages if village in known]
    return Ground(installation, superuser, households, events, copies, villages, registered, sorted(officers))


def _children() -> float:
    """Seconds of CPU of the processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
