"""Many at once: one effect a command, dense positions, nothing missed, nothing half done."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from random import Random
from threading import Barrier
from time import monotonic
from uuid import UUID

import psycopg
import pytest

from bootstrap.server.embedded import EmbeddedPostgres
from eventstore import errors
from eventstore.appending.append_types import Appended, StreamAppend
from eventstore.events.digest import verify
from eventstore.events.envelope import enclose
from eventstore.lanes import LANES, lane_of
from eventstore.store import LaneStore
from tests.database import QUICK, Databases, TestServer, new_home
from tests.eventstore.stores import META, OPENED, append, command, opened, paid, stream

Writer = subprocess.Popen[str]


@contextmanager
def writers(
    databases: Databases, keys: Path, mode: str, *, processes: int, threads: int, end: int = 0
) -> Iterator[list[Writer]]:
    """Processes that are ready to write and start when told; none outlives the test."""
    started = [
        subprocess.Popen(
            [
                *(sys.executable, "-m", "tests.eventstore.writer", mode, databases.app, databases.keyring),
                *(str(keys), str(threads), str(seed), str(end)),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for seed in range(processes)
    ]
    try:
        for process in started:
            assert line_of(process) == "ready"
        yield started
    finally:
        for process in started:
            process.kill()
            process.communicate()


def go(processes: list[Writer]) -> None:
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()


def line_of(process: Writer) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def lines_of(process: Writer) -> list[str]:
    assert process.stdout is not None
    return process.stdout.read().splitlines()


def whole(store: LaneStore) -> Counter[UUID]:
    """Every stream's number of events, having checked that lanes and streams are dense and digests hold."""
    counts: Counter[UUID] = Counter()
    for lane, head in store.heads().items():
        rows = store.read(lane, 0, 1_000_000)
        assert [row.position for row in rows] == list(range(1, head + 1))
        for row in rows:
            counts[row.originator_id] += 1
            assert row.originator_version == counts[row.originator_id]
            assert verify(row)
    return counts


def test_a_duplicate_sent_by_eight_at_once_has_one_effect(databases: Databases, tmp_path: Path) -> None:
    with opened(databases, tmp_path / "keys") as store:
        with writers(databases, tmp_path / "keys", "same", processes=4, threads=2) as processes:
            go(processes)
            answers = [json.loads(line) for process in processes for line in lines_of(process)]
        assert len(answers) == 8
        assert sorted(answer.pop() for answer in answers) == [False] + [True] * 7
        assert all(answer == answers[0] for answer in answers)
        assert whole(store) == {stream("same"): 3}


def test_a_duplicate_on_a_household_there_is_has_one_effect(store: LaneStore) -> None:
    append(store, command(0), stream(1), 0, [OPENED])
    barrier = Barrier(8)

    def send(n: int) -> Appended:
        barrier.wait()
        return append(store, command(1), stream(1), 1, [paid()])

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(send, range(8)))
    assert sorted(answer.repeated for answer in answers) == [False] + [True] * 7
    assert {(answer.versions, answer.positions, answer.recorded_at) for answer in answers} == {
        ((2,), answers[0].positions, answers[0].recorded_at)
    }


def test_one_command_on_two_streams_of_a_lane_at_once_is_written_once(store: LaneStore) -> None:
    barrier = Barrier(8)

    def send(n: int) -> bool:
        barrier.wait()
        try:
            append(store, command(1), stream(n, lane=5), 0, [OPENED])
        except errors.ChangedCommand:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(send, range(8))) == [False] * 7 + [True]
    assert store.heads()[5] == 1


def test_a_tailing_reader_misses_nothing_of_sixteen_writers(databases: Databases, tmp_path: Path) -> None:
    with opened(databases, tmp_path / "keys") as store:
        seen: Counter[UUID] = Counter()
        at = dict.fromkeys(range(LANES), 0)

        def tail() -> int:
            rows = store.read_many(at, 500)
            for row in rows:
                assert row.position == at[row.lane] + 1
                at[row.lane] = row.position
                seen[row.originator_id] += 1
            return len(rows)

        with writers(databases, tmp_path / "keys", "many", processes=2, threads=8, end=25) as processes:
            go(processes)
            while any(process.poll() is None for process in processes):
                tail()
            acknowledged = [json.loads(line) for process in processes for line in lines_of(process)]
            assert [process.returncode for process in processes] == [0, 0]
        while tail():
            pass
        assert len(acknowledged) == 2 * 8 * 25
        written: Counter[UUID] = Counter()
        for _, home, _, events in acknowledged:
            written[UUID(home)] += events
        assert seen == written == whole(store)


def acknowledged_are_whole(store: LaneStore, acknowledged: list[str], owner: str) -> None:
    """Whatever was acknowledged is there; whatever is there is whole."""
    counts = whole(store)
    for line in acknowledged:
        name, home, version, events = json.loads(line)
        answer = store.command(command(name).id, lane_of(UUID(home)))
        assert answer is not None
        assert answer.versions == (version,)
        rows = store.load(UUID(home)).rows[version - events : version]
        ids = {
            envelope.event_id
            for envelope in enclose(command(name).id, UUID(home), 0, [OPENED] * events, META)
        }
        assert {row.event_id for row in rows} == ids
    with psycopg.connect(owner) as connection:
        versions: dict[UUID, int] = dict(
            connection.execute("SELECT stream_id, version FROM es_stream").fetchall()
        )
        commands = connection.execute("SELECT count(*) FROM es_command").fetchone()
    assert versions == counts
    assert commands is not None
    assert commands[0] >= len(acknowledged)


@pytest.mark.parametrize("after", [1, 40])
def test_a_writer_killed_in_mid_append_leaves_all_or_nothing(
    databases: Databases, tmp_path: Path, after: int
) -> None:
    with opened(databases, tmp_path / "keys") as store:
        with writers(databases, tmp_path / "keys", "many", processes=1, threads=8) as (process,):
            go([process])
            acknowledged = [line_of(process) for _ in range(after)]
            process.send_signal(signal.SIGKILL)
            process.wait()
            acknowledged += [line for line in lines_of(process) if line.endswith("]")]
        everybody_gone(databases.store, "hulian_app", ours=store)
        acknowledged_are_whole(store, acknowledged, databases.store)
        # and the lanes the dead writer was in are free
        for n in range(40):
            append(store, command(f"after {n}"), stream(n), store.load(stream(n)).version, [paid()])
        whole(store)


def everybody_gone(owner: str, role: str, ours: LaneStore) -> None:
    """Wait until the server has noticed that a dead process's connections are gone."""
    until = monotonic() + 20
    with psycopg.connect(owner, autocommit=True) as connection:
        while monotonic() < until:
            busy = connection.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state = 'active'"
                " AND pid <> pg_backend_pid()"
            ).fetchone()
            if busy == (0,):
                return
    raise AssertionError("connections of a dead process live on")


def test_a_backend_killed_in_mid_append_leaves_all_or_nothing(tmp_path: Path) -> None:
    server = TestServer(new_home())
    # what is acknowledged must be in the log when shared memory is lost; the machine stays up
    server.embedded = EmbeddedPostgres(server.home / "server", {**QUICK, "synchronous_commit": "on"})
    if server.external is not None:
        pytest.skip("the server is not ours to kill")
    try:
        server.start()
        with server.databases() as databases:
            with (
                opened(databases, tmp_path / "keys", size=2),
                writers(databases, tmp_path / "keys", "many", processes=1, threads=8) as (process,),
            ):
                go([process])
                acknowledged = [line_of(process) for _ in range(30)]
                with psycopg.connect(databases.store) as connection:
                    (victim,) = connection.execute(
                        "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
                        " AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
                        " ORDER BY (state = 'active') DESC, query_start DESC LIMIT 1"
                    ).fetchall()[0]
                os.kill(victim, signal.SIGKILL)
                process.kill()
                acknowledged += [line for line in lines_of(process) if line.endswith("]")]
            server.start()
            with opened(databases, tmp_path / "keys") as store:
                acknowledged_are_whole(store, acknowledged, databases.store)
    finally:
        server.end()


def test_overlapping_calls_of_every_kind_never_deadlock(store: LaneStore) -> None:
    homes = [stream(n, lane=n % 3) for n in range(12)]

    def work(seed: int) -> int:
        random, written = Random(seed), 0
        for n in range(12):
            key = command(f"{seed} {n}")
            one_lane = random.random() < 0.5
            chosen = random.sample([h for h in homes if not one_lane or lane_of(h) == seed % 3], 4)
            parts = []
            for first, home in enumerate(chosen):
                expected = store.load(home).version
                envelopes = enclose(key.id, home, expected, [paid()], META, first=first)
                parts.append(StreamAppend(home, "household", expected, envelopes))
            try:
                answer = store.append(key, parts)
            except errors.VersionConflict:
                continue
            written += len(answer.streams)
        return written

    with ThreadPoolExecutor(8) as pool:
        written = sum(pool.map(work, range(8)))
    assert written > 0
    assert sum(whole(store).values()) == written


def test_a_cut_holds_a_write_to_two_lanes_whole_or_not_at_all(store: LaneStore) -> None:
    def write(n: int) -> None:
        key = command(n)
        store.append(
            key,
            [
                StreamAppend(home, "household", 0, enclose(key.id, home, 0, [OPENED], META, first=first))
                for first, home in enumerate((stream(f"a {n}", lane=200), stream(f"b {n}", lane=3)))
            ],
        )

    with ThreadPoolExecutor(6) as pool:
        writes = [pool.submit(write, n) for n in range(60)]
        cuts = [store.cut(UUID(int=n), "test").positions for n in range(15)]
        for done in writes:
            done.result()
    assert all(cut[3] == cut[200] for cut in cuts)
    assert store.cut(UUID(int=99), "test").positions[3] == 60


def test_connections_lost_while_idle_are_replaced_unseen(store: LaneStore, databases: Databases) -> None:
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda n: append(store, command(n), stream(n), 0, [OPENED]), range(6)))
    with psycopg.connect(databases.store, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    assert append(store, command("x"), stream(1), 1, [paid()]).versions == (2,)
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda n: append(store, command(f"y{n}"), stream(f"y{n}"), 0, [OPENED]), range(6)))
    assert store.load(stream(1)).version == 2
    assert sum(whole(store).values()) == 13
