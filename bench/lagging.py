"""The lag row: from an event's commit acknowledged until every read model shows it, at a steady hundred a second.

The writer is the command handler itself in a process of its own, keeping to its times whatever happens; the worker is
`hulian work` as in production. What is visible is asked of the checkpoints, which are written in one transaction
with the rows, every few milliseconds: that much the lag found is too long.
"""

from __future__ import annotations

import math
import multiprocessing
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median
from typing import Final, NamedTuple
from uuid import UUID, uuid4

import psycopg

from application.handling.request import Request
from bench.commands import VILLAGES, settled
from bench.contestants import NOTE, TOWNSHIP
from bench.databases import Installed, case_life, installed
from bench.processes import Apart
from bench.projecting import pages
from bench.rows import AuditFailed, Extent, Measure, Outcome, Sample, amount
from bench.running import Running, running
from bench.server import BenchServer
from bootstrap.addresses import Addresses
from bootstrap.settings import as_role
from bootstrap.wiring import opened, today
from domain.catalogue import EVENTS, UPCASTERS
from domain.values.person import HouseholdId
from domain.values.receipt import Actor
from domain.watching.alerts import RaiseAlert
from eventstore.events.codec import Codec
from eventstore.lanes import LANES, lane_of
from eventstore.postgres.pools import open_pool
from projections.engine.projector import Projector
from projections.registry import ALL
from tests.projections.lives import fill, lives
from workers.projector import ProjectorWorker

STORE: Final = "hulian_lag"
A_SECOND: Final = 100
CLIENTS: Final = 4
LOOKED_EVERY: Final = 0.003
PATIENCE: Final = 30.0
"""Seconds after the last event until what is not visible counts as lost."""


_REACHED: Final = """
SELECT lane, min(position) FROM read_checkpoint WHERE lane = ANY(%b::smallint[]) AND live GROUP BY lane
"""
_BEHIND: Final = """
SELECT coalesce(sum(l.position - c.position), -1)::integer, count(DISTINCT c.projection)::integer
FROM read_checkpoint c JOIN es_lane l USING (lane)
"""


class Acked(NamedTuple):
    """An event acknowledged: where it stands, when (by the clock all processes share)."""

    at: float
    lane: int
    position: int


def measure(server: BenchServer, extent: Extent) -> Outcome:
    """Rounds of some seconds; the worker runs on between them."""
    made, households = _prepared(server, extent.few(2_048, quick=256))
    seconds = extent.few(15, quick=2)
    measured = Measure("lag: until visible in all read models", "events")
    rounds: list[list[float]] = []
    ours, theirs = multiprocessing.get_context().Pipe(duplex=False)
    arguments = (made.where, made.key_directory, households, seconds, theirs)
    with running(made, "work") as worker, Apart([(paced, arguments)]) as writer:
        settle(made.where.store, worker)
        for _ in range(extent.few(4, quick=1)):
            found, sample = _round(server, made.where.store, worker, writer, ours)
            rounds.append(found)
            measured.samples.append(sample)
            _audit(made.where.store)
        measured.peak_kib = worker.memory()[1]
    every = sorted(lag for found in rounds for lag in found)
    label = f"lag at {A_SECOND} events/s over all lanes"
    rows = [
        amount(f"{label}, p95", [_at(found, 0.95) for found in rounds], "ms", 250.0, 100.0),
        amount(f"{label}, p50", [median(found) for found in rounds], "ms"),
        amount(f"{label}, longest", [max(found) for found in rounds], "ms"),
    ]
    profile = _profile(made, households, seconds) if extent.profiled(rows) else ""
    server.drop(*made.databases)
    return Outcome(
        rows,
        [measured],
        len(rounds),
        notes=[
            f"{len(every):,} events in {len(rounds)} rounds over {LANES} lanes, looked for every"
            f" {LOOKED_EVERY * 1e3:.0f} ms; client CPU is the worker's, server CPU that of writing and looking too"
        ],
        data={"lag_ms": {f"p{p}": round(_at(every, p / 100), 1) for p in (50, 90, 95, 99, 100)}},
        profile=profile,
    )


@contextmanager
def paced(
    where: Addresses, keys: Path, households: Sequence[UUID], seconds: int, line: Connection
) -> Iterator[Callable[[], int]]:
    """A hundred commands a second, each at its time, by a few clients; each told on the line once acknowledged."""
    sending = threading.Lock()
    with opened(where, keys, pool_size=CLIENTS) as installation:

        def work() -> int:
            errors: list[BaseException] = []
            begun = time.perf_counter() + 0.05

            def client(first: int) -> None:
                try:
                    for n in range(first, seconds * A_SECOND, CLIENTS):
                        at = begun + n / A_SECOND
                        time.sleep(max(at - time.perf_counter(), 0.0))
                        stream = HouseholdId(households[n % len(households)])
                        code = f"E-EXP-{uuid4().hex[:8]}"
                        alert = RaiseAlert(today(), code, "YELLOW", note=NOTE)
                        handled = installation.handler.handle(
                            Request(uuid4(), alert, Actor("w1", TOWNSHIP), stream)
                        )
                        lane = lane_of(stream)
                        acked = Acked(time.perf_counter(), lane, handled.reached[lane])
                        with sending:
                            line.send(acked)
                except BaseException as error:
                    errors.append(error)

            threads = [threading.Thread(target=client, args=(n,)) for n in range(CLIENTS)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            line.send(None)
            if errors:
                raise errors[0]
            return seconds * A_SECOND

        yield work


@contextmanager
def projecting(store: str, line: Connection) -> Iterator[Callable[[], int]]:
    """For a profile: the worker's loop until the writer has told that it is done."""
    with open_pool(as_role(store, "hulian_app"), size=2) as pool:
        projector = Projector(pool, Codec(EVENTS, UPCASTERS), ALL)
        pages(projector)

        def work() -> int:
            stop, told = threading.Event(), 0

            def listen() -> None:
                nonlocal told
                while line.recv() is not None:
                    told += 1
                stop.set()

            listening = threading.Thread(target=listen)
            listening.start()
            ProjectorWorker(projector).run(stop)
            listening.join()
            return told

        yield work


def _profile(made: Installed, households: Sequence[UUID], seconds: int) -> str:
    """Where the worker's time goes while a hundred events a second come in."""
    ours, theirs = multiprocessing.get_context().Pipe(duplex=False)
    arguments = (made.where, made.key_directory, households, seconds, theirs)
    with (
        Apart([(paced, arguments)]) as writer,
        Apart([(projecting, (made.where.store, ours))], profile=True) as worker,
    ):
        worker.begin()
        writer.begin()
        writer.answers()
        return worker.answers()[0].profile


def _round(
    server: BenchServer, store: str, worker: Running, writer: Apart, line: Connection
) -> tuple[list[float], Sample]:
    """The milliseconds until each event was visible, and what worker and server used."""
    found: list[float] = []
    waiting: dict[int, list[Acked]] = {}
    with psycopg.connect(as_role(store, "hulian_reader"), autocommit=True, prepare_threshold=0) as connection:
        cpu, server_cpu, began = worker.cpu(), server.cpu(), time.perf_counter()
        writer.begin()
        writing, last = True, began
        while writing or waiting:
            while writing and line.poll():
                acked = line.recv()
                if acked is None:
                    writing = False
                    break
                waiting.setdefault(acked.lane, []).append(acked)
                last = acked.at
            if waiting:
                reached = connection.execute(_REACHED, [list(waiting)]).fetchall()
                now = time.perf_counter()
                for lane, position in reached:
                    left = []
                    for acked in waiting.pop(lane):
                        if acked.position <= position:
                            found.append(max(now - acked.at, 0.0) * 1e3)
                        else:
                            left.append(acked)
                    if left:
                        waiting[lane] = left
            worker.alive()
            if time.perf_counter() - last > PATIENCE:
                raise AuditFailed(f"not visible after {PATIENCE} s: {waiting}")
            time.sleep(LOOKED_EVERY)
        took = time.perf_counter() - began
        used, server_used = worker.cpu() - cpu, server.cpu() - server_cpu
    claimed = writer.answers()[0].told
    if len(found) != claimed:
        raise AuditFailed(f"{claimed} events acknowledged, {len(found)} seen")
    return found, Sample(claimed, took, used, server_used)


def _prepared(server: BenchServer, count: int) -> tuple[Installed, list[UUID]]:
    """Registered households with nothing due, so that the worker has nothing to do of its own."""
    made = installed(server, STORE)
    begun = [
        settled(life, VILLAGES[n % len(VILLAGES)])
        for n, life in enumerate(lives(count, seed=11, templates=[case_life()[:1]]))
    ]
    fill(made.where.store, begun)
    ids = [life[0].originator_id for life in begun]
    with opened(made.where, made.key_directory, pool_size=2) as installation:
        installation.keys.seal_many([(id, "text", b"") for id in ids])
    with psycopg.connect(made.where.store, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")
    server.checkpoint()
    # neighbours in time lie in lanes far apart
    return made, sorted(ids, key=lambda id: (id.bytes[0], id.bytes[15]))


def settle(store: str, worker: Running) -> None:
    """Wait until the worker has taken in what there is."""
    until = time.monotonic() + 120
    with psycopg.connect(store, autocommit=True) as connection:
        while True:
            worker.alive()
            behind = connection.execute(_BEHIND).fetchone()
            if behind == (0, len(ALL)):
                return
            if time.monotonic() > until:
                raise AuditFailed(f"the worker does not catch up: {behind}")
            time.sleep(0.1)


def _audit(store: str) -> None:
    """Every event of a household is a step of its chain, and nobody is parked."""
    with psycopg.connect(store, autocommit=True) as connection:
        found = connection.execute(
            "SELECT (SELECT count(*) FROM es_event WHERE name LIKE 'household.%'),"
            " (SELECT count(*) FROM read_chain.step), (SELECT count(*) FROM read_parked)"
        ).fetchone()
    if found is None or found[0] != found[1] or found[2]:
        raise AuditFailed(f"events, steps, parked: {found}")


def _at(values: Sequence[float], part: float) -> float:
    """The value that this part of all do not exceed."""
    return sorted(values)[max(math.ceil(len(values) * part) - 1, 0)]
