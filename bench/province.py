"""The province rows: list pages, a chain, and percentiles where a million households live, behind the second wall.

Every query runs as the API's do: in a transaction that reads as `hulian_reader` for one area. Users are of a random
township, county or city, or of the province; filters and the place in the list are random too.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from random import Random
from typing import Any, Final
from uuid import UUID, uuid4

import psycopg
from psycopg import Connection

from bench.profiling import profiled, watched
from bench.province_store import Ground, ground, intervals
from bench.rows import AuditFailed, Extent, Measure, Outcome, Row, amount
from bench.server import BenchServer
from domain.clock.duty_kinds import DUTY_KINDS, Office
from domain.values.month import Month, Months
from domain.values.spells import Category
from projections.card_list import After, cards_in
from projections.chain import chain_of
from projections.engine.row_security import read_as
from projections.percentiles import Percentiles, percentiles, percentiles_of
from projections.work_list_queries import After as AfterDuty
from projections.work_list_queries import duties_in
from samples.province import DAY
from workers.statistics import cut_of, merge_cut

PAGE: Final = 50
BREADTHS: Final = {"township": 9, "county": 6, "city": 4, "province": 2}
MONTHS: Final = Months(Month(2024, 12), Month(2026, 10))
STAGE: Final = "notice"
_OFFICES: Final[tuple[Office, ...]] = ("village", "township", "county")
_WALK: Final = 20
_COUNTED: Final = {
    ("township", None): "SELECT count(*) FROM read_card.card WHERE township = %s AND joined_into IS NULL",
    (
        "county",
        Category.DIBAO,
    ): "SELECT count(*) FROM read_card.card c WHERE county = %s AND joined_into IS NULL"
    " AND EXISTS (SELECT FROM read_card.category k WHERE k.lane = c.lane AND k.household = c.household"
    " AND k.category = 'DIBAO' AND k.since <= %s AND (k.until IS NULL OR k.until > %s))",
}
_DAYS: Final = """
SELECT days, count(*) FROM (
    SELECT sum(until - since)::integer AS days FROM read_durations.finished
    WHERE stage = %s AND region LIKE %s GROUP BY lane, position, subject
    HAVING to_char(min(ended), 'YYYY-MM') BETWEEN %s AND %s) AS s
GROUP BY days
"""


def measure(server: BenchServer, extent: Extent) -> Outcome:
    """All rows of the province, on one that is made for it or on the one `BENCH_PROVINCE` names."""
    with ground(server, extent) as here:
        asking = _Asking(here, Random(11))
        rounds, pages = extent.few(5, quick=1), extent.few(30, quick=4)
        audited = asking.audited_walks()
        lists = {
            "household list": {
                name: [asking.households(name, pages) for _ in range(rounds)] for name in BREADTHS
            },
            "work list": {name: [asking.duties(name, pages) for _ in range(rounds)] for name in BREADTHS},
        }
        chains = [asking.chains(pages) for _ in range(rounds)]
        there = _merged(here, extent)
        audited += asking.audited_percentiles()
        county = [asking.percentiles("county", pages) for _ in range(rounds)]
        whole = [asking.percentiles("province", pages) for _ in range(rounds)]
        every = [asking.percentiles("counties", max(pages // 3, 1)) for _ in range(rounds)]
        rows = _rows(here, lists, chains, county, whole, every, there)
        profile = asking.profile() if extent.profiled(rows) else ""
        return Outcome(
            rows,
            _measures(here),
            audited=audited + asking.checked,
            notes=_notes(here, lists, there),
            data={"milliseconds": lists, "households": here.households, "intervals": there},
            profile=profile,
        )


class _Asking:
    """One reader who asks for this and that, and looks at every answer."""

    def __init__(self, here: Ground, chance: Random) -> None:
        self._here = here
        self._chance = chance
        self.checked = 0
        pool = here.installation.pool
        self._connection: Callable[[], AbstractContextManager[Connection[Any]]] = pool.connection
        with psycopg.connect(here.superuser, autocommit=True) as connection:
            rows = connection.execute(
                "SELECT stream_id FROM es_stream WHERE category = 'household' LIMIT 5000"
            )
            self._households: list[tuple[UUID, str]] = []
            ids = [id for (id,) in rows.fetchall()]
            placed = connection.execute(
                "SELECT household, county FROM read_card.card WHERE household = ANY (%s)", [ids]
            )
            self._households = [(household, county) for household, county in placed.fetchall()]

    def households(self, breadth: str, count: int) -> list[float]:
        """Milliseconds of so many pages of the household list."""
        return [self._timed(breadth, self._page_of_households) for _ in range(count)]

    def duties(self, breadth: str, count: int) -> list[float]:
        """Milliseconds of so many pages of the work list."""
        return [self._timed(breadth, self._page_of_duties) for _ in range(count)]

    def chains(self, count: int) -> list[float]:
        """Milliseconds of so many chains, each read for its county."""
        found = []
        for _ in range(count):
            household, county = self._chance.choice(self._households)
            began = time.perf_counter()
            with self._reading(county) as connection:
                # first the wall's own question: whose household it is
                connection.execute("SELECT set_config('hulian.household', %s, true)", [str(household)])
                steps = chain_of(connection, household, limit=PAGE + 1)
            found.append((time.perf_counter() - began) * 1e3)
            if not steps or any(step.household != household for step in steps):
                raise AuditFailed(f"the chain of {household} is not its own")
            self.checked += 1
        return found

    def percentiles(self, breadth: str, count: int) -> list[float]:
        """Milliseconds of so many reports: of a county and month, of the province, or of each of its counties."""
        found = []
        for _ in range(count):
            village = self._chance.choice(self._here.registered)
            month = MONTHS.first + self._chance.randrange(len(MONTHS))
            began = time.perf_counter()
            with self._reading(village[:2]) as connection:
                if breadth == "county":
                    report = percentiles_of(connection, village[:6], "county", Months(month, month), STAGE)
                elif breadth == "province":
                    report = percentiles_of(connection, village[:2], "province", MONTHS, STAGE)
                else:
                    report = percentiles_of(connection, village[:2], "county", MONTHS, STAGE)
            found.append((time.perf_counter() - began) * 1e3)
            if breadth != "county" and not report.areas:
                raise AuditFailed("a report over everything is empty")
            self.checked += 1
        return found

    def audited_walks(self) -> int:
        """Walk through a township, and one category of a county, page by page: just who is there, each once."""
        for (breadth, category), query in _COUNTED.items():
            place = self._chance.choice(self._here.villages)[: BREADTHS[breadth]]
            days = [] if category is None else [DAY, DAY]
            with psycopg.connect(self._here.superuser, autocommit=True) as connection:
                (there,) = connection.execute(query.encode(), [place, *days]).fetchone() or (0,)
            seen: list[UUID] = []
            after: After | None = None
            while True:
                with self._reading(place) as connection:
                    rows = cards_in(connection, place, DAY, category=category, after=after, limit=_WALK)
                seen += [row.household for row in rows]
                if len(rows) < _WALK:
                    break
                after = rows[-1].after
            if len(seen) != there or len(set(seen)) != there:
                raise AuditFailed(f"{place}, {category}: {there} households, {len(seen)} listed")
        return len(_COUNTED)

    def audited_percentiles(self) -> int:
        """The reports say what the intervals themselves say."""
        village = self._chance.choice(self._here.registered)
        month = MONTHS.first + 5
        for area, level, months in (
            (village[:6], "county", Months(month, month)),
            (village[:2], "province", MONTHS),
        ):
            with psycopg.connect(self._here.superuser, autocommit=True) as connection:
                days = connection.execute(
                    _DAYS.encode(), [STAGE, f"{area}%", str(months.first), str(months.last)]
                ).fetchall()
            with self._reading(area) as connection:
                report = percentiles_of(connection, area, level, months, STAGE, None, "calendar")  # type: ignore[arg-type]
            said = report.areas.get(area, Percentiles(0, None, None, None, None))
            if said != percentiles(days):
                raise AuditFailed(f"{area}, {months}: {said} instead of {percentiles(days)}")
        return 2

    def profile(self) -> str:
        """Where a page's time goes."""
        with watched() as watch:
            for breadth in BREADTHS:
                self.households(breadth, 5)
                self.duties(breadth, 5)
            self.percentiles("province", 5)
        return profiled(watch)

    def _timed(self, breadth: str, page: Callable[[Connection[Any], str], None]) -> float:
        area = self._chance.choice(self._here.villages)[: BREADTHS[breadth]]
        began = time.perf_counter()
        with self._reading(area) as connection:
            page(connection, area)
        self.checked += 1
        return (time.perf_counter() - began) * 1e3

    def _page_of_households(self, connection: Connection[Any], area: str) -> None:
        category = self._chance.choice((None, None, *Category))
        after = After(self._chance.randrange(256), uuid4()) if self._chance.random() < 0.5 else None
        rows = cards_in(connection, area, DAY, category=category, after=after, limit=PAGE + 1)
        keys = [row.after for row in rows]
        if keys != sorted(set(keys)) or (after is not None and keys and keys[0] <= after):
            raise AuditFailed(f"a page of {area} is out of order")
        if any(row.region[: len(area)] != area for row in rows):
            raise AuditFailed(f"a page of {area} shows another place")

    def _page_of_duties(self, connection: Connection[Any], area: str) -> None:
        choose, chance = self._chance.choice, self._chance.random
        officer = choose(self._here.officers) if chance() < 0.15 else None
        day = DAY + timedelta(days=self._chance.randrange(-40, 60))
        after = AfterDuty(day, self._chance.randrange(256), uuid4(), "", uuid4(), "")
        kind = self._chance.randrange(4)
        found = duties_in(
            connection,
            area,
            officer=officer,
            office=choose(_OFFICES) if kind == 1 else None,
            step=choose(tuple(DUTY_KINDS)) if kind == 2 else None,
            overdue_on=DAY if chance() < 0.2 else None,
            category=choose(tuple(Category)) if kind == 3 else None,
            after=after if chance() < 0.5 else None,
            limit=PAGE + 1,
        )
        keys = [duty.after for duty in found]
        if keys != sorted(set(keys)):
            raise AuditFailed(f"a page of the work list of {area} is out of order")
        if any(duty.row.village[: len(area)] != area for duty in found):
            raise AuditFailed(f"a page of the work list of {area} shows another place")

    @contextmanager
    def _reading(self, area: str) -> Iterator[Connection[Any]]:
        with self._connection() as connection, connection.transaction():
            read_as(connection, area)
            yield connection


def _merged(here: Ground, extent: Extent) -> int:
    """Intervals put in and merged at a new cut; how many there are."""
    there = intervals(here, extent.few(2_000_000, quick=5_000)) if here.filled is not None else 0
    installation = here.installation
    cut = cut_of(installation.store, DAY, f"bench/{uuid4()}")
    merge_cut(installation.pool, installation.reference, cut, DAY)
    with psycopg.connect(here.superuser, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE read_statistics.day_count, read_statistics.merged")
        if not there:
            (there,) = connection.execute("SELECT count(*) FROM read_durations.finished").fetchone() or (0,)
    return there


def _rows(
    here: Ground,
    lists: dict[str, dict[str, list[list[float]]]],
    chains: list[list[float]],
    county: list[list[float]],
    whole: list[list[float]],
    every: list[list[float]],
    there: int,
) -> list[Row]:
    rows = []
    for name, by_breadth in lists.items():
        # all breadths of a round together: whatever the breadth of the user's area
        rounds = [[ms for each in round for ms in each] for round in zip(*by_breadth.values(), strict=True)]
        what = f"{name} page at {here.households:,} households, any breadth: p95"
        rows.append(amount(what, [_share(each, 95) for each in rounds], "ms", 100.0, 50.0))
    rows.append(
        amount("chain of a household behind the wall: p95", [_share(each, 95) for each in chains], "ms")
    )
    for what, found, must, goal in (
        ("percentiles, a county and month: p95", county, 10.0, 5.0),
        (f"percentiles, the province over {there:,} intervals: p95", whole, 100.0, 50.0),
        ("percentiles, each county of the province: p95", every, None, None),
    ):
        rows.append(amount(what, [_share(each, 95) for each in found], "ms", must, goal))
    return rows


def _measures(here: Ground) -> list[Measure]:
    if here.filled is None or here.projected is None:
        return []
    return [
        Measure("sample province: lives appended, sealed", "events", 2, [here.filled]),
        Measure("sample province: read models built", "events", 2, [here.projected]),
    ]


def _notes(here: Ground, lists: dict[str, dict[str, list[list[float]]]], there: int) -> list[str]:
    notes = []
    if here.copies > 1:
        notes.append(
            f"province: {here.events:,} events of {here.households // here.copies:,} households appended and"
            f" projected; the rows the lists read copied to {here.households:,} under ids, cities and officers of"
            f" their own; {there:,} intervals, all but those of the events put straight into their table"
        )
    else:
        notes.append(
            f"province: {here.events:,} events of {here.households:,} households; {there:,} intervals"
        )
    for name, by_breadth in lists.items():
        told = "; ".join(
            f"{breadth} {_share(every, 50):.1f} / {_share(every, 95):.1f}"
            for breadth, rounds in by_breadth.items()
            for every in ([ms for each in rounds for ms in each],)
        )
        notes.append(f"{name}, p50 / p95 in ms: {told}")
    return notes


def _share(values: Sequence[float], percent: int) -> float:
    """The least value that so many in a hundred do not exceed."""
    ordered = sorted(values)
    return ordered[-(-len(ordered) * percent // 100) - 1]
