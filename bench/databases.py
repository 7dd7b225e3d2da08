"""What rows stand on: installations copied from one, a backlog of whole lives, the library's own events."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

import psycopg

from bench.contestants import Case, Cases
from bench.loading import pour
from bench.processes import Job, together
from bench.rows import AuditFailed
from bench.server import BenchServer, library_environment
from bootstrap.addresses import Addresses
from bootstrap.wiring import adopt, migrated
from tests.projections.lives import STORIES, Told, told
from tests.stories import ling_registered, on_the_road

_NEW: Final = "bench_new"
_STOCK: Final = "bench_stock"
ADOPTED_ON: Final = date(2025, 1, 1)
BATCH: Final = 20
"""How many aggregates of the library are prepared in one save."""


@dataclass(frozen=True, slots=True)
class Installed:
    """An installation for a row: its databases, and the home whose `keys` hold its outer keys."""

    name: str
    where: Addresses
    home: Path

    @property
    def key_directory(self) -> Path:
        return self.home / "keys"

    @property
    def databases(self) -> tuple[str, str]:
        """The names of both, for `server.drop`."""
        return self.name, f"{self.name}_keys"

    @property
    def environment(self) -> dict[str, str]:
        """What a process of it (`python -m bootstrap work`) is told."""
        return {
            "HULIAN_HOME": str(self.home),
            "HULIAN_DATABASE_URL": self.where.store,
            "HULIAN_KEYS_URL": self.where.keys,
            "HULIAN_LOG_LEVEL": "WARNING",
        }


def installed(server: BenchServer, name: str) -> Installed:
    """A new store with its keys, packs adopted, no household yet."""
    first = server.home / _NEW
    if not server.has(f"{_NEW}_keys"):
        where = server.addresses(_NEW)
        migrated(where)
        adopt(where, first / "keys", ADOPTED_ON)
    store, keys = server.copied(_NEW, name), server.copied(f"{_NEW}_keys", f"{name}_keys")
    shutil.copytree(first / "keys", server.home / name / "keys")
    return Installed(name, Addresses(store, keys, store, keys), server.home / name)


def backlog(server: BenchServer, name: str, events: int) -> tuple[str, int]:
    """A store with at least so many events of whole lives, no read model; its address, and how many of households.

    Whoever wants the same again gets a copy: nobody may be connected to one while another is made.
    """
    template = f"bench_backlog_{events}"
    if not server.has(template):
        made = installed(server, template)
        halves: list[Job] = [
            (_poured, (made.where.store, events, lanes)) for lanes in (range(128), range(128, 256))
        ]
        together(server, halves)
        with psycopg.connect(made.where.store, autocommit=True) as connection:
            connection.execute("VACUUM (ANALYZE, FREEZE) es_event, es_stream, es_lane")
        server.checkpoint()
    store = server.copied(template, name)
    with psycopg.connect(store, autocommit=True) as connection:
        row = connection.execute(
            "SELECT count(*), (SELECT sum(position) FROM es_lane), count(*) FILTER (WHERE name LIKE 'household.%')"
            " FROM es_event"
        ).fetchone()
    if row is None or row[0] != row[1] or row[2] < events:
        raise AuditFailed(f"{events} events of households wanted; all there, by heads, of households: {row}")
    return store, int(row[2])


def case_life() -> tuple[Told, ...]:
    """The about twelve events of a household under investigation: the case of the command row."""
    return told(on_the_road(ling_registered(date(2025, 4, 21)), date(2025, 4, 21), until="report"))


def stock_backlog(server: BenchServer, events: int) -> str:
    """The library's own database with at least so many events of its aggregates, payloads as ours; its name."""
    name = f"{_STOCK}_{events}"
    if not server.has(name):
        uri, life = server.database(name), case_life()
        aggregates(uri, life, events // len(life) + 1)
        with psycopg.connect(uri, autocommit=True) as connection:
            connection.execute("VACUUM ANALYZE")
    return name


def aggregates(uri: str, life: Sequence[Told], count: int) -> list[Any]:
    """Save so many of the library's aggregates with the events of a life; their ids."""
    bodies = [(one.name, json.loads(one.data)) for one in life]
    ids: list[Any] = []
    application = Cases(library_environment(uri))
    try:
        while len(ids) < count:
            batch = [_case(bodies) for _ in range(min(BATCH, count - len(ids)))]
            application.save(*batch)
            ids += [each.id for each in batch]
    finally:
        application.close()
    return ids


def _case(bodies: Sequence[tuple[str, dict[str, Any]]]) -> Case:
    case = Case(*bodies[0])
    for name, body in bodies[1:]:
        case.happen(name, body)
    return case


@contextmanager
def _poured(store: str, events: int, lanes: range) -> Iterator[Callable[[], int]]:
    lives = [told(story()) for story in STORIES]
    yield lambda: pour(store, events, lives, lanes)
