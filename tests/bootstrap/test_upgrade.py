"""A running installation is upgraded: work goes on, what was there is there, programs say when they do not fit."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from importlib.resources import files
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg import sql
from psycopg_pool import ConnectionPool

from bootstrap.settings import as_role
from domain.catalogue import EVENTS, UPCASTERS
from domain.members.registration import NewMember, RegisterHousehold
from eventstore.events.codec import Codec
from eventstore.lanes import lane_of
from migrations.runner import migrate, migrations_of, pending
from projections.engine.projector import Projector
from projections.registry import ALL
from tests.bootstrap.site import TOWNSHIP, VILLAGE
from tests.database import Databases, TestServer
from tests.installations import installed, told

STORE_OF_BEFORE, KEYS_OF_BEFORE = 6, 1
"""The schema of the programs of before: the last migration of each database. Nothing came after it yet."""
TABLES = ("es_meta", "es_lane", "es_stream", "es_event", "es_command", "es_claim", "es_index", "es_access")
PUBLISHED = ("ref_pack", "ref_calendar", "ref_region")
REBUILT = "chain"
AFTERWARDS = 29
"""After how many households the program of before waits for the upgrade, reading on."""

# as the programs of before say it; frozen with migration 0002
APPEND = """
SELECT o_positions FROM es_append(%s::smallint, %s, %s, NULL, NULL, NULL, NULL,
    ARRAY[%s::smallint], ARRAY[%s::uuid], '{household}', '{0}', ARRAY[%s::integer], '{0}',
    %s::uuid[], %s::text[], %s::date[], %s::bytea[], %s::bytea[], %s::bytea[], %s::bytea[],
    NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)
"""
EVENTS_OF = """
SELECT event_id, name, effective_on, meta, data, private, digest FROM es_event
WHERE lane = %s AND stream_id = %s ORDER BY version
"""


@dataclass(frozen=True)
class Before:
    """An installation as a program of before left it, and the households that program is about to add."""

    store: str
    keys: str
    home: Path
    there: list[UUID]
    coming: list[tuple[UUID, list[Any]]]

    @property
    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "HULIAN_HOME": str(self.home),
            "HULIAN_DATABASE_URL": as_role(self.store, "hulian_app"),
            "HULIAN_KEYS_URL": as_role(self.keys, "hulian_keys"),
            "NO_COLOR": "1",
        }

    @property
    def as_owner(self) -> dict[str, str]:
        owner = {"HULIAN_MIGRATIONS_URL": self.store, "HULIAN_KEYS_MIGRATIONS_URL": self.keys}
        return {**self.environment, "HULIAN_DATABASE_URL": self.store, "HULIAN_KEYS_URL": self.keys, **owner}

    def hulian(self, *words: str, status: int = 0, owner: bool = True) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-m", "bootstrap", *words],
            env=self.as_owner if owner else self.environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == status, (words, done.stdout, done.stderr)
        return done

    def asked(self, statement: str, *parameters: object) -> list[Any]:
        with psycopg.connect(self.store, autocommit=True) as connection:
            return connection.execute(statement.encode(), parameters).fetchall()


@pytest.fixture
def before(server: TestServer, databases: Databases, tmp_path: Path) -> Iterator[Before]:
    home = tmp_path / "home"
    with (
        server.empty_database() as store,
        server.empty_database() as keys,
        installed(databases, home / "keys") as donor,
    ):
        migrate(store, of_before(tmp_path, "store", STORE_OF_BEFORE))
        migrate(keys, of_before(tmp_path, "keys", KEYS_OF_BEFORE))
        there = [registered(donor, n) for n in range(8)]
        for table in (*TABLES, *PUBLISHED):
            copied(databases.store, store, table)
        projected(store)
        coming = [registered(donor, n) for n in range(8, 40)]
        for table in ("key_data", "key_check"):
            copied(databases.keys, keys, table)
        with psycopg.connect(databases.store) as connection:
            rows = [
                (each, connection.execute(EVENTS_OF, (lane_of(each), each)).fetchall()) for each in coming
            ]
        yield Before(store, keys, home, there, rows)


def of_before(directory: Path, folder: str, last: int) -> Path:
    """The migrations a program of before knew."""
    place = directory / "before" / folder
    place.mkdir(parents=True)
    for file in files("migrations").joinpath(folder).iterdir():
        if file.name.endswith(".sql") and int(file.name[:4]) <= last:
            shutil.copy(str(file), place)
    return place


def registered(installation: Any, n: int) -> UUID:
    command = RegisterHousehold(date(2026, 3, 2), VILLAGE, (NewMember("A1", f"于福{n}", "head"),))
    (answer,) = told(installation, [(TOWNSHIP, command)], name=f"register {n}")
    return answer.household


def copied(source: str, target: str, table: str) -> None:
    """All rows of a table, the columns there were before."""
    name = sql.Identifier(table)
    asked = (
        "SELECT column_name FROM information_schema.columns WHERE table_name = %s ORDER BY ordinal_position"
    )
    with psycopg.connect(source) as here, psycopg.connect(target) as there:
        names = [sql.Identifier(each) for (each,) in there.execute(asked, (table,)).fetchall()]
        columns = sql.SQL(", ").join(names)
        there.execute(sql.SQL("TRUNCATE {}").format(name))
        with (
            here.cursor().copy(sql.SQL("COPY (SELECT {} FROM {}) TO STDOUT").format(columns, name)) as out,
            there.cursor().copy(sql.SQL("COPY {} ({}) FROM STDIN").format(name, columns)) as into,
        ):
            for chunk in out:
                into.write(chunk)


def projected(store: str) -> None:
    """The read models as they were: up to date, one of them of a version before."""
    with ConnectionPool(as_role(store, "hulian_app"), min_size=0, max_size=2, open=True) as pool:
        projector = Projector(pool, Codec(EVENTS, UPCASTERS), ALL)
        while projector.page().events:
            pass
    with psycopg.connect(store) as connection:
        for table in ("read_model", "read_checkpoint"):
            older = f"UPDATE {table} SET version = version - 1 WHERE projection = '{REBUILT}'"
            connection.execute(older.encode())


def append(connection: psycopg.Connection[Any], household: UUID, events: list[Any]) -> None:
    """As a program of before does it: one call, all events of a new household."""
    columns = [list(column) for column in zip(*events, strict=True)]
    lane = lane_of(household)
    command = (lane, uuid4(), b"hash", lane, household, len(events), *columns)
    assert connection.execute(APPEND, command).fetchone() != (None,)


class Working(threading.Thread):
    """A program of before: it appends, and reads between, while it is upgraded under it and some time after."""

    def __init__(self, before: Before) -> None:
        super().__init__()
        self.before = before
        self.upgraded = threading.Event()
        self.added: list[UUID] = []
        self.longest = 0.0
        self.fault: BaseException | None = None

    def run(self) -> None:
        try:
            with psycopg.connect(as_role(self.before.store, "hulian_app"), autocommit=True) as connection:
                for n, (household, events) in enumerate(self.before.coming):
                    self._timed(lambda: append(connection, household, events))  # noqa: B023
                    self.added.append(household)
                    while n == AFTERWARDS and not self.upgraded.wait(0.05):
                        self._timed(lambda: connection.execute("SELECT count(*) FROM read_chain.step"))
        except BaseException as fault:
            self.fault = fault

    def _timed(self, act: Callable[[], object]) -> None:
        began = time.monotonic()
        act()
        self.longest = max(self.longest, time.monotonic() - began)


def test_a_running_installation_is_upgraded_while_work_goes_on(before: Before) -> None:
    old = Working(before)
    old.start()
    try:
        while not old.added:
            assert old.fault is None, old.fault
            time.sleep(0.01)
        done = json.loads(before.hulian("migrate", "--json").stdout)
        during = len(old.added)
        assert set(done["applied"]) == set(after_before())
    finally:
        old.upgraded.set()
        old.join()
    assert old.fault is None, old.fault
    assert len(old.added) > during > 0
    assert old.longest < 10

    assert pending(before.store, "store") == pending(before.keys, "keys") == []
    worker = subprocess.Popen(
        [sys.executable, "-m", "bootstrap", "work"],
        env=before.as_owner,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        until(lambda: in_order(before))
    finally:
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(60) == 0

    for household, events in before.coming:
        assert before.asked(EVENTS_OF, lane_of(household), household) == events
    seen = before.asked("SELECT DISTINCT household FROM read_chain.step")
    assert {household for (household,) in seen} >= {*before.there, *old.added}
    assert "没有发现问题" in before.hulian("audit", "verify").stdout
    assert json.loads(before.hulian("show", str(old.added[-1]), "--json").stdout)["chain"]
    # the server of the tests forgets what it confirmed, and the login of this one may do everything
    found = {each["code"] for each in json.loads(before.hulian("doctor", "--json", status=3).stdout)}
    assert {"fsync-off", "superuser-login", "keys-beside-store", "no-backup"} <= found
    assert not found & {"migrations-pending", "parked", "stands-still", "unsealed", "create-missing"}


def after_before() -> list[str]:
    """The migrations that came after the program of before."""
    return [
        f"{folder}/{number:04d}"
        for folder, last in (("keys", KEYS_OF_BEFORE), ("store", STORE_OF_BEFORE))
        for number in (each.number for each in migrations_of(folder))
        if number > last
    ]


def in_order(before: Before) -> bool:
    """The read models are built, the one of before anew, and everything is sealed."""
    said = json.loads(before.hulian("status", "--json").stdout)
    models = said["readModels"]
    current = {(each.name, each.version) for each in ALL}
    return (
        {(each["name"], each["version"]) for each in models} == current
        and all(each["live"] and not each["lag"] for each in models)
        and said["seal"]["after"] == 0
    )


def until(holds: Callable[[], bool], seconds: float = 90) -> None:
    ends = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < ends
        time.sleep(0.05)


def test_a_new_program_without_the_owners_address_does_not_touch_an_old_schema(before: Before) -> None:
    missing = migrations_of("store")[-1].number
    with psycopg.connect(before.store, autocommit=True) as connection:
        connection.execute("DELETE FROM hulian_migration WHERE number = %s", [missing])
        connection.execute("DROP ROLE IF EXISTS upgrade_web")
        connection.execute("CREATE ROLE upgrade_web LOGIN IN ROLE hulian_app")
    try:
        login = before.store.replace("//postgres@", "//upgrade_web@")
        told = {**before.environment, "HULIAN_DATABASE_URL": login, "HULIAN_KEYS_URL": before.keys}
        refused = subprocess.run(
            [sys.executable, "-m", "bootstrap", "serve"],
            env=told,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert refused.returncode == 3, refused.stderr
        assert "[migration-forbidden]" in refused.stderr
        assert "Traceback" not in refused.stderr
        assert pending(before.store, "store") == [missing]
    finally:
        with psycopg.connect(before.store, autocommit=True) as connection:
            connection.execute("DROP ROLE upgrade_web")


def test_a_program_of_before_does_not_start_on_a_newer_schema(before: Before) -> None:
    before.hulian("migrate")
    with psycopg.connect(before.store, autocommit=True) as connection:
        connection.execute("INSERT INTO hulian_migration VALUES (9999, '9999_later.sql', 'x')")
    for words in (("serve",), ("work",), ("migrate",)):
        said = before.hulian(*words, status=3).stderr
        assert "9999_later.sql" in said
        assert "请使用新版程序" in said
        assert "[database-newer]" in said
        assert "Traceback" not in said


@pytest.mark.parametrize(
    "left",
    [
        "CREATE TABLE hulian_migration (number integer PRIMARY KEY, name text, sha256 text);"
        "INSERT INTO hulian_migration VALUES (1, '0001_store.sql', 'x'), (15, '0015_append_group.sql', 'x')",
        "CREATE FUNCTION es_append_bulk() RETURNS void LANGUAGE sql AS 'SELECT'",
    ],
    ids=["by its migrations", "by its functions"],
)
def test_a_store_of_before_the_first_release_is_refused_with_what_to_do(
    server: TestServer, tmp_path: Path, left: str
) -> None:
    with server.empty_database() as store, server.empty_database() as keys:
        with psycopg.connect(store, autocommit=True) as connection:
            connection.execute(left.encode())
        site = Before(store, keys, tmp_path / "home", [], [])
        said = site.hulian("migrate", status=3).stderr
        assert "[schema-too-old]" in said
        assert "请另建一对空库" in said
        assert "Traceback" not in said
        # nothing was begun there
        assert site.asked("SELECT to_regclass('es_event')::text") == [(None,)]
