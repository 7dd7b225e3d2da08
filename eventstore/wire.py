"""One statement, one round trip, straight through libpq: what every hot call of the store goes by.

psycopg's cursors cost twice the client CPU of the call itself; the connections, pools, loaders and errors are
psycopg's all the same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from psycopg import Connection, OperationalError
from psycopg.adapt import AdaptersMap, Transformer
from psycopg.errors import error_from_result
from psycopg.pq import ExecStatus, Format
from psycopg_pool import ConnectionPool

from eventstore import arrays

Row = tuple[Any, ...]
Parameter = bytes | None


class Wired(Connection[Any]):
    """A connection that remembers which statements it has prepared."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.prepared: set[bytes] = set()


Pool = ConnectionPool[Wired]


class Statement:
    """A statement with `$n` parameters that are given as their binary bytes."""

    def __init__(self, name: str, text: str) -> None:
        self.name: Final = name.encode()
        self.text: Final = text.encode()
        self.formats: Final = [Format.BINARY] * _parameters(text)


class Wire:
    """Runs statements on a pool's connections, one at a time, outside any transaction."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def rows(self, statement: Statement, parameters: Sequence[Parameter]) -> list[Row]:
        """The rows of the answer. Raises psycopg's errors; never half done, for there is one statement."""
        connection = self._pool.getconn()
        try:
            link = connection.pgconn
            if statement.name not in connection.prepared:
                prepared = link.prepare(statement.name, statement.text)
                if prepared.status != ExecStatus.COMMAND_OK:
                    raise error_from_result(prepared, "utf-8")
                connection.prepared.add(statement.name)
            result = link.exec_prepared(statement.name, parameters, statement.formats, Format.BINARY)
            if result.status != ExecStatus.TUPLES_OK:
                raise error_from_result(result, "utf-8")
            loaders = Transformer(connection)
            loaders.set_pgresult(result)
            return loaders.load_rows(0, result.ntuples, tuple)
        finally:
            self._pool.putconn(connection)
