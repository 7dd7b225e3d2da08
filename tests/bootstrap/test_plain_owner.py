"""An owner without superuser rights migrates, backs up and restores, and everything belongs to our roles."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import pytest

from bootstrap.addresses import Addresses
from bootstrap.cli.backup.command import BackupRequest, backup
from bootstrap.cli.restore.command import RestoreRequest, restore
from bootstrap.server.embedded import EmbeddedPostgres
from bootstrap.settings import Settings, load_settings
from bootstrap.wiring import adopt, database, migrated, migrated_installation
from domain.members.registration import NewMember, RegisterHousehold
from migrations.roles import ROLES
from migrations.runner import RolesForbidden
from tests.installations import told

OWNER = "plain"
OWNERS = """
SELECT 'relation', relowner::regrole::text, relname::text FROM pg_class
WHERE relnamespace::regnamespace::text !~ '^(pg_|information_schema)' AND relkind IN ('r', 'v')
UNION ALL SELECT 'function', proowner::regrole::text, proname::text FROM pg_proc
WHERE pronamespace::regnamespace::text !~ '^(pg_|information_schema)'
UNION ALL SELECT 'schema', nspowner::regrole::text, nspname::text FROM pg_namespace
WHERE nspname !~ '^(pg_|information_schema|public)'
"""


@dataclass(frozen=True)
class Machine:
    """A server on which the owner may do what `rights` says, and no more."""

    server: EmbeddedPostgres
    directory: Path

    def settings(self, stem: str) -> Settings:
        """An installation on a pair of databases of the owner's, made when they are not there."""
        for name in (stem, f"{stem}_keys"):
            self.do(f"CREATE DATABASE {name} OWNER {OWNER}")
        store, keys = (self.server.uri(name, user=OWNER) for name in (stem, f"{stem}_keys"))
        return load_settings(home=self.directory / stem, database_url=store, keys_url=keys)

    def do(self, statement: str) -> None:
        with psycopg.connect(self.server.uri("postgres"), autocommit=True) as connection:
            connection.execute(statement.encode())


@contextmanager
def machine(rights: str) -> Iterator[Machine]:
    with tempfile.TemporaryDirectory(prefix="hulian-plain-") as directory:
        place = Path(directory)
        place.chmod(0o711)
        server = EmbeddedPostgres(place / "postgres", {"fsync": "off"})
        server.start()
        try:
            made = Machine(server, place)
            made.do(f"CREATE ROLE {OWNER} LOGIN NOSUPERUSER {rights}")
            yield made
        finally:
            server.destroy()


def owners(url: str) -> list[Any]:
    with psycopg.connect(url) as connection:
        return connection.execute(OWNERS.encode()).fetchall()


def all_is_ours(where: Addresses) -> None:
    for url in (where.store_owner, where.keys_owner):
        found = owners(url)
        assert found
        assert [each for each in found if each[1] not in ROLES] == []


def registered(settings: Settings, where: Addresses, n: int) -> None:
    command = RegisterHousehold(date(2026, 3, 2), "370786101215", (NewMember("A1", f"于福{n}", "head"),))
    with migrated_installation(where, settings.key_directory) as installation:
        told(installation, [("370786101/township", command)], name=f"register {n}")
        installation.caught_up()


def test_an_owner_that_may_make_roles_migrates_backs_up_restores_and_migrates_again() -> None:
    with machine("NOCREATEDB CREATEROLE") as here:
        settings = here.settings("hulian")
        with database(settings) as where:
            assert len(migrated(where)) > 5
            adopt(where, settings.key_directory, date(2026, 11, 20))
            registered(settings, where, 0)
            all_is_ours(where)
            assert migrated(where) == []
        backups = here.directory / "backups"
        wish = BackupRequest(backups / "store", backups / "keys", backups / "files")
        name = backup(settings, wish)
        again = here.settings("again")
        restore(
            again,
            RestoreRequest(
                backups / "store" / name / "store.dump",
                backups / "keys" / name / "keys.dump",
                backups / "files" / name,
                verify_all=True,
            ),
        )
        with database(again) as there:
            all_is_ours(there)
            assert migrated(there) == []
            registered(again, there, 1)
            assert sorted(owners(there.store_owner)) == sorted(owners(where.store_owner))


def test_an_owner_that_may_not_make_roles_is_told_what_to_have_done_and_then_migrates() -> None:
    with machine("NOCREATEDB NOCREATEROLE") as here:
        settings = here.settings("hulian")
        with database(settings) as where:
            with pytest.raises(RolesForbidden) as refused:
                migrated(where)
            sentence = str(refused.value)
            assert "请由数据库管理员执行一次" in sentence
            assert sentence.endswith("[roles-forbidden]")
            statements = sentence.partition("执行一次：")[2].removesuffix(" [roles-forbidden]")
            here.do(statements)
            assert len(migrated(where)) > 5
            assert migrated(where) == []
            all_is_ours(where)
