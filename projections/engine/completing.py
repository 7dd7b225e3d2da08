"""Completing (补全): what a read model does without while it is built beside the live one, made once at its end.

Nobody reads it till then: indexes that only readers use are made of all rows at once, for a fraction of what keeping
them costs row by row, and so are the keys of logs, whose rows are never looked for. Nothing is vacuumed or analysed
meanwhile. That its tables are left to no autovacuum is how an incomplete one is told.
"""

from __future__ import annotations

import re
from typing import Any, Final

from psycopg import Connection, sql

from projections.engine.plans import schema_of, sql_of
from projections.engine.projection import Projection

_INDEX: Final = re.compile(r"^CREATE INDEX [^;]+;", re.MULTILINE)
_SOUGHT_BY: Final = """
SELECT DISTINCT a.attname FROM pg_index x
JOIN pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = ANY (x.indkey) WHERE x.indrelid = %s::regclass
"""
_INCOMPLETE: Final = """
SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = %s AND c.relkind = 'r' AND c.reloptions @> ARRAY['autovacuum_enabled=false'] ORDER BY c.relname
"""
# Lane by lane, as everybody locks them who needs all: whoever has the first gets the others.
_MINE: Final = """
SELECT 1 FROM read_checkpoint WHERE projection = %s AND version = %s AND NOT live AND lane = 0 FOR UPDATE SKIP LOCKED
"""
_HOLD: Final = "SELECT read_hold(%s, %s)"
_NOW: Final = "SELECT clock_timestamp()"
_MARK: Final = """
UPDATE read_checkpoint SET error = %s, failed_at = %s
WHERE projection = %s AND version = %s AND NOT live
"""
_UNMARK: Final = """
UPDATE read_checkpoint SET error = NULL, error_position = NULL, failed_at = NULL
WHERE projection = %s AND version = %s AND NOT live AND error IS NOT NULL
"""


def begin(connection: Connection[Any], projection: type[Projection]) -> None:
    """Make a projection's tables in the schema that stands first in the path, with what building them needs."""
    connection.execute(_INDEX.sub("", sql_of(projection)).encode())
    for table in projection.tables:
        if table.log:
            connection.execute(
                sql.SQL("ALTER TABLE {} DROP CONSTRAINT {}").format(
                    sql.Identifier(table.name), sql.Identifier(f"{table.name}_pkey")
                )
            )
    for (name,) in connection.execute(
        "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()"
    ).fetchall():
        connection.execute(
            sql.SQL("ALTER TABLE {} SET (autovacuum_enabled = false)").format(sql.Identifier(name))
        )


def complete(connection: Connection[Any], projection: type[Projection]) -> bool:
    """Make what is still missing of a version that is being built; whether nothing is missing now.

    Something is when somebody else is at it, or holds the first lane. Pages go on meanwhile, without this one. Raises
    `psycopg.IntegrityError` where a log says something twice: then a handler is at fault.
    """
    schema = schema_of(projection, live=False)
    with connection.transaction():
        if not connection.execute(_INCOMPLETE, [schema]).fetchall():
            return True
        if connection.execute(_MINE, [projection.name, projection.version]).fetchone() is None:
            return False
        # waits for the pages under way, and keeps new ones out of these tables
        connection.execute(_HOLD, [projection.name, projection.version])
        connection.execute(
            # others complete other models meanwhile: they need the other cores
            sql.SQL(
                "SET LOCAL search_path = {}, public, pg_temp; SET LOCAL max_parallel_maintenance_workers = 0"
            ).format(sql.Identifier(schema))
        )
        left = connection.execute(_INCOMPLETE, [schema]).fetchall()
        if left:
            _make(connection, projection)
        for (name,) in left:
            connection.execute(
                sql.SQL("ALTER TABLE {} RESET (autovacuum_enabled)").format(sql.Identifier(name))
            )
            # what rows are looked for by; the rest is left to autovacuum, which counts a table analysed in part as not
            columns = [column for (column,) in connection.execute(_SOUGHT_BY, [name]).fetchall()]
            connection.execute(
                sql.SQL("ANALYZE {} ({})").format(
                    sql.Identifier(name), sql.SQL(", ").join(map(sql.Identifier, columns))
                )
            )
        connection.execute(_UNMARK, [projection.name, projection.version])
    return True


def mark(connection: Connection[Any], projection: type[Projection], error: str) -> None:
    """Note in all lanes why it could not be completed, until it is."""
    now = connection.execute(_NOW).fetchone()
    assert now is not None
    connection.execute(_MARK, [error, now[0], projection.name, projection.version])


def _make(connection: Connection[Any], projection: type[Projection]) -> None:
    for statement in _INDEX.findall(sql_of(projection)):
        connection.execute(statement.encode())
    for table in projection.tables:
        if table.log:
            connection.execute(
                sql.SQL("ALTER TABLE {} ADD {}").format(
                    sql.Identifier(table.name), sql.SQL(table.primary_key)
                )
            )
