"""Keys are replaced while offices work, and after a kill; what nobody needs any more goes, and nothing else."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
from cryptography.hazmat.primitives.keywrap import aes_key_wrap
from psycopg import Connection

from domain.values.private import Private
from eventstore import errors
from eventstore.appending.append_types import IndexEntry, IndexRelease
from eventstore.keys import reindexing, rotation
from eventstore.keys.fingerprints import check, known
from eventstore.keys.key_files import KeyFiles
from eventstore.keys.keys import KeyRing
from eventstore.lanes import lane_of
from eventstore.postgres.pools import open_pool
from eventstore.store import LaneStore
from tests.database import Databases
from tests.eventstore.samples import Joined, Person
from tests.eventstore.stores import append, command, opened, stream

Keys = Connection[Any]
Owner = psycopg.Connection[tuple[object, ...]]


@pytest.fixture
def keys(databases: Databases) -> Iterator[Keys]:
    with psycopg.connect(databases.keyring, autocommit=True) as connection:
        yield connection


@pytest.fixture
def kek(store: LaneStore, tmp_path: Path) -> KeyFiles:
    return KeyFiles(tmp_path / "keys" / "kek", "kek")


@pytest.fixture
def index(store: LaneStore, tmp_path: Path) -> KeyFiles:
    return KeyFiles(tmp_path / "keys" / "index", "index")


def joined(n: int) -> Joined:
    """A person with a name and a number, the fourteenth character of which says who."""
    person = stream(f"person {n}")
    name, number = Private(person, "name", f"某{n}"), Private(person, "id-number", number_of(n))
    return Joined(date(2026, 3, 2), (Person(person, name, number),))


def number_of(n: int) -> str:
    return f"99010119{n:010d}"


def registered(store: LaneStore, *numbers: int) -> None:
    for n in numbers:
        person = stream(f"person {n}")
        entries = [IndexEntry("id-number", number_of(n), person), IndexEntry("name", f"某{n}", person)]
        append(store, command(f"register {n}"), stream(f"home {n}"), 0, [joined(n)], index=entries)


def wrapped_under(keys: Keys) -> dict[int, int]:
    return {each.version: each.living for each in rotation.counts(keys) if each.living}


def under(owner: Owner) -> dict[int, int]:
    rows = owner.execute("SELECT key_version, count(*) FROM es_index GROUP BY key_version").fetchall()
    return {int(str(version)): int(str(n)) for version, n in rows}


# --- the key-encryption key


def test_every_key_is_wrapped_anew_and_every_token_opens(store: LaneStore, keys: Keys, kek: KeyFiles) -> None:
    owners = [stream(n) for n in range(50)]
    tokens = store.keys.seal_many([(owner, "name", owner.bytes) for owner in owners])
    assert rotation.next_kek(keys, kek) == 2
    assert rotation.rewrap(keys, kek) == 50
    assert wrapped_under(keys) == {2: 50}
    rotation.retire_kek(keys, kek, 1)
    assert kek.versions() == [2]
    store.keys._cache.clear()
    for owner, token in zip(owners, tokens, strict=True):
        assert store.keys.open(owner, "name", token) == owner.bytes


def test_a_running_process_seals_under_the_new_key_at_once(
    store: LaneStore, keys: Keys, kek: KeyFiles
) -> None:
    store.keys.seal(stream(1), "name", b"x")
    rotation.next_kek(keys, kek)
    token = store.keys.seal(stream(2), "name", b"y")
    assert wrapped_under(keys) == {1: 1, 2: 1}
    assert store.keys.open(stream(2), "name", token) == b"y"


def test_a_rotation_killed_midway_goes_on_with_the_same_key(
    databases: Databases, store: LaneStore, keys: Keys, kek: KeyFiles, tmp_path: Path
) -> None:
    owners = [stream(n) for n in range(1_500)]
    tokens = store.keys.seal_many([(owner, "name", owner.bytes) for owner in owners])
    said = [sys.executable, "-m", "tests.eventstore.rotator", databases.keyring, str(tmp_path / "keys")]
    with subprocess.Popen(said, stdout=subprocess.PIPE, text=True) as rotator:
        assert rotator.stdout is not None
        for _ in range(20):
            rotator.stdout.readline()
        rotator.kill()
    assert rotator.returncode == -signal.SIGKILL
    standing = wrapped_under(keys)
    assert set(standing) == {1, 2}
    with pytest.raises(errors.KeyInUse):
        rotation.retire_kek(keys, kek, 1)
    assert rotation.next_kek(keys, kek) == 2
    assert rotation.rewrap(keys, kek) == standing[1]
    assert wrapped_under(keys) == {2: 1_500}
    rotation.retire_kek(keys, kek, 1)
    with opened(databases, tmp_path / "keys") as fresh:
        values = [(owner, "name", token) for owner, token in zip(owners, tokens, strict=True)]
        assert fresh.keys.open_many(values) == [owner.bytes for owner in owners]


def test_offices_seal_and_open_all_the_while(
    databases: Databases, store: LaneStore, keys: Keys, kek: KeyFiles, tmp_path: Path
) -> None:
    stop = threading.Event()
    written: list[tuple[UUID, bytes]] = []

    def work(thread: int) -> int:
        n = 0
        with opened(databases, tmp_path / "keys", size=1, fresh_for=0.0) as office:
            while not stop.is_set():
                n += 1
                owner = stream(f"{thread}/{n}")
                token = office.keys.seal(owner, "name", owner.bytes)
                written.append((owner, token))
                past, old = written[n // 2]
                assert office.keys.open(past, "name", old) == past.bytes
        return n

    with ThreadPoolExecutor(4) as pool:
        works = [pool.submit(work, thread) for thread in range(4)]
        try:
            for version in (2, 3, 4):
                while len(written) < version * 40:
                    time.sleep(0.01)
                    assert not any(each.done() for each in works), [each.result() for each in works]
                assert rotation.next_kek(keys, kek) == version
                rotation.rewrap(keys, kek)
                rotation.retire_kek(keys, kek, version - 1)
        finally:
            stop.set()
        assert all(each.result() > 0 for each in works)
    assert set(wrapped_under(keys)) == {4}
    with opened(databases, tmp_path / "keys") as fresh:
        opened_all = fresh.keys.open_many([(owner, "name", token) for owner, token in written])
    assert opened_all == [owner.bytes for owner, _ in written]


def test_no_key_is_made_under_one_that_was_retired(
    databases: Databases, store: LaneStore, keys: Keys, kek: KeyFiles, tmp_path: Path
) -> None:
    class Behind:
        """A process of another host that has not been given the new file."""

        purpose = "kek"
        first = kek.current()

        def current(self) -> tuple[int, bytes]:
            return self.first

        def get(self, version: int) -> bytes | None:
            return self.first[1] if version == 1 else None

        def versions(self) -> list[int]:
            return [1]

    others = [KeyFiles(tmp_path / "keys" / purpose, purpose) for purpose in ("index", "request")]
    with open_pool(databases.keyring) as pool:
        behind = KeyRing(pool, Behind(), *others)
        rotation.next_kek(keys, kek)
        behind.seal(stream(1), "name", b"x")
        rotation.rewrap(keys, kek)
        rotation.retire_kek(keys, kek, 1)
        with pytest.raises(errors.WrongKey):
            behind.seal(stream(2), "name", b"x")
    assert wrapped_under(keys) == {2: 1}


def test_the_newest_key_is_never_retired(keys: Keys, kek: KeyFiles, index: KeyFiles, owner: Owner) -> None:
    with pytest.raises(errors.KeyInUse):
        rotation.retire_kek(keys, kek, 1)
    with pytest.raises(errors.KeyInUse):
        reindexing.retire_index(owner, keys, index, 1)
    assert (kek.versions(), index.versions()) == ([1], [1])


def test_a_destroyed_key_stays_destroyed_through_a_rotation(
    store: LaneStore, keys: Keys, kek: KeyFiles
) -> None:
    token = store.keys.seal(stream(1), "name", b"x")
    before = kek.current()[1]
    rotation.next_kek(keys, kek)
    # read by the rotation before, erased in between, written by the rotation after
    (row,) = keys.execute("SELECT owner, version, kek_version, wrapped FROM key_data").fetchall()
    store.erase(stream(1))
    assert rotation._wrapped(keys, kek, lane_of(stream(1)), 2, kek.current()[1], [row]) == 0
    assert store.keys.open(stream(1), "name", token) is None
    assert wrapped_under(keys) == {}
    assert before != kek.current()[1]


def test_a_directory_without_the_keys_in_use_is_refused_and_left_alone(
    databases: Databases, store: LaneStore, keys: Keys, kek: KeyFiles, tmp_path: Path
) -> None:
    rotation.next_kek(keys, kek)
    (tmp_path / "keys" / "kek-2.key").rename(tmp_path / "kept")
    with pytest.raises(errors.KeysMissing), opened(databases, tmp_path / "keys"):
        pass
    with pytest.raises(errors.KeysMissing), opened(databases, tmp_path / "nowhere"):
        pass
    assert not (tmp_path / "nowhere").exists()


def test_a_key_that_wraps_nothing_of_ours_stops_the_rotation(
    store: LaneStore, keys: Keys, kek: KeyFiles
) -> None:
    store.keys.seal(stream(1), "name", b"x")
    keys.execute("UPDATE key_data SET wrapped = %s", (aes_key_wrap(bytes(32), bytes(32)),))
    rotation.next_kek(keys, kek)
    with pytest.raises(errors.WrongKey):
        rotation.rewrap(keys, kek)
    assert wrapped_under(keys) == {1: 1}


# --- an owner's own key


def test_an_owners_new_key_seals_and_the_old_one_still_opens(
    databases: Databases, store: LaneStore, keys: Keys, kek: KeyFiles, tmp_path: Path
) -> None:
    with opened(databases, tmp_path / "keys") as elsewhere:
        old = elsewhere.keys.seal(stream(1), "name", b"old")
        assert rotation.renew(keys, kek, stream(1)) == 2
        new = store.keys.seal(stream(1), "name", b"new")
        assert (int.from_bytes(old[1:5]), int.from_bytes(new[1:5])) == (1, 2)
        # who remembers the old key only reads what the new one sealed
        assert elsewhere.keys.open(stream(1), "name", new) == b"new"
    assert store.keys.open(stream(1), "name", old) == b"old"
    store.erase(stream(1))
    assert [store.keys.open(stream(1), "name", token) for token in (old, new)] == [None, None]
    with pytest.raises(errors.OwnerErased):
        rotation.renew(keys, kek, stream(1))
    with pytest.raises(errors.OwnerUnknown):
        rotation.renew(keys, kek, stream(2))


def test_an_owner_erased_while_the_key_is_renewed_is_erased(
    databases: Databases, store: LaneStore, keys: Keys, kek: KeyFiles
) -> None:
    store.keys.seal(stream(1), "name", b"x")
    place = (lane_of(stream(1)), stream(1))
    with psycopg.connect(databases.keyring) as renewing, ThreadPoolExecutor(1) as pool:
        renewing.execute(rotation._HOLD, place)
        erased = pool.submit(store.erase, stream(1))
        wrapped = aes_key_wrap(kek.current()[1], bytes(32))
        renewing.execute(rotation._ADD, (*place, 1, wrapped, *place))
        renewing.commit()
        erased.result()
    assert wrapped_under(keys) == {}


# --- the index key


def test_both_versions_are_searched_until_the_old_one_goes(
    store: LaneStore, keys: Keys, index: KeyFiles, owner: Owner
) -> None:
    registered(store, 1, 2)
    assert reindexing.next_index(keys, index) == 2
    registered(store, 3)
    assert under(owner) == {1: 6, 2: 2}
    for n in (1, 2, 3):
        assert store.find("id-number", number_of(n)) == stream(f"person {n}")
    assert reindexing.reindex(owner, keys, store.keys, index) == reindexing.Reindexed(2, 4, 0)
    assert under(owner) == {1: 6, 2: 6}
    assert reindexing.retire_index(owner, keys, index, 1) == 6
    assert under(owner) == {2: 6}
    assert index.versions() == [2]
    assert [each.retired_at is not None for each in known(keys, "index")] == [True, False]
    for n in (1, 2, 3):
        assert store.find("id-number", number_of(n)) == stream(f"person {n}")
        assert store.find("name", f"某{n}") == stream(f"person {n}")


def test_a_process_that_has_not_noticed_finds_and_clashes_with_what_others_write(
    databases: Databases, store: LaneStore, keys: Keys, index: KeyFiles, tmp_path: Path
) -> None:
    with opened(databases, tmp_path / "keys") as behind:
        behind.keys._index = _Only(1, index.current()[1])
        reindexing.next_index(keys, index)
        registered(store, 1)
        assert behind.find("id-number", number_of(1)) == stream("person 1")
        entry = IndexEntry("id-number", number_of(1), stream("another"))
        with pytest.raises(errors.ClaimConflict):
            append(behind, command("other"), stream("other"), 0, [joined(2)], index=[entry])
        registered(behind, 5)
        assert store.find("id-number", number_of(5)) == stream("person 5")


class _Only:
    purpose = "index"

    def __init__(self, version: int, key: bytes) -> None:
        self.version, self.key = version, key

    def current(self) -> tuple[int, bytes]:
        return self.version, self.key

    def get(self, version: int) -> bytes | None:
        return self.key if version == self.version else None

    def versions(self) -> list[int]:
        return [self.version]


def test_reindexing_goes_on_where_it_was_stopped_and_sees_what_came_since(
    store: LaneStore, keys: Keys, index: KeyFiles, owner: Owner
) -> None:
    registered(store, *range(30))
    reindexing.next_index(keys, index)
    seen: list[int] = []

    def stop(done: int, total: int) -> None:
        seen.append(done)
        if done > 10:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        reindexing.reindex(owner, keys, store.keys, index, stop)
    carried = under(owner)[2]
    assert 0 < carried < 60
    with pytest.raises(errors.KeyInUse):
        reindexing.retire_index(owner, keys, index, 1)
    assert reindexing.next_index(keys, index) == 2
    again: list[int] = []
    done = reindexing.reindex(owner, keys, store.keys, index, lambda at, total: again.append(at))
    assert done == reindexing.Reindexed(2, 60 - carried, 0)
    assert again[0] > seen[-1]
    assert under(owner) == {1: 60, 2: 60}


def test_what_is_released_or_erased_meanwhile_does_not_come_back(
    store: LaneStore, keys: Keys, index: KeyFiles, owner: Owner
) -> None:
    registered(store, 1, 2, 3)
    reindexing.next_index(keys, index)
    (event,) = store.load(stream("home 1")).events
    assert isinstance(event, Joined)
    released = IndexRelease(event.members[0].name)
    append(store, command("release"), stream("home 1"), 1, [joined(1)], index=[released])  # type: ignore[list-item]
    store.erase(stream("person 2"))
    # as a statement of the erasure that had begun before would leave it
    blind = store.keys.blind("name", "某2")
    owner.execute(
        "INSERT INTO es_index VALUES (%s, 'name', 2, %s, %s)", (blind[-1], blind, stream("person 2"))
    )
    assert reindexing.reindex(owner, keys, store.keys, index).left == 0
    assert under(owner) == {1: 3, 2: 3}
    assert store.find("name", "某1") is None
    assert store.find("name", "某2") is None
    assert store.find("name", "某3") == stream("person 3")


def test_an_entry_nothing_can_be_written_from_keeps_the_old_key(
    store: LaneStore, keys: Keys, index: KeyFiles, owner: Owner
) -> None:
    entry = IndexEntry("id-number", number_of(7), stream("person 7"))
    append(store, command(1), stream(1), 0, [joined(1)], index=[entry])
    reindexing.next_index(keys, index)
    assert reindexing.reindex(owner, keys, store.keys, index).left == 1
    with pytest.raises(errors.KeyInUse):
        reindexing.retire_index(owner, keys, index, 1)
    assert store.find("id-number", number_of(7)) == stream("person 7")


def test_appends_go_on_while_the_index_is_written_again(
    databases: Databases, store: LaneStore, keys: Keys, index: KeyFiles, owner: Owner, tmp_path: Path
) -> None:
    registered(store, *range(20))
    stop = threading.Event()

    def work(thread: int) -> int:
        n = 0
        with opened(databases, tmp_path / "keys", size=1) as office:
            while not stop.is_set():
                n += 1
                registered(office, 1_000 * (thread + 1) + n)
        return n

    with ThreadPoolExecutor(2) as pool:
        works = [pool.submit(work, thread) for thread in range(2)]
        try:
            reindexing.next_index(keys, index)
            reindexing.reindex(owner, keys, store.keys, index)
        finally:
            stop.set()
        made = [each.result() for each in works]
    assert reindexing.reindex(owner, keys, store.keys, index).left == 0
    reindexing.retire_index(owner, keys, index, 1)
    numbers = [
        *range(20),
        *(1_000 * (t + 1) + n for t, count in enumerate(made) for n in range(1, count + 1)),
    ]
    found = store.find_each("id-number", [number_of(n) for n in numbers])
    assert found == {number_of(n): stream(f"person {n}") for n in numbers}
    assert set(under(owner)) == {2}


# --- files


def test_a_key_file_is_noticed_when_it_comes_and_when_it_goes(tmp_path: Path) -> None:
    here, there = KeyFiles(tmp_path / "kek", "kek"), KeyFiles(tmp_path / "kek", "kek")
    for version in range(2, 30):
        made = there.make(version)
        assert here.current() == (version, made)
        there.discard(version - 1)
        assert here.versions() == [version]
    assert [path.name for path in tmp_path.iterdir()] == ["kek-29.key"]


def test_a_swept_away_directory_does_not_stop_who_has_read_it(tmp_path: Path) -> None:
    files = KeyFiles(tmp_path / "keys" / "kek", "kek")
    key = files.current()
    (tmp_path / "keys" / "kek-1.key").unlink()
    assert files.current() == key
    (tmp_path / "keys").rmdir()
    assert files.current() == key


def test_fingerprints_tell_a_foreign_key_of_a_later_version(
    store: LaneStore, keys: Keys, kek: KeyFiles, tmp_path: Path
) -> None:
    rotation.next_kek(keys, kek)
    (tmp_path / "keys" / "kek-2.key").write_bytes(bytes(32))
    with pytest.raises(errors.WrongKey):
        check(keys, KeyFiles(tmp_path / "keys" / "kek", "kek"))
