"""The tail row: a reader that follows sixteen writers and never looks back, and what it misses.

Ours follows the positions of lanes. Beside it the same reader follows the numbers of a plain identity column: what
commits late is passed by there, which shows that this row can find something.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid4

import psycopg

from bench.bulk import META, event_of
from bench.databases import installed
from bench.processes import Apart, Job
from bench.rows import AuditFailed, Extent, Measure, Outcome, Row, Sample
from bench.server import BenchServer
from bootstrap.addresses import Addresses
from bootstrap.wiring import opened
from eventstore.appending.append_types import CommandKey, StreamAppend
from eventstore.events.envelope import enclose
from eventstore.lanes import LANES

STORE: Final = "hulian_tail"
PLAIN: Final = "plain_tail"
PROCESSES: Final = 2
THREADS: Final = 8
BUSY_LANES: Final = 4
"""How few lanes every second writer keeps to, so that they wait for one another there."""
QUIET: Final = 1.0
"""Seconds without anything new, after the writers' time, until the reader ends."""
AT_ONCE: Final = 1_000

_PLAIN: Final = """
CREATE TABLE plain_event (number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, stream_id uuid, data bytea)
"""


def measure(server: BenchServer, extent: Extent) -> Outcome:
    """Rounds in turn; what is in the database afterwards and was not handed to the reader is missed."""
    made = installed(server, STORE)
    plain = server.database(PLAIN)
    with psycopg.connect(plain, autocommit=True) as connection:
        connection.execute(_PLAIN)
    seconds = extent.few(5, quick=1)
    ours, theirs = Measure("tail: lanes", "events", 16), Measure("tail: an identity column", "events", 16)
    missed: dict[str, list[int]] = {"ours": [], "theirs": []}
    rounds = extent.few(3, quick=1)
    for n in range(rounds):
        before = _count(made.where.store, "es_event")
        where = (made.where, made.key_directory)
        writing: list[Job] = [(appending, (*where, n * PROCESSES + p, seconds)) for p in range(PROCESSES)]
        lost = _followed(
            server, ours, (following, (*where, seconds)), writing, made.where.store, "es_event", before
        )
        missed["ours"].append(lost)
        before = _count(plain, "plain_event")
        writing = [(inserting, (plain, seconds)) for _ in range(PROCESSES)]
        lost = _followed(
            server, theirs, (following_numbers, (plain, seconds)), writing, plain, "plain_event", before
        )
        missed["theirs"].append(lost)
    server.drop(*made.databases, PLAIN)
    lacked, passed_by = missed["ours"], missed["theirs"]
    rows = [
        Row("tail: missed during 16 writers", sum(lacked), min(lacked), max(lacked), 0, 0, True, "events"),
        Row(
            "tail: missed by following an identity column",
            sum(passed_by), min(passed_by), max(passed_by), unit="events",
        ),
    ]  # fmt: skip
    return Outcome(
        rows,
        [ours, theirs],
        2 * rounds,
        notes=[f"sums of {rounds} rounds of {seconds} s; rates are the writers'"],
    )


def _followed(
    server: BenchServer,
    measured: Measure,
    reader: Job,
    writers: list[Job],
    place: str,
    table: str,
    before: int,
) -> int:
    """How many of the events appended in one round the reader was not given."""
    with Apart([reader]) as tail, Apart(writers) as crew:
        tail.begin()
        sample, peak = crew.sample(server)
        (answer,) = tail.answers()
    added = _count(place, table) - before
    if added != sample.done:
        raise AuditFailed(f"{table}: {sample.done} appended, {added} in the database")
    if answer.told > added:
        raise AuditFailed(f"{table}: {added} in the database, {answer.told} read")
    measured.samples.append(Sample(sample.done, sample.seconds, sample.client_cpu, sample.server_cpu))
    measured.peak_kib = max(measured.peak_kib, peak, answer.peak_kib)
    return added - int(answer.told)


@contextmanager
def appending(where: Addresses, keys: Path, number: int, seconds: float) -> Iterator[Callable[[], int]]:
    """Eight clients that append one event, or one each to two households at once."""
    with opened(where, keys, pool_size=THREADS) as installation:
        store, event = installation.store, event_of("plain")

        def step(client: int, turn: int) -> int:
            streams = [_stream(number, client, turn, client % 2 == 0)]
            if turn % 3 == 0:
                streams.append(_stream(number, client, turn + 1_000_000, client % 2 == 0))
            id = uuid4()
            appends = [
                StreamAppend(one, "household", 0, enclose(id, one, 0, [event], META, first=n))
                for n, one in enumerate(streams)
            ]
            return len(store.append(CommandKey(id, bytes(32)), appends).positions)

        yield lambda: _by_all(step, seconds)


@contextmanager
def following(where: Addresses, keys: Path, seconds: float) -> Iterator[Callable[[], int]]:
    """Read on from the position last seen in each lane; how many events were given, each once and in order."""
    with opened(where, keys, pool_size=2) as installation:
        store = installation.store
        positions = dict.fromkeys(range(LANES), 0) | store.heads()

        def news() -> int:
            found = store.read_many(positions, AT_ONCE)
            for event in found:
                if event.position <= positions[event.lane]:
                    raise AuditFailed(f"lane {event.lane}: {event.position} after {positions[event.lane]}")
                positions[event.lane] = event.position
            return len(found)

        yield lambda: _until_quiet(news, seconds)


@contextmanager
def inserting(uri: str, seconds: float) -> Iterator[Callable[[], int]]:
    """Eight clients that insert into the plain table, one row or two at once."""
    connections = [psycopg.connect(uri, autocommit=True, prepare_threshold=0) for _ in range(THREADS)]

    def step(client: int, turn: int) -> int:
        rows = 2 if turn % 3 == 0 else 1
        connections[client].execute(
            "INSERT INTO plain_event (stream_id, data) SELECT %b, %b FROM generate_series(1, %b)",
            (uuid4(), bytes(300), rows),
            prepare=True,
        )
        return rows

    try:
        yield lambda: _by_all(step, seconds)
    finally:
        for connection in connections:
            connection.close()


@contextmanager
def following_numbers(uri: str, seconds: float) -> Iterator[Callable[[], int]]:
    """Read on from the number last seen; how many rows were given."""
    with psycopg.connect(uri, autocommit=True, prepare_threshold=0) as connection:
        row = connection.execute("SELECT coalesce(max(number), 0) FROM plain_event").fetchone()
        assert row is not None
        reached = int(row[0])

        def news() -> int:
            nonlocal reached
            found = connection.execute(
                "SELECT number FROM plain_event WHERE number > %b ORDER BY number LIMIT %b",
                (reached, AT_ONCE),
            ).fetchall()
            if found:
                reached = found[-1][0]
            return len(found)

        yield lambda: _until_quiet(news, seconds)


def _stream(number: int, client: int, turn: int, crowded: bool) -> UUID:
    raw = bytearray(uuid4().bytes)
    raw[15] = (number + client + turn) % (BUSY_LANES if crowded else LANES)
    return UUID(bytes=bytes(raw))


def _by_all(step: Callable[[int, int], int], seconds: float) -> int:
    done = [0] * THREADS
    errors: list[BaseException] = []
    until = time.perf_counter() + seconds

    def client(n: int) -> None:
        try:
            for turn in itertools.count():
                if time.perf_counter() >= until:
                    return
                done[n] += step(n, turn)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=client, args=(n,)) for n in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return sum(done)


def _until_quiet(news: Callable[[], int], seconds: float) -> int:
    seen, began = 0, time.perf_counter()
    last = began
    while (now := time.perf_counter()) < began + seconds or now - last < QUIET:
        found = news()
        if found:
            seen += found
            last = time.perf_counter()
    return seen


def _count(place: str, table: str) -> int:
    with psycopg.connect(place, autocommit=True) as connection:
        row: Any = connection.execute(f"SELECT count(*) FROM {table}".encode()).fetchone()
    return int(row[0])
