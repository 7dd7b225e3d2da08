"""Gauges (运行指标): how far behind, what is overdue, what was left out; counts only, for who watches the machine."""

from __future__ import annotations

from datetime import date
from typing import Any, Final

from psycopg import Connection

_OLDEST: Final = """
SELECT c.projection, extract(epoch FROM clock_timestamp() - min(e.recorded_at))::float8
FROM read_checkpoint c JOIN es_lane l USING (lane)
JOIN es_event e ON e.lane = c.lane AND e.position = c.position + 1
WHERE c.live AND c.position < l.position GROUP BY 1
"""
_OVERDUE: Final = "SELECT step, count(*) FROM read_work_list.duty WHERE due < %s GROUP BY 1"
_PARKED: Final = "SELECT projection, count(*) FROM read_parked GROUP BY 1"


def oldest_waiting(connection: Connection[Any]) -> dict[str, float]:
    """By projection, for how many seconds its oldest event not taken in has lain there; those behind only."""
    return dict(connection.execute(_OLDEST).fetchall())


def overdue_by_step(connection: Connection[Any], today: date) -> dict[str, int]:
    """By step, how many duties were due before today."""
    return dict(connection.execute(_OVERDUE, [today]).fetchall())


def parked_by_projection(connection: Connection[Any]) -> dict[str, int]:
    """By projection, how many households it has left out until they are tried again."""
    return dict(connection.execute(_PARKED).fetchall())
