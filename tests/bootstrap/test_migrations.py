"""The migration runner: each file once, whole or not at all, whoever else starts at the same time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from migrations.runner import (
    DatabaseNewer,
    MigrationEdited,
    MigrationEndsTransaction,
    MigrationFailed,
    MigrationFault,
    MigrationFolderMissing,
    MigrationMisnumbered,
    migrate,
    migrations_of,
    pending,
)
from tests.database import Databases, TestServer


@pytest.fixture
def empty(server: TestServer) -> Iterator[str]:
    with server.empty_database() as uri:
        yield uri


def folder(path: Path, **files: str) -> Path:
    """A folder of migrations: `_0001_one="create …"` becomes `0001_one.sql`."""
    path.mkdir(exist_ok=True)
    for name, text in files.items():
        (path / f"{name.removeprefix('_')}.sql").write_text(text, "utf-8")
    return path


def tables(uri: str) -> set[str]:
    with psycopg.connect(uri) as connection:
        found = connection.execute("select tablename from pg_tables where schemaname = 'public'").fetchall()
    return {name for (name,) in found} - {"hulian_migration"}


def applied(uri: str) -> list[int]:
    with psycopg.connect(uri) as connection:
        return [
            number
            for (number,) in connection.execute(
                "select number from hulian_migration order by number"
            ).fetchall()
        ]


@pytest.fixture
def two(tmp_path: Path) -> Path:
    return folder(
        tmp_path / "two", _0001_one="create table one (a int);", _0002_two="create table two (b int);"
    )


def test_files_are_applied_in_order_and_only_once(empty: str, two: Path) -> None:
    assert pending(empty, two) == [1, 2]
    assert migrate(empty, two) == [1, 2]
    assert tables(empty) == {"one", "two"}
    assert migrate(empty, two) == []
    assert pending(empty, two) == []


def test_a_later_file_is_applied_alone(empty: str, two: Path) -> None:
    migrate(empty, two)
    folder(two, _0003_three="create table three (c int);")
    assert pending(empty, two) == [3]
    assert migrate(empty, two) == [3]


def test_an_edited_file_is_refused_and_nothing_is_applied(empty: str, two: Path) -> None:
    migrate(empty, two)
    folder(two, _0002_two="create table two (b bigint);", _0003_three="create table three (c int);")
    with pytest.raises(MigrationEdited, match=r"0002_two\.sql.*\[migration-edited\]"):
        migrate(empty, two)
    with pytest.raises(MigrationEdited):
        pending(empty, two)
    assert tables(empty) == {"one", "two"}


def test_other_line_ends_are_not_an_edit(empty: str, tmp_path: Path) -> None:
    place = folder(tmp_path / "one", _0001_one="create table one (\n a int\n);\n")
    migrate(empty, place)
    (place / "0001_one.sql").write_bytes(b"create table one (\r\n a int\r\n);\r\n")
    assert migrate(empty, place) == []


def test_a_newer_database_is_refused(empty: str, two: Path) -> None:
    migrate(empty, two)
    (two / "0002_two.sql").unlink()
    with pytest.raises(DatabaseNewer, match=r"0002_two.*\[database-newer\]"):
        migrate(empty, two)
    with pytest.raises(DatabaseNewer):
        pending(empty, two)


@pytest.mark.parametrize(
    ("files", "fault"),
    [
        ({"_0001_one": "select 1;", "_0003_three": "select 3;"}, MigrationMisnumbered),
        ({"_0002_two": "select 2;"}, MigrationMisnumbered),
        ({"_0001_one": "select 1;", "_0001_other": "select 1;"}, MigrationMisnumbered),
        ({"_0001_one": "select 1;", "_2_two": "select 2;"}, MigrationMisnumbered),
        ({"_0001_one": "create table one (a int);\nCOMMIT;\nselect 1;"}, MigrationEndsTransaction),
    ],
    ids=["gap", "first-missing", "number-twice", "name", "commit"],
)
def test_a_wrong_folder_is_refused_before_anything_is_written(
    empty: str, tmp_path: Path, files: dict[str, str], fault: type[MigrationFault]
) -> None:
    with pytest.raises(fault):
        migrate(empty, folder(tmp_path / "wrong", **files))
    with psycopg.connect(empty) as connection:
        assert connection.execute("select to_regclass('hulian_migration')").fetchone() == (None,)


def test_an_unknown_folder_is_refused() -> None:
    with pytest.raises(MigrationFolderMissing):
        migrations_of("nowhere")


def test_a_failing_file_leaves_nothing_and_stops_the_rest(empty: str, tmp_path: Path) -> None:
    place = folder(
        tmp_path / "failing",
        _0001_one="create table one (a int);",
        _0002_two="create table two (b int);\nselect no_such_column from two;",
        _0003_three="create table three (c int);",
    )
    with pytest.raises(MigrationFailed, match=r"0002_two\.sql.*no_such_column"):
        migrate(empty, place)
    assert tables(empty) == {"one"}
    assert applied(empty) == [1]
    folder(place, _0002_two="create table two (b int);")
    assert migrate(empty, place) == [2, 3]


def test_of_concurrent_starters_one_applies_and_the_others_wait(empty: str, tmp_path: Path) -> None:
    place = folder(
        tmp_path / "slow",
        _0001_one="create table one (a int);\nselect pg_sleep(0.3);",
        _0002_two="create table two (b int);\nselect pg_sleep(0.1);",
    )
    with ThreadPoolExecutor(6) as starters:
        answers = list(starters.map(lambda _: migrate(empty, place), range(6)))
    assert sorted(number for answer in answers for number in answer) == [1, 2]
    assert tables(empty) == {"one", "two"}


def test_a_starter_that_dies_midway_leaves_the_file_to_the_next(empty: str, tmp_path: Path) -> None:
    place = folder(
        tmp_path / "dying",
        _0001_one="create table one (a int);\n"
        "select pg_sleep(case when to_regclass('slow') is null then 0 else 60 end);",
    )
    sleeping = (
        "select pid from pg_stat_activity where wait_event = 'PgSleep' and datname = current_database()"
    )
    with psycopg.connect(empty, autocommit=True) as connection, ThreadPoolExecutor(2) as starters:
        connection.execute("create table slow ()")
        dying = starters.submit(migrate, empty, place)
        while (found := connection.execute(sleeping).fetchone()) is None:
            time.sleep(0.01)
        waiting = starters.submit(migrate, empty, place)
        blocked = (
            "select 1 from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"
        )
        while connection.execute(blocked).fetchone() is None:
            time.sleep(0.01)
        connection.execute("drop table slow")
        connection.execute("select pg_terminate_backend(%s)", [found[0]])
        with pytest.raises(MigrationFailed):
            dying.result()
        assert waiting.result() == [1]
    assert tables(empty) == {"one"}


def test_a_marked_file_runs_outside_a_transaction_also_with_several_starters(
    empty: str, tmp_path: Path
) -> None:
    place = folder(
        tmp_path / "marked",
        _0001_one="create table one (a int);\ninsert into one select generate_series(1, 1000);",
        _0002_index="-- no-transaction\n"
        "drop index concurrently if exists one_a;\n"
        "-- a comment; with a semicolon\n"
        "create index concurrently one_a on one (a);\n",
        _0003_three="create table three (c int);",
    )
    with ThreadPoolExecutor(4) as starters:
        answers = list(starters.map(lambda _: migrate(empty, place), range(4)))
    assert sorted(number for answer in answers for number in answer) == [1, 2, 3]
    with psycopg.connect(empty) as connection:
        valid = "select indisvalid from pg_index where indexrelid = 'one_a'::regclass"
        assert connection.execute(valid).fetchone() == (True,)


def test_a_marked_file_that_fails_is_tried_again_whole(empty: str, tmp_path: Path) -> None:
    place = folder(
        tmp_path / "marked",
        _0001_two="-- no-transaction\ncreate table if not exists kept (a int);\nselect * from missing;\n",
    )
    with pytest.raises(MigrationFailed, match="可能已部分生效"):
        migrate(empty, place)
    assert applied(empty) == []
    assert tables(empty) == {"kept"}
    with psycopg.connect(empty) as connection:
        connection.execute("create table missing (); alter table missing owner to hulian_owner")
    assert migrate(empty, place) == [1]


def test_what_ships_is_applied_in_the_template_and_visible_to_every_role(databases: Databases) -> None:
    assert pending(databases.store, "store") == []
    assert pending(databases.keys, "keys") == []
    assert pending(databases.app, "store") == []
    assert pending(databases.reader, "store") == []


def test_each_address_of_a_pair_stands_for_its_role(databases: Databases) -> None:
    expected = {
        databases.owner: "hulian_owner",
        databases.app: "hulian_app",
        databases.reader: "hulian_reader",
        databases.sealer: "hulian_sealer",
        databases.keyring: "hulian_keys",
    }
    for uri, role in expected.items():
        with psycopg.connect(uri) as connection:
            assert connection.execute("select current_user").fetchone() == (role,)
