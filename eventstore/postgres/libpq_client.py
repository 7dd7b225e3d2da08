"""One statement, one round trip, straight through libpq: the way every call of the store goes.

psycopg's cursors cost about as much client CPU again as the call itself; connections, pools, loaders and errors
are psycopg's all the same.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final
from weakref import WeakKeyDictionary

import psycopg
from psycopg import Connection
from psycopg.adapt import AdaptersMap, Transformer
from psycopg.errors import error_from_result
from psycopg.pq import ConnStatus, DiagnosticField, ExecStatus, Format
from psycopg.types.string import ByteaBinaryLoader
from psycopg_pool import ConnectionPool

Pool = ConnectionPool[Connection[Any]]
Row = tuple[Any, ...]
Parameter = bytes | None


class Statement:
    """A named statement; each `$n` is given in its binary form, so each must be cast in the text."""

    __slots__ = ("formats", "name", "text")

    def __init__(self, name: str, text: str) -> None:
        self.name: Final = name.encode()
        self.text: Final = text.encode()
        self.formats: Final = [Format.BINARY] * len(set(re.findall(r"\$\d+", text)))


def function_call(function: str, answer: str, types: str) -> Statement:
    """The statement that calls a function of the store with parameters of these types."""
    placeholders = ", ".join(f"${n}::{kind}" for n, kind in enumerate(types.split(), 1))
    return Statement(function, f"SELECT {answer} FROM {function}({placeholders})")


class _Raw:
    """Loaders that hand ids and instants over as their bytes: most are never looked at."""

    connection = None

    def __init__(self) -> None:
        self.adapters = AdaptersMap(psycopg.adapters)
        self.adapters.register_loader("uuid", ByteaBinaryLoader)
        self.adapters.register_loader("timestamptz", ByteaBinaryLoader)


_FORGOTTEN: Final = b"26000"
_KEPT_ROWS: Final = 100
"""The most rows of an answer that are kept until the connection is used again."""


class _Line:
    """What is kept of a connection: the statements it has prepared, and the loaders of its answers."""

    __slots__ = ("loaders", "prepared")

    def __init__(self, connection: Connection[Any]) -> None:
        self.prepared = _prepared.setdefault(connection, set())
        self.loaders = Transformer(_RAW)


_RAW: Final[Any] = _Raw()
_lines: WeakKeyDictionary[Connection[Any], _Line] = WeakKeyDictionary()
_prepared: WeakKeyDictionary[Connection[Any], set[bytes]] = WeakKeyDictionary()
"""What each connection has prepared: several wires may share a pool."""


class ConnectionLost(psycopg.OperationalError):
    """与数据库的连接中断，不能确定是否已完成。请用同一请求编号重试。"""


class Wire:
    """Runs statements on a pool's connections, each by itself, outside any transaction."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def rows(self, statement: Statement, parameters: Sequence[Parameter], *, again: bool = True) -> list[Row]:
        """The rows of the answer, ids and instants as raw bytes. Raises psycopg's errors.

        When the connection is lost, as all are when a server is started anew, the statement is sent `again` on
        another: it must be one that may run twice.
        """
        try:
            return self._rows(statement, parameters)
        except ConnectionLost:
            if not again:
                raise
        self._pool.check()
        return self._rows(statement, parameters)

    def _rows(self, statement: Statement, parameters: Sequence[Parameter]) -> list[Row]:
        connection = self._pool.getconn()
        link = connection.pgconn
        try:
            line = _lines.get(connection)
            if line is None:
                line = _lines[connection] = _Line(connection)
            if statement.name not in line.prepared:
                made = link.prepare(statement.name, statement.text)
                if made.status != ExecStatus.COMMAND_OK:
                    raise error_from_result(made, "utf-8")
                line.prepared.add(statement.name)
            values: Any = parameters  # NULLs are allowed, whatever the stub says
            result = link.exec_prepared(statement.name, values, statement.formats, Format.BINARY)
            if result.status != ExecStatus.TUPLES_OK:
                if result.error_field(DiagnosticField.SQLSTATE) != _FORGOTTEN:
                    raise error_from_result(result, "utf-8")
                # psycopg has the server forget all statements after a rollback; nothing has run yet
                line.prepared.clear()
                link.prepare(statement.name, statement.text)
                line.prepared.add(statement.name)
                result = link.exec_prepared(statement.name, values, statement.formats, Format.BINARY)
                if result.status != ExecStatus.TUPLES_OK:
                    raise error_from_result(result, "utf-8")
            line.loaders.set_pgresult(result)
            rows = line.loaders.load_rows(0, result.ntuples, tuple)
            if len(rows) > _KEPT_ROWS:
                line.loaders.set_pgresult(None)
            return rows
        except psycopg.Error as error:
            # What libpq itself complains of has no SQLSTATE; the link may not look broken to it yet.
            if link.status == ConnStatus.BAD or error.diag.sqlstate is None:
                connection.close()
                raise ConnectionLost(str(error)) from error
            raise
        finally:
            self._pool.putconn(connection)
