"""Stage durations (环节时长): how long each stretch took, in whose hands, and which are still running.

Rows hold days, not numbers of days: working days are counted when they are asked for, on the calendar edition of
that time. So no rebuild is needed when an edition is adopted, and no answer rests on an old one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any, Final
from uuid import UUID

import msgspec
from psycopg import Connection

from domain.catalogue import answering
from domain.clock.stage_clocks import advance
from domain.clock.stages import Clock, Finished, Held, Part, parts_of
from domain.household.notions import Notion
from eventstore.lanes import LANES, lane_of
from projections.engine.fact import Fact
from projections.engine.places import LEVELS, codes_of
from projections.engine.projection import Projection
from projections.engine.queries import rows_of
from projections.engine.row_classes import Code, HouseholdRow, Long, PlacedRow, Short
from projections.engine.rows import Rows, Table, of_household


@dataclass(slots=True)
class FinishedRow(HouseholdRow):
    """One part of a finished stretch, in one hand: written once, at the event that finished the stretch.

    `position` is that event's, `n` numbers the rows it made; `ended` is the last day of the whole stretch. During
    `stop`, a lawful standstill, these days do not count for the stage.
    """

    position: Long
    n: Short
    version: int
    subject: UUID
    stage: Code
    category: Code
    region: Code
    holder: Code
    stop: str | None
    since: date
    until: date
    ended: date


@dataclass(slots=True)
class ClockRow(HouseholdRow):
    """What is still being timed of one alert, case or aid, as JSON: what the next step needs."""

    subject: UUID
    state: str


@dataclass(slots=True)
class RunningRow(PlacedRow):
    """A stretch that has begun and not ended; `holder` has the file since `held_since`.

    `held` (JSON) is who had it from when, as in the clock: whoever sees the row sees that.
    """

    subject: UUID
    stage: Code
    category: str
    since: date
    holder: str
    held_since: date
    stop: str | None
    held: str


_MOVES: Final = answering(Notion.HOME)
_WANTED: Final = answering(Notion.STAGE, Notion.CYCLE, Notion.HOME)
FINISHED = Table("finished", FinishedRow, key=("position", "n"), log=True)
CLOCK = Table("clock", ClockRow, key=("household", "subject"), reads=of_household(_WANTED), fillfactor=70)
RUNNING = Table(
    "running", RunningRow, key=("household", "subject", "stage"), reads=of_household(_WANTED), fillfactor=70
)
_read = msgspec.json.Decoder(Clock).decode
_read_held = msgspec.json.Decoder(tuple[Held, ...]).decode
_write = msgspec.json.Encoder().encode


class Durations(Projection):
    """Every stretch of alerts, cases and temporary aids, from its first day to its last."""

    name = "durations"
    version = 3
    reads = (Notion.STAGE, Notion.CYCLE, Notion.HOME, Notion.MONEY)
    leaves = (
        *(Notion.LIMITS, Notion.CASE, Notion.MEMBERS, Notion.STATUS, Notion.BENEFIT, Notion.AID),
        *(Notion.DUTIES, Notion.COUNT, Notion.RULING, Notion.PAPER, Notion.FOUND),
    )
    wants = _WANTED
    tables = (FINISHED, CLOCK, RUNNING)

    def __init__(self) -> None:
        self.finished = Rows(FINISHED)
        self.clocks = Rows(CLOCK)
        self.running = Rows(RUNNING)

    def begin(self, lane: int, household: UUID) -> None:
        self._rows = self.clocks.of(household)
        self._clocks = tuple(_read(row.state) for row in self._rows)
        # the fact that last changed something: rows are written down after the household's last
        self._last: Fact | None = None

    def on(self, fact: Fact) -> None:
        before = self._clocks
        if fact.money is not None and not _awaits(before, fact.money.benefit):
            return  # most payments are of benefits whose first money has long arrived
        after, finished = advance(before, fact.event)
        if after == before and not finished and fact.kind not in _MOVES:
            return
        self._clocks, self._last = after, fact
        if finished:
            region = fact.meta.region or ""
            parts = ((stretch, part) for stretch in finished for part in stretch.parts)
            for n, (stretch, part) in enumerate(parts):
                self.finished.log.append(_finished(fact, n, region, stretch, part))

    def end(self) -> None:
        fact = self._last
        if fact is None:
            return
        rows = {row.subject: row for row in self._rows}
        for clock in self._clocks:
            state = _write(clock).decode()
            row = rows.pop(clock.subject, None)
            if row is None:
                self.clocks.put(
                    CLOCK.make(lane=fact.lane, household=fact.household, subject=clock.subject, state=state)
                )
            else:
                row.state = state
        for row in rows.values():
            self.clocks.drop(row)
        self._follow_running(fact, fact.meta.region or "", self._clocks)

    def _follow_running(self, fact: Fact, region: str, clocks: Iterable[Clock]) -> None:
        there = {(row.subject, row.stage): row for row in self.running.of(fact.household)}
        for clock in clocks:
            last, held = clock.last, _write(clock.held).decode()
            for stage, since in clock.running:
                row = there.pop((clock.subject, stage), None)
                if row is None:
                    self.running.put(
                        RUNNING.make(
                            lane=fact.lane,
                            household=fact.household,
                            **codes_of(region),
                            subject=clock.subject,
                            stage=stage,
                            category=clock.category,
                            since=since,
                            holder=last.holder,
                            held_since=last.day,
                            stop=last.stop,
                            held=held,
                        )
                    )
                    continue
                row.since, row.holder, row.held_since, row.stop = since, last.holder, last.day, last.stop
                row.held = held
                row.lies_in(region)
        for row in there.values():
            self.running.drop(row)


def _awaits(clocks: Iterable[Clock], paid: UUID) -> bool:
    number = paid.int
    for clock in clocks:  # asked at every payment: no generator
        for benefit in clock.benefits:
            if benefit.int == number:
                return True
    return False


def _finished(fact: Fact, n: int, region: str, stretch: Finished, part: Part) -> FinishedRow:
    return FINISHED.make(
        lane=fact.lane,
        household=fact.household,
        position=fact.position,
        n=n,
        version=fact.version,
        subject=stretch.subject,
        stage=stretch.stage,
        category=stretch.category,
        region=region,
        holder=part.holder,
        stop=part.stop,
        since=part.since,
        until=part.until,
        ended=stretch.until,
    )


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stretch of a household as people are shown it; `until` is None while it runs, the parts then end today."""

    household: UUID
    subject: UUID
    stage: str
    category: str
    since: date
    until: date | None
    parts: tuple[Part, ...]


def durations_of(connection: Connection[Any], household: UUID, today: date) -> list[Stretch]:
    """Every stretch of a household, the finished in the order they ended, then those that run."""
    place = (lane_of(household), household)
    rows = rows_of(
        connection,
        FinishedRow,
        "SELECT {} FROM read_durations.finished WHERE lane = %b AND household = %b ORDER BY position, n",
        place,
    )
    grouped: dict[tuple[int, UUID, str], list[FinishedRow]] = {}
    for row in rows:
        grouped.setdefault((row.position, row.subject, row.stage), []).append(row)
    found = [
        Stretch(
            household, subject, stage, parts[0].category, parts[0].since, parts[0].ended,
            tuple(Part(p.holder, p.since, p.until, p.stop) for p in parts),  # type: ignore[arg-type]
        )
        for (_, subject, stage), parts in grouped.items()
    ]  # fmt: skip
    running = rows_of(
        connection,
        RunningRow,
        "SELECT {} FROM read_durations.running WHERE lane = %b AND household = %b ORDER BY since, stage",
        place,
    )
    return found + [_as_it_runs(row, today) for row in running]


_STUCK: Final = """
SELECT {columns} FROM generate_series(0, %b::integer) AS l (n) CROSS JOIN LATERAL (
    SELECT * FROM read_durations.running r
    WHERE r.lane = l.n AND r.{level} = %b::text AND r.stage = %b::text AND r.since <= %b::date
    ORDER BY r.since LIMIT %b::bigint) AS r
ORDER BY r.since, r.lane, r.household LIMIT %b::bigint
"""


def stuck_in(
    connection: Connection[Any], area: str, stage: str, today: date, *, limit: int = 50
) -> list[Stretch]:
    """The longest running stretches of a stage in a place (a code of 2, 4, 6, 9 or 12 digits), longest first.

    Raises `KeyError` for a code of another length.
    """
    query = _STUCK.format(columns="{}", level=LEVELS[len(area)])
    parameters = (LANES - 1, area, stage, today, limit, limit)
    return [_as_it_runs(row, today) for row in rows_of(connection, RunningRow, query, parameters)]


def _as_it_runs(row: RunningRow, today: date) -> Stretch:
    parts = parts_of(_read_held(row.held), row.stage, row.since, max(today, row.since))
    return Stretch(row.household, row.subject, row.stage, row.category, row.since, None, parts)
