"""Sealing: what is new, once, whoever and however many do it, and wherever one of them is killed."""

from __future__ import annotations

import signal
import subprocess
import sys
from base64 import b64decode
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from pathlib import Path
from threading import Event
from typing import Any

import psycopg
import pytest

from domain.values.private import Private
from eventstore.postgres.libpq_client import Pool
from eventstore.postgres.pools import open_pool
from eventstore.sealing.checkpoint import CheckpointMalformed, parse
from eventstore.sealing.faults import Fault
from eventstore.sealing.merkle import event_leaf, hash_of
from eventstore.sealing.proofs import microseconds
from eventstore.sealing.seals import Sealer, SealTampered, Unsealed, checkpoints, newest, unsealed
from eventstore.sealing.signing import PublicKeys, SealKeyFault, SealKeys
from eventstore.sealing.verification import Verification
from eventstore.sealing.witness import FileWitness, WitnessAhead, WitnessFork, WitnessUnreadable
from eventstore.store import LaneStore
from tests.database import Databases, TestServer
from tests.eventstore.samples import Joined, Person
from tests.eventstore.sealing.filling import fill
from tests.eventstore.stores import OPENED, append, command, paid, stream

HASHES = {1: hash_of(1), 2: hash_of(2)}


def verified(databases: Databases, keys: PublicKeys, witness: FileWitness | None = None) -> list[Fault]:
    with psycopg.connect(databases.sealer, autocommit=True) as connection:
        return list(Verification(connection, keys, witness).faults())


def naive_root(hash: Any, leaves: list[bytes]) -> bytes:
    """RFC 9162 §2.1.1, word for word, over leaf hashes."""
    if not leaves:
        return bytes(hash(b""))
    if len(leaves) == 1:
        return leaves[0]
    k = 1 << ((len(leaves) - 1).bit_length() - 1)
    return bytes(hash(b"\x01" + naive_root(hash, leaves[:k]) + naive_root(hash, leaves[k:])))


def leaves_of(databases: Databases, algorithm: int = 1) -> list[list[bytes]]:
    """The leaves of every lane."""
    leaves: list[list[bytes]] = [[] for _ in range(256)]
    with psycopg.connect(databases.app) as connection:
        rows = connection.execute(
            "SELECT lane, position, recorded_at, digest FROM es_event ORDER BY lane, position"
        )
        for lane, position, at, digest in rows:
            leaves[lane].append(event_leaf(HASHES[algorithm], lane, position, microseconds(at), digest))
    return leaves


def many_events(databases: Databases, count: int = 3_000, seed: int = 1, algorithm: int = 1) -> None:
    fill(databases.store, count, seed, algorithm)


def do(databases: Databases, statement: str) -> None:
    with psycopg.connect(databases.store) as connection:
        connection.execute(statement.encode())


@pytest.mark.parametrize("algorithm", [1, 2])
def test_a_pass_seals_what_is_new_and_signs_it(
    databases: Databases, sealer: Sealer, seal_keys: SealKeys, sealing: Pool, algorithm: int
) -> None:
    do(databases, f"UPDATE es_meta SET digest_algorithm = {algorithm}")
    many_events(databases, algorithm=algorithm)
    with sealing.connection() as connection:
        assert newest(connection) is None
        assert unsealed(connection).events == 3_000
        done = sealer.run_once()
        made = newest(connection)
        assert unsealed(connection) == Unsealed(0, None)
    assert made is not None
    assert (done.sealed, done.checkpoint, done.witnessed) == (3_000, made, 1)
    assert (made.number, made.note.total, made.note.before, made.note.algorithm) == (
        1,
        3_000,
        None,
        algorithm,
    )
    for lane, leaves in enumerate(leaves_of(databases, algorithm)):
        assert (made.sizes[lane], made.roots[lane]) == (len(leaves), naive_root(HASHES[algorithm], leaves))
    assert made.note.signed_by(seal_keys.public())
    assert verified(databases, seal_keys.public()) == []


def test_the_text_is_that_of_the_decision(databases: Databases, sealer: Sealer, seal_keys: SealKeys) -> None:
    many_events(databases, 100)
    first = sealer.run_once().checkpoint
    many_events(databases, 100, seed=2)
    second = sealer.run_once().checkpoint
    assert first is not None
    assert second is not None
    lines = second.text.split("\n")
    store = first.note.store
    assert lines[:3] == [f"hulian.seal/1 {store}", "2", "200"]
    assert b64decode(lines[5]) == HASHES[1](first.text.encode())
    assert lines[6:8] == ["sha256", ""]
    dash, name, signature = lines[8].split(" ")
    assert (dash, name, lines[9:]) == ("—", f"hulian-{store}", [""])
    key = seal_keys.signer().public
    assert b64decode(signature)[:4] == HASHES[1](f"hulian-{store}\n\x01".encode() + key)[:4]
    assert second.note.body.decode() == "\n".join(lines[:7]) + "\n"
    # not a word of it can be changed
    for n, line in enumerate(lines[:7]):
        changed = "\n".join([*lines[:n], line.replace("2", "3", 1), *lines[n + 1 :]])
        if changed != second.text:
            try:
                assert not parse(changed).signed_by(seal_keys.public())
            except CheckpointMalformed:
                continue
    assert second.note.signed_by(seal_keys.public())
    assert not second.note.signed_by(PublicKeys([bytes(32)]))


def test_nothing_new_makes_no_checkpoint_and_news_continue_the_chain(
    databases: Databases, sealer: Sealer, seal_keys: SealKeys, witness: FileWitness, sealing: Pool
) -> None:
    assert sealer.run_once() == (0, None, 0)
    for seed in range(1, 4):
        many_events(databases, 700, seed)
        done = sealer.run_once()
        assert (done.sealed, done.witnessed) == (700, 1)
        assert sealer.run_once() == (0, None, 0)
    with sealing.connection() as connection:
        chain = list(checkpoints(connection))
    assert [each.number for each in chain] == [1, 2, 3]
    assert [each.note.before for each in chain] == [None, *(each.note.chain_hash for each in chain[:2])]
    assert [number for number, _ in witness.each()] == [1, 2, 3]
    assert verified(databases, seal_keys.public(), witness) == []


def test_pages_of_any_size_make_the_same_tree(
    databases: Databases, sealing: Pool, seal_keys: SealKeys
) -> None:
    fill(databases.store, 2_000, streams=150, lane=7)
    told: list[int] = []
    made = Sealer(sealing, seal_keys, page=97, told=told.append).run_once().checkpoint
    assert made is not None
    assert told == [97] * 20 + [60]
    assert made.sizes[7] == 2_000
    assert made.roots[7] == naive_root(HASHES[1], leaves_of(databases)[7])
    for page in (50, 97, 2_000, 5_000):
        with psycopg.connect(databases.app, autocommit=True) as connection:
            check = Verification(connection, seal_keys.public(), page=page, lanes=[6, 7])
            assert list(check.faults()) == []
            assert check.events == check.sealed == 2_000


def test_what_the_store_appends_verifies_and_erasing_a_person_leaves_it_so(
    databases: Databases, store: LaneStore, sealer: Sealer, seal_keys: SealKeys, witness: FileWitness
) -> None:
    person, home = stream("person"), stream("home")
    member = Person(
        person, Private(person, "name", "张三"), Private(person, "id-number", "990101199001011230")
    )
    append(store, command(1), home, 0, [OPENED, Joined(date(2026, 3, 5), (member,)), paid()])
    append(store, command(2), stream("other"), 0, [OPENED, paid()], closes=True)
    assert sealer.run_once().sealed == 5
    assert verified(databases, seal_keys.public(), witness) == []
    store.erase(person)
    store.erase_stream(stream("other"))
    assert verified(databases, seal_keys.public(), witness) == []
    append(store, command(3), home, 3, [paid(2)])
    assert sealer.run_once().sealed == 1
    assert verified(databases, seal_keys.public(), witness) == []


def test_sealers_at_once_seal_everything_once_while_others_append(
    databases: Databases, store: LaneStore, sealing: Pool, seal_keys: SealKeys, witness: FileWitness
) -> None:
    many_events(databases, 2_000)
    stop = Event()

    def seal(_: int) -> int:
        mine = Sealer(sealing, seal_keys, witness, page=10)
        sealed = 0
        while not stop.is_set():
            sealed += mine.run_once().sealed
        return sealed + mine.run_once().sealed

    def write(writer: int) -> None:
        home = stream(f"w{writer}")
        for n in range(40):
            append(store, command(f"{writer}/{n}"), home, n, [paid(n)])

    with ThreadPoolExecutor(7) as at_once:
        sealers = [at_once.submit(seal, n) for n in range(4)]
        writers = [at_once.submit(write, n) for n in range(3)]
        for writer in writers:
            writer.result()
        stop.set()
        sealed = [each.result() for each in sealers]
    assert sum(sealed) == 2_000 + 3 * 40
    with sealing.connection() as connection:
        chain = list(checkpoints(connection))
        assert unsealed(connection).events == 0
    assert [each.number for each in chain] == list(range(1, len(chain) + 1))
    assert verified(databases, seal_keys.public(), witness) == []


@pytest.mark.parametrize(("where", "n"), [("page", 1), ("page", 40), ("checkpoint", 1), ("witness", 1)])
def test_a_sealer_killed_anywhere_is_taken_over_from(
    databases: Databases,
    sealer: Sealer,
    seal_keys: SealKeys,
    witness: FileWitness,
    tmp_path: Path,
    where: str,
    n: int,
) -> None:
    many_events(databases, 1_000)
    killed = subprocess.run(
        [
            sys.executable,
            "-m",
            "tests.eventstore.sealing.mortal",
            databases.sealer,
            str(tmp_path),
            where,
            str(n),
        ],
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL
    done = sealer.run_once()
    left = {("page", 1): 1_000, ("checkpoint", 1): 0, ("witness", 1): 0}.get((where, n))
    assert done.sealed == left if left is not None else 0 < done.sealed < 1_000
    assert (done.checkpoint is None) == (where == "witness")
    assert done.witnessed == 1
    assert verified(databases, seal_keys.public(), witness) == []


def test_a_new_key_signs_and_the_old_public_half_is_still_believed(
    databases: Databases, sealer: Sealer, seal_keys: SealKeys, witness: FileWitness, tmp_path: Path
) -> None:
    many_events(databases, 100)
    sealer.run_once()
    assert seal_keys.renew() == 2
    many_events(databases, 100, seed=2)
    second = sealer.run_once().checkpoint
    assert second is not None
    newer = PublicKeys([seal_keys.signer().public])
    assert second.note.signed_by(newer)
    assert len(seal_keys.public().keys) == 2
    assert verified(databases, seal_keys.public(), witness) == []
    (tmp_path / "keys" / "seal-1.key").unlink()
    assert sealer.run_once().checkpoint is None
    assert verified(databases, seal_keys.public(), witness) == []
    assert [(each.code, each.checkpoint) for each in verified(databases, newer)] == [
        ("checkpoint-signature", 1)
    ]
    assert [each.code for each in verified(databases, PublicKeys([]))] == ["keys-missing"]


def test_of_several_first_starts_one_makes_the_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also for one who looked for keys before there were any, and for their public halves after."""
    others = SealKeys(tmp_path / "keys")
    looked = SealKeys._numbers

    def looks_then_others_start(keys: SealKeys) -> list[int]:
        found = looked(keys)
        if keys is not others and not found:
            others.signer()
        return found

    monkeypatch.setattr(SealKeys, "_numbers", looks_then_others_start)
    assert SealKeys(tmp_path / "keys").signer().public == others.signer().public
    assert sorted(path.name for path in (tmp_path / "keys").iterdir()) == ["seal-1.key", "seal-1.pub"]


def test_key_files_are_private_and_go_with_their_public_half(tmp_path: Path) -> None:
    keys = SealKeys(tmp_path / "keys")
    with ThreadPoolExecutor(8) as at_once:
        signers = list(at_once.map(lambda _: SealKeys(tmp_path / "keys").signer().public, range(8)))
    assert len(set(signers)) == 1
    assert sorted(path.name for path in (tmp_path / "keys").iterdir()) == ["seal-1.key", "seal-1.pub"]
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in (tmp_path / "keys").iterdir())
    (tmp_path / "keys" / "seal-1.pub").write_text("AAAA")
    with pytest.raises(SealKeyFault, match=r"seal-1\.pub"):
        keys.public()
    (tmp_path / "keys" / "seal-1.key").write_bytes(b"short")
    with pytest.raises(SealKeyFault, match="5 字节"):
        keys.signer()


TAMPERED = {
    "UPDATE es_seal SET root = sha256('x') WHERE size > 0": "与其树根不符",
    "UPDATE es_seal SET frontier = '' WHERE size > 0": "已损坏",
    "UPDATE es_seal SET size = 0, root = NULL, frontier = '' WHERE lane = 7": "与检查点不符",
    "DELETE FROM es_seal WHERE lane = 7": "不见了",
    "DELETE FROM es_seal WHERE lane = 8": "不见了",
    "UPDATE es_lane SET position = 299 WHERE lane = 7": "已封存的有",
    "UPDATE es_checkpoint SET roots[8] = sha256('x')": "总根不符",
    "UPDATE es_checkpoint SET text = replace(text, '+00:00', '+01:00')": "不是用本系统的封存密钥",
    "UPDATE es_meta SET store_id = gen_random_uuid()": "另一个库",
    "DELETE FROM es_event e USING es_seal s WHERE s.lane = e.lane AND e.position = s.size + 1": "缺少位置",
    "INSERT INTO es_seal_node SELECT lane, 8, size / 256, sha256('x') FROM es_seal": "多余的封存节点",
}


TABLES = ("es_meta", "es_lane", "es_event", "es_seal", "es_seal_node", "es_checkpoint")


@pytest.fixture(scope="module")
def half_sealed(
    server: TestServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Databases, SealKeys]]:
    """A store with sealed events and others, and a copy of it to go back to."""
    keys = SealKeys(tmp_path_factory.mktemp("half-sealed"))
    with server.databases() as databases:
        fill(databases.store, 300, lane=7)
        with open_pool(databases.sealer, size=1) as pool:
            Sealer(pool, keys).run_once()
        fill(databases.store, 400, seed=2, lane=7)
        for table in TABLES:
            do(databases, f"CREATE TABLE saved_{table} AS SELECT * FROM {table}")
        yield databases, keys


@pytest.mark.parametrize("statement", TAMPERED)
def test_a_sealer_signs_nothing_over_what_was_altered(
    half_sealed: tuple[Databases, SealKeys], statement: str
) -> None:
    databases, keys = half_sealed
    for table in TABLES:
        do(databases, f"TRUNCATE {table}; INSERT INTO {table} SELECT * FROM saved_{table}")
    do(databases, statement)
    with open_pool(databases.sealer, size=1) as pool:
        with pytest.raises(SealTampered, match=TAMPERED[statement]):
            Sealer(pool, keys).run_once()
        with pool.connection() as connection:
            assert connection.execute("SELECT count(*) FROM es_checkpoint").fetchone() == (1,)


def test_a_sealer_goes_on_without_its_witness_and_says_so(
    databases: Databases, sealing: Pool, seal_keys: SealKeys, tmp_path: Path
) -> None:
    many_events(databases, 100)
    late = FileWitness(tmp_path / "late")
    with pytest.raises(WitnessUnreadable, match="late"):
        Sealer(sealing, seal_keys, late).run_once()
    with sealing.connection() as connection:
        assert unsealed(connection).events == 0
    assert not (tmp_path / "late").exists()
    many_events(databases, 100, seed=2)
    (tmp_path / "late").mkdir()
    assert Sealer(sealing, seal_keys, late).run_once()[2] == 2
    assert verified(databases, seal_keys.public(), late) == []


def test_a_store_set_back_is_not_sealed_on(databases: Databases, sealer: Sealer, sealing: Pool) -> None:
    for seed in (1, 2):
        many_events(databases, 100, seed)
        sealer.run_once()
    many_events(databases, 100, 3)
    for gone in ("number = 2", "true"):
        do(databases, f"DELETE FROM es_checkpoint WHERE {gone}")
        with pytest.raises(WitnessAhead, match="检查点 2"):
            sealer.run_once()
    with sealing.connection() as connection:
        assert unsealed(connection).events == 300


def test_two_histories_are_told_apart(
    databases: Databases, sealing: Pool, sealer: Sealer, seal_keys: SealKeys, tmp_path: Path
) -> None:
    many_events(databases, 100)
    sealer.run_once()
    (tmp_path / "witness" / "1.json").rename(tmp_path / "kept.json")
    do(databases, "DELETE FROM es_checkpoint; UPDATE es_seal SET size = 0, root = NULL, frontier = ''")
    Sealer(sealing, seal_keys).run_once()  # the same store sealed anew, a moment later
    (tmp_path / "kept.json").rename(tmp_path / "witness" / "1.json")
    many_events(databases, 100, 2)
    with pytest.raises(WitnessFork, match="分叉"):
        sealer.run_once()


def refused(address: str, statement: str) -> bool:
    with psycopg.connect(address) as connection:
        try:
            connection.execute(statement.encode())
        except psycopg.errors.InsufficientPrivilege:
            return True
    return False


def test_the_sealer_only_adds_and_nobody_else_seals(databases: Databases) -> None:
    for statement in (
        "UPDATE es_checkpoint SET number = number",
        "DELETE FROM es_checkpoint",
        "UPDATE es_seal_node SET hash = hash",
        "DELETE FROM es_seal_node",
        "DELETE FROM es_seal",
        "INSERT INTO es_seal VALUES (0)",
        "UPDATE es_seal SET lane = lane",
        "TRUNCATE es_checkpoint",
    ):
        for address in (databases.sealer, databases.app, databases.reader):
            assert refused(address, statement), statement
    for statement in (
        "UPDATE es_seal SET size = size",
        "INSERT INTO es_seal_node VALUES (0, 8, 0, '')",
        "SELECT es_add_checkpoint(1, array_fill(0::bigint, ARRAY[256]), array_fill(''::bytea, ARRAY[256]), '', now())",
    ):
        assert not refused(databases.sealer, statement), statement
        for address in (databases.app, databases.reader):
            assert refused(address, statement), statement


def test_how_much_rests_on_privileges_alone_is_told(
    databases: Databases, sealer: Sealer, sealing: Pool
) -> None:
    many_events(databases, 100)
    sealer.run_once()
    many_events(databases, 50, 2)
    with sealing.connection() as connection:
        left = unsealed(connection)
        first = connection.execute("SELECT min(recorded_at) FROM es_event").fetchone()
    assert left.events == 50
    assert first is not None
    assert left.oldest == first[0] + timedelta(microseconds=1)
