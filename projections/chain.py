"""The chain (救助链): one row a step, with who, on what ground, and whether in time."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import Any, Final, get_type_hints
from uuid import UUID

import msgspec
from psycopg import Connection

from domain.catalogue import EVENTS, NAMES, answering
from domain.household.event import Event
from domain.household.notions import Notion, PaperMove
from eventstore.lanes import lane_of
from eventstore.postgres.binary import integer, long, short
from eventstore.postgres.libpq_client import Call, Row, Statement
from projections.engine.fact import Fact
from projections.engine.projection import Projection
from projections.engine.queries import rows_of
from projections.engine.row_classes import HouseholdRow
from projections.engine.rows import Rows, Table, of_household
from projections.facts import sayers
from projections.open_deadlines import NONE, Ended, Running, ended, running_of, started, text_of

_NO_PAPERS: Final = "{}"


@dataclass(slots=True)
class Taken(HouseholdRow):
    """One step of a household's chain as it was taken; `version` is its place.

    `due` is the earliest day among the limits the step met, `in_time` whether it kept them all: both None
    where it met none. `met` [{what, day, kind, inTime}], `closed` (what no longer mattered because of it),
    `opened` and `facts` are JSON texts, None when empty. `corrects` is the step that this one corrects.
    """

    version: int
    effective_on: date
    recorded_at: datetime
    cycle: int
    name: str
    title: str
    actor: str | None
    organ: str | None
    basis: str | None
    due: date | None
    in_time: bool | None
    met: str | None
    closed: str | None
    opened: str | None
    facts: str | None
    corrects: int | None


@dataclass(slots=True)
class Corrected(HouseholdRow):
    """A step that was wrong: it stays, and step `corrected_by` says what is right."""

    version: int
    corrected_by: int


@dataclass(slots=True)
class Step(Taken):
    """One step as a reader sees it: `corrected_by` is the step that says what was wrong about it."""

    corrected_by: int | None


@dataclass(slots=True)
class Thread(HouseholdRow):
    """What the household's next step needs: its cycle, the deadlines running, the papers not delivered yet."""

    cycle: int = 1
    running: str = NONE
    papers: str = _NO_PAPERS


STEP = Table("step", Taken, key=("household", "version"), log=True)
CORRECTED = Table("corrected", Corrected, key=("household", "version"))
THREAD = Table("thread", Thread, key=("household",), reads=of_household(EVENTS.values()), fillfactor=80)
_SAY = sayers(NAMES)
_CORRECTS = frozenset(kind for kind in EVENTS.values() if "corrects" in get_type_hints(kind))
_BESIDES = _CORRECTS | answering(Notion.CYCLE, Notion.PAPER)
_encode = msgspec.json.Encoder().encode
_said = msgspec.json.Decoder(dict[str, Any]).decode
_numbers = msgspec.json.Decoder(dict[UUID, str]).decode


class Chain(Projection):
    """A step for every event of a household."""

    name = "chain"
    version = 3
    reads = (Notion.LIMITS, Notion.CYCLE, Notion.PAPER)
    leaves = (
        *(Notion.CASE, Notion.HOME, Notion.MEMBERS, Notion.STATUS, Notion.BENEFIT, Notion.MONEY, Notion.AID),
        *(Notion.STAGE, Notion.DUTIES, Notion.COUNT, Notion.RULING, Notion.FOUND),
    )
    tables = (STEP, CORRECTED, THREAD)

    def __init__(self) -> None:
        self.steps = Rows(STEP)
        self.corrected = Rows(CORRECTED)
        self.threads = Rows(THREAD)

    def begin(self, lane: int, household: UUID) -> None:
        thread = self.threads.get(household)
        if thread is None:
            thread = self.threads.put(THREAD.make(lane=lane, household=household))
        self._thread = thread
        # read when first asked for, and written down after the household's last fact
        self._running: list[Running] | None = None

    def end(self) -> None:
        if self._running is not None:
            self._thread.running = text_of(self._running)

    def on(self, fact: Fact) -> None:
        event, kind, thread = fact.event, fact.kind, self._thread
        due, in_time, met, closed, opened, facts, corrects = None, None, None, None, None, None, None
        if fact.touches_limits:
            ends = self._follow(fact)
            limits = [each.day for each in ends.met if each.kind == "limit"]
            if limits:
                due, in_time = min(limits), event.on <= min(limits)
            met = _met(ends.met, event) if ends.met else None
            closed = _closed(ends.closed) if ends.closed else None
            opened = _opened(fact) if fact.opened else None
        say = _SAY[kind]
        if say is not None:
            facts = say(event)
        if kind in _BESIDES:
            cycle, paper = event.begins_cycle(), event.moves_paper()
            if cycle is not None:
                thread.cycle = cycle
            if paper is not None and paper.document is not None:
                facts = _numbered(facts, thread, paper, paper.document)
            if kind in _CORRECTS:
                corrects = event.step  # type: ignore[attr-defined]
                self.corrected.put(
                    CORRECTED.make(
                        lane=fact.lane, household=fact.household, version=corrects, corrected_by=fact.version
                    )
                )
        meta = fact.meta
        self.steps.log.append(
            STEP.make(
                # by place, so that no more than 15 are left
                fact.lane,
                fact.household,
                fact.version,
                event.on,
                fact.recorded_at,
                thread.cycle,
                name=fact.name,
                title=kind.title,
                actor=meta.actor,
                organ=meta.organ,
                basis=meta.legal_basis,
                due=due,
                in_time=in_time,
                met=met,
                closed=closed,
                opened=opened,
                facts=facts,
                corrects=corrects,
            )
        )

    def _follow(self, fact: Fact) -> Ended:
        """Keep the thread's deadlines up to this fact; answers those it ended."""
        running = self._running
        if running is None:
            running = self._running = running_of(self._thread.running)
        ends = ended(running, fact)
        if ends.met or ends.closed or fact.opened:
            self._running = [*ends.rest, *map(started, fact.opened)]
        return ends


def _numbered(facts: str | None, thread: Thread, paper: PaperMove, document: UUID) -> str | None:
    """The facts with the number of the document, which its delivery does not say again."""
    numbers = _numbers(thread.papers)
    if paper.move == "issued":
        numbers[document] = paper.number
        if paper.replaces is not None:
            numbers.pop(paper.replaces, None)
        thread.papers = _encode(numbers).decode()
        return facts
    number = numbers.get(document)
    if paper.move == "delivered" and numbers.pop(document, None) is not None:
        thread.papers = _encode(numbers).decode()
    return facts if number is None else _encode({**_said(facts or "{}"), "number": number}).decode()


def _met(met: list[Running], event: Event) -> str:
    return _encode(
        [
            {
                "what": each.what,
                "day": each.day,
                "kind": each.kind,
                "inTime": event.on <= each.day if each.kind == "limit" else None,
            }
            for each in met
        ]
    ).decode()


def _closed(closed: list[Running]) -> str:
    return _encode([{"what": each.what, "day": each.day, "kind": each.kind} for each in closed]).decode()


def _opened(fact: Fact) -> str:
    return _encode(
        [
            {"what": due.what, "day": due.day, "kind": due.kind, "rule": due.rule, "assumed": due.assumed}
            for due in fact.opened
        ]
    ).decode()


def chain_of(
    connection: Connection[Any], household: UUID, *, after: int = 0, limit: int | None = None
) -> list[Step]:
    """The household's steps above version `after`, in order; empty for a household there is not."""
    return rows_of(
        connection,
        Step,
        "SELECT {} FROM read_chain.step LEFT JOIN read_chain.corrected USING (lane, household, version)"
        " WHERE lane = %b AND household = %b AND version > %b ORDER BY version LIMIT %b::bigint",
        (lane_of(household), household, after, limit),
    )


def chain_call(household: UUID, *, after: int, limit: int) -> Call:
    """`chain_of` as one call of a transaction (`eventstore.postgres.libpq_client`); `steps_of` reads its answer."""
    return Call(_CHAIN, (short(lane_of(household)), household.bytes, integer(after), long(limit)))


def steps_of(rows: list[Row]) -> list[Step]:
    """The steps that `chain_call` found."""
    return [Step(*row) for row in rows]


_CHAIN: Final = Statement(
    "chain",
    f"SELECT {', '.join(field.name for field in fields(Step))}"
    " FROM read_chain.step LEFT JOIN read_chain.corrected USING (lane, household, version)"
    " WHERE lane = $1::smallint AND household = $2::uuid AND version > $3::integer"
    " ORDER BY version LIMIT $4::bigint",
)
