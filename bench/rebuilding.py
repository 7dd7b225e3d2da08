"""The rebuild row: all read models anew beside the live ones by two processes, switched; against the stock runner."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from time import sleep
from typing import Final

import psycopg

from bench.databases import backlog, stock_backlog
from bench.processes import Job, profile_of, together
from bench.projecting import pages
from bench.read_models import audit_ours, forget_ours
from bench.rows import AuditFailed, Extent, Measure, Outcome, amount, cpus, megabytes, rates, rotated
from bench.server import BenchServer
from bench.stock_runner import audit_stock, count_all, forget_stock
from bootstrap.settings import as_role
from domain.catalogue import EVENTS, UPCASTERS
from eventstore.events.codec import Codec
from eventstore.postgres.pools import open_pool
from projections.engine.models import prepare
from projections.engine.projection import Projection
from projections.engine.projector import Projector
from projections.engine.proof import digest_of
from projections.registry import ALL

DATABASE: Final = "hulian_rebuild"
PROCESSES: Final = 2
_PAUSE: Final = 0.01


def measure(server: BenchServer, extent: Extent) -> Outcome:
    """Rounds in turn: beside live read models that stand still, from nothing until all are switched."""
    store, events = backlog(server, DATABASE, extent.few(1_000_000, quick=2_000))
    theirs = extent.few(50_000, quick=400)
    stock = stock_backlog(server, theirs)
    ours = Measure(f"rebuild: HuLian, {len(ALL)} read models", "events", PROCESSES)
    one = Measure("rebuild: stock runner, one", "events")
    rows_left: dict[str, int] = {}
    audited = 0
    for n in range(extent.few(2, quick=1)):
        for contestant in rotated([ours, one], n):
            if contestant is ours:
                _live(store)
                jobs: list[Job] = [(rebuild, (store,))] * PROCESSES
            else:
                uri = forget_stock(server, stock, durable=True)
                jobs = [(count_all, (uri, theirs))]
            sample, peak = together(server, jobs)
            contestant.peak_kib = max(contestant.peak_kib, peak)
            if contestant is ours:
                sample = replace(sample, done=_all_taken(store, sample.done))
                rows_left = audit_ours(store, events, rows_left, version=1)
            else:
                audit_stock(uri, sample.done)
            contestant.samples.append(sample)
            audited += 1
    if extent.quick:
        _same_as_by_one(store)
        audited += 1
    label = f"rebuild of {events:,} events, {PROCESSES} processes"
    rows = [
        rates(f"{label}: rate / stock runner, one", ours, one, 30.0, 60.0),
        cpus(f"{label}: CPU an event / stock runner", ours, one),
        amount("rebuild: peak memory of a process", [megabytes(ours.peak_kib)], "MB", 400.0, 250.0),
    ]
    profile = ""
    if extent.profiled(rows):
        _live(store)
        profile = profile_of((rebuild, (store, 100_000)))
    server.drop(DATABASE)
    return Outcome(rows, [ours, one], audited, data={"rows": rows_left}, profile=profile)


def later() -> list[type[Projection]]:
    """All projections under the next version number: what a rebuild makes."""
    return [
        type(one.__name__, (one,), {"version": one.version + 1, "__module__": one.__module__}) for one in ALL
    ]


@contextmanager
def rebuild(store: str, at_most: int | None = None) -> Iterator[Callable[[], int]]:
    """Build all read models beside the live ones and switch them, together with whoever does the same.

    With `at_most` only about so many events are taken in and nothing is switched.
    """
    with open_pool(as_role(store, "hulian_app"), size=2) as pool:
        projector = Projector(pool, Codec(EVENTS, UPCASTERS), later())

        def work() -> int:
            done = 0
            while at_most is not None and done < at_most:
                done += projector.page().events
            if at_most is not None:
                return done
            while True:
                taken = pages(projector)
                done += taken
                if not projector.switch() and not taken:
                    # the other is completing what is left
                    sleep(_PAUSE)
                if not projector.building:
                    return done

        yield work


def _live(store: str) -> None:
    """Read models of today's versions, live, for the new ones to be built beside; both made, none filled."""
    forget_ours(store)
    with psycopg.connect(as_role(store, "hulian_app"), autocommit=True) as connection:
        prepare(connection, ALL)
        prepare(connection, later())
    with psycopg.connect(store, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE read_checkpoint")


def _all_taken(store: str, done: int) -> int:
    """How many events the lanes hold; the processes say they took in as many, or some of them for one model each."""
    with psycopg.connect(store, autocommit=True) as connection:
        row = connection.execute("SELECT sum(position) FROM es_lane").fetchone()
    if row is None or done < row[0]:
        raise AuditFailed(f"{done} events claimed, lanes hold {row}")
    return int(row[0])


def _digests(store: str, projections: Sequence[type[Projection]]) -> dict[str, str]:
    with psycopg.connect(store, autocommit=True) as connection:
        return {one.name: digest_of(connection, one) for one in projections}


def _same_as_by_one(store: str) -> None:
    """Two processes leave the very rows that one leaves."""
    by_two = _digests(store, later())
    forget_ours(store)
    with open_pool(as_role(store, "hulian_app"), size=2) as pool:
        pages(Projector(pool, Codec(EVENTS, UPCASTERS), ALL))
    if _digests(store, ALL) != by_two:
        raise AuditFailed("two processes rebuilt other rows than one")
