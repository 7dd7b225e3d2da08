"""Proof (核对): a digest of all rows of a projection, to show that two ways of building it agree."""

from __future__ import annotations

import hashlib
from typing import Any

from psycopg import Connection, sql

from projections.engine.plans import schema_of
from projections.engine.projection import Projection


def digest_of(connection: Connection[Any], projection: type[Projection], *, live: bool = True) -> str:
    """SHA-256 over every row of every table of a projection, whatever the order they were written in."""
    digest = hashlib.sha256()
    for table in sorted(projection.tables, key=lambda each: each.name):
        place = sql.Identifier(schema_of(projection, live=live), table.name)
        # columns by name: the same rows have the same digest however the table was made
        columns = sql.SQL(", ").join(sql.Identifier(column) for column in sorted(table.columns))
        rows = connection.execute(
            sql.SQL(
                "SELECT lane, count(*), md5(string_agg(md5(r), '' ORDER BY r COLLATE \"C\")) "
                "FROM (SELECT lane, row({})::text AS r FROM {}) t GROUP BY lane ORDER BY lane"
            ).format(columns, place)
        ).fetchall()
        digest.update(repr((table.name, rows)).encode())
    return digest.hexdigest()
