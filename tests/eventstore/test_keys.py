"""Sealing, revealing, erasing; nothing personal in clear anywhere."""

from __future__ import annotations

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from uuid import UUID

import psycopg
import pytest

from domain.values.private import Private
from eventstore import errors
from eventstore.appending.append_types import IndexEntry, StreamAppend
from eventstore.events.envelope import enclose
from eventstore.keys.keys import ERASED, KeyRing
from eventstore.postgres.pools import open_pool
from eventstore.store import LaneStore
from tests.database import Databases
from tests.eventstore.samples import Joined, Person
from tests.eventstore.stores import META, append, command, opened, stream

Admin = psycopg.Connection[tuple[object, ...]]

SECRETS = ("于某某", "990101197304120013", "13900001111")
NUMBER = SECRETS[1]
A1, A2 = stream("person 1"), stream("person 2")


def joined() -> Joined:
    """A family of two: one with name and number, one with a name; and a phone of the household."""
    return Joined(
        date(2026, 3, 2),
        (
            Person(A1, Private(A1, "name", SECRETS[0]), Private(A1, "id-number", NUMBER)),
            Person(A2, Private(A2, "name", "于小某")),
        ),
        Private(stream(1), "phone", SECRETS[2]),
    )


def written_down(owner: Admin) -> list[tuple[object, ...]]:
    return owner.execute(
        "SELECT subject, actor, organ, purpose, fields FROM es_access ORDER BY at"
    ).fetchall()


def test_private_values_come_back_through_reveal_only(store: LaneStore, owner: Admin) -> None:
    append(store, command(1), stream(1), 0, [joined()])
    (event,) = store.load(stream(1)).events
    assert isinstance(event, Joined)
    first, second = event.members
    assert event == joined()
    assert first.name.value is None
    assert SECRETS[0] not in repr(event)
    assert written_down(owner) == []
    privates = [first.name, first.number, second.name, second.number, event.phone]
    clear = store.keys.reveal(
        privates, purpose="入户调查", actor="w1", subject=stream(1), organ="990101/township"
    )
    assert clear == [SECRETS[0], NUMBER, "于小某", None, SECRETS[2]]
    fields = ["id-number", "name", "phone"]
    assert written_down(owner) == [(stream(1), "w1", "990101/township", "入户调查", fields)]


def test_a_page_of_households_is_one_record_each(store: LaneStore, owner: Admin) -> None:
    append(store, command(1), stream(1), 0, [joined()])
    (event,) = store.load(stream(1)).events
    assert isinstance(event, Joined)
    groups: list[tuple[UUID, list[Private[str] | None]]] = [
        (stream(1), [event.phone]),
        (stream(2), [event.members[0].name]),
        (stream(3), [None]),
    ]
    clear = store.keys.reveal_many(groups, purpose="列表", actor="w1")
    assert clear == [[SECRETS[2]], [SECRETS[0]], [None]]
    assert {row[0] for row in written_down(owner)} == {stream(1), stream(2)}


def test_nothing_is_revealed_that_cannot_be_written_down(
    store: LaneStore, databases: Databases, tmp_path: Path, owner: Admin
) -> None:
    append(store, command(1), stream(1), 0, [joined()])
    (event,) = store.load(stream(1)).events
    assert isinstance(event, Joined)
    with open_pool(databases.keyring) as pool:
        silent = KeyRing.in_directory(pool, tmp_path / "keys")
        with pytest.raises(errors.BadCall):
            silent.reveal([event.phone], purpose="x", actor="w1", subject=stream(1))
    with pytest.raises(errors.BadCall):
        store.keys.reveal([event.phone], purpose="", actor="w1", subject=stream(1))
    owner.execute("REVOKE EXECUTE ON FUNCTION es_record_access FROM hulian_app")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        store.keys.reveal([event.phone], purpose="x", actor="w1", subject=stream(1))


def test_nothing_personal_stands_in_clear_in_any_table(
    store: LaneStore, databases: Databases, owner: Admin
) -> None:
    entries = [IndexEntry("id-number", NUMBER, A1), IndexEntry("name", SECRETS[0], A1)]
    append(store, command(1), stream(1), 0, [joined()], index=entries)
    (event,) = store.load(stream(1)).events
    assert isinstance(event, Joined)
    store.keys.reveal([event.phone], purpose="x", actor="w1", subject=stream(1))
    seen, control = 0, 0
    for address in (databases.store, databases.keys):
        with psycopg.connect(address) as connection:
            columns = connection.execute(
                "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public'"
            ).fetchall()
            for table, column in columns:
                rows = connection.execute(
                    f'SELECT "{column}"::text, CASE WHEN pg_typeof("{column}")::text = \'bytea\''
                    f' THEN encode("{column}"::text::bytea, \'escape\') END FROM "{table}"'.encode()
                ).fetchall()
                for texts in rows:
                    for text in texts:
                        seen += 1
                        control += b"990101/township".hex() in (text or "")
                        for secret in SECRETS:
                            assert secret not in (text or ""), (table, column)
                            assert secret.encode().hex() not in (text or ""), (table, column)
    # the search sees what is not secret, inside bytes too
    assert seen > 100
    assert control > 0


def test_an_erased_owner_reads_as_erased_and_everything_still_loads(store: LaneStore, owner: Admin) -> None:
    append(store, command(1), stream(1), 0, [joined()], index=[IndexEntry("id-number", NUMBER, A1)])
    store.erase(A1)
    store.erase(A1)
    (event,) = store.load(stream(1)).events
    assert isinstance(event, Joined)
    assert event == joined()
    privates = [event.members[0].name, event.members[0].number, event.members[1].name, event.phone]
    clear = store.keys.reveal(privates, purpose="x", actor="w1", subject=stream(1))
    assert clear == [ERASED, ERASED, "于小某", SECRETS[2]]
    assert store.keys.open(A1, "name", event.members[0].name.token or b"") is None
    assert store.find("id-number", NUMBER) is None


def test_for_an_erased_owner_nothing_is_sealed(store: LaneStore, owner: Admin, databases: Databases) -> None:
    append(store, command(1), stream(1), 0, [joined()])
    store.erase(A2)
    with pytest.raises(errors.OwnerErased):
        append(store, command(2), stream(1), 1, [joined()])
    assert store.load(stream(1)).version == 1
    store.erase(stream("never heard of"))
    with pytest.raises(errors.OwnerErased):
        store.keys.seal(stream("never heard of"), "name", b"x")
    with psycopg.connect(databases.keys) as connection:
        left = connection.execute("SELECT count(*) FROM key_data WHERE wrapped IS NOT NULL").fetchone()
    assert left == (2,)


def test_a_key_destroyed_elsewhere_is_forgotten_here(databases: Databases, tmp_path: Path) -> None:
    with (
        opened(databases, tmp_path / "keys", fresh_for=0.0) as here,
        opened(databases, tmp_path / "keys") as there,
    ):
        append(here, command(1), stream(1), 0, [joined()])
        (event,) = here.load(stream(1)).events
        assert isinstance(event, Joined)
        there.erase(A1)
        clear = here.keys.reveal([event.members[0].name], purpose="x", actor="w1", subject=stream(1))
        assert clear == [ERASED]


def test_a_stored_value_goes_along_with_its_token(store: LaneStore) -> None:
    append(store, command(1), stream(1), 0, [joined()])
    (event,) = store.load(stream(1)).events
    assert isinstance(event, Joined)
    moved = Joined(date(2026, 4, 1), event.members, Private(stream(2), "phone", "010"))
    append(store, command(2), stream(2), 0, [moved])
    (arrived,) = store.load(stream(2)).events
    assert isinstance(arrived, Joined)
    assert arrived.members[0].name.token == event.members[0].name.token
    clear = store.keys.reveal(
        [arrived.members[0].name, arrived.phone], purpose="x", actor="w1", subject=stream(2)
    )
    assert clear == [SECRETS[0], "010"]


@pytest.mark.parametrize("change", ["owner", "kind", "ciphertext", "algorithm", "version", "short"])
def test_a_token_that_was_moved_or_touched_is_a_wrong_key(store: LaneStore, change: str) -> None:
    token = store.keys.seal(A1, "name", b"x")
    store.keys.seal(A2, "name", b"x")
    owner, kind = A2 if change == "owner" else A1, "phone" if change == "kind" else "name"
    touched = {
        "ciphertext": token[:-1] + bytes([token[-1] ^ 1]),
        "algorithm": b"\x09" + token[1:],
        "version": token[:1] + (7).to_bytes(4) + token[5:],
        "short": token[:9],
    }.get(change, token)
    with pytest.raises(errors.WrongKey):
        store.keys.open(owner, kind, touched)
    assert store.keys.open(A1, "name", token) == b"x"


def test_two_seals_of_one_value_differ(store: LaneStore) -> None:
    assert store.keys.seal(A1, "name", b"x") != store.keys.seal(A1, "name", b"x")


def test_keys_of_another_system_are_noticed_at_start(databases: Databases, tmp_path: Path) -> None:
    with (
        opened(databases, tmp_path / "keys"),
        pytest.raises(errors.WrongKey),
        opened(databases, tmp_path / "other"),
    ):
        pass


def test_a_key_that_does_not_unwrap_is_a_wrong_key(store: LaneStore, databases: Databases) -> None:
    token = store.keys.seal(A1, "name", b"x")
    with psycopg.connect(databases.keys) as connection:
        connection.execute("UPDATE key_data SET wrapped = decode(repeat('00', 40), 'hex')")
    store.keys._cache.clear()
    with pytest.raises(errors.WrongKey):
        store.keys.open(A1, "name", token)


def test_keys_outside_are_files_of_their_owner_only(store: LaneStore, tmp_path: Path) -> None:
    files = sorted((tmp_path / "keys").iterdir())
    assert [file.name for file in files] == ["index-1.key", "kek-1.key", "request-1.key"]
    assert all(stat.S_IMODE(file.stat().st_mode) == 0o600 and len(file.read_bytes()) == 32 for file in files)
    assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o700


def test_several_first_starts_and_first_seals_agree_on_the_keys(databases: Databases, tmp_path: Path) -> None:
    def work(n: int) -> bytes:
        with opened(databases, tmp_path / "keys", size=2) as store:
            return store.keys.seal(A1, "name", str(n).encode())

    with ThreadPoolExecutor(8) as pool:
        tokens = list(pool.map(work, range(8)))
    with opened(databases, tmp_path / "keys") as store:
        assert [store.keys.open(A1, "name", token) for token in tokens] == [b"%d" % n for n in range(8)]


def test_keys_are_there_before_the_append(store: LaneStore, databases: Databases) -> None:
    append(store, command(1), stream(9), 0, [joined()])
    envelopes = enclose(command(2).id, stream(9), 0, [joined_of(stream("new"))], META)
    with pytest.raises(errors.VersionConflict):
        store.append(command(2), [StreamAppend(stream(9), "household", 0, envelopes)])
    with psycopg.connect(databases.keys) as connection:
        orphan = connection.execute("SELECT FROM key_data WHERE owner = %s", [stream("new")]).fetchone()
    assert orphan is not None


def joined_of(person: UUID) -> Joined:
    return Joined(date(2026, 3, 2), (Person(person, Private(person, "name", "某")),))


def test_the_blind_index_finds_after_normalising(store: LaneStore) -> None:
    entries = [IndexEntry("id-number", "99010119730412001x", A1), IndexEntry("name", "于某", A1)]
    append(store, command(1), stream(1), 0, [joined()], index=entries)
    append(store, command(2), stream(2), 0, [joined()], index=[IndexEntry("name", "于某", A2)])
    assert store.find("id-number", "９９０１０１１９７３０４１２００１Ｘ") == A1
    assert store.find("account", "99010119730412001x") is None
    assert store.find("name", "于某") is None
    assert set(store.find_all("name", "于某")) == {A1, A2}
    assert store.find("name", "无此人") is None


def test_request_hashes_tell_nothing_without_the_key(databases: Databases, tmp_path: Path) -> None:
    with opened(databases, tmp_path / "keys") as store:
        told = store.keys.request_hash(NUMBER.encode())
        assert told == store.keys.request_hash(NUMBER.encode())
        assert len(told) == 32
        assert told != store.keys.request_hash(b"")
    os.unlink(tmp_path / "keys" / "request-1.key")
    with psycopg.connect(databases.keys) as connection:
        connection.execute("DELETE FROM key_check WHERE purpose = 'request'")
    with opened(databases, tmp_path / "keys") as store:
        assert told != store.keys.request_hash(NUMBER.encode())
