"""Backed up while people work, restored elsewhere, and equal; keys never beside what they open."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest

from bootstrap.addresses import Addresses
from bootstrap.cli.backup.command import BackupRequest, BackupRunning, KeysBesideStore, _alone, backup
from bootstrap.cli.backup.manifest import NotABackup
from bootstrap.cli.keys.open_keys import open_keys
from bootstrap.cli.keys.rotation import rotate_kek
from bootstrap.cli.restore.command import NotAPair, NotEmpty, RestoreRequest, TooNew, restore
from bootstrap.server.embedded import EmbeddedPostgres
from bootstrap.server.programs import ProgramFailed, ProgramsMissing, program_for, server_major
from bootstrap.settings import Settings, load_settings
from bootstrap.wiring import Installation, database, migrated_installation, opened
from domain.members.registration import NewMember, RegisterHousehold
from eventstore.errors import KeysMissing, WrongKey
from tests.database import Databases, TestServer
from tests.installations import addresses_of, installed, told

TOWNSHIP = "370786101/township"
VILLAGE = "370786101215"
NAME, NUMBER = "于福来", "990101197304120013"


@dataclass(frozen=True)
class Place:
    """An installation on a test's databases, and where its backups go."""

    settings: Settings
    installation: Installation
    directory: Path

    def wish(self) -> BackupRequest:
        return BackupRequest(self.directory / "store", self.directory / "keys", self.directory / "files")

    def backed_up(self) -> RestoreRequest:
        """A backup now, as what to restore."""
        wish = self.wish()
        name = backup(self.settings, wish)
        assert wish.key_files_to is not None
        return RestoreRequest(
            wish.store_to / name / "store.dump", wish.keys_to / name / "keys.dump", wish.key_files_to / name
        )


@pytest.fixture
def place(databases: Databases, tmp_path: Path) -> Iterator[Place]:
    settings = settings_of(databases.store, databases.keys, tmp_path / "home")
    with installed(databases, settings.key_directory) as installation:
        registered(installation, 0)
        yield Place(settings, installation, tmp_path / "backups")


@pytest.fixture
def empty(server: TestServer, tmp_path: Path) -> Iterator[Settings]:
    """An installation of nothing: two empty databases and a data directory that is not there."""
    with server.empty_database() as store, server.empty_database() as keys:
        yield settings_of(store, keys, tmp_path / "elsewhere")


def settings_of(store: str, keys: str, home: Path) -> Settings:
    return load_settings(home=home, database_url=store, keys_url=keys)


def registered(installation: Installation, n: int) -> UUID:
    """A household of one, the first one with a number."""
    member = NewMember("A1", NAME, "head", NUMBER) if n == 0 else NewMember("A1", f"于福{n}", "head")
    (answer,) = told(
        installation,
        [(TOWNSHIP, RegisterHousehold(date(2026, 3, 2), VILLAGE, (member,)))],
        name=f"register {n}",
    )
    return answer.household


def where_of(settings: Settings) -> Addresses:
    assert settings.database_url is not None
    assert settings.keys_url is not None
    return addresses_of(Databases(settings.database_url, settings.keys_url))


def rows(url: str, table: str, order: str) -> list[Any]:
    with psycopg.connect(url) as connection:
        return connection.execute(f"SELECT * FROM {table} ORDER BY {order}".encode()).fetchall()


def tables(url: str) -> int:
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone()
    return int(row[0]) if row else -1


_AROUND = """
WITH thing AS (
    SELECT 'table' AS sort, oid::regclass::text AS name, relowner AS owner, relrowsecurity AS said,
           coalesce(relacl, acldefault('r', relowner)) AS acl
    FROM pg_class
    WHERE relnamespace::regnamespace::text !~ '^(pg_|information_schema)' AND relkind IN ('r', 'v')
    UNION ALL
    SELECT 'function', oid::regprocedure::text, proowner, prosecdef, coalesce(proacl, acldefault('f', proowner))
    FROM pg_proc WHERE pronamespace = 'public'::regnamespace
    UNION ALL
    SELECT 'schema', nspname::text, nspowner, true, coalesce(nspacl, acldefault('n', nspowner))
    FROM pg_namespace WHERE nspname !~ '^pg_'
    UNION ALL
    SELECT 'database', '', datdba, true, coalesce(datacl, acldefault('d', datdba))
    FROM pg_database WHERE datname = current_database())
SELECT t.sort, t.name, t.owner::regrole::text, t.said, a.grantee::regrole::text, a.privilege_type
FROM thing t LEFT JOIN LATERAL aclexplode(t.acl) a ON a.grantee <> t.owner
UNION ALL
SELECT 'member', '', roleid::regrole::text, true, member::regrole::text, '' FROM pg_auth_members
WHERE roleid::regrole::text LIKE 'hulian%' AND member::regrole::text LIKE 'hulian%'
ORDER BY 1, 2, 3, 5, 6
"""


def around(url: str) -> list[Any]:
    """Who may do what with tables, functions, schemas and the database, and who belongs to whom."""
    with psycopg.connect(url) as connection:
        return connection.execute(_AROUND.encode()).fetchall()


def names_of(installation: Installation, household: UUID) -> list[str | None]:
    row = installation.store.load(household).rows
    sealed = [
        private
        for each in row
        for private in installation.store.codec.encode(each.event).privates
        if private.kind == "name"
    ]
    return installation.keys.reveal(sealed, purpose="x", actor="w1", subject=household)


@contextmanager
def another_machine() -> Iterator[Settings]:
    """A data directory with a server of its own, on which none of our roles is."""
    with tempfile.TemporaryDirectory(prefix="hulian-elsewhere-") as directory:
        try:
            yield load_settings(home=Path(directory) / "home")
        finally:
            EmbeddedPostgres(Path(directory) / "home" / "postgres").destroy()


def test_restored_on_another_machine_everything_is_there_and_work_goes_on(place: Place) -> None:
    household = registered(place.installation, 1)
    place.installation.caught_up()
    wish = place.backed_up()
    here = place.installation.addresses
    # the other machine's PostgreSQL comes along: 18 takes in what 15 to 18 wrote
    with another_machine() as other:
        restore(other, replace(wish, verify_all=True))
        with database(other) as there, ExitStack() as stack:
            for url, again in ((here.store, there.store_owner), (here.keys, there.keys_owner)):
                assert around(again) == around(url)
            for table, order in (("es_event", "1, 2"), ("es_command", "1, 2"), ("es_index", "1, 2, 3, 4")):
                before = rows(here.store, table, order)
                assert before
                assert rows(there.store_owner, table, order) == before
            assert rows(there.keys_owner, "key_data", "1, 2, 3") == rows(here.keys, "key_data", "1, 2, 3")
            installation = stack.enter_context(migrated_installation(there, other.key_directory))
            assert names_of(installation, household) == ["于福1"]
            assert installation.store.find("id-number", NUMBER) is not None
            # a command of before is known, a new one is carried out, read models take it in
            assert registered(installation, 1) == household
            fresh = registered(installation, 2)
            assert names_of(installation, fresh) == ["于福2"]
            installation.caught_up()
            with installation.pool.connection() as connection:
                connection.execute("CREATE SCHEMA read_new")
                cards = connection.execute("SELECT household FROM read_card.card").fetchall()
            assert len(cards) == 3
            assert stat.S_IMODE(other.key_directory.stat().st_mode) == 0o700
            modes = {stat.S_IMODE(file.stat().st_mode) for file in other.key_directory.iterdir()}
            assert modes == {0o600}


def test_a_backup_taken_while_people_work_is_of_one_moment_and_all_of_it_opens(
    place: Place, empty: Settings
) -> None:
    stop = threading.Event()
    made: list[int] = []

    def work(thread: int) -> None:
        n = 0
        while not stop.is_set():
            n += 1
            registered(place.installation, 1_000 * (thread + 1) + n)
            made.append(n)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(2)]
    for thread in threads:
        thread.start()
    try:
        while len(made) < 10:
            time.sleep(0.01)
        wish = place.backed_up()
        during = len(made)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    restore(empty, replace(wish, verify_all=True))
    there = where_of(empty)
    events = rows(there.store, "es_event", "1, 2")
    manifest = json.loads(wish.store.with_suffix(".json").read_text())
    assert [sum(event[0] == lane for event in events) for lane in range(256)] == manifest["positions"]
    assert sum(manifest["positions"]) > 10
    assert len(made) > 10
    assert during > 10  # people went on meanwhile
    kept = {event[:2]: event for event in rows(place.installation.addresses.store, "es_event", "1, 2")}
    assert all(kept[event[:2]] == event for event in events)


def test_without_the_key_files_nothing_can_be_read_and_it_says_so(
    place: Place, empty: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    wish = replace(place.backed_up(), key_files=None)
    with pytest.raises(KeysMissing):
        restore(empty, wish)
    assert tables(where_of(empty).store) == 0
    assert tables(where_of(empty).keys) == 0
    restore(empty, replace(wish, without_key_files=True))
    assert "个人信息不能解开" in capsys.readouterr().out
    assert tables(where_of(empty).store) > 10
    assert not empty.key_directory.exists()
    with pytest.raises(KeysMissing), opened(where_of(empty), empty.key_directory):
        pass
    assert not empty.key_directory.exists()
    # other keys do not help either
    empty.key_directory.mkdir(parents=True)
    for purpose in ("kek", "index", "request"):
        (empty.key_directory / f"{purpose}-1.key").write_bytes(os.urandom(32))
    with pytest.raises(WrongKey), opened(where_of(empty), empty.key_directory):
        pass


@pytest.mark.parametrize(
    ("store", "keys", "files"),
    [
        ("a", "a", None),
        ("a", "a/b", None),
        ("a/b", "a", None),
        ("a", "b", "b"),
        ("a", "b", "a/c"),
        ("a", "b", "b/../a"),
        ("a", "link", None),
    ],
)
def test_keys_do_not_lie_beside_what_they_open(
    place: Place, store: str, keys: str, files: str | None
) -> None:
    base = place.directory
    (base / "a").mkdir(parents=True)
    (base / "link").symlink_to(base / "a")
    wish = BackupRequest(base / store, base / keys, base / files if files else None)
    with pytest.raises(KeysBesideStore):
        backup(place.settings, wish)
    assert not list(base.rglob("*.dump"))


def test_what_is_given_apart_has_nothing_of_the_others(place: Place) -> None:
    wish = place.backed_up()
    assert wish.key_files is not None
    assert {path.name for path in wish.store.parent.iterdir()} == {"store.dump", "store.json"}
    assert {path.name for path in wish.keys.parent.iterdir()} == {"keys.dump", "keys.json"}
    files = {path.name for path in (wish.key_files / "keys").iterdir()}
    assert files >= {"kek-1.key", "index-1.key", "request-1.key"}
    kek = (place.settings.key_directory / "kek-1.key").read_bytes()
    with psycopg.connect(place.installation.addresses.keys) as connection:
        (wrapped,) = connection.execute("SELECT wrapped FROM key_data LIMIT 1").fetchone() or (b"",)
    for path in place.directory.rglob("*"):
        if path.is_file():
            assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path
            content = path.read_bytes()
            assert (kek in content) == (path.name == "kek-1.key")
            assert kek.hex().encode() not in content
            assert wrapped not in content  # in keys.dump, compressed


def test_a_backup_killed_midway_is_not_one_and_the_next_sweeps_it_away(place: Place) -> None:
    wish = place.wish()
    slow = place.directory / "programs"
    slow.mkdir(parents=True)
    program, _ = program_for("pg_dump", server_major(place.installation.addresses.store))
    # stops for ever in the middle of a file
    script = f'#!/bin/sh\ncase "$1" in --version) exec {program} --version;; esac\n{program} "$@"; exec sleep 600\n'
    (slow / "pg_dump").write_text(script)
    (slow / "pg_dump").chmod(0o755)
    command = [
        sys.executable,
        "-m",
        "bootstrap",
        "backup",
        str(wish.store_to),
        "--keys-to",
        str(wish.keys_to),
    ]
    told_by = {
        **os.environ,
        "HULIAN_HOME": str(place.settings.home),
        "HULIAN_DATABASE_URL": str(place.settings.database_url),
        "HULIAN_KEYS_URL": str(place.settings.keys_url),
    }
    running = subprocess.Popen([*command, "--programs", str(slow)], env=told_by, start_new_session=True)
    try:
        until = time.monotonic() + 60
        while not any(file.stat().st_size for file in wish.store_to.glob(".partial-*/store.dump")):
            assert time.monotonic() < until
            assert running.poll() is None
            time.sleep(0.05)
        with pytest.raises(BackupRunning):
            backup(place.settings, wish)
    finally:
        os.killpg(running.pid, signal.SIGKILL)
        running.wait()
    (left,) = wish.store_to.glob(".partial-*/store.dump")
    with pytest.raises(NotABackup):
        restore(place.settings, RestoreRequest(left, left))
    assert [path for path in wish.store_to.iterdir() if not path.name.startswith(".")] == []
    name = backup(place.settings, wish)
    assert [path.name for path in wish.store_to.iterdir() if path.name != ".hulian-backup.lock"] == [name]


def test_a_restore_that_broke_off_is_done_again(place: Place, empty: Settings) -> None:
    wish = place.backed_up()
    broken = place.directory / "programs"
    broken.mkdir()
    program, _ = program_for("pg_restore", json.loads(wish.store.with_suffix(".json").read_text())["dumper"])
    script = f'#!/bin/sh\ncase "$*" in *store.dump) echo broken >&2; exit 3;; esac\nexec {program} "$@"\n'
    (broken / "pg_restore").write_text(script)
    (broken / "pg_restore").chmod(0o755)
    with pytest.raises(ProgramFailed, match="broken"):
        restore(empty, replace(wish, programs=broken))
    assert tables(where_of(empty).keys) > 0
    assert tables(where_of(empty).store) == 0
    restore(empty, wish)
    restore(empty, wish)
    with opened(where_of(empty), empty.key_directory) as installation:
        registered(installation, 5)
    # now it is another: nothing goes over it
    with pytest.raises(NotEmpty):
        restore(empty, wish)


def test_only_a_whole_pair_of_the_same_store_is_restored(place: Place, empty: Settings) -> None:
    wish = place.backed_up()
    later = place.backed_up()
    restore_refused(empty, replace(later, keys=wish.keys), NotAPair)  # keys older than the events
    restore_refused(empty, replace(wish, store=wish.keys, keys=wish.store), FileNotFoundError, NotABackup)
    about = json.loads(wish.keys.with_suffix(".json").read_text())
    rewrite(wish.keys, {**about, "store": "another"})
    restore_refused(empty, wish, NotAPair)
    rewrite(wish.keys, {**about, "migrations": [*about["migrations"], [99, "?"]]})
    restore_refused(empty, wish, TooNew)
    rewrite(wish.keys, {**about, "server": 990_000})
    restore_refused(empty, wish, TooNew)
    rewrite(wish.keys, about)
    assert wish.key_files is not None
    kek = wish.key_files / "keys" / "kek-1.key"
    held = kek.read_bytes()
    kek.write_bytes(bytes(32))
    restore_refused(empty, wish, WrongKey)
    kek.write_bytes(held)
    assert tables(where_of(empty).store) == tables(where_of(empty).keys) == 0
    before = rows(place.installation.addresses.store, "es_event", "1, 2")
    registered(place.installation, 1)
    restore_refused(place.settings, wish, NotEmpty)
    assert len(rows(place.installation.addresses.store, "es_event", "1, 2")) > len(before)
    content = bytearray(wish.store.read_bytes())
    content[len(content) // 2] ^= 1
    wish.store.write_bytes(content)
    restore_refused(empty, wish, NotABackup)
    later.store.with_suffix(".json").unlink()
    restore_refused(empty, later, NotABackup)
    assert tables(where_of(empty).store) == 0


def restore_refused(settings: Settings, wish: RestoreRequest, *refusals: type[Exception]) -> None:
    with pytest.raises(refusals):
        restore(settings, wish)


def rewrite(dump: Path, manifest: dict[str, Any]) -> None:
    dump.with_suffix(".json").write_text(json.dumps(manifest))


def test_keys_backed_up_later_than_the_events_serve_too(place: Place, empty: Settings) -> None:
    wish = place.backed_up()
    registered(place.installation, 1)
    with open_keys(place.settings) as kept:
        rotate_kek(kept, quiet=True)
    later = place.backed_up()
    noted = rows(place.installation.addresses.keys, "key_backup", "taken_at")
    names = [each.store.parent.name for each in (wish, later)]
    assert [(row[0], row[2], row[3]) for row in noted] == [(names[0], [1], None), (names[1], [2], None)]
    restore(empty, replace(wish, keys=later.keys, key_files=later.key_files, verify_all=True))
    # the backup that was restored is known too: it was taken before it could be noted in itself
    assert rows(where_of(empty).keys, "key_backup", "taken_at") == noted
    with opened(where_of(empty), empty.key_directory) as installation:
        assert registered(installation, 0) == registered(place.installation, 0)


def test_two_backups_do_not_write_into_one_directory(place: Place) -> None:
    place.wish().keys_to.mkdir(parents=True)
    with _alone(place.wish().keys_to), pytest.raises(BackupRunning):
        backup(place.settings, place.wish())


def test_programs_too_old_for_the_server_are_not_used(tmp_path: Path) -> None:
    (tmp_path / "pg_dump").write_text("#!/bin/sh\necho 'pg_dump (PostgreSQL) 14.3'\n")
    (tmp_path / "pg_dump").chmod(0o755)
    assert program_for("pg_dump", 14, tmp_path)[1] == 14
    with pytest.raises(ProgramsMissing):
        program_for("pg_dump", 15, tmp_path)
