"""100,000 sealed events, and everything a superuser may do behind the system's back: each is found and named.

Every tampering happens in a transaction of its own, is looked for in it, and rolled back.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest

from eventstore.postgres.pools import open_pool
from eventstore.sealing.checkpoint import Checkpoint, issue
from eventstore.sealing.faults import SENTENCES, Fault
from eventstore.sealing.merkle import Frontier, event_leaf, hash_of
from eventstore.sealing.proofs import microseconds
from eventstore.sealing.seals import Sealer, checkpoints
from eventstore.sealing.signing import Ed25519Signer, SealKeys, Signer
from eventstore.sealing.verification import Verification
from eventstore.sealing.witness import FileWitness
from tests.database import TestServer
from tests.eventstore.sealing.filling import event, fill, signed

EVENTS = 100_000
LANE, OTHER = 7, 200
Superuser = psycopg.Connection[Any]
HASH = hash_of(1)
COLUMNS = "stream_id, version, event_id, name, effective_on, recorded_at, meta, data, private"


@dataclass(frozen=True)
class Sealed:
    """The store, sealed by three checkpoints but for its last events, and all that goes with it."""

    store: str
    superuser: Superuser
    keys: SealKeys
    witness: FileWitness
    sizes: tuple[int, ...]

    def found(
        self, lanes: Sequence[int] = (LANE, OTHER), *, witnessed: bool = False
    ) -> tuple[list[Fault], Verification]:
        witness = self.witness if witnessed else None
        check = Verification(self.superuser, self.keys.public(), witness, lanes=lanes)
        return list(check.faults()), check

    def do(self, statement: str, *values: object) -> int:
        return self.superuser.execute(statement.encode(), values).rowcount

    def one(self, statement: str, *values: object) -> Any:
        row = self.superuser.execute(statement.encode(), values).fetchone()
        assert row is not None
        return row[0] if len(row) == 1 else row

    def row(self, position: int, lane: int = LANE) -> tuple[Any, ...]:
        return tuple(
            self.one(f"SELECT {COLUMNS} FROM es_event WHERE lane = %s AND position = %s", lane, position)
        )

    def id(self, position: int, lane: int = LANE) -> UUID:
        return UUID(str(self.row(position, lane)[2]))


@pytest.fixture(scope="module")
def made(server: TestServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sealed]:
    folder = tmp_path_factory.mktemp("tampering")
    (folder / "witness").mkdir()
    keys, witness = SealKeys(folder / "keys"), FileWitness(folder / "witness")
    with server.databases() as databases, open_pool(databases.sealer, size=2) as pool:
        sealer = Sealer(pool, keys, witness)
        for seed, part in enumerate((0.6, 0.2, 0.2)):
            fill(databases.store, int(EVENTS * part), seed)
            sealer.run_once()
        fill(databases.store, 1_000, 99)
        with psycopg.connect(databases.store) as superuser:
            superuser.execute("ANALYZE es_event")
            superuser.commit()
            last = list(checkpoints(superuser))[-1]
            superuser.rollback()
            yield Sealed(databases.store, superuser, keys, witness, last.sizes)


@pytest.fixture
def sealed(made: Sealed) -> Iterator[Sealed]:
    yield made
    made.superuser.rollback()


def codes(faults: Sequence[Fault]) -> set[str]:
    return {fault.code for fault in faults}


def test_a_store_nobody_touched_is_found_in_order(sealed: Sealed) -> None:
    faults, check = sealed.found(range(256), witnessed=True)
    assert faults == []
    assert (check.events, check.sealed) == (EVENTS + 1_000, EVENTS)
    assert (check.checkpoints, check.witnessed, check.newest) == (3, 3, 3)


EDITS = {
    "data": "data = convert_to(replace(convert_from(data, 'UTF8'), '2026-03', '2026-04'), 'UTF8')",
    "meta": "meta = '{}'",
    "private": "private = '\\x0000000201ff'",
    "name": "name = 'sample.opened.1'",
    "event id": "event_id = gen_random_uuid()",
    "effective_on": "effective_on = effective_on - 1",
    "no effective_on": "effective_on = NULL",
    "digest": "digest = sha256(digest)",
    "version": "version = 1000",
    "stream": "stream_id = (SELECT stream_id FROM es_stream WHERE lane = 7 AND version > 0 LIMIT 1), version = 1000",
}


@pytest.mark.parametrize("column", EDITS)
@pytest.mark.parametrize("position", [1, 100, 256, 300])
def test_an_edited_column_is_found_and_the_event_named(sealed: Sealed, column: str, position: int) -> None:
    assert sealed.do(f"UPDATE es_event SET {EDITS[column]} WHERE lane = 7 AND position = %s", position)
    faults, _ = sealed.found()
    named = [fault for fault in faults if fault.code == "digest-mismatch"]
    assert [(fault.lane, fault.position, fault.event) for fault in named] == [
        (LANE, position, sealed.id(position))
    ]
    assert f"通道 7 位置 {position} 事件 {sealed.id(position)}" in named[0].sentence


@pytest.mark.parametrize("position", [1, 100, 256, 300])
@pytest.mark.parametrize("by", [timedelta(microseconds=1), timedelta(seconds=-1), timedelta(days=1)])
def test_another_time_of_recording_is_found(sealed: Sealed, position: int, by: timedelta) -> None:
    sealed.do(
        "UPDATE es_event SET recorded_at = recorded_at + %s WHERE lane = 7 AND position = %s", by, position
    )
    assert_altered_at(sealed, position)


@pytest.mark.parametrize("position", [1, 100, 256, 300])
def test_an_edit_with_its_digest_made_anew_is_found(sealed: Sealed, position: int) -> None:
    row = list(sealed.row(position))
    row[7] = row[7].replace(b'"red"', b'"blue"')
    sealed.do(
        "UPDATE es_event SET data = %s, digest = %s WHERE lane = 7 AND position = %s",
        row[7],
        signed(tuple(row))[-1],
        position,
    )
    faults = assert_altered_at(sealed, position)
    assert codes(faults) == {"root-mismatch"}


@pytest.mark.parametrize("column", ["effective_on", "recorded_at"])
def test_a_time_beyond_all_time_is_found(sealed: Sealed, column: str) -> None:
    sealed.do(f"UPDATE es_event SET {column} = 'infinity' WHERE lane = 7 AND position = 100")
    faults, _ = sealed.found()
    assert [(fault.code, fault.position) for fault in faults if fault.code == "event-unreadable"] == [
        ("event-unreadable", 100)
    ]


@pytest.mark.parametrize("position", [1, 100, 256, 257, 300])
def test_a_deleted_event_is_found(sealed: Sealed, position: int) -> None:
    sealed.do("DELETE FROM es_event WHERE lane = 7 AND position = %s", position)
    faults, _ = sealed.found()
    assert ("position-gap", LANE, position, position) in [
        (fault.code, fault.lane, fault.position, fault.until) for fault in faults
    ]
    assert_in_spans(faults, position)


def test_a_deleted_event_is_found_when_the_others_close_up_and_versions_and_heads_are_mended(
    sealed: Sealed,
) -> None:
    stream = sealed.one("SELECT stream_id FROM es_event WHERE lane = 7 AND position = 100")
    version = sealed.one("SELECT version FROM es_event WHERE lane = 7 AND position = 100")
    sealed.do("DELETE FROM es_event WHERE lane = 7 AND position = 100")
    moved(sealed, "position", -1, "lane = 7 AND position > 100")
    moved(sealed, "version", -1, "lane = 7 AND stream_id = %s AND version > %s", stream, version)
    resigned(sealed, "lane = 7 AND stream_id = %s AND version >= %s", stream, version)
    sealed.do("UPDATE es_lane SET position = position - 1 WHERE lane = 7")
    sealed.do("UPDATE es_stream SET version = version - 1 WHERE lane = 7 AND stream_id = %s", stream)
    faults = assert_altered_at(sealed, 100)
    # An event of after the checkpoint has moved up, or the lane is one short.
    assert codes(faults) in ({"root-mismatch"}, {"root-mismatch", "sealed-missing", "seal-mismatch"})


def test_an_event_put_between_is_found(sealed: Sealed) -> None:
    moved(sealed, "position", 1, "lane = 7 AND position >= 100")
    put(sealed, 100)
    sealed.do("UPDATE es_lane SET position = position + 1 WHERE lane = 7")
    faults = assert_altered_at(sealed, 100)
    assert codes(faults) == {"root-mismatch"}


def test_an_event_put_behind_all_is_found_unless_the_heads_say_so_too(sealed: Sealed) -> None:
    head = sealed.one("SELECT position FROM es_lane WHERE lane = 7")
    put(sealed, head + 1, stream_row=False)
    assert codes(sealed.found()[0]) == {"head-mismatch", "stream-missing"}
    sealed.do("UPDATE es_lane SET position = position + 1 WHERE lane = 7")
    assert codes(sealed.found()[0]) == {"stream-missing"}
    sealed.do(
        "INSERT INTO es_stream SELECT lane, stream_id, 'household', version, 0, recorded_at FROM es_event"
        " WHERE lane = 7 AND position = %s",
        head + 1,
    )
    faults, check = sealed.found()
    # What is not sealed yet rests on privileges alone, and is counted as such.
    assert faults == []
    assert check.events - check.sealed == sum(
        sealed.one("SELECT position FROM es_lane WHERE lane = %s", lane) - sealed.sizes[lane]
        for lane in (LANE, OTHER)
    )


@pytest.mark.parametrize(("one", "other"), [(100, 101), (10, 300)])
def test_events_that_changed_places_are_found(sealed: Sealed, one: int, other: int) -> None:
    for position, to in ((one, -1), (other, one), (-1, other)):
        sealed.do("UPDATE es_event SET position = %s WHERE lane = 7 AND position = %s", to, position)
    assert_altered_at(sealed, one)
    assert_altered_at(sealed, other)


def test_versions_that_changed_places_are_found(sealed: Sealed) -> None:
    stream = sealed.one("SELECT stream_id FROM es_event WHERE lane = 7 AND position = 50")
    for version, to in ((1, -1), (2, 1), (-1, 2)):
        sealed.do(
            "UPDATE es_event SET version = %s WHERE lane = 7 AND stream_id = %s AND version = %s",
            to,
            stream,
            version,
        )
    faults, _ = sealed.found()
    assert len([fault for fault in faults if fault.code == "digest-mismatch"]) == 2
    assert {fault.stream for fault in faults if fault.code == "version-gap"} == {stream}


def cut_off(sealed: Sealed, count: int) -> tuple[int, int]:
    """The last events of the lane gone, those after the checkpoint with them, and the heads as if never there."""
    signed_to = sealed.sizes[LANE]
    sealed.do("DELETE FROM es_event WHERE lane = 7 AND position > %s", signed_to - count)
    sealed.do("UPDATE es_lane SET position = %s WHERE lane = 7", signed_to - count)
    sealed.do("DELETE FROM es_stream s WHERE lane = 7 AND NOT EXISTS"
              " (SELECT FROM es_event e WHERE e.lane = 7 AND e.stream_id = s.stream_id)")  # fmt: skip
    sealed.do(
        "UPDATE es_stream s SET version = u.version, last_recorded_at = u.at FROM"
        " (SELECT stream_id, max(version) AS version, max(recorded_at) AS at FROM es_event WHERE lane = 7"
        "  GROUP BY stream_id) u WHERE s.lane = 7 AND s.stream_id = u.stream_id"
    )
    return signed_to - count + 1, signed_to


@pytest.mark.parametrize("count", [1, 10, 300])
def test_a_lane_cut_off_with_heads_to_match_is_found(sealed: Sealed, count: int) -> None:
    first, last = cut_off(sealed, count)
    faults, _ = sealed.found()
    assert ("sealed-missing", LANE, first, last) in [
        (fault.code, fault.lane, fault.position, fault.until) for fault in faults
    ]
    assert codes(faults) == {"sealed-missing", "seal-mismatch"}


SEALS = {
    "UPDATE es_seal SET root = sha256(root) WHERE lane = 7": "seal-mismatch",
    "UPDATE es_seal SET frontier = sha256(frontier) WHERE lane = 7": "seal-mismatch",
    "UPDATE es_seal SET frontier = frontier || sha256(frontier) WHERE lane = 7": "seal-mismatch",
    "UPDATE es_seal SET size = size - 1 WHERE lane = 7": "seal-mismatch",
    "UPDATE es_seal SET size = size + 1 WHERE lane = 7": "seal-mismatch",
    "UPDATE es_seal SET size = size + 1000000 WHERE lane = 7": "seal-mismatch",
    "UPDATE es_seal SET size = -1 WHERE lane = 7": "seal-mismatch",
    "UPDATE es_seal SET size = 0, root = NULL, frontier = '' WHERE lane = 7": "seal-mismatch",
    "DELETE FROM es_seal WHERE lane = 7": "seal-mismatch",
    "UPDATE es_seal_node SET hash = sha256(hash) WHERE lane = 7 AND index = 0": "node-mismatch",
    "DELETE FROM es_seal_node WHERE lane = 7 AND index = 0": "node-mismatch",
    "UPDATE es_seal_node SET index = 17 WHERE lane = 7 AND index = 0": "node-mismatch",
    "INSERT INTO es_seal_node VALUES (7, 3, 0, sha256('x'))": "node-mismatch",
}


@pytest.mark.parametrize("statement", SEALS)
def test_altered_seals_are_found_and_the_events_are_not_blamed(sealed: Sealed, statement: str) -> None:
    assert sealed.do(statement)
    faults, _ = sealed.found()
    assert {"seal-mismatch", "node-mismatch"} >= codes(faults) >= {SEALS[statement]}
    assert {fault.lane for fault in faults} == {LANE}


HEADS = {
    "UPDATE es_lane SET position = position + 1 WHERE lane = 7": "head-mismatch",
    "DELETE FROM es_lane WHERE lane = 7": "lane-missing",
    "UPDATE es_stream SET version = version - 1 WHERE lane = 7": "stream-mismatch",
    "UPDATE es_stream SET last_recorded_at = last_recorded_at + interval '1 h' WHERE lane = 7": "stream-mismatch",
    "DELETE FROM es_stream WHERE lane = 7": "stream-missing",
    "INSERT INTO es_stream VALUES (7, '00000000-0000-4000-8000-000000000007', 'household', 3, 0, now())":
        "stream-mismatch",
    "UPDATE es_event SET lane = 300 WHERE lane = 7 AND position = 100": "lane-unknown",
    "UPDATE es_event SET lane = 200, position = 900000 WHERE lane = 7 AND position = 100": "wrong-lane",
}  # fmt: skip


@pytest.mark.parametrize("statement", HEADS)
def test_altered_heads_are_found(sealed: Sealed, statement: str) -> None:
    assert sealed.do(statement)
    assert HEADS[statement] in codes(sealed.found()[0])


CHECKPOINTS = {
    "UPDATE es_checkpoint SET sizes[8] = sizes[8] - 1 WHERE number = 3": {"checkpoint-mismatch"},
    "UPDATE es_checkpoint SET roots[8] = sha256('x') WHERE number = 2": {"checkpoint-mismatch"},
    "UPDATE es_checkpoint SET taken_at = taken_at + interval '1 us' WHERE number = 2": {"checkpoint-mismatch"},
    "UPDATE es_checkpoint SET text = 'x' WHERE number = 2": {"checkpoint-malformed"},
    "UPDATE es_checkpoint SET text = replace(text, '+00:00', '+01:00') WHERE number = 3":
        {"checkpoint-signature", "checkpoint-mismatch"},
    "DELETE FROM es_checkpoint WHERE number = 1": {"checkpoint-missing"},
    "DELETE FROM es_checkpoint WHERE number = 2": {"checkpoint-missing"},
    "DELETE FROM es_checkpoint": {"checkpoint-missing"},
    "UPDATE es_checkpoint SET number = 4 WHERE number = 3":
        {"checkpoint-mismatch", "checkpoint-missing"},
    "UPDATE es_meta SET store_id = gen_random_uuid()": {"checkpoint-mismatch"},
}  # fmt: skip


@pytest.mark.parametrize("statement", CHECKPOINTS)
def test_altered_checkpoints_are_found(sealed: Sealed, statement: str) -> None:
    assert sealed.do(statement)
    faults, _ = sealed.found()
    assert codes(faults) == CHECKPOINTS[statement]


def test_another_algorithm_makes_every_digest_wrong(sealed: Sealed) -> None:
    sealed.do("UPDATE es_meta SET digest_algorithm = 2")
    faults, check = sealed.found()
    assert len([fault for fault in faults if fault.code == "digest-mismatch"]) == check.events
    assert "checkpoint-mismatch" in codes(faults)


@pytest.mark.parametrize("number", [2, 3])
def test_the_last_checkpoints_gone_are_found_by_the_witness(sealed: Sealed, number: int) -> None:
    sealed.do("DELETE FROM es_checkpoint WHERE number >= %s", number)
    assert sealed.found()[0] == []
    faults, _ = sealed.found(witnessed=True)
    assert [(fault.code, fault.checkpoint) for fault in faults] == [
        ("checkpoint-missing", missing) for missing in range(number, 4)
    ]


def test_the_end_cut_off_with_its_seals_and_checkpoints_is_found_by_the_witness(sealed: Sealed) -> None:
    first, last = cut_off(sealed, 40)
    seals_made_anew(sealed)
    sealed.do("DELETE FROM es_checkpoint WHERE number = 3")
    faults, _ = sealed.found([LANE], witnessed=True)
    assert ("sealed-missing", first, last) in [(fault.code, fault.position, fault.until) for fault in faults]
    assert ("checkpoint-missing", 3) in [(fault.code, fault.checkpoint) for fault in faults]


def test_everything_made_anew_under_another_key_is_found(sealed: Sealed) -> None:
    rewritten(sealed, Ed25519Signer(bytes(range(32))))
    faults, check = sealed.found()
    assert codes(faults) == {"checkpoint-signature"}
    assert check.newest == 0


def test_everything_made_anew_with_the_key_itself_is_found_by_the_witness(sealed: Sealed) -> None:
    rewritten(sealed, sealed.keys.signer())
    assert sealed.found()[0] == []
    faults, _ = sealed.found([LANE], witnessed=True)
    assert {fault.checkpoint for fault in faults if fault.code == "checkpoint-differs"} == {1, 2, 3}
    spans = [(fault.position or 0, fault.until or 0) for fault in faults if fault.code == "root-mismatch"]
    assert len(spans) == 1
    assert spans[0][0] <= 100 <= spans[0][1]


def test_many_alterations_at_once_are_all_found(sealed: Sealed) -> None:
    """One of each sort in lanes of their own, found by one look at the whole store, and nothing else."""
    sealed.do("UPDATE es_event SET data = '{}' WHERE lane IN (1, 2) AND position = 100")
    sealed.do("DELETE FROM es_event WHERE lane = 3 AND position = 100")
    sealed.do(
        "UPDATE es_event SET recorded_at = recorded_at + interval '1 us' WHERE lane = 4 AND position = 100"
    )
    for position, to in ((100, -1), (110, 100), (-1, 110)):
        sealed.do("UPDATE es_event SET position = %s WHERE lane = 5 AND position = %s", to, position)
    cut_off(sealed, 3)
    sealed.do("UPDATE es_seal SET root = sha256(root) WHERE lane = 8")
    faults, _ = sealed.found(range(256), witnessed=True)
    assert {fault.lane for fault in faults} == {1, 2, 3, 4, 5, LANE, 8}


def test_every_code_has_a_sentence() -> None:
    for code in SENTENCES:
        said = Fault(code, lane=7, position=1, until=9, expected=1, found=2, why="…").sentence
        assert said.startswith("通道 7 位置 1 至 9：")
        assert "None" not in said


def assert_altered_at(sealed: Sealed, position: int) -> list[Fault]:
    faults, _ = sealed.found()
    assert_in_spans(faults, position)
    return faults


def assert_in_spans(faults: Sequence[Fault], position: int) -> None:
    """A span of at most a tile, in the right lane, has the position in it."""
    spans = [
        (fault.position or 0, fault.until or 0)
        for fault in faults
        if fault.code == "root-mismatch" and fault.lane == LANE
    ]
    assert any(first <= position <= last for first, last in spans), spans
    assert all(last - first < 256 for first, last in spans)
    assert {fault.lane for fault in faults} == {LANE}


def moved(sealed: Sealed, column: str, by: int, where: str, *values: object) -> None:
    """Numbers shifted; far away first, for a unique index looks at every row as it changes."""
    sealed.do(f"UPDATE es_event SET {column} = -{column} WHERE {where}", *values)
    sealed.do(f"UPDATE es_event SET {column} = -{column} + %s WHERE {column} < 0", by)


def resigned(sealed: Sealed, where: str, *values: object) -> None:
    """True digests for altered rows."""
    positions = sealed.superuser.execute(f"SELECT position FROM es_event WHERE {where}".encode(), values)
    for (position,) in positions.fetchall():
        sealed.do(
            "UPDATE es_event SET digest = %s WHERE lane = 7 AND position = %s",
            signed(sealed.row(position))[-1],
            position,
        )


def put(sealed: Sealed, position: int, *, stream_row: bool = True) -> None:
    """A forged event of a new household, flawless in itself."""
    chance = random.Random(position)
    stream = UUID(int=chance.getrandbits(128) >> 8 << 8 | LANE)
    at = sealed.row(position - 1)[5]
    row = event(chance, stream, 1, at)
    sealed.do(f"INSERT INTO es_event VALUES (7, %s, {', '.join(['%s'] * 10)})", position, *row)
    if stream_row:
        sealed.do("INSERT INTO es_stream VALUES (7, %s, 'household', 1, 0, %s)", stream, at)


def seals_made_anew(sealed: Sealed) -> None:
    """What is kept of the lane's tree, as its events are now, up to a size."""
    nodes: list[tuple[int, int, bytes]] = []
    frontier = Frontier(HASH, on_node=lambda *node: nodes.append(node))
    rows = sealed.superuser.execute(
        "SELECT position, recorded_at, digest FROM es_event WHERE lane = 7 AND position <= %s ORDER BY position",
        [sealed.sizes[LANE]],
    ).fetchall()
    for position, at, digest in rows:
        frontier.append(event_leaf(HASH, LANE, position, microseconds(at), digest))
    sealed.do("DELETE FROM es_seal_node WHERE lane = 7")
    for node in nodes:
        sealed.do("INSERT INTO es_seal_node VALUES (7, %s, %s, %s)", *node)
    sealed.do(
        "UPDATE es_seal SET size = %s, root = %s, frontier = %s WHERE lane = 7",
        frontier.size,
        frontier.root(),
        frontier.to_bytes(),
    )


def rewritten(sealed: Sealed, signer: Signer) -> None:
    """An event edited, its digest and all of the lane's tree made anew, every checkpoint signed anew."""
    row = list(sealed.row(100))
    row[7] = row[7].replace(b'"red"', b'"blue"')
    sealed.do(
        "UPDATE es_event SET data = %s, digest = %s WHERE lane = 7 AND position = 100",
        row[7],
        signed(tuple(row))[-1],
    )
    seals_made_anew(sealed)
    before: Checkpoint | None = None
    for old in list(checkpoints(sealed.superuser)):
        roots = list(old.roots)
        roots[LANE] = root_at(sealed, old.sizes[LANE])
        note = old.note
        before = issue(
            note.store,
            note.number,
            note.algorithm,
            old.sizes,
            roots,
            note.at,
            None if before is None else before.note,
            signer,
        )
        sealed.do(
            "UPDATE es_checkpoint SET roots = %s, text = %s WHERE number = %s",
            roots,
            before.text,
            note.number,
        )


def root_at(sealed: Sealed, size: int) -> bytes:
    frontier = Frontier(HASH)
    for position, at, digest in sealed.superuser.execute(
        "SELECT position, recorded_at, digest FROM es_event WHERE lane = 7 AND position <= %s ORDER BY position",
        [size],
    ).fetchall():
        frontier.append(event_leaf(HASH, LANE, position, microseconds(at), digest))
    return frontier.root()
