"""Access records (查阅记录): who saw sealed values of a household in clear, and for what."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple
from uuid import UUID, uuid4

from eventstore.lanes import lane_of
from eventstore.wire import Pool

_RECORD = """
SELECT es_record_access(%b::smallint[], %b::uuid[], %b::uuid[], %b::text[], %b::text[], %b::text[], %b::text[])
"""


class Access(NamedTuple):
    """One look at one household: the kinds of values seen, never the values."""

    subject: UUID
    actor: str
    organ: str | None
    purpose: str
    fields: tuple[str, ...]


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
