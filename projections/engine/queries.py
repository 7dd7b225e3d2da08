"""Queries (查询): rows of a read model as their own dataclasses, whatever the connection does with types."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from functools import lru_cache
from typing import Any, TypeVar

from psycopg import Connection, sql
from psycopg.types.datetime import TimestamptzBinaryLoader
from psycopg.types.uuid import UUIDBinaryLoader

R = TypeVar("R")


def rows_of(connection: Connection[Any], row: type[R], query: str, parameters: Sequence[Any] = ()) -> list[R]:
    """The rows a query answers; `{}` in it stands for the columns of the row class."""
    with connection.cursor(binary=True) as cursor:
        cursor.adapters.register_loader("uuid", UUIDBinaryLoader)
        cursor.adapters.register_loader("timestamptz", TimestamptzBinaryLoader)
        cursor.execute(_text(row, query), parameters)  # type: ignore[arg-type]  # a class can be hashed
        return [row(*values) for values in cursor.fetchall()]


@lru_cache(maxsize=500)
def _text(row: type[Any], query: str) -> bytes:
    # putting the names in costs as much as the query itself: once is enough
    names = sql.SQL(", ").join([sql.Identifier(field.name) for field in fields(row)])
    return sql.SQL(query).format(names).as_bytes(None)
