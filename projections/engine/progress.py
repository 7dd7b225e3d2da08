"""Progress (进度): how far the projections have got, and waiting until one has seen what was written."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from psycopg import Connection
from psycopg_pool import ConnectionPool

from projections.engine.dead_letters import Parked, parked

_LAG: Final = """
SELECT c.projection || CASE WHEN c.live THEN '' ELSE '_next' END, sum(l.position - c.position)::bigint
FROM read_checkpoint c JOIN es_lane l USING (lane) GROUP BY 1
"""
_REACHED: Final = """
SELECT count(*) FROM unnest(%b::smallint[], %b::bigint[]) AS w (lane, position)
JOIN read_checkpoint c USING (lane) WHERE c.projection = %b AND c.live AND c.position >= w.position
"""
_FAILURES: Final = """
SELECT projection, lane, error_position, error, failed_at::text FROM read_checkpoint
WHERE error IS NOT NULL ORDER BY failed_at
"""
_PAUSES: Final = (0.002, 0.003, 0.005, 0.01, 0.02)


class Failure(NamedTuple):
    """Why a projection stands still in a lane: the event it failed at (None: its rows could not be written)."""

    projection: str
    lane: int
    position: int | None
    error: str
    since: datetime


class Progress:
    """How far the projections are behind the store, asked of the database; safe to share between threads."""

    def __init__(self, pool: ConnectionPool[Connection[Any]]) -> None:
        self._pool = pool

    def lag(self) -> dict[str, int]:
        """By projection, how many events it is behind the heads of all lanes, exactly.

        A version being built beside the live one is named `<projection>_next`.
        """
        with self._pool.connection() as connection:
            return dict(connection.execute(_LAG).fetchall())

    def wait(self, projection: str, lane: int, position: int, timeout: float = 5.0) -> bool:
        """Wait until a projection has taken in a lane's event at `position`; False after `timeout` seconds."""
        return self.wait_for(projection, {lane: position}, timeout)

    def wait_for(self, projection: str, reached: Mapping[int, int], timeout: float = 5.0) -> bool:
        """The same for several lanes, as an append answers them (`Appended.reached`)."""
        until = time.monotonic() + timeout
        parameters = [list(reached), list(reached.values()), projection]
        pauses = iter(_PAUSES)
        with self._pool.connection() as connection:
            while True:
                row = connection.execute(_REACHED, parameters, prepare=True).fetchone()
                if row is not None and row[0] == len(reached):
                    return True
                pause = min(next(pauses, _PAUSES[-1]), until - time.monotonic())
                if pause <= 0:
                    return False
                time.sleep(pause)

    def parked(self, projection: str | None = None, household: UUID | None = None) -> list[Parked]:
        """The households that wait outside a projection, the longest first; of one projection or one household
        if asked."""
        with self._pool.connection() as connection:
            return parked(connection, projection, household)

    def failures(self) -> list[Failure]:
        """Where projections stand still, the oldest first."""
        with self._pool.connection() as connection:
            rows = connection.execute(_FAILURES).fetchall()
        return [
            Failure(name, lane, position, error, datetime.fromisoformat(since))
            for name, lane, position, error, since in rows
        ]
