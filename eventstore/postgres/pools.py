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
    """A pool that asks for a lost connection every half second, for as long as `reconnect_timeout` says.

    A short `reconnect_timeout` alone would do for whoever comes after the outage; but a pool that has given up serves
    nobody who waits already, until somebody else asks.
    """

    def _add_connection(self, attempt: AttemptWithBackoff | None, growing: bool = False) -> None:
        super()._add_connection(attempt or _Steadily(timeout=self.reconnect_timeout), growing)


def open_pool(uri: str, *, size: int = 10, name: str | None = None) -> SteadyPool:
    """A pool of autocommit connections as the store and the key ring need them; open, for the caller to close.

    `uri` must connect as `hulian_app` for a store, as `hulian_keys` for a key ring.
    """
    return SteadyPool(
        uri,
        min_size=1,
        max_size=size,
        name=name,
        open=True,
        kwargs={"autocommit": True},
    )
