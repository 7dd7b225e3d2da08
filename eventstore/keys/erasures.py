"""Erasures (抹除记录): who had whose personal information erased, when, on what ground; written before it begins."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal, NamedTuple
from uuid import UUID

from psycopg import Connection

from eventstore.lanes import lane_of

Subject = Literal["person", "household"]

_BEGIN = "SELECT es_begin_erasure(%s::smallint, %s, %s, %s, %s, %s, %s)"
_FORGET = "SELECT es_forget(%s)"
_FINISH = "SELECT es_finish_erasure(%s::smallint, %s, %s)"
_OF = """
SELECT owner, subject, basis, ground, actor, approvers, asked_at, done_at, entries FROM es_erasure
WHERE lane = %s AND owner = %s
"""


class Warrant(NamedTuple):
    """What an erasure rests on: its basis by code, the paper, who carries it out and who approved it."""

    basis: str
    ground: str
    actor: str
    approvers: tuple[str, ...]


class Erasure(NamedTuple):
    """An erasure as it was written down; `done_at` is None while keys may still be there."""

    owner: UUID
    subject: Subject
    warrant: Warrant
    asked_at: datetime
    done_at: datetime | None
    entries: int | None


def erasure_of(connection: Connection[Any], owner: UUID) -> Erasure | None:
    """The erasure of a person or household, None when there was none."""
    row = connection.execute(_OF, (lane_of(owner), owner)).fetchone()
    if row is None:
        return None
    whose, subject, basis, ground, actor, approvers, asked_at, done_at, entries = row
    return Erasure(
        whose, subject, Warrant(basis, ground, actor, tuple(approvers)), asked_at, done_at, entries
    )


def begin_erasure(connection: Connection[Any], owner: UUID, subject: Subject, warrant: Warrant) -> None:
    """Write an erasure down, durably, before anything is destroyed; an earlier one of the same owner stays."""
    said: Sequence[object] = (*warrant[:3], list(warrant.approvers))
    connection.execute(_BEGIN, (lane_of(owner), owner, subject, *said))


def forget(connection: Connection[Any], owner: UUID) -> int:
    """Take an owner out of the blind index; how many entries went."""
    row = connection.execute(_FORGET, (owner,)).fetchone()
    return int(row[0]) if row is not None else 0


def finish_erasure(connection: Connection[Any], owner: UUID, entries: int) -> None:
    """Write down that an erasure is done."""
    connection.execute(_FINISH, (lane_of(owner), owner, entries))
