"""The server everybody is measured on: our own, thrown away afterwards, durable, on an ordinary disk."""

from __future__ import annotations

import os
import platform
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import psycopg
from psycopg.sql import SQL, Identifier

from bootstrap.addresses import Addresses
from bootstrap.server.embedded import EmbeddedPostgres

SETTINGS = {
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "shared_buffers": "1GB",
    # no checkpoint falls into one contestant's sample and not into the other's
    "max_wal_size": "16GB",
    "checkpoint_timeout": "1h",
    "log_min_duration_statement": "-1",
}


class BenchServer:
    """A running server, and what it has used."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self._embedded = EmbeddedPostgres(home / "server", SETTINGS)
        self._postmaster = 0
        self._seen: dict[int, float] = {}

    def start(self) -> None:
        """Have it answer."""
        self._embedded.start()
        with psycopg.connect(self.uri("postgres"), autocommit=True) as connection:
            row = connection.execute("SELECT current_setting('data_directory')").fetchone()
        assert row is not None
        self._postmaster = int((Path(row[0]) / "postmaster.pid").read_text("utf-8").split("\n", 1)[0])

    def destroy(self) -> None:
        """Stop it and delete everything it wrote."""
        self._embedded.destroy()

    def uri(self, database: str) -> str:
        """The superuser's address of a database."""
        return self._embedded.uri(database)

    def addresses(self, name: str) -> Addresses:
        """A new pair of databases, still empty."""
        for database in (name, f"{name}_keys"):
            self._embedded.ensure_database(database)
        store, keys = self.uri(name), self.uri(f"{name}_keys")
        return Addresses(store, keys, store, keys)

    def database(self, name: str) -> str:
        """A database of that name, made when it is not there; its address."""
        self._embedded.ensure_database(name)
        return self.uri(name)

    def copied(self, template: str, name: str) -> str:
        """A new database, file by file the same as another nobody is connected to; its address."""
        with psycopg.connect(self.uri("postgres"), autocommit=True) as connection:
            connection.execute(
                SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy").format(
                    Identifier(name), Identifier(template)
                )
            )
            # privileges on a database are not part of its template
            connection.execute(
                "UPDATE pg_database SET datacl = t.datacl FROM pg_database t"
                " WHERE pg_database.datname = %s AND t.datname = %s",
                [name, template],
            )
        return self.uri(name)

    def drop(self, *names: str) -> None:
        """Delete databases that are needed no more; those there are not are passed over."""
        with psycopg.connect(self.uri("postgres"), autocommit=True) as connection:
            for name in names:
                connection.execute(SQL("DROP DATABASE IF EXISTS {} (FORCE)").format(Identifier(name)))

    def has(self, name: str) -> bool:
        """Whether there is a database of that name."""
        with psycopg.connect(self.uri("postgres"), autocommit=True) as connection:
            found = connection.execute("SELECT FROM pg_database WHERE datname = %s", [name])
            return found.fetchone() is not None

    def checkpoint(self) -> None:
        """Write out what preparing left behind, so that no sample pays for it."""
        with psycopg.connect(self.uri("postgres"), autocommit=True) as connection:
            connection.execute("CHECKPOINT")

    def cpu(self) -> float:
        """Seconds of CPU all processes of the server have used so far, those gone included."""
        for process in _children(self._postmaster):
            try:
                used = int((Path("/proc") / str(process) / "schedstat").read_text("ascii").split()[0])
            except (OSError, IndexError):
                continue
            self._seen[process] = max(used / 1e9, self._seen.get(process, 0.0))
        return sum(self._seen.values())


@contextmanager
def bench_server(base: Path | None) -> Iterator[BenchServer]:
    """A server below `base` (the directory for temporary files when None), gone on the way out."""
    home = Path(tempfile.mkdtemp(prefix="hulian-bench-", dir=base))
    home.chmod(0o711)
    server = BenchServer(home)
    try:
        server.start()
        yield server
    finally:
        server.destroy()
        shutil.rmtree(home, ignore_errors=True)


def library_environment(uri: str) -> dict[str, str]:
    """What stock `eventsourcing` is configured with: its defaults, and where the database is."""
    parts = urlsplit(uri)
    query = parse_qs(parts.query)
    return {
        "PERSISTENCE_MODULE": "eventsourcing.postgres",
        "POSTGRES_DBNAME": parts.path.lstrip("/"),
        "POSTGRES_HOST": query["host"][0],
        "POSTGRES_PORT": query["port"][0],
        "POSTGRES_USER": parts.username or "",
        "POSTGRES_PASSWORD": "",
    }


def facts(server: BenchServer) -> dict[str, Any]:
    """The machine and the versions a figure belongs to."""
    with psycopg.connect(server.uri("postgres"), autocommit=True) as connection:
        row = connection.execute("SELECT current_setting('server_version')").fetchone()
    assert row is not None
    return {
        "day": time.strftime("%Y-%m-%d"),
        "cores": os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)),
        "processor": _processor(),
        "system": platform.system() + " " + platform.release(),
        "python": platform.python_version(),
        "postgresql": row[0],
        "flushes_per_second": _flushes(server.home),
        "in_memory": _in_memory(server.home),
        "load": [round(load, 2) for load in os.getloadavg()],
        "versions": {name: version(name) for name in ("psycopg", "eventsourcing", "msgspec", "cryptography")},
        "settings": SETTINGS,
    }


def peak_memory() -> int:
    """The most memory this process has held, in KiB; 0 where the kernel does not say."""
    try:
        status = Path("/proc/self/status").read_text("ascii", "replace")
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:")), 0)


def _children(parent: int) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            stat = (entry / "stat").read_text("utf-8", "replace")
        except OSError:
            continue
        if int(stat.rpartition(")")[2].split()[1]) == parent:
            found.append(int(entry.name))
    return found


def _flushes(home: Path, seconds: float = 0.3) -> int:
    """How often a page written to this disk can be made durable in a second."""
    with (home / "flushes").open("wb", buffering=0) as file:
        began, count = time.perf_counter(), 0
        while time.perf_counter() - began < seconds:
            file.write(bytes(8192))
            os.fdatasync(file.fileno())
            count += 1
        took = time.perf_counter() - began
    (home / "flushes").unlink()
    return round(count / took)


def _in_memory(home: Path) -> bool:
    """Whether this directory lies in memory, where durability costs nothing and every ratio lies."""
    try:
        mounts = [line.split()[1:3] for line in Path("/proc/mounts").read_text("utf-8").splitlines()]
    except OSError:
        return False
    over = [(len(at), kind) for at, kind in mounts if home.is_relative_to(at)]
    return bool(over) and max(over)[1] in {"tmpfs", "ramfs"}


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
