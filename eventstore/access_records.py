"""Access records (查阅记录): who saw sealed values of a household in clear, and for what."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID, uuid4

from psycopg import Connection

from eventstore.lanes import lane_of
from eventstore.postgres.binary import short
from eventstore.postgres.libpq_client import Call, Pool, Statement

_RECORD = """
SELECT es_record_access(%b::smallint[], %b::uuid[], %b::uuid[], %b::text[], %b::text[], %b::text[], %b::text[])
"""


_OF_SUBJECT = """
SELECT access_id::text, at::text, actor, organ, purpose, fields FROM es_access
WHERE lane = %b::smallint AND subject = %b::uuid
  AND (%b::timestamptz IS NULL OR (at, access_id) < (%b::timestamptz, %b::uuid))
ORDER BY at DESC, access_id DESC LIMIT %b::bigint
"""


SEEN: Final = "hulian.seen"
"""The setting in which a transaction says what it lets somebody see; an empty text: nothing."""

# whoever read as somebody else writes the record as themselves
_AS_OURSELVES: Final = Call(Statement("access_ourselves", "SET LOCAL role TO DEFAULT"))
_BESIDE: Final = Statement(
    "access_beside",
    "SELECT es_record_access(ARRAY[$1::smallint], ARRAY[$2::uuid], ARRAY[$3::uuid], ARRAY[$4::text],"
    " ARRAY[$5::text], ARRAY[$6::text],"
    f" ARRAY[coalesce(nullif(current_setting('{SEEN}', true), ''), $7::text)])",
)


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


class AccessLog:
    """Writes access records beside the events, durably."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def __call__(self, accesses: Sequence[Access]) -> None:
        """Write them in one statement, durably before it returns."""
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
        with self._pool.connection() as connection:
            connection.execute(_RECORD, columns)

    def beside(self, access: Access) -> Sequence[Call]:
        """The same for one record, as calls that end the transaction of what is read (`run_pipeline`).

        What was seen is what that transaction last said in `SEEN`: it knows what it found. `access.fields` stands
        for nothing said: then nothing was shown.
        """
        return (
            _AS_OURSELVES,
            Call(
                _BESIDE,
                (
                    short(lane_of(access.subject)),
                    access.subject.bytes,
                    # random as uuid4, without the object
                    _random_id(),
                    access.actor.encode(),
                    None if access.organ is None else access.organ.encode(),
                    access.purpose.encode(),
                    ",".join(access.fields).encode(),
                ),
            ),
        )


def access_log(pool: Pool) -> AccessLog:
    """Where access records are written: beside the events."""
    return AccessLog(pool)


def _random_id() -> bytes:
    raw = bytearray(os.urandom(16))
    raw[6] = raw[6] & 0x0F | 0x40
    raw[8] = raw[8] & 0x3F | 0x80
    return bytes(raw)
