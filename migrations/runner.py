"""Numbered plain SQL files applied once each, upward only (数据库结构升级)."""

from __future__ import annotations

import hashlib
import importlib.resources
import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources.abc import Traversable
from typing import ClassVar

import psycopg
from psycopg import errors

from migrations.roles import OWNER, NotAllowed, make_roles

NAME = re.compile(r"(\d{4})_[a-z0-9]+(?:[-_][a-z0-9]+)*\.sql")
NO_TRANSACTION = "-- no-transaction"
ENDS_TRANSACTION = re.compile(
    r"^\s*(commit|rollback|abort|begin|start\s+transaction)(\s+(work|transaction))?\s*;",
    re.IGNORECASE | re.MULTILINE,
)

TABLE = """
create table if not exists public.hulian_migration (
    number integer primary key,
    name text not null,
    sha256 text not null,
    applied_at timestamptz not null default clock_timestamp()
)
"""
TAKE = "insert into public.hulian_migration (number, name, sha256, applied_at) values (%s, %s, %s, %s)"
NOW = "select clock_timestamp()"
OWNS = (
    "select pg_has_role(current_user, datdba, 'member') from pg_database where datname = current_database()"
)
OF_BEFORE = "select coalesce(to_regproc('public.es_append_one'), to_regproc('public.es_append_bulk'))::text"
"""A function that only stores of before the first release have."""


class MigrationFault(RuntimeError):
    """The schema cannot be brought up to date; `code` is stable, the sentence is for people."""

    code: ClassVar[str] = "migration"

    def __init__(self, sentence: str) -> None:
        super().__init__(f"{sentence} [{self.code}]")


class MigrationFolderMissing(MigrationFault):
    """There is no folder of that name in the package."""

    code = "migration-folder-missing"


class MigrationMisnumbered(MigrationFault):
    """The files are not numbered 1..n, each number once."""

    code = "migration-misnumbered"


class MigrationEdited(MigrationFault):
    """A file that was applied has another content now."""

    code = "migration-edited"


class SchemaTooOld(MigrationFault):
    """The database was made by a program of before the first release; nothing leads from there to here."""

    code = "schema-too-old"

    def __init__(self) -> None:
        super().__init__(
            "该库由 0.2.0 以前的程序建立，其结构不能升级（0.2.0 以前没有正式发布）。请另建一对空库，对新库执行"
            " hulian migrate，再用原来的脚本（hulian run）和登记表（hulian import register）重新录入。"
        )


class DatabaseNewer(MigrationFault):
    """The database knows migrations that this program does not."""

    code = "database-newer"


class MigrationFailed(MigrationFault):
    """PostgreSQL refused a file; nothing of it was kept, unless it is marked `-- no-transaction`."""

    code = "migration-failed"


class MigrationForbidden(MigrationFault):
    """The login may not change the schema: it is the application's, not the owner's."""

    code = "migration-forbidden"


class RolesForbidden(MigrationFault):
    """The roles of the store are missing, or the owner's login does not belong to them, and it may not mend that."""

    code = "roles-forbidden"


class MigrationEndsTransaction(MigrationFault):
    """A file contains BEGIN, COMMIT or ROLLBACK of its own."""

    code = "migration-ends-transaction"


@dataclass(frozen=True, slots=True)
class Migration:
    """One file: its number, name, text, and the SHA-256 of that text (line ends as LF)."""

    number: int
    name: str
    text: str
    sha256: str

    @property
    def in_transaction(self) -> bool:
        """False for a file whose first line says `-- no-transaction` (CREATE INDEX CONCURRENTLY and the like)."""
        return self.text.split("\n", 1)[0].strip() != NO_TRANSACTION


def migrations_of(folder: str | Traversable) -> list[Migration]:
    """The files `0001_name.sql` of a folder of this package, or of any folder given, in order.

    Raises `MigrationFolderMissing`, `MigrationMisnumbered` or `MigrationEndsTransaction`.
    """
    place = importlib.resources.files("migrations").joinpath(folder) if isinstance(folder, str) else folder
    if not place.is_dir():
        raise MigrationFolderMissing(f"没有名为 {folder} 的迁移目录。")
    found = []
    for file in sorted(
        (file for file in place.iterdir() if file.name.endswith(".sql")), key=lambda file: file.name
    ):
        named = NAME.fullmatch(file.name)
        if named is None:
            raise MigrationMisnumbered(f"迁移文件 {file.name} 的名称不对,应为 0001_name.sql 的形式。")
        text = file.read_text("utf-8").replace("\r\n", "\n")
        if ENDS_TRANSACTION.search(text):
            raise MigrationEndsTransaction(
                f"迁移文件 {file.name} 自己开始或结束事务,请去掉 BEGIN/COMMIT/ROLLBACK。"
            )
        found.append(Migration(int(named[1]), file.name, text, hashlib.sha256(text.encode()).hexdigest()))
    for number, migration in enumerate(found, start=1):
        if migration.number != number:
            raise MigrationMisnumbered(
                f"迁移文件须从 0001 起连号、不重号;第 {number} 个文件却是 {migration.name}。"
            )
    return found


def migrate(conninfo: str, folder: str | Traversable) -> list[int]:
    """Apply what is missing and answer its numbers; any number of starters at once apply each file once.

    `folder` is `store` or `keys`. The roles are made first; what a file makes belongs to `hulian_owner`. Raises a
    `MigrationFault`.
    """
    files = migrations_of(folder)
    applied = []
    with psycopg.connect(conninfo, autocommit=True) as connection:
        missing = _missing(connection, files)
        if not missing:
            return []
        _put_on_owner(
            connection,
            files[missing[0] - 1],
            schemas=(folder if isinstance(folder, str) else folder.name) == "store",
        )
        _make_table(connection)
        _compare(connection, files)
        for migration in files:
            apply = _apply if migration.in_transaction else _apply_without_transaction
            try:
                if apply(connection, conninfo, migration):
                    applied.append(migration.number)
            except errors.InsufficientPrivilege:
                raise _forbidden(migration) from None
        _compare(connection, files)
    return applied


def pending(conninfo: str, folder: str | Traversable) -> list[int]:
    """The numbers not applied yet. Raises `SchemaTooOld`, `MigrationEdited` or `DatabaseNewer`, as `migrate` would."""
    files = migrations_of(folder)
    with psycopg.connect(conninfo, autocommit=True) as connection:
        return _missing(connection, files)


def _missing(connection: psycopg.Connection, files: list[Migration]) -> list[int]:
    if connection.execute(OF_BEFORE).fetchone() != (None,):
        raise SchemaTooOld
    if connection.execute("select to_regclass('public.hulian_migration')").fetchone() == (None,):
        return [migration.number for migration in files]
    return _compare(connection, files)


def _put_on_owner(connection: psycopg.Connection, first: Migration, *, schemas: bool) -> None:
    """Make the roles, and act as the owner of the schema from now on."""
    if connection.execute(OWNS).fetchone() != (True,):
        raise _forbidden(first)
    prepare_roles(connection, schemas=schemas)
    connection.execute(f"set role {OWNER}")


def prepare_roles(connection: psycopg.Connection, *, schemas: bool) -> None:
    """Make the roles and give the login what it needs of them, each in a transaction of its own.

    `schemas`: the application makes schemas of its own in this database. Raises `RolesForbidden`.
    """
    try:
        make_roles(connection, schemas=schemas)
    except NotAllowed as refused:
        raise RolesForbidden(
            f"登录角色 {refused.login} 无权建立本系统的角色，或不属于这些角色。"
            f"请由数据库管理员执行一次：{refused.statements}"
        ) from None


def _forbidden(migration: Migration) -> MigrationForbidden:
    return MigrationForbidden(
        f"结构升级 {migration.name} 尚未执行,而所用的登录角色无权执行。"
        "请以库的所有者执行 hulian migrate(HULIAN_MIGRATIONS_URL、HULIAN_KEYS_MIGRATIONS_URL)。"
    )


def _make_table(connection: psycopg.Connection) -> None:
    if connection.execute("select to_regclass('public.hulian_migration')").fetchone() != (None,):
        return
    try:
        with connection.transaction():
            connection.execute(TABLE)
            connection.execute("grant select on public.hulian_migration to public")
    except (errors.UniqueViolation, errors.DuplicateTable, errors.DuplicateObject, errors.InternalError):
        # somebody else made it in the same instant: `if not exists` does not wait for the catalogue.
        # "tuple concurrently updated" (an internal error) is the same race, lost at the grant
        connection.execute("select from public.hulian_migration")


def _compare(connection: psycopg.Connection, files: list[Migration]) -> list[int]:
    known = connection.execute(
        "select number, name, sha256 from public.hulian_migration order by number"
    ).fetchall()
    applied = {number: sha256 for number, _, sha256 in known}
    if any(number <= len(files) and files[number - 1].name != name for number, name, _ in known):
        raise SchemaTooOld
    for number, name, _ in known:
        if number > len(files):
            raise DatabaseNewer(f"数据库已升级到 {name},本程序只认识到第 {len(files)} 号。请使用新版程序。")
    for migration in files:
        if applied.get(migration.number, migration.sha256) != migration.sha256:
            raise MigrationEdited(
                f"迁移文件 {migration.name} 在执行之后被改动过。请恢复原文件,把改动写成下一个编号的文件。"
            )
    return [migration.number for migration in files if migration.number not in applied]


def _apply(connection: psycopg.Connection, _: str, migration: Migration) -> bool:
    """One file, one transaction. The number goes in first: its primary key makes other starters wait."""
    if _known(connection, migration):
        return False
    with connection.transaction():
        try:
            _take(connection, migration)
        except errors.UniqueViolation:
            raise psycopg.Rollback from None
        try:
            connection.execute(migration.text.encode())
        except psycopg.Error as refused:
            raise _failed(migration, refused) from refused
        return True
    return False


def _apply_without_transaction(connection: psycopg.Connection, conninfo: str, migration: Migration) -> bool:
    """Hold the number open on a second connection while the statements commit one by one on the first.

    Other starters give up waiting every second and try again: CREATE INDEX CONCURRENTLY waits for every older
    snapshot, also for one that waits for us. A start that dies midway runs all statements again.
    """
    while not _known(connection, migration):
        with psycopg.connect(conninfo) as holder:
            holder.execute("set local lock_timeout = '1s'")
            holder.execute("set local idle_in_transaction_session_timeout = 0")
            holder.execute(f"set local role {OWNER}")
            try:
                _take(holder, migration)
            except (errors.LockNotAvailable, errors.UniqueViolation):
                holder.rollback()
                continue
            for statement in _statements(migration.text):
                try:
                    connection.execute(statement.encode())
                except psycopg.Error as refused:
                    raise _failed(migration, refused) from refused
            return True
    return False


def _take(connection: psycopg.Connection, migration: Migration) -> None:
    row = connection.execute(NOW).fetchone()
    assert row is not None
    connection.execute(TAKE, [migration.number, migration.name, migration.sha256, row[0]])


def _known(connection: psycopg.Connection, migration: Migration) -> bool:
    asked = "select 1 from public.hulian_migration where number = %s"
    return connection.execute(asked, [migration.number]).fetchone() is not None


def _statements(text: str) -> Iterator[str]:
    """Statements end with a semicolon at the end of a line; so no function bodies in such a file."""
    for statement in re.split(r";[ \t]*(?:\n|$)", text):
        if re.sub(r"--[^\n]*", "", statement).strip():
            yield statement


def _failed(migration: Migration, refused: psycopg.Error) -> MigrationFailed:
    kept = "本文件未生效" if migration.in_transaction else "本文件可能已部分生效"
    return MigrationFailed(f"迁移文件 {migration.name} 执行失败({kept}):{refused}")
