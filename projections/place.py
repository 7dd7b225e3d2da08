"""Where a household lies (所在地), and how far the read models have got with its lane; one statement."""

from __future__ import annotations

from typing import Any, Final, NamedTuple
from uuid import UUID

from psycopg import Connection

from eventstore.lanes import lane_of

_PLACE: Final = """
SELECT c.province, c.city, c.county, c.township, c.village,
       (SELECT min(p.position) FROM read_checkpoint p
        WHERE p.lane = c.lane AND p.projection = ANY(%s) AND p.live)
FROM read_card.card c WHERE c.lane = %s AND c.household = %s
"""


class Place(NamedTuple):
    """The household's codes, province to village, and the position in its lane that all models have reached."""

    codes: tuple[str, ...]
    lane: int
    position: int | None


def place_of(connection: Connection[Any], household: UUID, projections: tuple[str, ...]) -> Place | None:
    """Where a household lies; None for one there is not.

    `projections` name the read models meant: what is told is the position all of them have reached.
    """
    lane = lane_of(household)
    row = connection.execute(_PLACE, (list(projections), lane, household), prepare=True).fetchone()
    return None if row is None else Place(tuple(row[:5]), lane, row[5])
