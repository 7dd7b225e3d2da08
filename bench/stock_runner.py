"""Stock `eventsourcing` projecting: its `ProjectionRunner` with one view, a count of events an aggregate."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import psycopg
from eventsourcing.domain import DomainEventProtocol
from eventsourcing.persistence import Tracking
from eventsourcing.postgres import PostgresTrackingRecorder
from eventsourcing.projection import Projection as LibraryProjection
from eventsourcing.projection import ProjectionRunner
from psycopg.sql import SQL, Identifier

from bench.contestants import Cases
from bench.rows import AuditFailed
from bench.server import BenchServer, library_environment


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


@contextmanager
def count_all(uri: str, wanted: int) -> Iterator[Callable[[], int]]:
    """Run the library's runner until it has taken in so many events."""
    with ExitStack() as stack:

        def work() -> int:
            CaseCounts.wanted = wanted
            runner: ProjectionRunner[Any, Any] = ProjectionRunner(
                application_class=Cases,
                projection_class=CaseCounts,
                view_class=CaseTable,
                env=library_environment(uri),
            )
            stack.enter_context(runner)
            if not CaseCounts.reached.wait(600):
                raise TimeoutError(f"{CaseCounts.done} of {wanted}")
            return CaseCounts.done

        yield work


def forget_stock(server: BenchServer, database: str, *, durable: bool) -> str:
    """Have the runner begin from nothing, each commit awaited or not; the database's address."""
    uri = server.uri(database)
    with psycopg.connect(uri, autocommit=True) as connection:
        connection.execute(
            SQL("ALTER DATABASE {} SET synchronous_commit = {}").format(
                Identifier(database), SQL("on" if durable else "off")
            )
        )
        connection.execute("DROP TABLE IF EXISTS case_table")
        for (name,) in connection.execute(
            "SELECT tablename FROM pg_tables WHERE tablename LIKE '%tracking%'"
        ).fetchall():
            connection.execute(SQL("DROP TABLE {}").format(Identifier(name)))
    return uri


def audit_stock(uri: str, at_least: int) -> None:
    """Not fewer counted than claimed; a few more while it was being stopped."""
    with psycopg.connect(uri, autocommit=True) as connection:
        row = connection.execute("SELECT sum(events) FROM case_table").fetchone()
    if row is None or row[0] is None or row[0] < at_least:
        raise AuditFailed(f"stock: {at_least} claimed, {row} counted")
