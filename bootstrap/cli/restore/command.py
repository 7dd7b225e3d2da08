"""`hulian restore` (恢复): restore a backup into empty databases with everything that a dump leaves out, and verify it.

What is restored already is left as it is, so that the same command completes an interrupted restore.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import psycopg
import typer
from psycopg import Connection, sql

from bootstrap.addresses import Addresses
from bootstrap.cli.backup.command import WORDS
from bootstrap.cli.backup.manifest import Kind, NotABackup, keys_content, read_manifest, store_content
from bootstrap.cli.options import Json, Programs, print_json
from bootstrap.cli.progress import progress
from bootstrap.cli.restore.verification import Verified, verify
from bootstrap.server.programs import program_for, run, server_major
from bootstrap.settings import Settings, SettingsFault, as_role, load_settings
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


def command(
    store: Annotated[Path, typer.Option("--store", help="业务库备份文件（store.dump）。")],
    keys: Annotated[Path, typer.Option("--keys", help="密钥库备份文件（keys.dump）。")],
    key_files: Annotated[
        Path | None, typer.Option("--key-files", help="密钥文件所在目录；不写则用数据目录中已有的。")
    ] = None,
    without_key_files: Annotated[
        bool,
        typer.Option("--without-key-files", help="没有密钥文件也恢复：个人信息在放入密钥文件之前不能解开。"),
    ] = False,
    into: Annotated[
        Path | None, typer.Option("--into", help="恢复到这个数据目录的内置数据库，而不是所设置的数据库。")
    ] = None,
    verify: Annotated[bool, typer.Option("--verify", help="核对全部事件的摘要，而不是抽查。")] = False,
    programs: Programs = None,
    as_json: Json = False,
) -> None:
    """把备份恢复到空的数据库，补上角色和权限，并核对。中途停下时再执行同一命令。"""
    settings = load_settings()
    if into is not None:
        settings = settings.model_copy(
            update={
                "home": into,
                "database_url": None,
                "keys_url": None,
                "migrations_url": None,
                "keys_migrations_url": None,
            }
        )
    request = RestoreRequest(store, keys, key_files, without_key_files, verify, programs, as_json)
    restore(settings, request)


class NotEmpty(SettingsFault):
    """A database or key directory that would be restored into is not empty."""

    code = "restore-not-empty"


class NotAPair(SettingsFault):
    """The two dumps are no pair: they come from different stores, or the keys are older than the events."""

    code = "backups-not-a-pair"


class TooNew(SettingsFault):
    """The backup comes from a newer program or a newer PostgreSQL than this one."""

    code = "backup-too-new"


@dataclass(frozen=True, slots=True)
class RestoreRequest:
    """Which dumps and key files to restore, and whether to verify all digests afterwards or a sample."""

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


def restore(settings: Settings, request: RestoreRequest) -> None:
    """Restore into the databases of an installation, which must be empty, and verify the result.

    Raises `NotABackup`, `NotAPair`, `TooNew`, `KeysMissing`, `WrongKey`, `NotEmpty`, `ProgramsMissing`,
    `ProgramFailed`, and what the checks find.
    """
    store, keys = _read(request)
    files = None if request.without_key_files else _key_files(settings, request, keys)
    done = _Restored()
    with ExitStack() as stack:
        where = stack.enter_context(database(settings))
        _require_servers(where, store, keys)
        _make_roles(where.keys_owner, "keys", store)
        _make_roles(where.store_owner, "store", store)
        pairs: tuple[tuple[str, Kind, Path, dict[str, Any], Content], ...] = (
            (where.keys_owner, "keys", request.keys, keys, keys_content),
            (where.store_owner, "store", request.store, store, store_content),
        )
        for url, kind, dump, manifest, content in pairs:
            if _empty(url, kind, manifest, content):
                _load(url, kind, dump, manifest, request.programs)
                done.databases.append(WORDS[kind])
            _require_same(url, kind, manifest, content)
            _put_back(url, manifest)
        if files is not None:
            _copy_files(files, settings.key_directory)
        done.migrations = migrated(where)
        with psycopg.connect(as_role(where.keys, "hulian_keys"), autocommit=True) as connection:
            connection.execute(_NOTE, (keys["backup"], keys["takenAt"], [int(each) for each in keys["kek"]]))
        if files is not None:
            done.verified = verify(where, settings.key_directory, everything=request.verify_all)
        back = _come_back(where)
    _say(request, store, done, back)


Content = Callable[[Connection[Any]], dict[str, Any]]


def _read(request: RestoreRequest) -> tuple[dict[str, Any], dict[str, Any]]:
    with progress("核对备份文件"):
        store, keys = read_manifest(request.store, "store"), read_manifest(request.keys, "keys")
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


def _key_files(settings: Settings, request: RestoreRequest, keys: dict[str, Any]) -> Path:
    """The directory of the key files, once every key in use is there and is the right one."""
    given = request.key_files if request.key_files is not None else settings.key_directory
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
    with progress(f"恢复{WORDS[kind]}"):
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
    """Restore the rights of roles to the database itself: a dump of a single database does not have them."""
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
    """The erased owners whose keys came back with this backup of the keys."""
    with (
        psycopg.connect(as_role(where.store, "hulian_app"), autocommit=True) as store,
        psycopg.connect(as_role(where.keys, "hulian_keys"), autocommit=True) as keys,
    ):
        erased = [owner for (owner,) in store.execute(_ERASED).fetchall()]
        return [owner for (owner,) in keys.execute(_BACK, (erased,)).fetchall()] if erased else []


def _say(request: RestoreRequest, store: dict[str, Any], done: _Restored, back: list[Any]) -> None:
    checked = done.verified
    if request.as_json:
        data = {
            "store": store["store"],
            "restored": done.databases,
            "migrations": done.migrations,
            "events": sum(store["positions"]),
            "digestsChecked": checked.digests if checked else 0,
            "valuesOpened": checked.opened if checked else 0,
            "comeBack": [str(owner) for owner in back],
        }
        print_json(data)
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
