"""One statement, one round trip, straight through libpq: the way every call of the store goes.

psycopg's cursors cost about as much client CPU again as the call itself; connections, pools, loaders and errors
are psycopg's all the same.
"""

from __future__ import annotations

import re
import select
from collections.abc import Sequence
from typing import Any, Final
from weakref import WeakKeyDictionary

import psycopg
from psycopg import Connection
from psycopg.adapt import AdaptersMap, Transformer
from psycopg.errors import error_from_result
from psycopg.pq import ConnStatus, DiagnosticField, ExecStatus, Format
from psycopg.pq.abc import PGresult
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

    def send(self, statement: Statement, parameters: Sequence[Parameter]) -> Flight:
        """Send a statement that may run twice, and do not wait for its answer."""
        return Flight(self, self._pool, statement, parameters)

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


class Flight:
    """A statement on its way: the server works on it while its sender does something else.

    Whoever does not ask for its `rows` must `close` it, so that its connection can be used again.
    """

    def __init__(self, wire: Wire, pool: Pool, statement: Statement, parameters: Sequence[Parameter]) -> None:
        self.statement: Final = statement
        self.parameters: Final = parameters
        self._wire = wire
        self._pool = pool
        self._connection: Connection[Any] | None = None
        connection = pool.getconn()
        link = connection.pgconn
        try:
            # Whatever is amiss with this connection, `rows` sends the statement on another.
            if statement.name in _prepared.get(connection, ()):
                values: Any = parameters
                link.send_query_prepared(statement.name, values, statement.formats, Format.BINARY)
                while link.flush():
                    _wait(link.socket, select.POLLIN | select.POLLOUT)
                    link.consume_input()
                self._connection = connection
        except psycopg.Error:
            connection.close()
        except BaseException:
            connection.close()
            raise
        finally:
            if self._connection is None:
                pool.putconn(connection)

    def rows(self) -> list[Row]:
        """The rows of the answer, waited for, as `Wire.rows` gives them. Raises psycopg's errors."""
        connection, self._connection = self._connection, None
        if connection is None:
            return self._wire.rows(self.statement, self.parameters)
        try:
            result = _answer(connection)
            if result is not None and result.status == ExecStatus.TUPLES_OK:
                loaders = _lines[connection].loaders
                loaders.set_pgresult(result)
                rows = loaders.load_rows(0, result.ntuples, tuple)
                if len(rows) > _KEPT_ROWS:
                    loaders.set_pgresult(None)
                return rows
        finally:
            self._pool.putconn(connection)
        state = None if result is None else result.error_field(DiagnosticField.SQLSTATE)
        if result is None or state is None or state == _FORGOTTEN or connection.closed:
            return self._wire.rows(self.statement, self.parameters)
        raise error_from_result(result, "utf-8")

    def close(self) -> None:
        """Wait for the answer, which nobody wants."""
        connection, self._connection = self._connection, None
        if connection is not None:
            try:
                _answer(connection)
            finally:
                self._pool.putconn(connection)


def _answer(connection: Connection[Any]) -> PGresult | None:
    """What a connection is answered, after which it is free; None when it was lost."""
    link = connection.pgconn
    told: PGresult | None = None
    try:
        while True:
            while link.is_busy():
                _wait(link.socket, select.POLLIN)
                link.consume_input()
            result = link.get_result()
            if result is None:
                return told
            # The commit comes after the rows: what fails there is told after them.
            told = result
    except psycopg.Error:
        connection.close()
        return None
    except BaseException:
        connection.close()
        raise


def _wait(socket: int, until: int) -> None:
    # The way of waiting that lets other threads run: libpq's own holds the interpreter.
    poll = select.poll()
    poll.register(socket, until)
    poll.poll()
