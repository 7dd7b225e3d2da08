"""`hulian restore`: a backup into empty databases, and everything a dump leaves out put back and looked at.

What is restored already is left as it is, so that an interrupted restore is done again by the same command.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import typer
from psycopg import Connection, sql

from bootstrap.addresses import Addresses
from bootstrap.cli.backup import WORDS
from bootstrap.cli.backup_manifest import Kind, NotABackup, keys_content, read_manifest, store_content
from bootstrap.cli.progress import telling
from bootstrap.cli.restore_check import Verified, verify
from bootstrap.server.programs import program_for, run, server_major
from bootstrap.settings import Settings, SettingsFault, as_role
from bootstrap.wiring import database, migrated
from eventstore.errors import KeysMissing, WrongKey
from eventstore.keys.fingerprints import fingerprint
from migrations.runner import migrations_of, prepare_roles

_ANYTHING = """
SELECT EXISTS (SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
               WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema')
"""
_NOTE = """
INSERT INTO key_backup (backup, taken_at, kek_versions) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING
"""
_ERASED = "SELECT owner FROM es_erasure WHERE done_at IS NOT NULL"
_BACK = "SELECT owner FROM key_data WHERE owner = ANY (%s) AND wrapped IS NOT NULL"

KEY_BYTES = 32


class NotEmpty(SettingsFault):
    """There is something in a database, or a key directory, that would be restored into."""

    code = "restore-not-empty"


class NotAPair(SettingsFault):
    """The two dumps do not belong together: other stores, or keys older than the events."""

    code = "backups-not-a-pair"


class TooNew(SettingsFault):
    """The backup comes from a newer program or a newer PostgreSQL than there is here."""

    code = "backup-too-new"


@dataclass(frozen=True, slots=True)
class RestoreWish:
    """Which dumps, which key files, and how closely to look afterwards: all digests, or some."""

    store: Path
    keys: Path
    key_files: Path | None = None
    without_key_files: bool = False
    verify_all: bool = False
    programs: Path | None = None
    as_json: bool = False


@dataclass
class _Restored:
    """What was done, for the report."""

    databases: list[str] = field(default_factory=list)
    migrations: list[str] = field(default_factory=list)
    verified: Verified | None = None


def restore(settings: Settings, wish: RestoreWish) -> None:
    """Restore into the databases of an installation, which must be empty, and check what stands there.

    Raises `NotABackup`, `NotAPair`, `TooNew`, `KeysMissing`, `WrongKey`, `NotEmpty`, `ProgramsMissing`,
    `ProgramFailed`, and what the checks find.
    """
    store, keys = _read(wish)
    files = None if wish.without_key_files else _key_files(settings, wish, keys)
    done = _Restored()
    with ExitStack() as stack:
        where = stack.enter_context(database(settings))
        _require_servers(where, store, keys)
        _make_roles(where.keys_owner, "keys", store)
        _make_roles(where.store_owner, "store", store)
        pairs: tuple[tuple[str, Kind, Path, dict[str, Any], Content], ...] = (
            (where.keys_owner, "keys", wish.keys, keys, keys_content),
            (where.store_owner, "store", wish.store, store, store_content),
        )
        for url, kind, dump, manifest, content in pairs:
            if _empty(url, kind, manifest, content):
                _load(url, kind, dump, manifest, wish.programs)
                done.databases.append(WORDS[kind])
            _require_same(url, kind, manifest, content)
            _put_back(url, manifest)
        if files is not None:
            _copy_files(files, settings.key_directory)
        done.migrations = migrated(where)
        with psycopg.connect(as_role(where.keys, "hulian_keys"), autocommit=True) as connection:
            connection.execute(_NOTE, (keys["backup"], keys["takenAt"], [int(each) for each in keys["kek"]]))
        if files is not None:
            done.verified = verify(where, settings.key_directory, everything=wish.verify_all)
        back = _come_back(where)
    _say(wish, store, done, back)


Content = Callable[[Connection[Any]], dict[str, Any]]


def _read(wish: RestoreWish) -> tuple[dict[str, Any], dict[str, Any]]:
    with telling("核对备份文件"):
        store, keys = read_manifest(wish.store, "store"), read_manifest(wish.keys, "keys")
    if store["store"] != keys["store"]:
        raise NotAPair("业务库与密钥库的备份来自两套系统，不能一起恢复。")
    if keys["takenAt"] < store["takenAt"]:
        raise NotAPair("密钥库备份早于业务库备份，其后产生的密钥不在其中。请用同一次或更晚的密钥库备份。")
    for kind, manifest in (("store", store), ("keys", keys)):
        ours = {each.number: each.sha256 for each in migrations_of(kind)}
        for number, sha256 in manifest["migrations"]:
            if ours.get(number) != sha256:
                raise TooNew("备份来自更新或不同的程序版本，请用当时的程序或更新的程序恢复。")
    return store, keys


def _key_files(settings: Settings, wish: RestoreWish, keys: dict[str, Any]) -> Path:
    """The directory of the key files, once every key in use is there and is the right one."""
    given = wish.key_files if wish.key_files is not None else settings.key_directory
    directory = given / "keys" if (given / "keys").is_dir() else given
    for each in keys["outer"]:
        name = f"{each['purpose']}-{each['version']}"
        file = directory / f"{name}.key"
        if each["retired"]:
            continue
        if not file.is_file():
            raise KeysMissing(what=str(file))
        key = file.read_bytes()
        if len(key) != KEY_BYTES or fingerprint(each["purpose"], key).hex() != each["fingerprint"]:
            raise WrongKey(what=name)
    for file in _files(directory):
        there = settings.key_directory / file.name
        if there.exists() and there.read_bytes() != file.read_bytes():
            raise NotEmpty(f"密钥目录 {settings.key_directory} 中已有另一个 {file.name}，请换一个数据目录。")
    return directory


def _require_servers(where: Addresses, *manifests: dict[str, Any]) -> None:
    for url, manifest in zip((where.store_owner, where.keys_owner), manifests, strict=True):
        here, there = server_major(url), manifest["server"] // 10_000
        if here < there:
            raise TooNew(f"备份来自 PostgreSQL {there}，不能恢复到 PostgreSQL {here}。")


def _make_roles(url: str, kind: Kind, manifest: dict[str, Any]) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        prepare_roles(connection, schemas=kind == "store")
        there = {name for (name,) in connection.execute("SELECT rolname::text FROM pg_roles").fetchall()}
        for name in manifest["roles"]:
            if name not in there:
                connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(name)))
        for role, member in manifest["members"]:
            belongs = connection.execute("SELECT pg_has_role(%s, %s, 'MEMBER')", [member, role]).fetchone()
            if belongs != (True,):
                grant = sql.SQL("GRANT {} TO {}").format(sql.Identifier(role), sql.Identifier(member))
                connection.execute(grant)


def _empty(url: str, kind: Kind, manifest: dict[str, Any], content: Content) -> bool:
    """Whether a database is empty; False when it holds just this backup. Raises `NotEmpty`."""
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute(_ANYTHING).fetchone()
        if row is not None and not row[0]:
            return True
        try:
            said = json.loads(json.dumps(content(connection), default=str))
        except psycopg.Error:
            said = {}
    if not said or any(manifest[name] != value for name, value in said.items()):
        raise NotEmpty(f"{WORDS[kind]}不是空的，不能恢复到其中。请另建空库，或用 --into 指定新的数据目录。")
    return False


def _load(url: str, kind: Kind, dump: Path, manifest: dict[str, Any], programs: Path | None) -> None:
    program, _ = program_for("pg_restore", max(manifest["dumper"], server_major(url)), programs)
    with psycopg.connect(url) as connection:
        name = connection.info.dbname
    options = ("--exit-on-error", "--single-transaction", "--no-password", f"--dbname={name}")
    with telling(f"恢复{WORDS[kind]}"):
        run((program, *options, dump), url)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("ANALYZE")


def _require_same(url: str, kind: Kind, manifest: dict[str, Any], content: Content) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        said = json.loads(json.dumps(content(connection), default=str))
    wrong = [name for name, value in said.items() if manifest[name] != value]
    if wrong:
        raise NotABackup(f"恢复后的{WORDS[kind]}与清单不符（{'、'.join(wrong)}），请勿使用。")


def _put_back(url: str, manifest: dict[str, Any]) -> None:
    """What a role may do with the database itself: no dump of a single database has it."""
    with psycopg.connect(url, autocommit=True) as connection:
        for role, privilege in manifest["grants"]:
            grant = sql.SQL("GRANT {} ON DATABASE {} TO {}").format(
                sql.SQL(privilege), sql.Identifier(connection.info.dbname), sql.Identifier(role)
            )
            connection.execute(grant)


def _files(directory: Path) -> Iterator[Path]:
    return (path for path in sorted(directory.iterdir()) if path.is_file() and not path.name.startswith("."))


def _copy_files(directory: Path, into: Path) -> None:
    if directory.resolve() == into.resolve():
        return
    into.mkdir(mode=0o700, parents=True, exist_ok=True)
    into.chmod(0o700)
    for file in _files(directory):
        draft = into / f".{file.name}.new"
        shutil.copyfile(file, draft)
        draft.chmod(0o600)
        os.replace(draft, into / file.name)


def _come_back(where: Addresses) -> list[Any]:
    """The erased owners whose keys this backup of the keys brought back."""
    with (
        psycopg.connect(as_role(where.store, "hulian_app"), autocommit=True) as store,
        psycopg.connect(as_role(where.keys, "hulian_keys"), autocommit=True) as keys,
    ):
        erased = [owner for (owner,) in store.execute(_ERASED).fetchall()]
        return [owner for (owner,) in keys.execute(_BACK, (erased,)).fetchall()] if erased else []


def _say(wish: RestoreWish, store: dict[str, Any], done: _Restored, back: list[Any]) -> None:
    checked = done.verified
    if wish.as_json:
        told = {
            "store": store["store"],
            "restored": done.databases,
            "migrations": done.migrations,
            "events": sum(store["positions"]),
            "digestsChecked": checked.digests if checked else 0,
            "valuesOpened": checked.opened if checked else 0,
            "comeBack": [str(owner) for owner in back],
        }
        typer.echo(json.dumps(told, ensure_ascii=False, indent=2))
        return
    typer.echo(
        f"已恢复：{'、'.join(done.databases) or '（此前已恢复）'}；事件 {sum(store['positions'])} 件。"
    )
    if checked is not None:
        typer.echo(f"核对摘要 {checked.digests} 件，解开个人信息 {checked.opened} 项，均相符。")
    else:
        typer.echo("没有密钥文件，个人信息不能解开：请把密钥文件放入密钥目录后再启动。")
    for owner in back:
        typer.echo(f"{owner} 在此备份之后已依法抹除，其密钥随备份回来了：请再次执行 hulian erase。", err=True)
