"""Deadlines (期限): every deadline of every household, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from psycopg import Connection

from domain.catalogue import answering
from domain.household.notions import Notion, is_named
from eventstore.lanes import LANES, lane_of
from projections.engine.fact import Fact
from projections.engine.projection import Projection
from projections.engine.queries import rows_of
from projections.engine.row_classes import HouseholdRow, Short
from projections.engine.rows import Rows, Table, of_household


@dataclass(slots=True)
class Deadline(HouseholdRow):
    """One deadline: started by step `version`, ended on `done_on`; `missed_on` is when its passing was noted.

    `n` is its number among those of the step; `editions` the calendar editions it was counted in, joined by commas.
    `met` tells that the act it was set for ended it; False that it no longer mattered; None while it runs.
    """

    version: int
    n: Short
    what: str
    subject: UUID
    kind: str
    day: date
    rule: str
    editions: str
    assumed: bool
    opened_on: date
    done_on: date | None = None
    missed_on: date | None = None
    met: bool | None = None


DUE = Table(
    "due",
    Deadline,
    key=("household", "version", "n"),
    reads=of_household(answering(Notion.LIMITS)),
    only="t.done_on IS NULL",
    fresh=True,
    fillfactor=80,
)


class Dues(Projection):
    """Every deadline from the step that started it to the one that ended it."""

    name = "dues"
    version = 2
    reads = (Notion.LIMITS,)
    leaves = tuple(each for each in Notion if each is not Notion.LIMITS)
    wants = answering(*reads)
    tables = (DUE,)

    def __init__(self) -> None:
        self.dues = Rows(DUE)

    def begin(self, lane: int, household: UUID) -> None:
        self._open = self.dues.of(household)

    def on(self, fact: Fact) -> None:
        event = fact.event
        if fact.missed is not None:
            for row in self._open:
                if (row.what, row.subject) == fact.missed:
                    row.missed_on = row.missed_on or event.on
        if fact.met or fact.closed:
            left = []
            for row in self._open:
                met = is_named(row.what, row.subject, fact.met)
                if met or is_named(row.what, row.subject, fact.closed):
                    row.done_on, row.met = event.on, met
                else:
                    left.append(row)
            self._open = left
        for n, due in enumerate(fact.opened):
            row = self.dues.put(
                DUE.make(
                    lane=fact.lane,
                    household=fact.household,
                    version=fact.version,
                    n=n,
                    what=due.what,
                    subject=due.subject,
                    kind=due.kind,
                    day=due.day,
                    rule=due.rule,
                    editions=",".join(due.editions),
                    assumed=due.assumed,
                    opened_on=event.on,
                )
            )
            self._open.append(row)


def awaiting(connection: Connection[Any], today: date, *, limit: int | None = None) -> list[UUID]:
    """The households for which the system has something to do by the end of `today`, by lane.

    A timer's day has come, or a limit's day has passed and was not noted yet.
    """
    rows = connection.execute(
        "SELECT d.household::text FROM generate_series(0, %b - 1) AS l (lane) CROSS JOIN LATERAL ("
        " SELECT household FROM read_dues.due WHERE lane = l.lane AND kind = 'timer' AND day <= %b"
        " AND done_on IS NULL AND missed_on IS NULL"
        " UNION SELECT household FROM read_dues.due WHERE lane = l.lane AND kind = 'limit' AND day < %b"
        " AND done_on IS NULL AND missed_on IS NULL) d LIMIT %b::bigint",
        (LANES, today, today, limit),
    ).fetchall()
    return [UUID(household) for (household,) in rows]


def dues_of(connection: Connection[Any], household: UUID, *, running: bool = False) -> list[Deadline]:
    """The household's deadlines in the order they began; only those that still run when `running`."""
    rows = rows_of(
        connection,
        Deadline,
        "SELECT {} FROM read_dues.due WHERE lane = %b AND household = %b ORDER BY version, n",
        (lane_of(household), household),
    )
    return [row for row in rows if not running or row.done_on is None]
