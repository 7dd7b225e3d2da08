"""Access records (查阅记录): who saw sealed values of a household in clear, and for what."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID, uuid4

from psycopg import Connection

from eventstore.lanes import lane_of
from eventstore.wire import Pool

_RECORD = """
SELECT es_record_access(%b::smallint[], %b::uuid[], %b::uuid[], %b::text[], %b::text[], %b::text[], %b::text[])
"""


_OF_SUBJECT = """
SELECT access_id::text, at::text, actor, organ, purpose, fields FROM es_access
WHERE lane = %b::smallint AND subject = %b::uuid
  AND (%b::timestamptz IS NULL OR (at, access_id) < (%b::timestamptz, %b::uuid))
ORDER BY at DESC, access_id DESC LIMIT %b::bigint
"""


class Access(NamedTuple):
    """One look at one household: the kinds of values seen, never the values."""

    subject: UUID
    actor: str
    organ: str | None
    purpose: str
    fields: tuple[str, ...]


class Recorded(NamedTuple):
    """A look as it was recorded: who, of which organ, when, what for, what was seen."""

    id: UUID
    at: datetime
    actor: str
    organ: str | None
    purpose: str
    fields: tuple[str, ...]


def accesses_of(
    connection: Connection[Any], subject: UUID, after: tuple[datetime, UUID] | None = None, limit: int = 50
) -> list[Recorded]:
    """Who looked at a household, the newest look first; those before `after` (the last of a page: its `at`, `id`)."""
    at, access = after or (None, None)
    rows = connection.execute(_OF_SUBJECT, (lane_of(subject), subject, at, at, access, limit)).fetchall()
    return [
        Recorded(UUID(id), datetime.fromisoformat(when), actor, organ, purpose, tuple(fields))
        for id, when, actor, organ, purpose, fields in rows
    ]


def access_log(pool: Pool) -> Callable[[Sequence[Access]], None]:
    """Writes access records beside the events, durably before it returns, in one statement."""

    def record(accesses: Sequence[Access]) -> None:
        if not accesses:
            return
        columns = (
            [lane_of(access.subject) for access in accesses],
            [access.subject for access in accesses],
            [uuid4() for _ in accesses],
            [access.actor for access in accesses],
            [access.organ for access in accesses],
            [access.purpose for access in accesses],
            [",".join(access.fields) for access in accesses],
        )
        with pool.connection() as connection:
            connection.execute(_RECORD, columns)

    return record
