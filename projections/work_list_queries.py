"""Pages of the work list (工作清单查询): the open duties of an area, the nearest day first; and how many there are."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import date, timedelta
from typing import Any, Final, NamedTuple
from uuid import UUID

from psycopg import Connection

from domain.clock.duty_kinds import DUTY_KINDS, Office
from domain.values.spells import Category
from eventstore.lanes import lane_of
from projections.engine.places import LEVELS
from projections.engine.queries import rows_of
from projections.work_list import NO_CATEGORY, NO_DAY, DutyRow

COUNTED: Final = 500
"""Up to how many duties of one step are counted."""
_CATEGORIES: Final = (*(category.value for category in Category), NO_CATEGORY)
_ORDER: Final = "due, lane, household, step, subject, month"
_AFTER: Final = f"(due, lane, household) >= (%b, %b, %b) AND ({_ORDER}) > (%b, %b, %b, %b, %b, %b)"
_PLACE: Final = "{place} = %b::text"
_OF_AREA: Final = f"""
WITH found AS (
    SELECT d.* FROM unnest(%b::text[]) AS s (step) CROSS JOIN unnest(%b::text[]) AS c (category)
    CROSS JOIN LATERAL (
        SELECT {_ORDER} FROM read_work_list.duty
        WHERE {_PLACE} AND step = s.step AND category = c.category AND due <= %b AND {_AFTER}
        ORDER BY due, lane, household, subject, month LIMIT %b::bigint) AS d
    ORDER BY {_ORDER} LIMIT %b::bigint)
SELECT {{columns}} FROM found JOIN read_work_list.duty AS t USING (lane, household, step, subject, month)
ORDER BY found.due, lane, household, step, subject, month
"""
_OF_OFFICER: Final = f"""
SELECT {{columns}} FROM read_work_list.duty AS t
WHERE officer = %b AND due <= %b AND {_AFTER}
  AND step = ANY (%b::text[]) AND category = ANY (%b::text[]) AND (%b::text IS NULL OR {_PLACE})
ORDER BY {_ORDER} LIMIT %b::bigint
"""
_COUNTS: Final = f"""
SELECT s.step, sum(d.n)::integer, sum(d.late)::integer
FROM unnest(%b::text[]) AS s (step) CROSS JOIN unnest(%b::text[]) AS c (category)
CROSS JOIN LATERAL (SELECT count(*) AS n, count(*) FILTER (WHERE due < %b) AS late
    FROM (SELECT due FROM read_work_list.duty
          WHERE {_PLACE} AND step = s.step AND category = c.category ORDER BY due LIMIT %b::bigint) AS each) AS d
GROUP BY s.step
"""
_COUNTS_OF_OFFICER: Final = f"""
SELECT step, count(*)::integer, (count(*) FILTER (WHERE due < %b))::integer
FROM (SELECT step, due FROM read_work_list.duty
      WHERE officer = %b AND (%b::text IS NULL OR {_PLACE}) AND step = ANY (%b::text[])
      ORDER BY due LIMIT %b::bigint) AS d
GROUP BY step
"""


class After(NamedTuple):
    """Where a list goes on: after this duty."""

    due: date
    lane: int
    household: UUID
    step: str
    subject: UUID
    month: str


START: Final = After(date.min, -1, UUID(int=0), "", UUID(int=0), "")


@dataclass(frozen=True, slots=True)
class OpenDuty:
    """An open duty in a list; `due` and `what` are None where no deadline limits it."""

    row: DutyRow

    @property
    def title(self) -> str:
        """The Chinese word for what is to be done."""
        return DUTY_KINDS[self.row.step].title

    @property
    def office(self) -> Office:
        """Who has to act: the family, an office by its level, or the bank."""
        return DUTY_KINDS[self.row.step].office

    @property
    def region(self) -> str | None:
        """The code of the place whose office has to act; None for family and bank."""
        return getattr(self.row, self.office, None)

    @property
    def due(self) -> date | None:
        return None if self.row.due == NO_DAY else self.row.due

    def is_overdue(self, today: date) -> bool:
        """Whether its last day lies before `today`."""
        return self.row.due < today

    @property
    def after(self) -> After:
        """The place in the list right behind this duty."""
        row = self.row
        return After(row.due, row.lane, row.household, row.step, row.subject, row.month)


@dataclass(frozen=True, slots=True)
class StepCount:
    """How many duties of a step are open, and how many of them overdue; `more`: there are more than counted."""

    step: str
    title: str
    office: Office
    open: int
    overdue: int
    more: bool


def duties_in(
    connection: Connection[Any],
    region: str | None,
    *,
    officer: str | None = None,
    office: Office | None = None,
    step: str | None = None,
    overdue_on: date | None = None,
    category: str | None = None,
    after: After | None = None,
    limit: int = 50,
) -> list[OpenDuty]:
    """The open duties of a region (2, 4, 6, 9 or 12 digits), the nearest day first, those without one last.

    `officer`: only those of cases this officer handled last (with it, `region` None is everywhere); `office`:
    only what this kind of office has to do; `overdue_on`: only what was due before that day; `category` also
    NONE. What a page costs does not depend on the breadth of the region. Raises ValueError for a region code of
    another length, an unknown step, and neither region nor officer.
    """
    place = _place_of(region, officer)
    steps, categories = _steps(office, step), _CATEGORIES if category is None else (category,)
    until = NO_DAY if overdue_on is None else overdue_on - timedelta(days=1)
    start = after or START
    behind = (*start[:3], *start)
    parameters: tuple[Any, ...]
    if officer is not None:
        query = _OF_OFFICER
        parameters = (officer, until, *behind, list(steps), list(categories), region, region, limit)
    else:
        query = _OF_AREA
        parameters = (list(steps), list(categories), region, until, *behind, limit, limit)
    rows = rows_of(connection, DutyRow, query_for(query, place), parameters)
    return [OpenDuty(row) for row in rows]


def duties_of(connection: Connection[Any], household: UUID) -> list[OpenDuty]:
    """The household's open duties, the nearest day first."""
    query = (
        "SELECT {} FROM read_work_list.duty WHERE lane = %b AND household = %b"
        " ORDER BY due, version, step, subject, month"
    )
    return [OpenDuty(row) for row in rows_of(connection, DutyRow, query, (lane_of(household), household))]


def counts_in(
    connection: Connection[Any],
    region: str | None,
    today: date,
    *,
    officer: str | None = None,
    office: Office | None = None,
) -> list[StepCount]:
    """How many duties of each step are open in a region and how many overdue, each counted up to `COUNTED`.

    In the order of the steps, those without any left out. Raises ValueError as `duties_in`.
    """
    place = _place_of(region, officer)
    steps, most = list(_steps(office, None)), COUNTED + 1
    parameters: tuple[Any, ...]
    if officer is not None:
        query = _COUNTS_OF_OFFICER
        parameters = (today, officer, region, region, steps, COUNTED * len(DUTY_KINDS))
    else:
        query = _COUNTS
        parameters = (steps, list(_CATEGORIES), today, region, most)
    with connection.cursor(binary=True) as cursor:
        cursor.execute(query.replace("{place}", place).encode(), parameters)
        found = {step: (count, late) for step, count, late in cursor.fetchall()}
    return [
        StepCount(
            code,
            DUTY_KINDS[code].title,
            DUTY_KINDS[code].office,
            min(n, COUNTED),
            min(late, COUNTED),
            n > COUNTED,
        )
        for code in steps
        if code in found
        for n, late in (found[code],)
        if n
    ]


def query_for(query: str, place: str) -> str:
    """A query for rows with the column of the region's level in it."""
    columns = ", ".join(f"t.{field.name}" for field in fields(DutyRow))
    return query.replace("{place}", place).replace("{columns}", columns)


def _place_of(region: str | None, officer: str | None) -> str:
    if region is None:
        if officer is None:
            raise ValueError("工作清单应当指明区划，或者经办人")
        return "county"
    if len(region) not in LEVELS:
        raise ValueError(f"区划代码“{region}”应为 2、4、6、9 或 12 位")
    return LEVELS[len(region)]


def _steps(office: Office | None, step: str | None) -> tuple[str, ...]:
    if step is not None and step not in DUTY_KINDS:
        raise ValueError(f"没有名为“{step}”的待办事项")
    wanted = (step,) if step is not None else tuple(DUTY_KINDS)
    return tuple(code for code in wanted if office in (None, DUTY_KINDS[code].office))
