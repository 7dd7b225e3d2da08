"""The wiring: who connects as whom, and what a store is founded with."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import psycopg
import pytest

from bootstrap.server.embedded import EmbeddedPostgres
from bootstrap.settings import load_settings
from bootstrap.wiring import adopt, database, migrated, migrated_installation, opened
from domain.members.registration import NewMember, RegisterHousehold
from eventstore.events.digest import digest
from tests.database import Databases
from tests.installations import addresses_of, told

SHA_256, SM3 = 1, 2


@pytest.fixture
def home() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="hulian-wiring-") as directory:
        yield Path(directory) / "home"
        EmbeddedPostgres(Path(directory) / "home" / "postgres").destroy()


def test_on_the_embedded_server_the_application_is_not_the_superuser_in_disguise(home: Path) -> None:
    settings = load_settings(home=home)
    with (
        database(settings) as where,
        migrated_installation(where, settings.key_directory) as installation,
        installation.pool.connection() as connection,
    ):
        connection.execute("RESET ROLE")
        assert connection.execute("SELECT session_user::text").fetchone() == ("hulian_app",)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("DELETE FROM es_event")


def test_a_store_is_founded_with_sm3_when_told_and_keeps_it(databases: Databases, tmp_path: Path) -> None:
    where = replace(addresses_of(databases), digest="sm3")
    migrated(where)
    adopt(where, tmp_path, date(2026, 11, 20))
    members = (NewMember("A1", "于某", "head", "990101197304120013"),)
    township = "370786101/township"
    command = RegisterHousehold(date(2021, 7, 1), "370786101215", members)
    with opened(where, tmp_path) as installation:
        (answer,) = told(installation, [(township, command)])
        for row in installation.store.load(answer.household).rows:
            fields = (row.event_id.bytes, row.originator_id.bytes, row.originator_version, row.name)
            rest = (row.effective_on, row.meta_bytes, row.data, row.private)
            assert row.digest == digest(SM3, *fields, *rest)
            assert row.digest != digest(SHA_256, *fields, *rest)
    migrated(replace(where, digest="sha256"))
    with psycopg.connect(databases.store) as connection:
        assert connection.execute("SELECT digest_algorithm FROM es_meta").fetchone() == (2,)


def test_a_store_with_events_does_not_change_its_digest(databases: Databases, tmp_path: Path) -> None:
    where = addresses_of(databases)
    migrated(where)
    adopt(where, tmp_path, date(2026, 11, 20))
    migrated(replace(where, digest="sm3"))
    with psycopg.connect(databases.store) as connection:
        assert connection.execute("SELECT digest_algorithm FROM es_meta").fetchone() == (1,)
