"""The projector row: a backlog into all our read models, against the library's runner with one of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from bench.databases import backlog, stock_backlog
from bench.processes import Job, profile_of, together
from bench.read_models import audit_ours, forget_ours
from bench.rows import Extent, Measure, Outcome, cpus, rates, rotated
from bench.server import BenchServer
from bench.stock_runner import audit_stock, count_all, forget_stock
from bootstrap.settings import as_role
from domain.catalogue import EVENTS, UPCASTERS
from eventstore.events.codec import Codec
from eventstore.postgres.pools import open_pool
from projections.engine.projector import Projector
from projections.registry import ALL

DATABASE = "hulian_projector"


def measure(server: BenchServer, extent: Extent) -> Outcome:
    """Rounds in turn, each from nothing to the head of all lanes."""
    wanted, theirs = extent.few(50_000, quick=2_000), extent.few(10_000, quick=400)
    store, events = backlog(server, DATABASE, wanted)
    stock = stock_backlog(server, extent.few(50_000, quick=400))
    ours = Measure(f"projector: HuLian, {len(ALL)} read models", "events")
    one = Measure("projector: stock runner, one", "events")
    lax = Measure("projector: stock runner, commits not awaited", "events")
    rows_left: dict[str, int] = {}
    audited = 0
    for n in range(extent.few(3, quick=1)):
        for contestant in rotated([ours, one, lax], n):
            if contestant is ours:
                forget_ours(store)
                job: Job = (project, (store,))
            else:
                uri = forget_stock(server, stock, durable=contestant is one)
                job = (count_all, (uri, theirs))
            sample, peak = together(server, [job])
            contestant.samples.append(sample)
            contestant.peak_kib = max(contestant.peak_kib, peak)
            if contestant is ours:
                rows_left = audit_ours(store, events, rows_left)
            else:
                audit_stock(uri, sample.done)
            audited += 1
    label = f"projector, {len(ALL)} projections"
    rows = [
        rates(f"{label}: rate / stock runner, one", ours, one, 15.0, 30.0),
        rates(f"{label}: rate / the same, commits not awaited", ours, lax),
        cpus(f"{label}: CPU an event / stock runner", ours, one),
    ]
    profile = ""
    if extent.profiled(rows):
        forget_ours(store)
        profile = profile_of((project, (store,)))
    server.drop(DATABASE)
    return Outcome(
        rows,
        [ours, one, lax],
        audited,
        notes=[f"{events:,} events of whole lives; the stock runner takes in {theirs:,} of aggregates"],
        data={"rows": rows_left, "projections": [projection.name for projection in ALL]},
        profile=profile,
    )


@contextmanager
def project(store: str) -> Iterator[Callable[[], int]]:
    """Everything there is, page by page, by one process."""
    with open_pool(as_role(store, "hulian_app"), size=2) as pool:
        projector = Projector(pool, Codec(EVENTS, UPCASTERS), ALL)
        yield lambda: pages(projector)


def pages(projector: Projector) -> int:
    """Take in page after page until there is nothing; how many events."""
    done = 0
    while True:
        page = projector.page()
        if page.failed or page.parked:
            raise RuntimeError(f"failed: {page.failed}, parked: {page.parked}")
        if not page.events:
            return done
        done += page.events
