"""Merging at a cut (截点汇总): finished stretches and tallies become day counts and figures, once and for ever.

A report rests on a cut. The rows it is made of (`finished`, `tally`) are written once, with the position of their
event, so what belongs to a cut is what lies at or before its positions: the same today as in ten years, however
far the projections have gone on, and the same when the projections are built anew. What is stored is only the
sum, for quickness. A cut after another adds to it: its own rows are what lies between the two, and its report is
the sum over the `chain` of both; after `CHAIN` links, or when a model's version or a calendar edition has changed,
everything is merged anew.

The working days of a stretch are counted here, on the calendar edition given for its county; the editions are kept
with the merge and named by every report. A stretch that reaches into a year without an edition counts in calendar
days only; `uncounted` says how many there were.

Households parked for a projection (an event it cannot take in) are missing from a merge, which says how many; what
they bring when they are mended lies before its positions, so the next merge is made anew instead of added to it.

Day counts are kept for township, county, city and province. A village has too few cases in a month to be shown
(fewer than five are hidden): its stretches are read one by one (`projections.durations`). Figures are kept for
villages too.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from typing import Any, Final
from uuid import UUID

from psycopg import Connection

from domain.clock.stages import STAGES
from domain.values.calendar import WorkingCalendar
from domain.values.refusals import Told
from eventstore.appending.append_types import Cut
from eventstore.lanes import LANES

CalendarOf = Callable[[str], WorkingCalendar]
"""The working calendar of a county, by its six-digit code."""

CHAIN: Final = 32
"""How many merges a report is at most summed over."""

Chain = tuple[UUID, ...]


class ModelsBehind(Told):
    """统计所依据的数据尚未更新到截点（还差{events}条）；请稍候再汇总。"""


# one statement sorts and sums a whole province at the first merge
_MANNER: Final = "SET LOCAL work_mem = '64MB'; SET LOCAL jit = off"
_BEHIND: Final = """
SELECT coalesce(sum(greatest(w.position - c.position, 0)), 0)::bigint, count(*)
FROM unnest(%s::smallint[], %s::bigint[]) AS w (lane, position)
JOIN read_checkpoint c ON c.lane = w.lane AND c.live AND c.projection IN ('durations', 'statistics')
"""
_PARKED: Final = """
SELECT count(DISTINCT p.household)::integer FROM read_parked p JOIN read_model m USING (projection, version)
WHERE m.live AND p.projection IN ('durations', 'statistics')
"""
_VERSIONS: Final = """
SELECT max(version) FILTER (WHERE projection = 'durations'), max(version) FILTER (WHERE projection = 'statistics')
FROM read_model WHERE live
"""
_BASES: Final = """
SELECT cut, positions, chain, editions FROM read_statistics.merged
WHERE durations = %s AND statistics = %s AND taken_at <= %s AND parked = 0
  AND cardinality(chain) < %s
ORDER BY taken_at DESC, cut
"""
_BOUND: Final = """
bound AS MATERIALIZED (
    SELECT * FROM unnest(%(lanes)s::smallint[], %(after)s::bigint[], %(upto)s::bigint[]) AS b (lane, after, upto)
)
"""
_COUNTIES: Final = f"""
WITH {_BOUND}
SELECT DISTINCT left(f.region, 6) FROM bound b JOIN read_durations.finished f
ON f.lane = b.lane AND f.position > b.after AND f.position <= b.upto
"""
# `ordinals[calendar][day]` is how many working days there were up to a day; NULL outside the editions
_DAY_COUNTS: Final = f"""
WITH {_BOUND}, county AS MATERIALIZED (
    SELECT * FROM unnest(%(counties)s::text[], %(calendars)s::integer[]) AS k (county, calendar)
), part AS (
    SELECT f.lane, f.position, f.subject, f.stage, f.category, f.region, f.ended, f.holder, f.stop,
           f.until - f.since AS days,
           (%(ordinals)s::integer[])[k.calendar][f.until - %(first)s::date + 1]
           - (%(ordinals)s::integer[])[k.calendar][f.since - %(first)s::date + 1] AS working
    FROM bound b
    JOIN read_durations.finished f ON f.lane = b.lane AND f.position > b.after AND f.position <= b.upto
    JOIN county k ON k.county = left(f.region, 6)
), stretch AS (
    SELECT stage, coalesce(holder, '') AS holder, left(min(region), 9) AS township,
           to_char(min(ended), 'YYYY-MM') AS month, min(category) AS category, sum(days) AS calendar,
           CASE WHEN bool_and(working IS NOT NULL) THEN sum(working) END AS working,
           CASE WHEN bool_and(working IS NOT NULL)
                THEN coalesce(sum(working) FILTER (WHERE stop IS NULL), 0) END AS net
    FROM part
    GROUP BY GROUPING SETS ((lane, position, subject, stage), (lane, position, subject, stage, holder))
    HAVING grouping(holder) = 1 OR stage = ANY (%(whole)s::text[])
), leaf AS MATERIALIZED (
    SELECT stage, holder, township, month, category, calendar, working, net, count(*) AS n
    FROM stretch GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
), place AS (
    SELECT stage, holder, level, left(township, level) AS area, month, category,
           least(calendar, 32767)::smallint AS calendar,
           CASE WHEN working IS NOT NULL THEN least(working, 32767)::smallint END AS working,
           CASE WHEN net IS NOT NULL THEN least(net, 32767)::smallint END AS net, sum(n)::integer AS n
    FROM leaf CROSS JOIN (VALUES (2), (4), (6), (9)) AS l (level)
    GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9
), written AS (
    INSERT INTO read_statistics.day_count (
        stage, holder, level, area, month, category, cut, calendar, working, net, n)
    SELECT stage, holder, level, area, month, category, %(cut)s,
           array_agg(calendar), array_agg(working), array_agg(net), array_agg(n)
    FROM place GROUP BY 1, 2, 3, 4, 5, 6 ORDER BY 1, 2, 3, 4, 5, 6
)
SELECT coalesce(sum(n), 0)::bigint FROM leaf WHERE working IS NULL AND holder = ''
"""
_FIGURES: Final = f"""
WITH {_BOUND}, leaf AS MATERIALIZED (
    SELECT t.what, t.category, t.detail, t.region, to_char(t.day, 'YYYY-MM') AS month,
           sum(t.homes) AS homes, sum(t.heads) AS heads, sum(t.fen) AS fen
    FROM bound b JOIN read_statistics.tally t ON t.lane = b.lane AND t.position > b.after AND t.position <= b.upto
    GROUP BY 1, 2, 3, 4, 5
)
INSERT INTO read_statistics.figure (what, level, area, month, category, detail, cut, homes, heads, fen)
SELECT what, level, left(region, level), month, category, detail, %(cut)s, sum(homes), sum(heads), sum(fen)
FROM leaf CROSS JOIN (VALUES (2), (4), (6), (9), (12)) AS l (level)
GROUP BY 1, 2, 3, 4, 5, 6 ORDER BY 1, 2, 3, 4, 5, 6
"""
_BEGIN: Final = """
INSERT INTO read_statistics.merged (
    cut, taken_at, positions, chain, durations, statistics, editions, uncounted, parked)
VALUES (%s, %s, %s, '{}', %s, %s, '', 0, %s) ON CONFLICT DO NOTHING
"""
_END: Final = "UPDATE read_statistics.merged SET chain = %s, editions = %s, uncounted = %s WHERE cut = %s"


def merge(connection: Connection[Any], cut: Cut, calendar_of: CalendarOf) -> bool:
    """Merge the counts of a cut, as `hulian_app`, in one transaction; False when it was merged already.

    Any number may call it at once. Raises `ModelsBehind`.
    """
    lanes = list(range(LANES))
    with connection.transaction():
        behind, checkpoints = _one(connection, _BEHIND, [lanes, list(cut.positions)])
        if behind or checkpoints != 2 * LANES:
            raise ModelsBehind(events=behind)
        versions = _one(connection, _VERSIONS, [])
        # first of all: whoever merges the same cut waits here for us
        (parked,) = _one(connection, _PARKED, [])
        begin = [cut.id, cut.taken_at, list(cut.positions), *versions, parked]
        if not connection.execute(_BEGIN, begin).rowcount:
            return False
        connection.execute(_MANNER)
        after, chain, editions, uncounted = _base(connection, cut, versions, calendar_of)
        bound = {"lanes": lanes, "after": after, "upto": list(cut.positions), "cut": cut.id}
        counties = sorted(county for (county,) in connection.execute(_COUNTIES, bound).fetchall())
        calendars = {county: calendar_of(county) for county in counties}
        editions |= {county: editions_of(calendar) for county, calendar in calendars.items()}
        (left_out,) = _one(connection, _DAY_COUNTS, bound | _ordinals(calendars))
        connection.execute(_FIGURES, bound)
        told = json.dumps(editions, sort_keys=True)
        connection.execute(_END, [[*chain, cut.id], told, uncounted + left_out, cut.id])
    return True


def editions_of(calendar: WorkingCalendar) -> list[str]:
    """The editions a calendar counts in, by year."""
    return [edition.id for _, edition in sorted(calendar.editions.items())]


def _base(
    connection: Connection[Any], cut: Cut, versions: tuple[Any, ...], calendar_of: CalendarOf
) -> tuple[list[int], Chain, dict[str, list[str]], int]:
    """From where to count: the newest merge this cut can be added to, its editions being those of today."""
    rows = connection.execute(_BASES, [*versions, cut.taken_at, CHAIN]).fetchall()
    for base, positions, chain, editions in rows:
        if base == cut.id or any(b > c for b, c in zip(positions, cut.positions, strict=True)):
            continue
        used: dict[str, list[str]] = json.loads(editions)
        if all(editions_of(calendar_of(county)) == each for county, each in used.items()):
            (uncounted,) = _one(
                connection, "SELECT uncounted FROM read_statistics.merged WHERE cut = %s", [base]
            )
            return list(positions), tuple(chain), used, uncounted
    return [0] * LANES, (), {}, 0


def _ordinals(calendars: Mapping[str, WorkingCalendar]) -> dict[str, Any]:
    """The working days up to each day, one line a different calendar, and which line each county has."""
    lines: dict[tuple[str, ...], int] = {}
    different: list[WorkingCalendar] = []
    of: list[int] = []
    for calendar in calendars.values():
        key = tuple(editions_of(calendar))
        if key not in lines:
            different.append(calendar)
            lines[key] = len(different)
        of.append(lines[key])
    years = sorted({year for calendar in different for year in calendar.editions})
    whole = [code for code, stage in STAGES.items() if stage.whole]
    found: dict[str, Any] = {"counties": list(calendars), "calendars": of, "whole": whole}
    if not years:
        return found | {"first": date(2020, 1, 1), "ordinals": [[None]] * max(len(different), 1)}
    first, last = date(years[0], 1, 1), date(years[-1], 12, 31)
    return found | {"first": first, "ordinals": [_counted(each, first, last) for each in different]}


def _counted(calendar: WorkingCalendar, first: date, last: date) -> list[int | None]:
    """How many working days there were up to each day, from `first` to `last`; None in years without edition.

    Only the last run of years without a gap is counted: across a gap the number of days is not known.
    """
    years: Iterable[int] = sorted(calendar.editions, reverse=True)
    run = {year for n, year in enumerate(years) if year == max(years) - n}
    line: list[int | None] = []
    count = 0
    for ordinal in range(first.toordinal(), last.toordinal() + 1):
        day = date.fromordinal(ordinal)
        if day.year in run:
            count += calendar.is_working(day)
            line.append(count)
        else:
            line.append(None)
    return line


def _one(connection: Connection[Any], query: str, parameters: Any) -> tuple[Any, ...]:
    row = connection.execute(query.encode(), parameters).fetchone()
    assert row is not None
    return tuple(row)
