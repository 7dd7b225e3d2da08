"""Rebuilt while offices write and people read, by four workers of which one is killed: equal, and seen by nobody."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from datetime import date
from pathlib import Path
from threading import Event, Thread
from uuid import UUID, uuid5

import psycopg
from psycopg_pool import ConnectionPool

from application.handling.request import Request
from bootstrap.wiring import Installation
from domain.members.registration import NewMember, RegisterHousehold
from domain.values.person import HouseholdId
from domain.values.receipt import Actor
from domain.watching.alerts import RaiseAlert
from projections import registry
from projections.card import card_of
from projections.chain import chain_of
from projections.engine.progress import Progress
from projections.engine.projector import Projector
from tests.database import Databases
from tests.installations import SCRIPT, installed
from tests.projections.conftest import Pool, caught_up
from tests.projections.lives import codec, fill, many
from tests.projections.test_engine import count, digests

BACKLOG = 8_000
VILLAGE = "370786101215"
TOWNSHIP = Actor("w1", "370786101/township")


class Writers:
    """Offices that go on registering households and raising alerts, and wait to see each act in the chain."""

    def __init__(self, installation: Installation) -> None:
        self.handler = installation.handler
        self.progress = Progress(installation.projecting)
        self.pool = installation.pool
        self.stop = Event()
        self.written: dict[UUID, int] = {}
        self.unseen: list[str] = []
        self.failed: list[BaseException] = []
        self.threads = [Thread(target=self.guarded, args=(self.write, n)) for n in range(2)]
        self.threads += [Thread(target=self.guarded, args=(self.read, n)) for n in range(2)]

    def guarded(self, work: object, n: int) -> None:
        try:
            work(n)  # type: ignore[operator]
        except BaseException as failed:
            self.failed.append(failed)

    def write(self, thread: int) -> None:
        n = 0
        while not self.stop.is_set():
            n += 1
            opening = RegisterHousehold(
                date(2026, 3, 2), VILLAGE, (NewMember("A1", "某甲", "head", birth=date(1960, 1, 1)),)
            )
            opened = self.handler.handle(Request(uuid5(SCRIPT, f"{thread}/{n}"), opening, TOWNSHIP))
            self.written[opened.household] = opened.version
            alert = RaiseAlert(date(2026, 3, 3), "EN-01", "YELLOW")
            raised = self.handler.handle(
                Request(uuid5(SCRIPT, f"{thread}/{n}/alert"), alert, TOWNSHIP, opened.household)
            )
            self.written[opened.household] = raised.version
            self.see(raised.household, raised.version, raised.reached)

    def see(self, household: HouseholdId, version: int, reached: object) -> None:
        for name in ("chain", "card"):
            if not self.progress.wait_for(name, reached, timeout=30):  # type: ignore[arg-type]
                self.unseen.append(f"{name} was not in time")
        with self.pool.connection() as connection:
            steps = len(chain_of(connection, household))
            card = card_of(connection, household)
        if steps != version or card is None or card.card.version != version:
            self.unseen.append(f"{steps} steps, card {card and card.card.version}, written {version}")

    def read(self, thread: int) -> None:
        """What was seen once never goes away again, whichever build is read."""
        seen: dict[UUID, int] = {}
        while not self.stop.is_set():
            for household in list(self.written)[thread::7]:
                with self.pool.connection() as connection:
                    steps = len(chain_of(connection, household))
                if steps < seen.get(household, 0):
                    self.unseen.append(f"{household}: {steps} after {seen[household]}")
                seen[household] = steps


def test_a_rebuild_under_load_is_equal_and_nobody_notices(
    databases: Databases, tmp_path: Path, pool: Pool
) -> None:
    fill(databases.store, many(BACKLOG))
    caught_up(Projector(pool, codec(), registry.ALL))
    old = {each.name: each.version for each in registry.ALL}
    workers: list[subprocess.Popen[str]] = []
    with installed(databases, tmp_path) as installation:
        load = Writers(installation)
        try:
            command = [sys.executable, "-m", "tests.projections.rebuilder", databases.app, "1000"]
            workers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
            keeping, stopped = Projector(installation.projecting, codec(), registry.ALL), Event()
            keeper = Thread(target=keep, args=(keeping, stopped))
            keeper.start()
            for thread in load.threads:
                thread.start()
            for worker in workers:
                assert worker.stdout is not None
                assert worker.stdout.readline() == "building\n"
            time.sleep(0.5)
            workers[1].kill()  # wherever it stands
            until = time.monotonic() + 240
            current = "SELECT projection, version FROM read_model WHERE live"
            while time.monotonic() < until:
                with psycopg.connect(databases.app) as connection:
                    live: dict[str, int] = dict(connection.execute(current).fetchall())
                if all(live[name] == version + 1 for name, version in old.items()):
                    break
                time.sleep(0.1)
            assert live == {name: version + 1 for name, version in old.items()}
            time.sleep(0.5)  # and a little on the new ones
        finally:
            load.stop.set()
            for thread in load.threads:
                thread.join(timeout=60)
            stopped.set()
            keeper.join(timeout=60)
            progress = Progress(installation.projecting)
            until = time.monotonic() + 60
            while any(progress.lag().values()) and time.monotonic() < until:
                time.sleep(0.05)
            for worker in workers:
                worker.terminate()
                worker.communicate(timeout=60)
    assert load.failed == []
    assert load.unseen == []
    assert len(load.written) > 5
    assert workers[1].returncode == -signal.SIGKILL
    assert [worker.returncode for worker in workers if worker is not workers[1]] == [0, 0, 0]
    assert count(databases.store, "SELECT count(*) FROM read_parked") == 0
    built = digests(databases.store)
    with psycopg.connect(databases.app) as connection:
        for projection in registry.ALL:
            connection.execute(f"DROP SCHEMA read_{projection.name} CASCADE")
        connection.execute("DELETE FROM read_model")
        connection.execute("DELETE FROM read_checkpoint")
    with ConnectionPool(databases.app, min_size=1, max_size=2, open=True) as again:
        caught_up(Projector(again, codec(), registry.ALL))
    assert digests(databases.store) == built


def keep(projector: Projector, stopped: Event) -> None:
    """The worker of the old program keeps the live read models up meanwhile."""
    while not stopped.is_set():
        if not projector.page(1_000).events:
            stopped.wait(0.02)
