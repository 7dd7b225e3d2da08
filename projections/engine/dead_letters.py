"""Parking (停放): a household one projection cannot take in waits with its later events; the others go on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from psycopg import Connection, Cursor

from projections.engine.columns import BIGINT, INTEGER, SMALLINT, TEXT
from projections.engine.columns import UUID as UUIDS

LIMIT: Final = 100
"""So many households may be parked for a projection; beyond, it is the projection that is ill, and its lanes wait."""

_IN_LANES: Final = """
SELECT projection, household, position FROM read_parked
WHERE lane = ANY(%b::smallint[])
  AND (projection, version) IN (SELECT * FROM unnest(%b::text[], %b::integer[]))
"""
_PARK: Final = """
INSERT INTO read_parked (parked_at, lane, projection, version, household, position, error, attempts)
SELECT %b::timestamptz, u.*
FROM unnest(%b::smallint[], %b::text[], %b::integer[], %b::uuid[], %b::bigint[], %b::text[], %b::integer[]) AS u
ON CONFLICT (lane, projection, version, household) DO NOTHING
"""
_NOW: Final = "SELECT clock_timestamp()"
_ROOM: Final = "SELECT count(*)::integer FROM read_parked WHERE projection = %b AND version = %b"
_TAKE: Final = """
DELETE FROM read_parked WHERE lane = %b AND projection = %b AND version = %b AND household = %b
RETURNING position, attempts
"""
_ALL: Final = """
SELECT p.lane, p.projection, p.household::text, p.position, p.error, p.attempts, p.parked_at::text
FROM read_parked p JOIN read_model m USING (projection, version)
WHERE (%s::text IS NULL OR p.projection = %s) AND (%s::uuid IS NULL OR p.household = %s)
ORDER BY p.parked_at, p.lane, p.household
"""


@dataclass(frozen=True, slots=True)
class Poison:
    """From which event on a household cannot be taken in, and why."""

    lane: int
    household: UUID
    position: int
    error: str
    attempts: int = 1


class Parked(NamedTuple):
    """A parked household: from which position its events wait, why, how often it was tried, since when."""

    lane: int
    projection: str
    household: UUID
    position: int
    error: str
    attempts: int
    since: datetime


def parked_in(
    cursor: Cursor[Any], lanes: Iterable[int], versions: Mapping[str, int]
) -> dict[str, dict[UUID, int]]:
    """By projection, the households parked in these lanes and the position from which on they wait."""
    cursor.execute(
        _IN_LANES,
        (SMALLINT.array(list(lanes)), TEXT.array(list(versions)), INTEGER.array(list(versions.values()))),
        prepare=True,
    )
    found: dict[str, dict[UUID, int]] = {}
    for projection, household, position in cursor.fetchall():
        found.setdefault(projection, {})[household] = position
    return found


def park(cursor: Cursor[Any], projection: str, version: int, poisons: Sequence[Poison]) -> None:
    """Let these households wait."""
    if not poisons:
        return
    cursor.execute(_NOW)
    cursor.execute(
        _PARK,
        (
            *(cursor.fetchone() or ()),
            SMALLINT.array([each.lane for each in poisons]),
            TEXT.array([projection] * len(poisons)),
            INTEGER.array([version] * len(poisons)),
            UUIDS.array([each.household for each in poisons]),
            BIGINT.array([each.position for each in poisons]),
            TEXT.array([each.error for each in poisons]),
            INTEGER.array([each.attempts for each in poisons]),
        ),
    )


def room_of(cursor: Cursor[Any], projection: str, version: int) -> int:
    """How many more households may be parked for a projection."""
    cursor.execute(_ROOM, (projection, version))
    (parked,) = cursor.fetchone() or (0,)
    return LIMIT - int(parked)


def take(
    cursor: Cursor[Any], lane: int, projection: str, version: int, household: UUID
) -> tuple[int, int] | None:
    """Let a household no longer wait: the position it waited from and the attempts; None when it does not wait."""
    cursor.execute(_TAKE, (lane, projection, version, household))
    row = cursor.fetchone()
    return None if row is None else (row[0], row[1])


def parked(
    connection: Connection[Any], projection: str | None = None, household: UUID | None = None
) -> list[Parked]:
    """The households that wait, the longest first; of one projection or one household if asked."""
    rows = connection.execute(_ALL, (projection, projection, household, household)).fetchall()
    return [
        Parked(lane, name, UUID(waiting), position, error, attempts, datetime.fromisoformat(since))
        for lane, name, waiting, position, error, attempts, since in rows
    ]
