"""Where a household lies (所在地), and how far the read models have got with its lane; one statement."""

from __future__ import annotations

from typing import Any, Final, NamedTuple
from uuid import UUID

from psycopg import Connection

from eventstore.access_records import SEEN
from eventstore.lanes import lane_of
from eventstore.postgres.binary import boolean, short
from eventstore.postgres.libpq_client import Call, Row, Statement

_PLACE: Final = """
SELECT c.province, c.city, c.county, c.township, c.village,
       (SELECT min(p.position) FROM read_checkpoint p
        WHERE p.lane = c.lane AND p.projection = ANY(%s) AND p.live),
       set_config('hulian.household', c.household::text, true), c.last_name, c.joined_into::text
FROM read_card.card c WHERE c.lane = %s AND c.household = %s
"""
_PLACING: Final = Statement(
    "place",
    f"""
SELECT c.province, c.city, c.county, c.township, c.village,
       (SELECT min(p.position) FROM read_checkpoint p
        WHERE p.lane = c.lane AND p.projection = ANY(string_to_array($1::text, ',')) AND p.live),
       c.last_name, c.joined_into,
       set_config('hulian.household', c.household::text, true),
       set_config('{SEEN}', CASE WHEN c.joined_into IS NULL OR $2::boolean THEN $3::text ELSE $4::text END, true)
FROM read_card.card c WHERE c.lane = $5::smallint AND c.household = $6::uuid
""",
)


class Place(NamedTuple):
    """The household's codes, province to village, and the position in its lane that all models have reached.

    `last` is the stored name of its last step; `joined_into` the household it went on in, if it did.
    """

    codes: tuple[str, ...]
    lane: int
    position: int | None
    last: str
    joined_into: UUID | None = None


def place_of(connection: Connection[Any], household: UUID, projections: tuple[str, ...]) -> Place | None:
    """Where a household lies; None for one there is not.

    `projections` name the read models meant: what is told is the position all of them have reached. From then on
    the transaction sees the household's rows, also where it reads for an area only (`engine.walls`).
    """
    lane = lane_of(household)
    row = connection.execute(_PLACE, (list(projections), lane, household), prepare=True).fetchone()
    if row is None:
        return None
    return Place(tuple(row[:5]), lane, row[5], row[7], None if row[8] is None else UUID(row[8]))


def placing(household: UUID, projections: tuple[str, ...], seen: str, moved: str | None) -> Call:
    """`place_of` as a call of a transaction sent whole (`eventstore.postgres.libpq_client`); `placed` reads its answer.

    The transaction then knows what it lets somebody see (`eventstore.access_records.SEEN`): `seen`, or `moved` where
    the household went on in another; nothing where there is none in the area. `moved` None: it is no matter.
    """
    return Call(
        _PLACING,
        (
            ",".join(projections).encode(),
            boolean(moved is None),
            seen.encode(),
            (moved or "").encode(),
            short(lane_of(household)),
            household.bytes,
        ),
    )


def placed(rows: list[Row], household: UUID) -> Place | None:
    """What `placing` found."""
    if not rows:
        return None
    (row,) = rows
    return Place(row[:5], lane_of(household), row[5], row[6], row[7])
