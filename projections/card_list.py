"""Lists of cards (家庭列表): the households of a place, a page at a time, with what they are on a day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from time import perf_counter
from typing import Any, Final, NamedTuple
from uuid import UUID

from psycopg import Connection

from domain.values.month import Month
from eventstore.lanes import LANES
from projections.engine.places import LEVELS
from projections.engine.queries import rows_of

_SMALLER_THAN_COUNTY: Final = 6
_MORE: Final = 6
_LIST: Final = """
SELECT {} FROM ({found}) AS c
CROSS JOIN LATERAL (
    SELECT (SELECT k.category FROM read_card.category k
            WHERE k.lane = c.lane AND k.household = c.household AND k.person IS NULL
              AND k.since <= %b::date AND (k.until IS NULL OR k.until > %b::date)
            ORDER BY k.since DESC LIMIT 1) AS category,
           (SELECT string_agg(b.label, ',' ORDER BY b.n) FROM read_card.label b
            WHERE b.lane = c.lane AND b.household = c.household
              AND b.since <= %b::date AND (b.until IS NULL OR b.until > %b::date)) AS labels,
           (SELECT b.fen FROM read_card.benefit b
            WHERE b.lane = c.lane AND b.household = c.household
              AND b.first_month <= %b::text AND (b.last_month IS NULL OR b.last_month >= %b::text)
            ORDER BY b.n DESC LIMIT 1) AS fen) AS now
ORDER BY c.lane, c.household
"""
# one range of the place's index, whatever the place's breadth
_ALL: Final = """
SELECT * FROM read_card.card AS c
WHERE {place} AND c.joined_into IS NULL AND (c.lane, c.household) > (%b::smallint, %b::uuid)
ORDER BY c.lane, c.household LIMIT %b::bigint
"""
_BY_PLACE: Final = """
SELECT * FROM read_card.card AS c
WHERE {place} AND c.joined_into IS NULL AND (c.lane, c.household) > (%b::smallint, %b::uuid)
  AND c.lane <= %b::smallint
  AND (SELECT true FROM read_card.category k
       WHERE k.lane = c.lane AND k.household = c.household AND k.category = %b::text
         AND k.since <= %b::date AND (k.until IS NULL OR k.until > %b::date) LIMIT 1)
ORDER BY c.lane, c.household LIMIT %b::bigint
"""
_BY_CATEGORY: Final = """
SELECT c.* FROM (
    SELECT DISTINCT k.lane, k.household FROM read_card.category AS k
    WHERE (k.lane, k.household) > (%b::smallint, %b::uuid) AND k.lane <= %b::smallint AND k.category = %b::text
      AND k.since <= %b::date AND (k.until IS NULL OR k.until > %b::date)
    ORDER BY k.lane, k.household) AS k
CROSS JOIN LATERAL (
    SELECT * FROM read_card.card AS c
    WHERE c.lane = k.lane AND c.household = k.household AND {place} AND c.joined_into IS NULL LIMIT 1) AS c
ORDER BY k.lane, k.household LIMIT %b::bigint
"""


class After(NamedTuple):
    """Where a list goes on: after this household of this lane."""

    lane: int
    household: UUID


_LEAST: Final = UUID(int=0)
_BEFORE_ALL: Final = After(0, _LEAST)


@dataclass(frozen=True, slots=True)
class Listed:
    """A household in a list, with category, labels (joined by commas) and monthly fen as they hold on the day."""

    lane: int
    household: UUID
    region: str
    area: str
    head: UUID | None
    head_name: bytes | None
    members: int
    cycle: int
    version: int
    last_on: date
    last_title: str
    case_category: str | None
    case_step: str | None
    next_due: date | None
    next_what: str | None
    category: str | None
    labels: str | None
    fen: int | None

    @property
    def after(self) -> After:
        """The place in the list right behind this household."""
        return After(self.lane, self.household)


def cards_in(
    connection: Connection[Any],
    region: str | None,
    on: date,
    *,
    category: str | None = None,
    after: After | None = None,
    limit: int = 50,
) -> list[Listed]:
    """The households that live in a region (2, 4, 6, 9 or 12 digits; None: everywhere), in a fixed order.

    Those that went on in another household are not among them. `category`: only those in it on the day `on`,
    also for one of their members. Raises ValueError for a region code of another length.
    """
    if region is not None and len(region) not in LEVELS:
        raise ValueError(f"区划代码“{region}”应为 2、4、6、9 或 12 位")
    after = after or _BEFORE_ALL
    place = "%b::text IS NULL" if region is None else f"c.{LEVELS[len(region)]} = %b::text"
    if category is not None:
        return _held_in(connection, place, region, on, category, after, limit)
    return _listed(connection, _ALL.replace("{place}", place), (region, *after, limit), on)


def _held_in(
    connection: Connection[Any],
    place: str,
    region: str | None,
    on: date,
    category: str,
    after: After,
    limit: int,
) -> list[Listed]:
    """The households of a place that are in a category: found among those of the place, or of the category.

    Of which there are fewer the second wall hides, and the planner does not know. So in a large place both ways
    are tried, each on a lane: households are spread over the lanes by chance, so that what was quicker there goes
    on with the rest, some lanes at a time.
    """
    queries = (
        [_BY_PLACE]
        if region is not None and len(region) > _SMALLER_THAN_COUNTY
        else [_BY_PLACE, _BY_CATEGORY]
    )
    found: list[Listed] = []
    pace: dict[str, float] = {}
    lanes = 1 if len(queries) > 1 else LANES
    while len(found) < limit and after.lane < LANES:
        query = next((each for each in queries if each not in pace), "") or min(
            pace, key=lambda each: pace[each]
        )
        last = min(after.lane + lanes, LANES) - 1
        upto = (*after, last, category, on, on)
        wanted = limit - len(found)
        parameters = (region, *upto, wanted) if query is _BY_PLACE else (*upto, region, wanted)
        began = perf_counter()
        found += _listed(connection, query.replace("{place}", place), parameters, on)
        pace[query] = (perf_counter() - began) / (last - after.lane + 1)
        after = After(last + 1, _LEAST)
        if len(pace) == len(queries):
            lanes *= _MORE
    return found


def _listed(connection: Connection[Any], found: str, parameters: tuple[Any, ...], on: date) -> list[Listed]:
    month = str(Month.of(on))
    query = _LIST.replace("{found}", found)
    return rows_of(connection, Listed, query, (*parameters, on, on, on, on, month, month))
