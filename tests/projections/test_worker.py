"""The worker keeps the read models up, is woken, and stops when told."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread

import psycopg
import pytest

from eventstore.lanes import lane_of
from projections import registry
from projections.engine.progress import Progress
from projections.engine.projector import Projector
from tests.database import Databases
from tests.projections.lives import fill, lives
from workers.projector import ProjectorWorker


@contextmanager
def at_work(projector: Projector) -> Iterator[ProjectorWorker]:
    """A worker in a thread; at the end it is told to stop, and must."""
    worker, stop = ProjectorWorker(projector), Event()
    thread = Thread(target=worker.run, args=(stop,))
    thread.start()
    try:
        yield worker
    finally:
        stop.set()
        thread.join(timeout=20)
        assert not thread.is_alive()


def seen(progress: Progress, databases: Databases, seed: int, worker: ProjectorWorker | None = None) -> None:
    """Append a life; assert that every projection has it within the time one waits for it."""
    (life,) = lives(1, seed)
    fill(databases.store, [life])
    if worker is not None:
        worker.wake()
    lane = lane_of(life[0].originator_id)
    with psycopg.connect(databases.store) as connection:
        row = connection.execute("SELECT position FROM es_lane WHERE lane = %s", [lane]).fetchone()
    assert row is not None
    for projection in registry.ALL:
        assert progress.wait(projection.name, lane, row[0], timeout=20)


def test_a_worker_takes_in_what_is_appended_when_woken(
    databases: Databases, projector: Projector, progress: Progress
) -> None:
    with at_work(projector) as worker:
        for seed in range(3):
            seen(progress, databases, seed, worker)
    assert set(progress.lag().values()) == {0}


def test_a_worker_that_is_never_woken_looks_by_itself(
    databases: Databases, projector: Projector, progress: Progress
) -> None:
    with at_work(projector):
        seen(progress, databases, 1)


def test_a_worker_told_to_stop_before_it_begins_does_nothing(
    databases: Databases, projector: Projector, progress: Progress
) -> None:
    total = fill(databases.store, lives(1))
    stop = Event()
    stop.set()
    ProjectorWorker(projector).run(stop)
    assert set(progress.lag().values()) == {total}


def test_a_worker_outlives_its_connections(
    databases: Databases, projector: Projector, progress: Progress, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.projector._AFTER_FAILURE", 0.05)
    with at_work(projector) as worker:
        seen(progress, databases, 1, worker)
        with psycopg.connect(databases.store, autocommit=True) as connection:
            cut = connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            ).fetchall()
        assert cut
        (life,) = lives(1, 2)
        fill(databases.store, [life])
        worker.wake()
        with psycopg.connect(databases.app, autocommit=True) as connection:
            while True:
                rows = connection.execute(
                    "SELECT count(*) FROM read_chain.step WHERE household = %s", [life[0].originator_id]
                ).fetchone()
                if rows == (len(life),):
                    break
