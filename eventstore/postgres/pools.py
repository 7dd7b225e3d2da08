"""Connection pools (连接池): psycopg's, but after an outage they are back as soon as the database is."""

from __future__ import annotations

from collections import deque
from typing import Any

from psycopg import Connection
from psycopg_pool import ConnectionPool
from psycopg_pool.base import AttemptWithBackoff


class _Steadily(AttemptWithBackoff):
    """Tries to connect again at even distances. The library's own double each time: after an outage of a
    minute it might wait for another minute with the database up."""

    INITIAL_DELAY = 0.5
    DELAY_BACKOFF = 1.0


class SteadyPool(ConnectionPool[Connection[Any]]):
    """A pool that asks for a lost connection every half second, for as long as `reconnect_timeout` says."""

    def _add_connection(self, attempt: AttemptWithBackoff | None, growing: bool = False) -> None:
        super()._add_connection(attempt or _Steadily(timeout=self.reconnect_timeout), growing)


class _NewestFirst(deque[Any]):
    """The pool's idle connections, taken from the end they are given back to."""

    def popleft(self) -> Any:
        return self.pop()


def open_pool(uri: str, *, size: int = 10, name: str | None = None) -> SteadyPool:
    """A pool of autocommit connections as the store and the key ring need them; open, for the caller to close.

    `uri` must connect as `hulian_app` for a store, as `hulian_keys` for a key ring.
    """
    pool = SteadyPool(
        uri,
        min_size=1,
        max_size=size,
        name=name,
        open=True,
        kwargs={"autocommit": True},
    )
    # psycopg's pool hands out the connection idle for longest; the one used last has a warm backend.
    pool._pool = _NewestFirst(pool._pool)
    return pool
