"""Lists of cards (家庭列表): the households of a place, a page at a time, with what they are on a day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any, Final, NamedTuple
from uuid import UUID

from psycopg import Connection

from domain.month import Month
from eventstore.lanes import LANES
from projections.engine.queries import rows_of

_LEVELS: Final = {2: "province", 4: "city", 6: "county", 9: "township", 12: "village"}
_FIRST: Final = UUID(int=0)
_A_FEW_LANES: Final = 8
_LIST: Final = """
SELECT {columns} FROM (
    SELECT c.* FROM generate_series(%b::integer, %b::integer) AS l (lane)
    CROSS JOIN LATERAL (
        SELECT * FROM read_card.card AS c
        WHERE c.lane = l.lane AND {place} AND c.joined_into IS NULL
          AND c.household > CASE WHEN l.lane = %b::integer THEN %b::uuid ELSE %b::uuid END
          AND (%b::text IS NULL OR EXISTS (
              SELECT FROM read_card.category k
              WHERE k.lane = c.lane AND k.household = c.household AND k.category = %b::text
                AND k.since <= %b::date AND (k.until IS NULL OR k.until > %b::date)))
        ORDER BY c.household LIMIT %b::bigint) AS c
    ORDER BY c.lane, c.household LIMIT %b::bigint) AS c
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


class After(NamedTuple):
    """Where a list goes on: after this household of this lane."""

    lane: int
    household: UUID


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
    if region is not None and len(region) not in _LEVELS:
        raise ValueError(f"区划代码“{region}”应为 2、4、6、9 或 12 位")
    after = after or After(0, _FIRST)
    # one lane in 256 holds a page of any large place: most lists end within the first few
    found: list[Listed] = []
    start = after.lane
    for stop in (min(start + _A_FEW_LANES, LANES) - 1, LANES - 1):
        if start > stop:
            break
        found += _listed(connection, region, on, category, after, start, stop, limit - len(found))
        if len(found) >= limit:
            break
        start = stop + 1
    return found


def _listed(
    connection: Connection[Any],
    region: str | None,
    on: date,
    category: str | None,
    after: After,
    start: int,
    stop: int,
    limit: int,
) -> list[Listed]:
    place = "%b::text IS NULL" if region is None else f"c.{_LEVELS[len(region)]} = %b::text"
    query = _LIST.replace("{place}", place).replace("{columns}", "{}")
    month = str(Month.of(on))
    return rows_of(
        connection,
        Listed,
        query,
        (
            start,
            stop,
            region,
            after.lane,
            after.household,
            _FIRST,
            category,
            category,
            on,
            on,
            limit,
            limit,
            on,
            on,
            on,
            on,
            month,
            month,
        ),
    )
