"""Queries (查询): rows of a read model as their own dataclasses, whatever the connection does with types."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any, LiteralString, TypeVar, cast

from psycopg import Connection, sql
from psycopg.rows import class_row
from psycopg.types.datetime import TimestamptzBinaryLoader
from psycopg.types.uuid import UUIDBinaryLoader

R = TypeVar("R")


def rows_of(connection: Connection[Any], row: type[R], query: str, parameters: Sequence[Any] = ()) -> list[R]:
    """The rows a query answers; `{}` in it stands for the columns of the row class."""
    names = sql.SQL(", ").join(sql.Identifier(field.name) for field in fields(row))  # type: ignore[arg-type]
    with connection.cursor(binary=True, row_factory=class_row(row)) as cursor:
        cursor.adapters.register_loader("uuid", UUIDBinaryLoader)
        cursor.adapters.register_loader("timestamptz", TimestamptzBinaryLoader)
        cursor.execute(sql.SQL(cast(LiteralString, query)).format(names), parameters)
        return cursor.fetchall()
