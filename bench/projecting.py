"""The projector row: a backlog into all our read models, against the library's runner with one of its own."""

from __future__ import annotations

import cProfile
import multiprocessing
import resource
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

import psycopg
from eventsourcing.domain import DomainEventProtocol
from eventsourcing.persistence import Tracking
from eventsourcing.postgres import PostgresTrackingRecorder
from eventsourcing.projection import Projection as LibraryProjection
from eventsourcing.projection import ProjectionRunner
from psycopg.sql import SQL, Identifier

from bench.commands import AuditFailed, trial
from bench.contestants import Cases
from bench.crew import Sample, WorkerFailed, profiled
from bench.server import BenchServer, library_environment, peak_memory
from bootstrap.settings import as_role
from domain.catalogue import EVENTS, UPCASTERS
from eventstore.codec import Codec
from eventstore.store import open_pool
from projections.engine.projector import Projector
from projections.registry import ALL
from tests.projections.lives import fill, many

ALL_OURS, STOCK_ONE, STOCK_LAX = "hulian", "stock", "stock, commits not awaited"
STOCK_DATABASE = "stock_command"


@dataclass(slots=True)
class ProjectorResults:
    """Every sample by contestant, one a round; how many events each took in; peaks in KiB."""

    samples: dict[str, list[Sample]]
    peaks: dict[str, int]
    rows: dict[str, int]
    projections: tuple[str, ...]
    profile: str = ""


class CaseTable(PostgresTrackingRecorder):
    """The stock view: one row an aggregate with its number of events, tracked in the same transaction."""

    def __init__(self, datastore: Any, **kwargs: Any) -> None:
        super().__init__(datastore, **kwargs)
        self._table = SQL("{}.{}").format(Identifier(datastore.schema), Identifier("case_table"))
        self.sql_create_statements.append(
            SQL("CREATE TABLE IF NOT EXISTS {} (id uuid PRIMARY KEY, events integer NOT NULL)").format(
                self._table
            )
        )
        self._count = SQL(
            "INSERT INTO {} AS c VALUES (%s, 1) ON CONFLICT (id) DO UPDATE SET events = c.events + 1"
        ).format(self._table)

    def count(self, case: Any, tracking: Tracking) -> None:
        """Count one event of a case, once."""
        with self.datastore.transaction(commit=True) as cursor:
            self._insert_tracking(cursor, tracking)
            cursor.execute(self._count, (case,), prepare=True)


class CaseCounts(LibraryProjection[CaseTable]):
    """The stock projection; `reached` is set at the event number `wanted`."""

    name = "casecounts"
    wanted = 0
    done = 0
    reached = threading.Event()

    def process_event(self, domain_event: DomainEventProtocol[Any], tracking: Tracking) -> None:
        self.view.count(domain_event.originator_id, tracking)
        CaseCounts.done += 1
        if CaseCounts.done == CaseCounts.wanted:
            CaseCounts.reached.set()


def measure(
    server: BenchServer, rounds: int, backlog: int, stock_events: int, *, profile: bool
) -> ProjectorResults:
    """Rounds in turn, each from nothing; `stock_events` are of the aggregates of the command row."""
    where, _ = trial(server, "hulian_projector")
    events = fill(where.store, many(backlog))
    with psycopg.connect(where.store, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")
    server.checkpoint()
    results = ProjectorResults({}, {}, {}, tuple(projection.name for projection in ALL))
    stock = server.uri(STOCK_DATABASE)

    def ours() -> None:
        _forget_ours(where.store)
        _measured(server, results, ALL_OURS, _project, where.store, False)
        _audit_ours(where.store, events, results)

    def theirs(kind: str, commits: str) -> Callable[[], None]:
        def sample() -> None:
            _forget_theirs(stock, commits)
            _measured(server, results, kind, _run_stock, stock, stock_events)
            _audit_theirs(stock, stock_events)

        return sample

    contestants = [ours, theirs(STOCK_ONE, "on"), theirs(STOCK_LAX, "off")]
    for n in range(rounds):
        for sample in contestants[n % 3 :] + contestants[: n % 3]:
            sample()
    if profile:
        _forget_ours(where.store)
        results.profile = str(_in_process(_project, where.store, True)[3])
    return results


def _measured(
    server: BenchServer, results: ProjectorResults, kind: str, task: Callable[..., None], *arguments: Any
) -> None:
    done, seconds, cpu, _, server_cpu, peak = _in_process(task, *arguments, server=server)
    results.samples.setdefault(kind, []).append(Sample(done, seconds, cpu, server_cpu))
    results.peaks[kind] = max(peak, results.peaks.get(kind, 0))


def _in_process(task: Callable[..., None], *arguments: Any, server: BenchServer | None = None) -> Any:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_guarded, args=(theirs, task, *arguments), daemon=True)
    process.start()
    theirs.close()
    try:
        begun = ours.recv()
        if begun != "ready":
            raise WorkerFailed(begun[1])
        before = server.cpu() if server else 0.0
        ours.send("go")
        failed, answer = ours.recv()
        used = server.cpu() - before if server else 0.0
        if failed:
            raise WorkerFailed(answer)
        ours.send("end")
        done, seconds, cpu, text, peak = answer
        return done, seconds, cpu, text, used, peak
    finally:
        process.join(20)
        if process.is_alive():
            process.kill()


def _guarded(line: Connection, task: Callable[..., None], *arguments: Any) -> None:
    try:
        task(line, *arguments)
    except BaseException:
        line.send((True, traceback.format_exc()))


def _project(line: Connection, store: str, profile: bool) -> None:
    with open_pool(as_role(store, "hulian_app"), size=2) as pool:
        projector = Projector(pool, Codec(EVENTS, UPCASTERS), ALL)
        line.send("ready")
        line.recv()
        watch = cProfile.Profile() if profile else None
        if watch:
            watch.enable()
        began, used = time.perf_counter(), _cpu()
        done = 0
        while True:
            page = projector.page()
            if page.failed:
                raise RuntimeError(f"failed: {page.failed}")
            if not page.events:
                break
            done += page.events
        seconds, cpu = time.perf_counter() - began, _cpu() - used
        if watch:
            watch.disable()
        line.send((False, (done, seconds, cpu, profiled(watch) if watch else "", peak_memory())))
        line.recv()


def _run_stock(line: Connection, uri: str, wanted: int) -> None:
    CaseCounts.wanted = wanted
    line.send("ready")
    line.recv()
    began, used = time.perf_counter(), _cpu()
    with ProjectionRunner(
        application_class=Cases,
        projection_class=CaseCounts,
        view_class=CaseTable,
        env=library_environment(uri),
    ):
        while not CaseCounts.reached.wait(600):
            raise TimeoutError(f"{CaseCounts.done} of {wanted}")
        done, seconds, cpu = CaseCounts.done, time.perf_counter() - began, _cpu() - used
        line.send((False, (done, seconds, cpu, "", peak_memory())))
    line.recv()


def _forget_ours(store: str) -> None:
    with psycopg.connect(store, autocommit=True) as connection:
        for (name,) in connection.execute("SELECT DISTINCT projection FROM read_model").fetchall():
            connection.execute(SQL("DROP SCHEMA {} CASCADE").format(Identifier(f"read_{name}")))
        connection.execute("TRUNCATE read_model, read_checkpoint")


def _audit_ours(store: str, events: int, results: ProjectorResults) -> None:
    """Every projection stands at the head of every lane, every household's event is a step of its chain, and
    all rounds leave the same number of rows."""
    with psycopg.connect(store, autocommit=True) as connection:
        stand: dict[str, Any] = dict(
            connection.execute(
                "SELECT projection, sum(position) FROM read_checkpoint c JOIN es_lane USING (lane, position)"
                " GROUP BY projection"
            ).fetchall()
        )
        heads = connection.execute("SELECT sum(position) FROM es_lane").fetchone()
        assert heads is not None
        rows = {}
        for projection in ALL:
            for table in projection.tables:
                place = Identifier(f"read_{projection.name}", table.name)
                row = connection.execute(SQL("SELECT count(*) FROM {}").format(place)).fetchone()
                assert row is not None
                rows[f"{projection.name}.{table.name}"] = row[0]
    if stand != dict.fromkeys(results.projections, heads[0]):
        raise AuditFailed(f"{heads[0]} events, projected {stand}")
    if rows.get("chain.step") != events or (results.rows and rows != results.rows):
        raise AuditFailed(f"{events} events, rows {rows}, before {results.rows}")
    results.rows = rows


def _forget_theirs(uri: str, commits: str) -> None:
    with psycopg.connect(uri, autocommit=True) as connection:
        connection.execute(
            SQL("ALTER DATABASE {} SET synchronous_commit = {}").format(
                Identifier(STOCK_DATABASE), SQL("on" if commits == "on" else "off")
            )
        )
        connection.execute("DROP TABLE IF EXISTS case_table")
        for (name,) in connection.execute(
            "SELECT tablename FROM pg_tables WHERE tablename LIKE '%tracking%'"
        ).fetchall():
            connection.execute(SQL("DROP TABLE {}").format(Identifier(name)))


def _audit_theirs(uri: str, at_least: int) -> None:
    """As many events counted as tracked, and not fewer than claimed; a few more while it was being stopped."""
    with psycopg.connect(uri, autocommit=True) as connection:
        row = connection.execute("SELECT sum(events) FROM case_table").fetchone()
    assert row is not None
    if row[0] is None or row[0] < at_least:
        raise AuditFailed(f"stock: {at_least} claimed, {row[0]} counted")


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
