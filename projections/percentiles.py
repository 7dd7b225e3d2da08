"""Percentiles and figures (分位数与统计数): what a report says, read from the counts merged at its cut."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from typing import Any, Final, Literal, NamedTuple
from uuid import UUID

from psycopg import Connection

from domain.values.month import Months
from domain.values.refusals import Told
from domain.values.region import Level
from projections.engine.places import DIGITS

Unit = Literal["calendar", "working", "net"]
"""Calendar days, working days, or working days net of lawful standstills."""

LEAST: Final = 5
"""Of fewer stretches no percentile is shown: it would tell of persons."""


class NothingMerged(Told):
    """该截点尚未汇总统计；请先汇总，再查询报表。"""


class LevelNotKept(Told):
    """时长统计到乡镇（街道）为止：村（社区）件数过少，不作统计。"""


class Percentiles(NamedTuple):
    """The days of `n` stretches: of so many per cent none took longer (nearest rank, so whole days), and the most.

    None where there are no stretches, or too few to be shown.
    """

    n: int | None
    p50: int | None
    p90: int | None
    p95: int | None
    longest: int | None

    def shown(self) -> Percentiles:
        """The same as people may see it: fewer than five stretches are hidden, their number too."""
        return HIDDEN if self.n is not None and 0 < self.n < LEAST else self


HIDDEN: Final = Percentiles(None, None, None, None, None)


def percentiles(counts: Iterable[tuple[int, int]]) -> Percentiles:
    """The percentiles of day counts `(days, n)`, exactly, in any order and with days repeated."""
    ordered = sorted(counts)
    total = sum(n for _, n in ordered)
    if not total:
        return Percentiles(0, None, None, None, None)
    # the smallest number of days that at least so many in a hundred stretches did not exceed
    ranks = [-(-total * share // 100) for share in (50, 90, 95)]
    found: list[int] = []
    below = 0
    for days, n in ordered:
        below += n
        while len(found) < len(ranks) and below >= ranks[len(found)]:
            found.append(days)
    longest = max(days for days, n in ordered if n)
    return Percentiles(total, found[0], found[1], found[2], longest)


@dataclass(frozen=True, slots=True)
class Ground:
    """What a report rests on: the cut, when it was taken, the versions of its models, the calendar editions.

    `uncounted` stretches lie in years without an edition: they count in calendar days only. `parked` households
    are missing: an event of theirs could not be taken in.
    """

    cut: UUID
    taken_at: datetime
    durations: int
    statistics: int
    editions: Mapping[str, tuple[str, ...]]
    uncounted: int
    parked: int
    chain: tuple[UUID, ...]


@dataclass(frozen=True, slots=True)
class DurationReport:
    """Percentiles by area, every area that has any, on their ground."""

    ground: Ground
    areas: Mapping[str, Percentiles]

    def shown(self) -> DurationReport:
        """The same as people may see it."""
        return replace(self, areas={area: each.shown() for area, each in self.areas.items()})


@dataclass(frozen=True, slots=True)
class Figure:
    """What was counted of one word in an area and month: acts or households, persons, money in fen."""

    area: str
    month: str
    category: str
    detail: str
    homes: int
    heads: int
    fen: int


@dataclass(frozen=True, slots=True)
class FigureReport:
    """Figures in the order of areas and months, on their ground."""

    ground: Ground
    figures: list[Figure]


def ground_of(connection: Connection[Any], cut: UUID | None = None) -> Ground:
    """What a report at a cut rests on; without one, at the newest merged. Raises `NothingMerged`."""
    row = connection.execute(
        "SELECT cut, taken_at, durations, statistics, editions, uncounted, parked, chain"
        " FROM read_statistics.merged"
        " WHERE %s::uuid IS NULL OR cut = %s ORDER BY taken_at DESC, cut LIMIT 1",
        [cut, cut],
    ).fetchone()
    if row is None:
        raise NothingMerged
    editions = {county: tuple(each) for county, each in json.loads(row[4]).items()}
    return Ground(row[0], row[1], row[2], row[3], editions, row[5], row[6], tuple(row[7]))


_DAY_COUNTS: Final = """
SELECT d.area, u.days, sum(u.n)::bigint FROM read_statistics.day_count d
CROSS JOIN LATERAL unnest(d.{unit}, d.n) AS u (days, n)
WHERE d.stage = %s AND d.holder = %s AND d.level = %s AND d.area >= %s AND d.area < %s
  AND d.month BETWEEN %s AND %s AND (%s::text IS NULL OR d.category = %s) AND d.cut = ANY (%s)
  AND u.days IS NOT NULL
GROUP BY d.area, u.days ORDER BY d.area
"""
_UNITS: Final[tuple[Unit, ...]] = ("calendar", "working", "net")
_FIGURES: Final = """
SELECT area, {month}, category, detail, sum(homes)::bigint, sum(heads)::bigint, sum(fen)::bigint
FROM read_statistics.figure
WHERE what = %s AND level = %s AND area >= %s AND area < %s AND month BETWEEN %s AND %s
  AND (%s::text IS NULL OR category = %s) AND cut = ANY (%s)
GROUP BY 1, 2, 3, 4 HAVING sum(homes) <> 0 OR sum(heads) <> 0 OR sum(fen) <> 0 ORDER BY 1, 2, 3, 4
"""


def percentiles_of(
    connection: Connection[Any],
    area: str,
    level: Level,
    months: Months,
    stage: str,
    category: str | None = None,
    unit: Unit = "working",
    *,
    holder: str = "",
    cut: UUID | None = None,
) -> DurationReport:
    """How long a stage took where it ended in these months: one row for each place of `level` inside `area`.

    `category` None is all of them; with a `holder`, only the days it had the file, of the stretches it had a
    hand in (`Stage.whole`). Raises `NothingMerged`, `LevelNotKept`.
    """
    if level == "village":
        raise LevelNotKept
    ground = ground_of(connection, cut)
    first, last = _span(months)
    query = _DAY_COUNTS.format(unit=_UNITS[_UNITS.index(unit)])
    parameters = [
        *(stage, holder, DIGITS[level], area, _beyond(area)),
        *(first, last, category, category, list(ground.chain)),
    ]
    rows = connection.execute(query.encode(), parameters).fetchall()
    areas = {
        place: percentiles((days, n) for _, days, n in each) for place, each in groupby(rows, itemgetter(0))
    }
    return DurationReport(ground, areas)


def counts_of(
    connection: Connection[Any],
    area: str,
    level: Level,
    months: Months,
    what: str,
    category: str | None = None,
    *,
    cut: UUID | None = None,
) -> FigureReport:
    """How often something was done in each of these months, in each place of `level` inside `area`.

    `what` is a word of `projections.statistics.COUNTED`. Raises `NothingMerged`.
    """
    first, last = _span(months)
    return _figures(connection, area, level, "month", (what, first, last), category, cut)


def heads_of(
    connection: Connection[Any],
    area: str,
    level: Level,
    months: Months,
    category: str | None = None,
    *,
    cut: UUID | None = None,
) -> FigureReport:
    """How many households and persons were in each category at the end of each of these months (在册户数、人数).

    Raises `NothingMerged`.
    """
    found: list[Figure] = []
    ground = ground_of(connection, cut)
    for month in months:
        span = ("in-category", "", str(month))
        report = _figures(connection, area, level, "%s::text", span, category, ground.cut)
        found += report.figures
    return FigureReport(ground, sorted(found, key=lambda each: (each.area, each.month, each.category)))


def _figures(
    connection: Connection[Any],
    area: str,
    level: Level,
    month: str,
    span: tuple[str, str, str],
    category: str | None,
    cut: UUID | None,
) -> FigureReport:
    ground = ground_of(connection, cut)
    what, first, last = span
    parameters = [
        *([last] if "%s" in month else []),
        *(what, DIGITS[level], area, _beyond(area), first, last, category, category, list(ground.chain)),
    ]
    rows = connection.execute(_FIGURES.format(month=month).encode(), parameters).fetchall()
    return FigureReport(ground, [Figure(*row) for row in rows])


def _span(months: Months) -> tuple[str, str]:
    return str(months.first), str(months.last)


def _beyond(area: str) -> str:
    """The first text that is no code inside an area: codes are digits, and `:` comes after `9`."""
    return area + ":"
