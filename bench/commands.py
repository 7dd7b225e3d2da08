"""The command row: the same small task for HuLian, two bare statements and the library, in turn, audited."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import psycopg

from application.handling.request import Request
from bench.contestants import (
    BARE_TABLE,
    FIRST_DAY,
    NOTE,
    TOWNSHIP,
    BareEvent,
    Making,
    Share,
)
from bench.databases import aggregates, case_life, installed
from bench.rows import AuditFailed, Extent, Measure, Outcome, Row, Sample, cpus, rates, rotated
from bench.server import BenchServer, library_environment
from bench.workforce import Crew, crew
from bootstrap.addresses import Addresses
from bootstrap.wiring import opened
from domain.members.registration import HouseholdRegistered
from domain.values.person import HouseholdId
from domain.values.receipt import Actor
from domain.watching.alerts import RaiseAlert
from eventstore.events.envelope import Envelope
from tests.projections.lives import fill, lives

VILLAGES = ("990301100001", "990301100201", "990301100202")

HULIAN, COLD, BARE, STOCK = "hulian", "hulian-cold", "bare", "stock"


NAMES = {
    HULIAN: "command: HuLian, CommandHandler.handle",
    COLD: "command: HuLian, key not at hand",
    BARE: "command: two bare statements",
    STOCK: "command: stock eventsourcing",
}


@dataclass(frozen=True, slots=True)
class Size:
    """How much is prepared and how long is measured."""

    rounds: int
    seconds: float
    each: int  # cases of each of the sixteen clients
    alone: int  # cases of the single client
    processes: int = 2
    threads: int = 8

    @property
    def everyone(self) -> int:
        """How many clients work at once when all do."""
        return self.processes * self.threads


FULL = Size(rounds=12, seconds=1.5, each=400, alone=2_400)
QUICK = Size(rounds=1, seconds=0.3, each=8, alone=64)


class Prepared:
    """The databases of all contestants with their cases in them."""

    def __init__(self, server: BenchServer, size: Size) -> None:
        self._size = size
        self.life = case_life()
        ours = installed(server, "hulian_command")
        self.where, self.key_directory = ours.where, ours.key_directory
        self.bare = server.database("bare_command")
        self.stock = server.database("stock_command")
        self._households()
        self.row = self._one_row()
        self._bare_rows()
        self.body = {**json.loads(self.row.data), "note": NOTE}
        self._aggregate_ids = aggregates(self.stock, self.life, self._count)
        with psycopg.connect(self.stock, autocommit=True) as connection:
            connection.execute("VACUUM ANALYZE")
        server.checkpoint()

    def makings(self, kind: str) -> list[Making]:
        """How each process of a contestant is made; the last share of the first is the single client's."""
        if kind == COLD:
            return [Making(kind, [Share(self._cold, len(self.life))], self.where, self.key_directory)]
        cases = self._aggregate_ids if kind == STOCK else self._household_ids
        size = self._size
        shares = [
            Share(cases[n * size.each : (n + 1) * size.each], len(self.life)) for n in range(size.everyone)
        ]
        groups = [shares[n * size.threads : (n + 1) * size.threads] for n in range(size.processes)]
        groups[0].append(Share(cases[-size.alone :], len(self.life)))
        return [
            Making(
                kind,
                group,
                self.where,
                self.key_directory,
                self.bare,
                self.row,
                library_environment(self.stock),
                self.body,
            )
            for group in groups
        ]

    def events(self, kind: str) -> int:
        """How many events stand in a contestant's database, counted."""
        place, table = {
            HULIAN: (self.where.store, "es_event"),
            COLD: (self.where.store, "es_event"),
            BARE: (self.bare, "bare_event"),
            STOCK: (self.stock, "cases_events"),
        }[kind]
        with psycopg.connect(place, autocommit=True) as connection:
            row = connection.execute(f"SELECT count(*) FROM {table}".encode()).fetchone()
        assert row is not None
        return int(row[0])

    @property
    def _count(self) -> int:
        return self._size.each * self._size.everyone + self._size.alone

    def _households(self) -> None:
        ids: list[UUID] = []

        def noted() -> Iterator[list[Envelope]]:
            for n, life in enumerate(lives(self._count + self._size.alone, seed=7, templates=[self.life])):
                ids.append(life[0].originator_id)
                yield settled(life, VILLAGES[n % len(VILLAGES)])

        fill(self.where.store, noted())
        self._household_ids, self._cold = ids[: self._count], ids[self._count :]

    def _one_row(self) -> BareEvent:
        """The row HuLian stores for the measured command, from a household made for this alone."""
        (life,) = lives(1, seed=8, templates=[self.life])
        fill(self.where.store, [settled(life, VILLAGES[0])])
        household = HouseholdId(life[0].originator_id)
        with opened(self.where, self.key_directory, pool_size=2) as installation:
            alert = RaiseAlert(FIRST_DAY + timedelta(days=1), "E-EXP-02", "YELLOW", note=NOTE)
            installation.handler.handle(Request(uuid4(), alert, Actor("w1", TOWNSHIP), household))
            row = installation.store.load(household).rows[-1]
            assert row.private is not None
            return BareEvent(row.name, FIRST_DAY, row.meta_bytes, row.data, row.private)

    def _bare_rows(self) -> None:
        wanted = set(self._household_ids)
        columns = "stream_id, version, name, effective_on, recorded_at, meta, data, private"
        with psycopg.connect(self.where.store) as source, psycopg.connect(self.bare) as target:
            target.execute(BARE_TABLE)
            rows = source.cursor("rows")
            rows.execute(f"SELECT {columns} FROM es_event ORDER BY lane, position".encode())
            with target.cursor().copy(f"COPY bare_event ({columns}) FROM STDIN".encode()) as copy:
                for row in rows:
                    if row[0] in wanted:
                        copy.write_row(row)
        with psycopg.connect(self.bare, autocommit=True) as connection:
            connection.execute("VACUUM ANALYZE bare_event")
        with psycopg.connect(self.where.store, autocommit=True) as connection:
            connection.execute("VACUUM ANALYZE")


def trial(server: BenchServer, name: str) -> tuple[Addresses, Path]:
    """A new store with its keys, packs adopted: where it is, and where its outer keys are."""
    made = installed(server, name)
    return made.where, made.key_directory


def measure(server: BenchServer, extent: Extent) -> Outcome:
    """Rounds in turn: every contestant with one client and with all, each sample audited."""
    size = QUICK if extent.quick else FULL
    prepared = Prepared(server, size)
    entries = [(kind, clients) for clients in (1, size.everyone) for kind in (HULIAN, BARE, STOCK)]
    entries.append((COLD, 1))
    measures = {entry: Measure(NAMES[entry[0]], clients=entry[1]) for entry in entries}
    with ExitStack() as stack:
        crews = {
            kind: stack.enter_context(crew(prepared.makings(kind), 0 if kind == COLD else size.threads))
            for kind in (HULIAN, BARE, STOCK, COLD)
        }
        for kind, clients in entries:
            crews[kind].sample(server, clients, min(size.seconds, 0.5))
        for n in range(size.rounds):
            for kind, clients in rotated(entries, n):
                sample = _audited(prepared, server, crews[kind], kind, clients, size.seconds)
                measures[kind, clients].samples.append(sample)
        for (kind, _), measured in measures.items():
            measured.peak_kib = crews[kind].peak()
        rows = command_rows(measures, size.everyone)
        profile = crews[HULIAN].profile(max(size.seconds, 1.0)) if extent.profiled(rows) else ""
    return Outcome(
        rows,
        list(measures.values()),
        audited=sum(len(each.samples) for each in measures.values()),
        notes=[f"command: {len(prepared.life)} events before the measured one"],
        data={"events_before": len(prepared.life)},
        profile=profile,
    )


def command_rows(measures: dict[tuple[str, int], Measure], everyone: int) -> list[Row]:
    """The rows of DESIGN §10 about one command."""
    rows = []
    for clients, bare, stock in ((1, (0.6, 0.8), (2.5, 3.5)), (everyone, (0.5, 0.65), (4.0, 6.0))):
        ours, limit, theirs = (measures[kind, clients] for kind in (HULIAN, BARE, STOCK))
        label = f"command, {clients} client{'s' if clients > 1 else ''}"
        rows.append(rates(f"{label}: rate / two bare statements", ours, limit, *bare))
        rows.append(rates(f"{label}: rate / stock eventsourcing", ours, theirs, *stock))
        rows.append(cpus(f"{label}: CPU / stock eventsourcing", ours, theirs, 0.5, 0.3))
        rows.append(cpus(f"{label}: CPU / two bare statements", ours, limit))
    cold = measures[COLD, 1]
    rows.append(rates("command, 1 client, key not at hand: rate / two bare", cold, measures[BARE, 1]))
    return rows


def _audited(
    prepared: Prepared, server: BenchServer, at_work: Crew, kind: str, clients: int, seconds: float
) -> Sample:
    before = prepared.events(kind)
    sample = at_work.sample(server, clients, seconds)
    added = prepared.events(kind) - before
    if added != sample.done:
        raise AuditFailed(f"{kind}, {clients} clients: {sample.done} claimed, {added} in the database")
    return sample


def settled(life: list[Envelope], village: str) -> list[Envelope]:
    """The life begun in a village that the register knows."""
    begun = life[0].event
    assert isinstance(begun, HouseholdRegistered)
    life[0].event = replace(begun, region=village)
    return life
