"""The state of an installation (现状), read from its databases: counts and times only, nothing about any person.

`hulian status` and `hulian doctor` use it. It is quick at any size, because nothing here reads all events.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import psycopg
from psycopg import Connection

from bootstrap.process import Role
from bootstrap.settings import as_role
from eventstore.errors import StoreError
from eventstore.keys.rotation import KekCount, counts
from eventstore.postgres.pools import open_pool
from eventstore.sealing.checkpoint import CheckpointMalformed
from eventstore.sealing.seals import newest, unsealed
from eventstore.sealing.witness import FileWitness
from migrations.runner import MigrationFault, pending
from projections.engine.dead_letters import Parked
from projections.engine.models import Model, models_of
from projections.engine.progress import Failure, Progress
from projections.gauges import oldest_waiting, overdue_by_step

LOOKED_AT = 256
"""How many of the newest events of a lane are counted for the last hour at most."""


_META = "SELECT store_id::text, trial, founded_at, clock_timestamp() FROM es_meta"
_HEADS = "SELECT coalesce(sum(position), 0)::bigint, count(*) FILTER (WHERE position > 0) FROM es_lane"
_LAST = """
SELECT coalesce(sum(h.n), 0)::bigint, coalesce(bool_or(h.n >= %s), false), max(h.newest)
FROM es_lane l CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE last.recorded_at > clock_timestamp() - interval '1 hour') AS n,
           max(last.recorded_at) AS newest
    FROM (SELECT e.recorded_at FROM es_event e WHERE e.lane = l.lane ORDER BY e.position DESC LIMIT %s) last) h
WHERE l.position > 0
"""
_RECENT_NAMES = """
SELECT DISTINCT n.name FROM es_lane l CROSS JOIN LATERAL (
    SELECT e.name FROM es_event e WHERE e.lane = l.lane ORDER BY e.position DESC LIMIT 64) n
WHERE l.position > 0
"""
_MERGED = "SELECT taken_at, merged_at FROM read_statistics.merged ORDER BY taken_at DESC LIMIT 1"
_THERE = "SELECT to_regclass(%s) IS NOT NULL"
_PROCESSES = """
SELECT DISTINCT application_name FROM pg_stat_activity
WHERE datname = current_database() AND application_name LIKE 'hulian %'
"""
_BACKUPS = """
SELECT backup, taken_at, kek_versions FROM key_backup WHERE destroyed_at IS NULL ORDER BY taken_at DESC
"""


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two databases: whether it answers, its PostgreSQL version, the migrations it lacks."""

    reachable: bool
    postgres: str = ""
    major: int = 0
    pending: tuple[int, ...] = ()
    fault: str | None = None
    """Why it cannot be used by this program, ending with a code; never an address."""

    @property
    def usable(self) -> bool:
        return self.reachable and not self.pending and self.fault is None


@dataclass(frozen=True, slots=True)
class Events:
    """How many events there are, on how many lanes, how many within the last hour (`capped`: or more), the newest."""

    store: str
    trial: bool
    total: int
    lanes: int
    last_hour: int
    capped: bool
    newest: datetime | None
    founded_at: datetime
    asked_at: datetime


@dataclass(frozen=True, slots=True)
class ReadModels:
    """Every read model, how far behind it is, for how many seconds, and its parked households."""

    models: list[Model]
    lag: dict[str, int]
    waiting: dict[str, float]
    parked: list[Parked]
    failures: list[Failure]


@dataclass(frozen=True, slots=True)
class Seal:
    """The newest checkpoint, the events after it, and the newest checkpoint of the witness."""

    checkpoint: int | None
    signed_at: datetime | None
    after: int
    oldest: datetime | None
    witness: bool
    witnessed: int | None
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class Backup:
    """A recorded backup of the keys database that has not been destroyed."""

    name: str
    taken_at: datetime
    kek_versions: tuple[int, ...]


def side_of(url: str, folder: str) -> Side:
    """Whether this program can use a database; raises nothing."""
    try:
        with psycopg.connect(url, connect_timeout=5, autocommit=True) as connection:
            version = connection.info.parameter_status("server_version") or ""
            major = connection.info.server_version // 10_000
    except psycopg.OperationalError as refused:
        return Side(False, fault=said_of(refused))
    try:
        return Side(True, version.split()[0], major, tuple(pending(url, folder)))
    except MigrationFault as fault:
        return Side(True, version.split()[0], major, fault=str(fault))


def refusal_of(url: str) -> str | None:
    """Why a database refuses a connection; None when it accepts one."""
    try:
        psycopg.connect(url, connect_timeout=5).close()
    except psycopg.OperationalError as refused:
        return said_of(refused)
    return None


def said_of(refused: psycopg.Error) -> str:
    """The last line of a server's message, without the address."""
    lines = str(refused).strip().splitlines()
    return lines[-1].rpartition("FATAL:")[2].strip() if lines else type(refused).__name__


def events(connection: Connection[Any]) -> Events:
    """The events of a migrated store, asked as `hulian_app`."""
    store, trial, founded_at, asked_at = _row(connection, _META)
    total, lanes = _row(connection, _HEADS)
    last_hour, capped, last = connection.execute(_LAST, (LOOKED_AT, LOOKED_AT)).fetchone() or (0, False, None)
    return Events(store, trial, total, lanes, last_hour, capped, last, founded_at, asked_at)


def recent_names(connection: Connection[Any]) -> set[str]:
    """The stored names among the newest events of every lane."""
    return {name for (name,) in connection.execute(_RECENT_NAMES).fetchall()}


def read_models(store: str) -> ReadModels:
    """The read models of a migrated store."""
    with open_pool(as_role(store, "hulian_app"), size=2) as pool:
        progress = Progress(pool)
        with pool.connection() as connection:
            models, waiting = models_of(connection), oldest_waiting(connection)
        return ReadModels(models, progress.lag(), waiting, progress.parked(), progress.failures())


def overdue(connection: Connection[Any], today: date) -> dict[str, int] | None:
    """How many duties are overdue, by step; None while there is no work list."""
    return overdue_by_step(connection, today) if _there(connection, "read_work_list.duty") else None


def statistics(connection: Connection[Any]) -> tuple[datetime, datetime] | None:
    """When the newest cut that was merged was taken, and when it was merged."""
    if not _there(connection, "read_statistics.merged"):
        return None
    row = connection.execute(_MERGED).fetchone()
    return None if row is None else (row[0], row[1])


def processes(store: str) -> dict[Role, int]:
    """How many workers and APIs hold connections to the store; other logins' processes are not seen."""
    # Asked as the login itself: the connections of other logins are shown to superusers only.
    with psycopg.connect(store, autocommit=True) as connection:
        names = [name for (name,) in connection.execute(_PROCESSES).fetchall()]
    return {
        "work": sum(name.startswith("hulian work ") for name in names),
        "serve": sum(name.startswith("hulian serve ") for name in names),
    }


def seal(connection: Connection[Any], witness: Path | None) -> Seal:
    """How far the store is sealed and witnessed; `fault` says what could not be read."""
    number, at, fault, witnessed = None, None, None, None
    try:
        found = newest(connection)
        if found is not None:
            number, at = found.number, found.note.at
    except CheckpointMalformed as malformed:
        fault = str(malformed)
    rest = unsealed(connection)
    if witness is not None:
        try:
            kept = FileWitness(witness).newest()
            witnessed = 0 if kept is None else kept.number
        except StoreError as unreadable:
            fault = fault or str(unreadable)
    return Seal(number, at, rest.events, rest.oldest, witness is not None, witnessed, fault)


def keks(connection: Connection[Any]) -> list[KekCount]:
    """How many keys lie under which key-encryption key, asked in the keys database."""
    return counts(connection)


def backups(connection: Connection[Any]) -> list[Backup]:
    """The recorded backups of the keys database that are not destroyed, the newest first."""
    return [
        Backup(name, taken_at, tuple(versions))
        for name, taken_at, versions in connection.execute(_BACKUPS).fetchall()
    ]


def disk(home: Path) -> tuple[int, int]:
    """Free and total bytes on the disk of a directory, or of the nearest existing directory above it."""
    place = home.absolute()
    while not place.exists():
        place = place.parent
    used = shutil.disk_usage(place)
    return used.free, used.total


def _there(connection: Connection[Any], table: str) -> bool:
    row = connection.execute(_THERE, (table,)).fetchone()
    return row is not None and bool(row[0])


def _row(connection: Connection[Any], statement: Any) -> Any:
    row = connection.execute(statement).fetchone()
    assert row is not None
    return row
