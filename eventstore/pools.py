"""Connection pools (连接池): psycopg's, but after an outage they are back as soon as the database is."""

from __future__ import annotations

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
