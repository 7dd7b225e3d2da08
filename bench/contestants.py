"""Who is measured on a command: HuLian, two bare statements, and the library as it comes.

Each loads the about twelve events of a case, decides, and appends one event durably. A contestant object lives
in a process of its own; `step` is what one client does once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final, Protocol
from uuid import UUID, uuid4

import psycopg
from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event
from psycopg.types.string import ByteaBinaryLoader

from application.handling.request import Request
from bootstrap.addresses import Addresses
from bootstrap.wiring import opened
from domain.values.person import HouseholdId
from domain.values.receipt import Actor
from domain.watching.alerts import RaiseAlert

NOTE: Final = "邻居反映该户户主近期住院，医疗支出较大，请村级网格员入户核实。"
FIRST_DAY: Final = date(2025, 6, 3)
"""The day of each household's first measured command; the lives before it end earlier."""

_SELECT: Final = """
SELECT version, name, effective_on, meta, data, private FROM bare_event WHERE stream_id = %b ORDER BY version
"""
_INSERT: Final = (
    "INSERT INTO bare_event (stream_id, version, name, effective_on, meta, data, private)"
    " VALUES (%b, %b, %b, %b, %b, %b, %b)"
)
BARE_TABLE: Final = """
CREATE TABLE bare_event (
    stream_id uuid, version integer, name text NOT NULL, effective_on date, recorded_at timestamptz NOT NULL
    DEFAULT clock_timestamp(), meta bytea, data bytea, private bytea, PRIMARY KEY (stream_id, version))
"""


@dataclass(frozen=True, slots=True)
class Share:
    """What one client works on: its own cases, each at `version` events."""

    cases: Sequence[UUID]
    version: int


@dataclass(frozen=True, slots=True)
class BareEvent:
    """An event as a row of the plain table: as large as the one HuLian stores for the same command."""

    name: str
    on: date
    meta: bytes
    data: bytes
    private: bytes


class Contestant(Protocol):
    """What a worker process drives."""

    def ready(self) -> None:
        """Get ready for a sample; not measured."""

    def step(self, client: int) -> None:
        """One command of one client."""

    def close(self) -> None:
        """Give everything back."""


class Hulian:
    """The product's own way: `CommandHandler.handle` of an alert with a sealed note.

    With `warm` the households' keys are in the ring's cache before a sample; without it none is, and every
    command fetches one from the database of the keys first.
    """

    def __init__(self, where: Addresses, key_directory: Path, shares: Sequence[Share], *, warm: bool) -> None:
        self._stack = ExitStack()
        installation = self._stack.enter_context(opened(where, key_directory, pool_size=max(len(shares), 2)))
        self._commands = installation.commands
        self._keys = installation.keys
        self._warm = warm
        self._shares = shares
        self._turns = [_turns(share) for share in shares]

    def ready(self) -> None:
        # fresh_for: keys read before are asked for again after 30 seconds
        self._keys._cache.clear()
        if self._warm:
            self._keys.seal_many([(case, "text", b"") for share in self._shares for case in share.cases])

    def step(self, client: int) -> None:
        case, turn = next(self._turns[client])
        alert = RaiseAlert(FIRST_DAY + timedelta(days=turn), f"E-EXP-{turn + 1:02d}", "YELLOW", note=NOTE)
        handled = self._commands.handle(Request(uuid4(), alert, Actor("w1", TOWNSHIP), HouseholdId(case)))
        if len(handled.events) != 1:
            raise AssertionError(f"{len(handled.events)} events")

    def close(self) -> None:
        self._stack.close()


TOWNSHIP: Final = "990301100/township"


class Bare:
    """The limit: one SELECT of the stream, one INSERT, prepared and binary, nothing decoded or decided."""

    def __init__(self, uri: str, shares: Sequence[Share], row: BareEvent) -> None:
        self._connections = [psycopg.connect(uri, autocommit=True, prepare_threshold=0) for _ in shares]
        for connection in self._connections:
            connection.adapters.register_loader("uuid", ByteaBinaryLoader)
        self._row = row
        self._versions = [dict.fromkeys(share.cases, share.version) for share in shares]
        self._turns = [_turns(share) for share in shares]

    def ready(self) -> None:
        pass

    def step(self, client: int) -> None:
        case, _ = next(self._turns[client])
        connection, row = self._connections[client], self._row
        connection.execute(_SELECT, (case,), prepare=True, binary=True).fetchall()
        version = self._versions[client][case] = self._versions[client][case] + 1
        values = (case, version, row.name, row.on, row.meta, row.data, row.private)
        connection.execute(_INSERT, values, prepare=True)

    def close(self) -> None:
        for connection in self._connections:
            connection.close()


class Case(Aggregate):
    """The library's own aggregate, holding a little of what our household holds; payloads as large as ours."""

    def __init__(self, name: str, body: dict[str, Any]) -> None:
        self.names = [name]
        self.last = body

    @event("Happened")
    def happen(self, name: str, body: dict[str, Any]) -> None:
        self.names.append(name)
        self.last = body


class Cases(Application[UUID]):
    """The stock application: no cache, no snapshots, no stored functions, as it comes."""


class Stock:
    """Stock `eventsourcing`: load the aggregate, trigger one event, save."""

    def __init__(
        self, environment: dict[str, str], shares: Sequence[Share], name: str, body: dict[str, Any]
    ) -> None:
        # the tables are there: several processes making them at once is one of its known races
        self._application = Cases({**environment, "CREATE_TABLE": "no"})
        self._name = name
        self._body = body
        self._turns = [_turns(share) for share in shares]

    def ready(self) -> None:
        pass

    def step(self, client: int) -> None:
        case, turn = next(self._turns[client])
        aggregate: Case = self._application.repository.get(case)
        if f"E-EXP-{turn + 1:02d}" == aggregate.last.get("code"):
            raise AssertionError("raised already")
        aggregate.happen(self._name, {**self._body, "code": f"E-EXP-{turn + 1:02d}"})
        self._application.save(aggregate)

    def close(self) -> None:
        self._application.close()


@dataclass(frozen=True, slots=True)
class Making:
    """How a contestant is made in a process of its own."""

    kind: str
    shares: Sequence[Share]
    where: Addresses | None = None
    key_directory: Path | None = None
    uri: str = ""
    row: BareEvent | None = None
    environment: dict[str, str] | None = None
    body: dict[str, Any] | None = None

    def make(self) -> Contestant:
        """The contestant, connected."""
        if self.kind.startswith("hulian"):
            assert self.where is not None
            assert self.key_directory is not None
            return Hulian(self.where, self.key_directory, self.shares, warm=self.kind == "hulian")
        assert self.row is not None
        if self.kind == "bare":
            return Bare(self.uri, self.shares, self.row)
        assert self.environment is not None
        assert self.body is not None
        return Stock(self.environment, self.shares, self.row.name, self.body)


@contextmanager
def made(making: Making) -> Iterator[Contestant]:
    """The contestant, until it is no longer needed."""
    contestant = making.make()
    try:
        yield contestant
    finally:
        contestant.close()


def _turns(share: Share) -> Iterator[tuple[UUID, int]]:
    """The cases in turn, for ever, each time with how often it has been before."""
    turn = 0
    while True:
        for case in share.cases:
            yield case, turn
        turn += 1
