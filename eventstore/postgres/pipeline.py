"""Several statements in one transaction and one round trip (一次往返): libpq's pipeline, on a pool's connection.

What is read, and the record of the read, go to the server together, and the answer comes back after the commit: a
reader that asks statement by statement waits five times, and on a busy machine each wait costs more than the work.
"""

from __future__ import annotations

import asyncio
import select
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

import psycopg
from psycopg import Connection
from psycopg.adapt import AdaptersMap, Transformer
from psycopg.errors import error_from_result
from psycopg.pq import ConnStatus, DiagnosticField, ExecStatus, Format, TransactionStatus
from psycopg.types.string import ByteaBinaryLoader
from psycopg.types.uuid import UUIDBinaryLoader
from psycopg_pool import PoolTimeout

from eventstore.postgres.libpq_client import (
    _FORGOTTEN,
    ConnectionLost,
    Parameter,
    Pool,
    Row,
    Statement,
    _prepared,
)

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


_READ: Final = Call(Statement("together_read", "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
_WRITE: Final = Call(Statement("together_write", "BEGIN ISOLATION LEVEL REPEATABLE READ"))
_COMMIT: Final = Call(Statement("together_commit", "COMMIT"))


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


def together(pool: Pool, calls: Sequence[Call], *, writes: bool) -> list[list[Row]]:
    """The rows of each call, all read at one moment, after the transaction is committed.

    Raises `Broken` when one fails, and then none has had an effect; `ConnectionLost` when that cannot be known.
    """
    connection = pool.getconn()
    with _borrowed(pool, connection):
        poll = select.poll()
        poll.register(connection.pgconn.socket, select.POLLIN)
        while True:
            flight = _Flight(connection, calls, writes=writes)
            while not flight.landed():
                poll.poll()
            if not flight.forgotten:
                return flight.rows()


async def together_soon(pool: Pool, calls: Sequence[Call], *, writes: bool) -> list[list[Row]]:
    """The same on an event loop, which sees to others until the answer is there: no thread waits for it.

    Raises psycopg's `PoolTimeout` at once when no connection is free.
    """
    if not pool.get_stats()["pool_available"]:
        raise PoolTimeout("no connection is free")
    connection = pool.getconn(timeout=_MOMENT)
    with _borrowed(pool, connection):
        loop = asyncio.get_running_loop()
        while True:
            flight = _Flight(connection, calls, writes=writes)
            if not flight.landed():
                await _landing(loop, connection.pgconn.socket, flight)
            if not flight.forgotten:
                return flight.rows()


async def _landing(loop: asyncio.AbstractEventLoop, socket: int, flight: _Flight) -> None:
    done: asyncio.Future[None] = loop.create_future()

    def heard() -> None:
        try:
            if flight.landed() and not done.done():
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


class _Flight:
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

    def landed(self) -> bool:
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
