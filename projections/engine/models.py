"""Read models as schemas (读模型的建立与切换): made new, built beside the old one, switched by renaming."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple, TypeVar

from psycopg import Connection, errors, sql

from eventstore.lanes import LANES
from projections.engine import completing
from projections.engine.plans import TableMismatch, schema_of, sql_of
from projections.engine.projection import Projection
from projections.engine.row_security import wall

Result = TypeVar("Result")

CAUGHT_UP: Final = 1_000
"""How many events a projection built beside the live one may be behind when it takes its place."""

_ADD_MODEL: Final = """
INSERT INTO read_model (projection, version, live, sql_sha256, built_at, live_at)
VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING
"""
_ADD_CHECKPOINTS: Final = """
INSERT INTO read_checkpoint (lane, projection, version, live)
SELECT lane, %s, %s, %s FROM generate_series(0, %s) AS lane
"""
_NOW: Final = "SELECT clock_timestamp()"
_LOCK: Final = "SELECT read_hold(%s, NULL)"
_LEVEL: Final = """
SELECT NOT EXISTS (
    SELECT 1 FROM read_checkpoint n JOIN read_checkpoint o USING (lane, projection)
    WHERE projection = %s AND NOT n.live AND o.live AND n.position < o.position)
"""
_BEHIND: Final = """
SELECT sum(l.position - c.position) FROM read_checkpoint c JOIN es_lane l USING (lane)
WHERE c.projection = %s AND c.version = %s AND NOT c.live
"""

_FORGET_PARKED: Final = """
DELETE FROM read_parked p WHERE projection = %s AND NOT EXISTS (
    SELECT 1 FROM read_model m WHERE m.projection = p.projection AND m.version = p.version)
"""


class ProjectionEdited(Exception):
    """A projection's tables were changed without a new version number."""


class Model(NamedTuple):
    """One version of a read model: the live one, or one being built beside it."""

    projection: str
    version: int
    live: bool

    @property
    def key(self) -> str:
        """What its lag is told under."""
        return self.projection if self.live else f"{self.projection}_next"


def models_of(connection: Connection[Any]) -> list[Model]:
    """The read models there are, live ones and those being built."""
    rows = connection.execute(
        "SELECT projection, version, live FROM read_model ORDER BY projection, version"
    ).fetchall()
    return [Model(*row) for row in rows]


def settled(connection: Connection[Any], act: Callable[[], Result]) -> Result:
    """Act on the schemas read models stand in now, and once more whenever one was switched meanwhile.

    What is read of `read_model` is older than the names in the catalogue, which are looked up when they are used:
    a switch in between renames the schema. `act` commits what it does, and may be done twice.
    """
    while True:
        with connection.transaction():
            before = models_of(connection)
        try:
            return act()
        except (errors.InvalidSchemaName, errors.UndefinedTable, TableMismatch):
            with connection.transaction():
                if models_of(connection) == before:
                    raise


def prepare(connection: Connection[Any], projections: Sequence[type[Projection]]) -> None:
    """Make the tables of every projection whose version is new; any number of starters may call it at once.

    The first version of a projection is live at once; a later one is built in `read_<name>_next`. An earlier one
    than there is is not made again: a worker of the release before, started once more during an upgrade, has nothing
    to do there and takes nothing away. Raises `ProjectionEdited`.
    """
    for projection in projections:
        with connection.transaction():
            _prepare(connection, projection)


def _prepare(connection: Connection[Any], projection: type[Projection]) -> None:
    name, version, text = projection.name, projection.version, sql_of(projection)
    digest = hashlib.sha256(text.encode()).hexdigest()
    there = connection.execute(
        "SELECT version, live, sql_sha256 FROM read_model WHERE projection = %s", [name]
    ).fetchall()
    for known, is_live, known_digest in there:
        if known == version:
            if known_digest != digest:
                raise ProjectionEdited(f"{name}.sql differs from what version {version} was built from")
            wall(connection, projection, schema_of(projection, live=is_live))
            return
    if any(known > version for known, _, _ in there):
        return
    live = not there
    # first of all: whoever starts at the same time waits here for us
    now = _now(connection)
    if not connection.execute(_ADD_MODEL, [name, version, live, digest, now, now if live else None]).rowcount:
        return
    schema = sql.Identifier(schema_of(projection, live=live))
    if not live:
        _abandon(connection, projection)
    connection.execute(sql.SQL("CREATE SCHEMA {}").format(schema))
    connection.execute(sql.SQL("SET LOCAL search_path = {}, public, pg_temp").format(schema))
    if live:
        connection.execute(text.encode())
    else:
        completing.begin(connection, projection)
    connection.execute(
        sql.SQL(
            "GRANT USAGE ON SCHEMA {} TO hulian_reader; GRANT SELECT ON ALL TABLES IN SCHEMA {} TO hulian_reader"
        ).format(schema, schema)
    )
    wall(connection, projection, schema_of(projection, live=live))
    connection.execute(_ADD_CHECKPOINTS, [name, version, live, LANES - 1])


def _abandon(connection: Connection[Any], projection: type[Projection]) -> None:
    """Clear away another version that was being built and is not wanted any more."""
    connection.execute(_LOCK, [projection.name])
    connection.execute(
        "DELETE FROM read_checkpoint WHERE projection = %s AND NOT live AND version <> %s",
        [projection.name, projection.version],
    )
    connection.execute(
        "DELETE FROM read_model WHERE projection = %s AND NOT live AND version <> %s",
        [projection.name, projection.version],
    )
    connection.execute(_FORGET_PARKED, [projection.name])
    schema = sql.Identifier(schema_of(projection, live=False))
    connection.execute(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(schema))


def building(connection: Connection[Any], projections: Sequence[type[Projection]]) -> list[type[Projection]]:
    """Those of these projections whose version is being built beside a live one."""
    with connection.transaction():
        there = set(
            connection.execute("SELECT projection, version FROM read_model WHERE NOT live").fetchall()
        )
    return [projection for projection in projections if (projection.name, projection.version) in there]


def switch(connection: Connection[Any], projection: type[Projection], catch_up: Callable[[], int]) -> bool:
    """Put a version that was built beside the live one in its place, once it has all but caught up.

    It is completed first, where that is still to be done. Then one transaction: readers see the old rows or the new
    ones, and what they saw in the old they see in the new. For that the last events are taken in by `catch_up`, while
    no page goes on: it answers how many it took. Answers whether it was switched now.

    Raises `psycopg.IntegrityError` where it cannot be completed.
    """
    name, version = projection.name, projection.version
    old = sql.Identifier(f"read_{name}_old")
    live, beside = (sql.Identifier(schema_of(projection, live=each)) for each in (True, False))
    with connection.transaction():
        if not _has_caught_up(connection, name, version):
            return False
    if not completing.complete(connection, projection):
        return False
    with connection.transaction():
        # waits for the pages under way, and keeps new ones out
        connection.execute(_LOCK, [name])
        if not _has_caught_up(connection, name, version):
            return False
        while not _is_level(connection, name):
            if not catch_up():
                return False
        connection.execute("DELETE FROM read_checkpoint WHERE projection = %s AND live", [name])
        connection.execute("DELETE FROM read_model WHERE projection = %s AND live", [name])
        connection.execute("UPDATE read_checkpoint SET live = true WHERE projection = %s", [name])
        connection.execute(_FORGET_PARKED, [name])
        connection.execute(
            "UPDATE read_model SET live = true, live_at = %s WHERE projection = %s", [_now(connection), name]
        )
        connection.execute(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(old))
        connection.execute(sql.SQL("ALTER SCHEMA {} RENAME TO {}").format(live, old))
        connection.execute(sql.SQL("ALTER SCHEMA {} RENAME TO {}").format(beside, live))
    # afterwards, because it waits for those who still read the old tables
    with connection.transaction():
        connection.execute(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(old))
    return True


def _now(connection: Connection[Any]) -> datetime:
    """The database's time; spread tables take it as a parameter only."""
    row = connection.execute(_NOW).fetchone()
    assert row is not None
    at: datetime = row[0]
    return at


def _is_level(connection: Connection[Any], name: str) -> bool:
    (level,) = connection.execute(_LEVEL, [name]).fetchone() or (False,)
    return bool(level)


def _has_caught_up(connection: Connection[Any], name: str, version: int) -> bool:
    (behind,) = connection.execute(_BEHIND, [name, version]).fetchone() or (None,)
    return behind is not None and behind <= CAUGHT_UP
