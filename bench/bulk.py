"""The bulk row: an event for each of a thousand households of one lane in one call, against bare `unnest`.

One client, two threads: while the server is at one call, the next is made ready. Ours begins with the facts and ends
with the append: enclosed, encoded, sealed where something is to be, digested, packed, recorded. The bare client has its
rows ready, as many bytes of them, and sends them into a plain table.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid4

import psycopg

from bench.contestants import BARE_TABLE, NOTE
from bench.databases import installed
from bench.loading import pour
from bench.processes import Apart, profile_of
from bench.rows import AuditFailed, Extent, Measure, Outcome, cpus, rates, rotated
from bench.server import BenchServer
from bootstrap.addresses import Addresses
from bootstrap.wiring import opened
from domain.aid.payments import AidDelivered
from domain.household.event import Event
from domain.values.private import Private
from domain.watching.alerts import AlertRaised
from eventstore.appending.append_types import Appended, CommandKey, OneAppend, StreamAppend
from eventstore.events.envelope import Meta, enclose
from eventstore.store import LaneStore
from tests.projections.lives import told
from tests.stories import yu_exited, yu_registered

STORE: Final = "hulian_bulk"
BARE: Final = "bare_bulk"
LANES: Final = 4
"""How many lanes each contestant of ours has to itself."""
THREADS: Final = 2
META: Final = Meta(
    "w1", "990301100/township", "990301100201", command="settle-payment", legal_basis="M57 art.25"
)

PLAIN, EACH, SEALED, COLD = "plain", "each", "sealed", "cold"
BARE_PLAIN, BARE_SEALED = "bare", "bare, sealed"
NAMES: Final = {
    PLAIN: "bulk: HuLian, nothing sealed",
    SEALED: "bulk: HuLian, a note sealed in each",
    COLD: "bulk: HuLian, the same, keys not at hand",
    EACH: "bulk: HuLian, each a command of its own",
    BARE_PLAIN: "bulk: bare unnest",
    BARE_SEALED: "bulk: bare unnest, rows with a token",
}

Row = tuple[str, date, bytes, bytes, bytes | None]
"""What HuLian stores of an event: name, legal day, meta, data, tokens."""

_UNNEST: Final = (
    "INSERT INTO {table} (stream_id, version, name, effective_on, meta, data, private)"
    " SELECT * FROM unnest(%b::uuid[], %b::integer[], %b::text[], %b::date[], %b::bytea[], %b::bytea[], %b::bytea[])"
)


@dataclass(frozen=True, slots=True)
class Ground:
    """What one contestant has to itself: households of some lanes, or a plain table; and how often it calls."""

    where: Addresses
    keys: Path
    bare: str
    lanes: Sequence[Sequence[UUID]]
    calls: int
    row: Row | None = None

    @property
    def streams(self) -> list[UUID]:
        """All households."""
        return [stream for lane in self.lanes for stream in lane]


def measure(server: BenchServer, extent: Extent) -> Outcome:
    """Rounds in turn of the same number of calls, one client, each audited."""
    grounds = _prepared(server, extent.few(1_000, quick=40), extent.few(16, quick=4))
    measures = {kind: Measure(name, "events") for kind, name in NAMES.items()}
    audited = 0
    with ExitStack() as stack:
        crews = {kind: stack.enter_context(Apart([(work, (kind, grounds[kind]))])) for kind in NAMES}
        for crew in crews.values():
            crew.sample(server)
        for n in range(extent.few(9, quick=1)):
            for kind in rotated(list(NAMES), n):
                before = _count(grounds[kind], kind)
                sample, peak = crews[kind].sample(server)
                added = _count(grounds[kind], kind) - before
                if added != sample.done or not added:
                    raise AuditFailed(f"{kind}: {sample.done} claimed, {added} in the database")
                measures[kind].samples.append(sample)
                measures[kind].peak_kib = max(measures[kind].peak_kib, peak)
                audited += 1
    limit, sealed_limit = measures[BARE_PLAIN], measures[BARE_SEALED]
    rows = [
        rates("bulk, nothing sealed: rate / bare unnest", measures[PLAIN], limit, 0.6, 0.8),
        rates("bulk, a note sealed in each: rate / bare unnest", measures[SEALED], sealed_limit),
        rates("bulk, sealed, keys not at hand: rate / bare unnest", measures[COLD], sealed_limit),
        rates("bulk, each a command of its own: rate / bare unnest", measures[EACH], limit),
        cpus("bulk, nothing sealed: CPU / bare unnest", measures[PLAIN], limit),
        cpus("bulk, a note sealed in each: CPU / bare unnest", measures[SEALED], sealed_limit),
    ]
    profile = ""
    if extent.profiled(rows):
        profiles = [f"{NAMES[kind]}: {profile_of((work, (kind, grounds[kind])))}" for kind in (PLAIN, SEALED)]
        profile = "\n".join(profiles)
    households = len(grounds[PLAIN].lanes[0])
    server.drop(STORE, f"{STORE}_keys", BARE)
    return Outcome(
        rows,
        list(measures.values()),
        audited,
        notes=[f"{households:,} households a call, one event each; {grounds[PLAIN].calls} calls a sample"],
        profile=profile,
    )


@contextmanager
def work(kind: str, ground: Ground) -> Iterator[Callable[[], int]]:
    """So many calls, lane after lane, by one client."""
    if kind in (BARE_PLAIN, BARE_SEALED):
        with psycopg.connect(ground.bare, autocommit=True, prepare_threshold=0) as connection:
            bare = _Bare(connection, ground, _table(kind))
            yield lambda: sum(bare.call() for _ in range(ground.calls))
    else:
        with opened(ground.where, ground.keys, pool_size=2) as installation:
            ours = _Ours(installation.store, ground, kind)
            yield lambda: ours.calls(ground.calls)


class _Ours:
    def __init__(self, store: LaneStore, ground: Ground, kind: str) -> None:
        self._store = store
        self._kind = kind
        # each thread has lanes of its own
        self._lanes = [itertools.cycle(ground.lanes[n::THREADS]) for n in range(THREADS)]
        event = event_of(kind)
        self._events: dict[UUID, list[Event]] = {stream: [_about(event, stream)] for stream in ground.streams}
        with psycopg.connect(ground.where.store) as connection:
            self._versions: dict[UUID, int] = dict(
                connection.execute(
                    "SELECT stream_id, version FROM es_stream WHERE stream_id = ANY(%s)", [ground.streams]
                ).fetchall()
            )
        if kind == SEALED:
            # keys at hand stay so, however long the run
            store.keys._fresh_for = 3600.0
            store.keys.seal_many([(stream, "text", b"") for stream in ground.streams])

    def calls(self, count: int) -> int:
        """Append to every household of so many lanes, one after the other."""
        act = self._each if self._kind == EACH else self._together

        def work(lanes: Iterator[Sequence[UUID]]) -> int:
            return sum(act(next(lanes)) for _ in range(count // THREADS))

        with ThreadPoolExecutor(THREADS) as threads:
            return sum(threads.map(work, self._lanes))

    def _together(self, streams: Sequence[UUID]) -> int:
        """One command of all these households."""
        if self._kind == COLD:
            self._store.keys._cache.clear()
        id = uuid4()
        appends = [self._append(id, one, first) for first, one in enumerate(streams)]
        return len(self._store.append(CommandKey(id, bytes(32)), appends).streams)

    def _each(self, streams: Sequence[UUID]) -> int:
        ones = [OneAppend(CommandKey(id := uuid4(), bytes(32)), self._append(id, one)) for one in streams]
        moved = [answer for answer in self._store.append_many(ones) if not isinstance(answer, Appended)]
        if moved:
            raise AssertionError(f"{len(moved)} moved")
        return len(streams)

    def _append(self, id: UUID, stream: UUID, first: int = 0) -> StreamAppend:
        version = self._versions[stream]
        self._versions[stream] = version + 1
        envelopes = enclose(id, stream, version, self._events[stream], META, first=first)
        return StreamAppend(stream, "household", version, envelopes)


class _Bare:
    def __init__(self, connection: psycopg.Connection[Any], ground: Ground, table: str) -> None:
        assert ground.row is not None
        self._connection = connection
        self._lanes = itertools.cycle(enumerate(ground.lanes))
        found = connection.execute(f"SELECT coalesce(max(version), 0) FROM {table}".encode()).fetchone()
        assert found is not None
        self._version = int(found[0])
        self._statement = _UNNEST.format(table=table).encode()
        self._rest = [[value] * len(ground.lanes[0]) for value in ground.row]

    def call(self) -> int:
        """Insert a row for every household of the next lane."""
        n, streams = next(self._lanes)
        self._version += n == 0
        self._connection.execute(
            self._statement, (streams, [self._version] * len(streams), *self._rest), prepare=True
        )
        return len(streams)


def _prepared(server: BenchServer, households: int, calls: int) -> dict[str, Ground]:
    made = installed(server, STORE)
    ours = [kind for kind in NAMES if kind not in (BARE_PLAIN, BARE_SEALED)]
    # registered households: one event each
    registered = [told(yu_registered())[:1]]
    pour(made.where.store, households * 256, registered, range(len(ours) * LANES))
    with psycopg.connect(made.where.store, autocommit=True) as connection:
        rows = connection.execute(
            "SELECT lane, stream_id FROM es_stream WHERE category = 'household' ORDER BY lane, stream_id"
        ).fetchall()
        connection.execute("VACUUM ANALYZE")
    bare = server.database(BARE)
    with psycopg.connect(bare, autocommit=True) as connection:
        for table in (BARE_PLAIN, BARE_SEALED):
            connection.execute(BARE_TABLE.replace("bare_event", _table(table)).encode())
    grounds = {}
    for n, kind in enumerate(ours):
        own = range(n * LANES, (n + 1) * LANES)
        lanes = [[stream for lane, stream in rows if lane == each][:households] for each in own]
        grounds[kind] = Ground(made.where, made.key_directory, bare, lanes, calls)
    with opened(made.where, made.key_directory, pool_size=2) as installation:
        keyed = [*grounds[SEALED].streams, *grounds[COLD].streams]
        installation.keys.seal_many([(stream, "text", b"") for stream in keyed])
        for kind, limit in ((PLAIN, BARE_PLAIN), (SEALED, BARE_SEALED)):
            _Ours(installation.store, grounds[kind], kind).calls(1)
            row = installation.store.load(grounds[kind].lanes[0][0]).rows[-1]
            like = (row.name, row.event.on, row.meta_bytes, row.data, row.private)
            grounds[limit] = replace(grounds[kind], row=like)
    server.checkpoint()
    return grounds


def event_of(kind: str) -> Event:
    wanted = AlertRaised if kind in (SEALED, COLD) else AidDelivered
    return next(each for each in yu_exited().events if isinstance(each, wanted))


def _about(event: Event, household: UUID) -> Event:
    """The event, with a note of the household's if it can have one."""
    if isinstance(event, AlertRaised):
        return replace(event, note=Private(household, "text", NOTE))
    return event


def _table(kind: str) -> str:
    return "bare_sealed" if kind == BARE_SEALED else "bare_plain"


def _count(ground: Ground, kind: str) -> int:
    bare = kind in (BARE_PLAIN, BARE_SEALED)
    with psycopg.connect(ground.bare if bare else ground.where.store, autocommit=True) as connection:
        found = connection.execute(
            f"SELECT count(*) FROM {_table(kind) if bare else 'es_event'}".encode()
        ).fetchone()
    assert found is not None
    return int(found[0])
