"""Changes (变动): which households' work changed between two positions of the work list, and where they live."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple
from uuid import UUID

from psycopg import Connection

from eventstore.lanes import LANES

Positions = tuple[int, ...]
"""How far a read model has got, by lane."""

_POSITIONS: Final = """
SELECT lane, position FROM read_checkpoint WHERE projection = 'work_list' AND live
"""
# where a household lived before is said by the step before the first of these: who moved away has left, too
_CHANGES: Final = """
SELECT f.household::text, f.province, f.city, f.county, f.township, f.village,
       (SELECT convert_from(p.meta, 'UTF8')::json ->> 'region' FROM es_event p
        WHERE p.lane = h.lane AND p.stream_id = h.household AND p.version = h.first - 1)
FROM (SELECT e.lane, e.stream_id AS household, min(e.version) AS first
      FROM unnest(%b::smallint[], %b::bigint[], %b::bigint[]) AS w (lane, after, upto)
      JOIN es_event e ON e.lane = w.lane AND e.position > w.after AND e.position <= w.upto
      GROUP BY 1, 2) AS h
JOIN read_work_list.file f ON f.lane = h.lane AND f.household = h.household
ORDER BY 1
"""


class Changed(NamedTuple):
    """A household with new steps: the codes of where it lives, and the region where it lived before them."""

    household: UUID
    codes: tuple[str, ...]
    before: str | None

    def concerns(self, area: str) -> bool:
        """Whether it lives in an area, or lived there until now."""
        return area in self.codes or (self.before or "").startswith(area)


def work_positions(connection: Connection[Any]) -> Positions:
    """How far the work list has got in each lane."""
    found = dict(connection.execute(_POSITIONS).fetchall())
    return tuple(found.get(lane, 0) for lane in range(LANES))


def changes_between(connection: Connection[Any], after: Sequence[int], upto: Sequence[int]) -> list[Changed]:
    """The households with steps above one vector of positions, up to another; in a fixed order."""
    moved = [lane for lane in range(LANES) if upto[lane] > after[lane]]
    if not moved:
        return []
    parameters = (moved, [after[lane] for lane in moved], [upto[lane] for lane in moved])
    rows = connection.execute(_CHANGES, parameters).fetchall()
    return [Changed(UUID(row[0]), tuple(row[1:6]), row[6]) for row in rows]
