"""Persons (人员): in which households somebody is or was, by the cards."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from psycopg import Connection

from eventstore.lanes import lane_of

_OF_PERSONS: Final = """
SELECT DISTINCT household::text FROM read_card.member WHERE person = ANY (%b::uuid[])
"""
_THEMSELVES: Final = """
SELECT c.household::text FROM unnest(%b::smallint[], %b::uuid[]) AS a (lane, household)
JOIN read_card.card AS c USING (lane, household)
"""


def households_of(connection: Connection[Any], owners: Sequence[UUID]) -> list[UUID]:
    """The households that these owners of sealed values are, or are or were members of; in a fixed order."""
    if not owners:
        return []
    of_persons = connection.execute(_OF_PERSONS, [list(owners)]).fetchall()
    themselves = connection.execute(
        _THEMSELVES, [[lane_of(owner) for owner in owners], list(owners)]
    ).fetchall()
    return sorted({UUID(text) for (text,) in (*of_persons, *themselves)})
