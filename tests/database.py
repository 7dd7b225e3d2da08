"""Databases for tests: one server a run, migrations once into templates, a fresh pair of databases each test."""

from __future__ import annotations

import fcntl
import itertools
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg

from bootstrap.server.embedded import EmbeddedPostgres
from bootstrap.settings import as_role
from migrations.runner import migrate

HOME = "HULIAN_TEST_HOME"
EXTERNAL = "HULIAN_TEST_DATABASE_URL"
PREFIX = "hulian-test-"
ROOM = 4 << 30  # bytes

# nothing here outlives the run: no need to wait for the disk
QUICK = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "shared_buffers": "64MB",
    "autovacuum_naptime": "1h",
}


@dataclass(frozen=True, slots=True)
class Databases:
    """A test's own pair of databases, migrated and empty: addresses for psycopg, by role.

    `store` and `keys` are the superuser's; `owner`, `app`, `reader`, `sealer` see the store, `keyring` the keys.
    """

    store: str
    keys: str

    @property
    def owner(self) -> str:
        return as_role(self.store, "hulian_owner")

    @property
    def app(self) -> str:
        return as_role(self.store, "hulian_app")

    @property
    def reader(self) -> str:
        return as_role(self.store, "hulian_reader")

    @property
    def sealer(self) -> str:
        return as_role(self.store, "hulian_sealer")

    @property
    def keyring(self) -> str:
        return as_role(self.keys, "hulian_keys")


class TestServer:
    """The server of this run, shared by its workers: embedded, or the one of `HULIAN_TEST_DATABASE_URL`."""

    __test__ = False

    def __init__(self, home: Path) -> None:
        self.home = home
        self.external = os.environ.get(EXTERNAL)
        self.embedded = EmbeddedPostgres(home / "server", QUICK)
        self._run = home.name.removeprefix(PREFIX).replace("-", "_").lower()
        self._numbers = itertools.count(1)
        self._migrated = False
        # ten times quicker than through the log, where nothing waits for the disk
        self._strategy = "strategy file_copy" if self.external is None else ""

    def start(self) -> None:
        """Have the server answer; the first worker starts it, the others wait."""
        if self.external is None:
            self.embedded.start()

    def migrate_templates(self) -> None:
        """Have both templates migrated; the first worker does it, the others wait."""
        with self._alone(), psycopg.connect(self.uri("postgres"), autocommit=True) as connection:
            for folder in ("store", "keys"):
                name = self.template(folder)
                if connection.execute("select 1 from pg_database where datname = %s", [name]).fetchone():
                    continue
                # renamed when whole: a failed migration must not leave an empty template to the next worker
                connection.execute(f'drop database if exists "{name}_new" with (force)')
                connection.execute(f'create database "{name}_new"')
                migrate(self.uri(f"{name}_new"), folder)
                connection.execute(f'alter database "{name}_new" rename to "{name}"')
        self._migrated = True

    def template(self, folder: str) -> str:
        return f"hulian_template_{folder}_{self._run}"

    def uri(self, database: str) -> str:
        if self.external is None:
            return self.embedded.uri(database)
        return urlunsplit(urlsplit(self.external)._replace(path=f"/{database}"))

    @contextmanager
    def databases(self) -> Iterator[Databases]:
        """A fresh pair, dropped afterwards together with whoever is still connected."""
        if not self._migrated:
            self.migrate_templates()
        stem = f"hulian_{self._run}_{os.getpid()}_{next(self._numbers)}"
        names = {folder: f"{stem}_{folder}" for folder in ("store", "keys")}
        with psycopg.connect(self.uri("postgres"), autocommit=True) as connection:
            for folder, name in names.items():
                connection.execute(
                    f'create database "{name}" template "{self.template(folder)}" {self._strategy}'
                )
                # privileges on a database are not part of its template; projections make their schemas
                connection.execute(f'grant create on database "{name}" to hulian_app')
        try:
            yield Databases(self.uri(names["store"]), self.uri(names["keys"]))
        finally:
            with psycopg.connect(self.uri("postgres"), autocommit=True) as connection:
                for name in names.values():
                    connection.execute(f'drop database if exists "{name}" with (force)')

    @contextmanager
    def empty_database(self) -> Iterator[str]:
        """The address of a database with nothing in it, dropped afterwards."""
        name = f"hulian_{self._run}_{os.getpid()}_{next(self._numbers)}_empty"
        with psycopg.connect(self.uri("postgres"), autocommit=True) as connection:
            connection.execute(f'create database "{name}"')
        try:
            yield self.uri(name)
        finally:
            with psycopg.connect(self.uri("postgres"), autocommit=True) as connection:
                connection.execute(f'drop database if exists "{name}" with (force)')

    def end(self) -> None:
        """Leave nothing behind; nothing to do when no test asked for a database."""
        if self.external is not None and (self.home / "lock").exists():
            with psycopg.connect(self.uri("postgres"), autocommit=True) as connection:
                for folder in ("store", "keys"):
                    for name in (self.template(folder), f"{self.template(folder)}_new"):
                        connection.execute(f'drop database if exists "{name}" with (force)')
        remove_home(self.home)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        with (self.home / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def new_home() -> Path:
    """A directory that the unprivileged user of a server can enter; sweeps those of dead runs, servers and all."""
    base = _base()
    for left in base.glob(f"{PREFIX}*"):
        run = left.name.removeprefix(PREFIX).partition("-")[0]
        if run.isdigit() and not _alive(int(run)) and left.stat().st_uid == os.geteuid():
            remove_home(left)
    home = base / f"{PREFIX}{os.getpid()}-{secrets.token_hex(3)}"
    home.mkdir()
    home.chmod(0o711)
    return home


def remove_home(home: Path) -> None:
    """End every embedded server below, and delete the directory."""
    for record in sorted(home.rglob("postgres.json")):
        EmbeddedPostgres(record.parent).destroy()
    shutil.rmtree(home, ignore_errors=True)


def _base() -> Path:
    """Memory where there is plenty of it: a new database is 300 files, slow to make on a disk."""
    memory = Path("/dev/shm")
    with suppress(OSError):
        status = os.statvfs(memory)
        if os.access(memory, os.W_OK) and status.f_bavail * status.f_frsize > ROOM:
            return memory
    return Path(tempfile.gettempdir())


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
