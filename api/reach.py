"""Reach (辖区): whether a household lies in somebody's area, and how far the read models have got with it."""

from __future__ import annotations

from typing import Any, Final, NamedTuple
from uuid import UUID

from psycopg import Connection

from api.identity import NATION, Identity
from eventstore.lanes import lane_of

_PLACE: Final = """
SELECT c.province, c.city, c.county, c.township, c.village,
       (SELECT min(p.position) FROM read_checkpoint p
        WHERE p.lane = c.lane AND p.projection = ANY(%s) AND p.live)
FROM read_card.card c WHERE c.lane = %s AND c.household = %s
"""


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
    lane = lane_of(household)
    row = connection.execute(_PLACE, (list(projections), lane, household), prepare=True).fetchone()
    if row is None or identity.region not in (NATION, *row[:5]):
        return None
    return Reached(household, f"{lane}:{row[5]}")
