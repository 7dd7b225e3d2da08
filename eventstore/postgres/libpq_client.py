"""Statements sent through libpq itself (直连 libpq): one by one, or several in one transaction and one round trip.

Connections, pools, loaders and errors are psycopg's; its cursors cost about as much client CPU again as a call itself,
and its pipeline three times as much as the one here, which besides can be awaited without a thread.
"""

from __future__ import annotations

import asyncio
import re
import select
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple
from weakref import WeakKeyDictionary

import psycopg
from psycopg import Connection
from psycopg.adapt import AdaptersMap, Transformer
from psycopg.errors import error_from_result
from psycopg.pq import ConnStatus, DiagnosticField, ExecStatus, Format, TransactionStatus
from psycopg.types.string import ByteaBinaryLoader
from psycopg.types.uuid import UUIDBinaryLoader
from psycopg_pool import ConnectionPool, PoolTimeout

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
"""What each connection has prepared: several clients may share a pool."""


class ConnectionLost(psycopg.OperationalError):
    """与数据库的连接中断，不能确定是否已完成。请用同一请求编号重试。"""


class LibpqClient:
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


_MOMENT: Final = 0.005
"""How many seconds a connection is waited for that a thread took away in between."""

_GOOD: Final = (ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK, ExecStatus.PIPELINE_SYNC)
_FIRST_INSTANT: Final = datetime(2000, 1, 1, tzinfo=UTC)


class Call(NamedTuple):
    """A statement with its parameters in binary form."""

    statement: Statement
    parameters: Sequence[Parameter] = ()


class Broken(Exception):
    """Which of the calls failed, the first being 0; `__cause__` is psycopg's error. Nothing was done."""

    def __init__(self, call: int) -> None:
        self.call = call
        super().__init__(call)


_READ: Final = Call(Statement("pipeline_read", "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
_WRITE: Final = Call(Statement("pipeline_write", "BEGIN ISOLATION LEVEL REPEATABLE READ"))
_COMMIT: Final = Call(Statement("pipeline_commit", "COMMIT"))


class _Loaders:
    """Loaders of rows as they are shown: ids as UUIDs, instants in UTC, whatever the session's time zone."""

    connection = None

    def __init__(self) -> None:
        self.adapters = AdaptersMap(psycopg.adapters)
        self.adapters.register_loader("uuid", UUIDBinaryLoader)
        self.adapters.register_loader("timestamptz", _Instant)


class _Instant(ByteaBinaryLoader):
    def load(self, data: Any) -> Any:
        return _FIRST_INSTANT + timedelta(microseconds=int.from_bytes(data, "big", signed=True))


_LOADERS: Any = _Loaders()


def run_pipeline(pool: Pool, calls: Sequence[Call], *, writes: bool) -> list[list[Row]]:
    """The rows of each call, all read at one moment, after the transaction is committed.

    Raises `Broken` when one fails, and then none has had an effect; `ConnectionLost` when that cannot be known.
    """
    connection = pool.getconn()
    with _borrowed(pool, connection):
        poll = select.poll()
        poll.register(connection.pgconn.socket, select.POLLIN)
        while True:
            pipeline = _Pipeline(connection, calls, writes=writes)
            while not pipeline.is_done():
                poll.poll()
            if not pipeline.forgotten:
                return pipeline.rows()


async def run_pipeline_async(pool: Pool, calls: Sequence[Call], *, writes: bool) -> list[list[Row]]:
    """The same on an event loop, which sees to others until the answer is there: no thread waits for it.

    Raises psycopg's `PoolTimeout` at once when no connection is free.
    """
    if not pool.get_stats()["pool_available"]:
        raise PoolTimeout("no connection is free")
    connection = pool.getconn(timeout=_MOMENT)
    with _borrowed(pool, connection):
        loop = asyncio.get_running_loop()
        while True:
            pipeline = _Pipeline(connection, calls, writes=writes)
            if not pipeline.is_done():
                await _until_done(loop, connection.pgconn.socket, pipeline)
            if not pipeline.forgotten:
                return pipeline.rows()


async def _until_done(loop: asyncio.AbstractEventLoop, socket: int, pipeline: _Pipeline) -> None:
    done: asyncio.Future[None] = loop.create_future()

    def heard() -> None:
        try:
            if pipeline.is_done() and not done.done():
                done.set_result(None)
        except psycopg.Error as error:
            if not done.done():
                done.set_exception(error)

    loop.add_reader(socket, heard)
    try:
        await done
    finally:
        loop.remove_reader(socket)


@contextmanager
def _borrowed(pool: Pool, connection: Connection[Any]) -> Iterator[None]:
    try:
        yield
    except Broken:
        raise
    except psycopg.Error as error:
        lost = connection.pgconn.status == ConnStatus.BAD or error.diag.sqlstate is None
        connection.close()
        if lost:
            raise ConnectionLost(str(error)) from error
        raise
    except BaseException:
        # nobody waits for the answer any more: it must not come to whoever is next
        connection.close()
        raise
    finally:
        pool.putconn(connection)


class _Pipeline:
    """Calls on their way over one connection, as one transaction."""

    def __init__(self, connection: Connection[Any], calls: Sequence[Call], *, writes: bool) -> None:
        self._link: Any = connection.pgconn
        self._calls = (_WRITE if writes else _READ, *calls, _COMMIT)
        prepared = _prepared.get(connection)
        if prepared is None:
            prepared = _prepared[connection] = set()
        self._prepared = prepared
        self._new = list(
            {call.statement: None for call in self._calls if call.statement.name not in prepared}
        )
        self._results: list[Any] = []
        # each batch ends with a mark of its own
        self._wanted = len(self._calls) + 1 + (len(self._new) + 1 if self._new else 0)
        self._send()

    def _send(self) -> None:
        link = self._link
        link.enter_pipeline_mode()
        if self._new:
            for statement in self._new:
                link.send_prepare(statement.name, statement.text)
            # not in the transaction of the calls, which must begin before anything is looked at
            link.pipeline_sync()
        for statement, parameters in self._calls:
            link.send_query_prepared(statement.name, parameters, statement.formats, Format.BINARY)
        link.pipeline_sync()
        link.flush()

    def is_done(self) -> bool:
        """Take in what has come; whether that was all."""
        link, results = self._link, self._results
        link.flush()
        link.consume_input()
        while not link.is_busy():
            result = link.get_result()
            if result is not None:
                results.append(result)
                if len(results) == self._wanted:
                    self._end()
                    return True
            elif link.status == ConnStatus.BAD:
                raise psycopg.OperationalError("connection lost")
        return False

    def _end(self) -> None:
        link = self._link
        link.exit_pipeline_mode()
        if link.transaction_status != TransactionStatus.IDLE:
            link.exec_(b"ROLLBACK")
        for statement, result in zip(self._new, self._results, strict=False):
            if result.status == ExecStatus.COMMAND_OK:
                self._prepared.add(statement.name)

    @property
    def forgotten(self) -> bool:
        """Whether the server did not know a statement any more, so that nothing was done; it is told again then."""
        if (
            any(each.error_field(DiagnosticField.SQLSTATE) == _FORGOTTEN for each in self._results)
            and not self._new
        ):
            # psycopg has the server forget all statements after a rollback
            self._prepared.clear()
            return True
        return False

    def rows(self) -> list[list[Row]]:
        """The rows of each call, without those of begin and commit; raises `Broken`."""
        for n, result in enumerate(self._results):
            if result.status not in _GOOD:
                call = n - (len(self._new) + 1 if self._new else 0) - 1
                error = error_from_result(result, "utf-8")
                if error.diag.sqlstate is None:
                    raise error
                raise Broken(min(max(call, 0), len(self._calls) - 3)) from error
        loaders = Transformer(_LOADERS)
        found = []
        for result in self._results[-len(self._calls) : -2]:
            loaders.set_pgresult(result)
            found.append(loaders.load_rows(0, result.ntuples, tuple))
        return found
