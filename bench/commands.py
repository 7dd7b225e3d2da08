"""The command row: the same small task for HuLian, two bare statements and the library, in turn, audited."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg

from application.handling import Request
from bench.contestants import (
    BARE_TABLE,
    FIRST_DAY,
    NOTE,
    TOWNSHIP,
    BareEvent,
    Case,
    Cases,
    Making,
    Share,
)
from bench.crew import Crew, Sample, crew
from bench.server import BenchServer, library_environment
from bootstrap.wiring import Addresses, adopt, migrated, opened
from domain.membership import HouseholdRegistered
from domain.monitoring import RaiseAlert
from domain.person import HouseholdId
from domain.receipt import Actor
from eventstore.envelope import Envelope
from tests.projections.lives import fill, lives, told
from tests.stories import ling_registered, on_the_road

BATCH = 20
"""How many aggregates of the library are prepared in one save."""

VILLAGES = ("990301100001", "990301100201", "990301100202")

HULIAN, COLD, BARE, STOCK = "hulian", "hulian-cold", "bare", "stock"


class AuditFailed(Exception):
    """More or fewer events stand in the database than commands were claimed."""


@dataclass(frozen=True, slots=True)
class Extent:
    """How much is prepared and how long is measured."""

    rounds: int
    seconds: float
    each: int  # cases of each of the sixteen clients
    alone: int  # cases of the single client
    processes: int = 2
    threads: int = 8


@dataclass(slots=True)
class CommandResults:
    """Every sample by contestant and number of clients, one a round; peaks in KiB; a profile if asked for."""

    samples: dict[tuple[str, int], list[Sample]]
    peaks: dict[str, int]
    audited: int
    events_before: int
    profile: str = ""


class Prepared:
    """The databases of all contestants with their cases in them."""

    def __init__(self, server: BenchServer, extent: Extent) -> None:
        self._extent = extent
        self.life = told(on_the_road(ling_registered(date(2025, 4, 21)), date(2025, 4, 21), until="report"))
        self.where, self.key_directory = trial(server, "hulian_command")
        self.bare = server.database("bare_command")
        self.stock = server.database("stock_command")
        self._households()
        self.row = self._one_row()
        self._bare_rows()
        self.body = {**json.loads(self.row.data), "note": NOTE}
        self._aggregates()
        server.checkpoint()

    def makings(self, kind: str) -> list[Making]:
        """How each process of a contestant is made; the last share of the first is the single client's."""
        if kind == COLD:
            return [Making(kind, [Share(self._cold, len(self.life))], self.where, self.key_directory)]
        cases = self._aggregate_ids if kind == STOCK else self._household_ids
        extent = self._extent
        shares = [
            Share(cases[n * extent.each : (n + 1) * extent.each], len(self.life))
            for n in range(extent.processes * extent.threads)
        ]
        groups = [shares[n * extent.threads : (n + 1) * extent.threads] for n in range(extent.processes)]
        groups[0].append(Share(cases[-extent.alone :], len(self.life)))
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
        return self._extent.each * self._extent.processes * self._extent.threads + self._extent.alone

    def _households(self) -> None:
        ids: list[UUID] = []

        def noted() -> Iterator[list[Envelope]]:
            for n, life in enumerate(lives(self._count + self._extent.alone, seed=7, templates=[self.life])):
                ids.append(life[0].originator_id)
                yield _settled(life, VILLAGES[n % len(VILLAGES)])

        fill(self.where.store, noted())
        self._household_ids, self._cold = ids[: self._count], ids[self._count :]

    def _one_row(self) -> BareEvent:
        """The row HuLian stores for the measured command, from a household made for this alone."""
        (life,) = lives(1, seed=8, templates=[self.life])
        fill(self.where.store, [_settled(life, VILLAGES[0])])
        household = HouseholdId(life[0].originator_id)
        with opened(self.where, self.key_directory, pool_size=2) as installation:
            alert = RaiseAlert(FIRST_DAY + timedelta(days=1), "E-EXP-02", "YELLOW", note=NOTE)
            installation.desk.handle(Request(uuid4(), alert, Actor("w1", TOWNSHIP), household))
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

    def _aggregates(self) -> None:
        bodies = [(one.name, json.loads(one.data)) for one in self.life]
        application = Cases(library_environment(self.stock))
        self._aggregate_ids: list[UUID] = []
        try:
            for _ in range(0, self._count, BATCH):
                batch = [_case(bodies) for _ in range(min(BATCH, self._count - len(self._aggregate_ids)))]
                application.save(*batch)
                self._aggregate_ids += [each.id for each in batch]
        finally:
            application.close()
        with psycopg.connect(self.stock, autocommit=True) as connection:
            connection.execute("VACUUM ANALYZE")


def trial(server: BenchServer, name: str) -> tuple[Addresses, Path]:
    """A new store with its keys, packs adopted: where it is, and where its outer keys are."""
    where, key_directory = server.addresses(name), server.home / f"{name}-keys"
    migrated(where)
    adopt(where, key_directory, date(2025, 1, 1))
    return where, key_directory


def measure(server: BenchServer, extent: Extent, *, profile: bool) -> CommandResults:
    """Rounds in turn: every contestant with one client and with all, each sample audited."""
    prepared = Prepared(server, extent)
    everyone = extent.processes * extent.threads
    results = CommandResults({}, {}, 0, len(prepared.life))
    with ExitStack() as stack:
        crews = {
            kind: stack.enter_context(crew(prepared.makings(kind), 0 if kind == COLD else extent.threads))
            for kind in (HULIAN, BARE, STOCK, COLD)
        }
        entries = [(kind, clients) for clients in (1, everyone) for kind in (HULIAN, BARE, STOCK)]
        entries.append((COLD, 1))
        for kind, clients in entries:
            crews[kind].sample(server, clients, min(extent.seconds, 0.5))
        for n in range(extent.rounds):
            for kind, clients in _rotated(entries, n):
                sample = _audited(prepared, server, crews[kind], kind, clients, extent.seconds)
                results.samples.setdefault((kind, clients), []).append(sample)
                results.audited += 1
        results.peaks = {kind: each.peak() for kind, each in crews.items()}
        if profile:
            results.profile = crews[HULIAN].profile(max(extent.seconds, 1.0))
    return results


def _audited(
    prepared: Prepared, server: BenchServer, at_work: Crew, kind: str, clients: int, seconds: float
) -> Sample:
    before = prepared.events(kind)
    sample = at_work.sample(server, clients, seconds)
    added = prepared.events(kind) - before
    if added != sample.done:
        raise AuditFailed(f"{kind}, {clients} clients: {sample.done} claimed, {added} in the database")
    return sample


def _settled(life: list[Envelope], village: str) -> list[Envelope]:
    """The life begun in a village that the register knows."""
    begun = life[0].event
    assert isinstance(begun, HouseholdRegistered)
    life[0].event = replace(begun, region=village)
    return life


def _case(bodies: Sequence[tuple[str, dict[str, Any]]]) -> Case:
    case = Case(*bodies[0])
    for name, body in bodies[1:]:
        case.happen(name, body)
    return case


def _rotated(entries: list[tuple[str, int]], by: int) -> list[tuple[str, int]]:
    """The same entries begun elsewhere, so that nobody always comes after the same one."""
    at = by % len(entries)
    return entries[at:] + entries[:at]
