"""Reach (辖区): whether a household lies in somebody's area, and how far the read models have got with it."""

from __future__ import annotations

from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Connection

from api.identity import NATION, Identity
from projections.place import place_of


class Reached(NamedTuple):
    """A household somebody may see; `position` is for the header, and no later than any row read after this."""

    household: UUID
    position: str


def reached(
    connection: Connection[Any], identity: Identity, household: UUID, projections: tuple[str, ...]
) -> Reached | None:
    """The household if it lies in the identity's area, None if it does not or is not known; one statement.

    `projections` are the read models about to be read: what is told is the position all of them have reached.
    """
    place = place_of(connection, household, projections)
    if place is None or identity.region not in (NATION, *place.codes):
        return None
    return Reached(household, f"{place.lane}:{place.position}")
