"""`hulian backup` (备份): writes the store, the keys database and the key files to separate places.

The store is dumped before the keys. A key is made before the append that needs it, so the later dump of the keys has
all of them. Everything is written under a hidden name and renamed when it is complete, the store last. A file with
its final name is therefore a whole backup, and an interrupted backup leaves no such file.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import psycopg
import typer
from psycopg import Connection

from bootstrap.addresses import Addresses
from bootstrap.cli.backup.manifest import (
    Kind,
    keys_content,
    sha256_of,
    store_content,
    surroundings,
    write_json,
)
from bootstrap.cli.options import Json, Programs
from bootstrap.cli.progress import progress
from bootstrap.server.programs import program_for, run, server_major
from bootstrap.settings import Settings, SettingsFault, as_role, load_settings
from bootstrap.wiring import database
from eventstore.keys.fingerprints import require_files
from migrations.runner import pending

PARTIAL = ".partial-"
WORDS: dict[Kind, str] = {"store": "业务库", "keys": "密钥库"}
_SNAPSHOT = "SELECT pg_export_snapshot(), pg_database_size(current_database())"
_NOTE = "INSERT INTO key_backup (backup, taken_at, kek_versions) VALUES (%s, %s, %s)"


def command(
    to: Annotated[Path, typer.Argument(help="业务库备份写到哪个目录。")],
    keys_to: Annotated[Path, typer.Option("--keys-to", help="密钥库备份写到哪个目录，须与业务库分开。")],
    key_files_to: Annotated[
        Path | None, typer.Option("--key-files-to", help="另外备份密钥文件，写到第三个目录；不写则不备份。")
    ] = None,
    programs: Programs = None,
    as_json: Json = False,
) -> None:
    """备份业务库、密钥库，以及（另行要求时）密钥文件，各在一处。办理不必停。"""
    backup(load_settings(), BackupRequest(to, keys_to, key_files_to, programs, as_json))


class KeysBesideStore(SettingsFault):
    """Keys and store, or key files and either of them, would be in one place: a thief of it would have both."""

    code = "keys-beside-store"


class BackupRunning(SettingsFault):
    """Another backup writes into the same directory."""

    code = "backup-running"


@dataclass(frozen=True, slots=True)
class BackupRequest:
    """Where the store, the keys database and, only when asked for, the key files are written to."""

    store_to: Path
    keys_to: Path
    key_files_to: Path | None = None
    programs: Path | None = None
    as_json: bool = False


def backup(settings: Settings, request: BackupRequest) -> str:
    """Back up everything that was asked for, and return the name of the backup.

    Raises `KeysBesideStore`, `BackupRunning`, `ProgramsMissing`, `ProgramFailed`, `KeysMissing`.
    """
    places = [
        place for place in (request.store_to, request.keys_to, request.key_files_to) if place is not None
    ]
    require_apart(places)
    with ExitStack() as stack:
        for place in places:
            place.mkdir(mode=0o700, parents=True, exist_ok=True)
            stack.enter_context(_alone(place))
        where = stack.enter_context(database(settings))
        made = _made(where, settings, request)
    if request.as_json:
        typer.echo(json.dumps(made, ensure_ascii=False, indent=2))
    else:
        typer.echo(f"业务库：{made['store']}\n密钥库：{made['keys']}")
        if made["keyFiles"]:
            typer.echo(f"密钥文件：{made['keyFiles']}")
        else:
            typer.echo("密钥文件没有备份（备份时加 --key-files-to），而没有它，个人信息无法恢复。")
        typer.echo("三处请分开保管。")
    return str(made["backup"])


def require_apart(places: list[Path]) -> None:
    """Refuse directories of which one is, or lies in, another; raises `KeysBesideStore`."""
    resolved = [place.resolve() for place in places]
    for n, one in enumerate(resolved):
        for other in resolved[n + 1 :]:
            if one.is_relative_to(other) or other.is_relative_to(one):
                raise KeysBesideStore(
                    f"{one} 与 {other} 在一处：业务库、密钥库和密钥文件的备份须各放一处。请分别指定目录。"
                )


def _made(where: Addresses, settings: Settings, request: BackupRequest) -> dict[str, Any]:
    name = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"
    # A backup before an upgrade does not migrate: it dumps the tables as they are.
    noted = not pending(where.keys_owner, "keys")
    if noted:
        with psycopg.connect(as_role(where.keys, "hulian_keys"), autocommit=True) as connection:
            require_files(connection, settings.key_directory)
    store = request.store_to / f"{PARTIAL}{name}"
    about_store = _dumped(where.store_owner, "store", store, name, request.programs, store_content)
    keys = request.keys_to / f"{PARTIAL}{name}"
    about_keys = _dumped(where.keys_owner, "keys", keys, name, request.programs, keys_content)
    finished = [_finished(keys, {**about_keys, "store": about_store["store"]}, "keys")]
    if request.key_files_to is not None:
        files = request.key_files_to / f"{PARTIAL}{name}"
        _copy_keys(settings.key_directory, files / "keys")
        finished.append(_renamed(files))
    pair = {"keys": {"backup": name, "sha256": about_keys["sha256"]}}
    finished.append(_finished(store, {**about_store, **pair}, "store"))
    if noted:
        with psycopg.connect(as_role(where.keys, "hulian_keys"), autocommit=True) as connection:
            versions = [int(version) for version in about_keys["kek"]]
            connection.execute(_NOTE, (name, about_keys["takenAt"], versions))
    return {
        "backup": name,
        "store": str(finished[-1] / "store.dump"),
        "keys": str(finished[0] / "keys.dump"),
        "keyFiles": str(finished[1]) if request.key_files_to is not None else None,
        "positions": sum(about_store["positions"]),
    }


def _dumped(
    url: str,
    kind: Kind,
    into: Path,
    name: str,
    programs: Path | None,
    content: Callable[[Connection[Any]], dict[str, Any]],
) -> dict[str, Any]:
    """Dump one database and read its manifest, both from one snapshot."""
    program, dumper = program_for("pg_dump", server_major(url), programs)
    into.mkdir(mode=0o700)
    file = into / f"{kind}.dump"
    with psycopg.connect(url) as connection, progress(f"备份{WORDS[kind]}（字节）") as tell:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
        row = connection.execute(_SNAPSHOT).fetchone()
        assert row is not None
        snapshot, size = row
        taken_at = datetime.now(UTC)
        said = content(connection)
        around = surroundings(connection)
        command: list[str | Path] = [
            program,
            "--format=custom",
            "--compress=1",
            "--no-password",
            f"--snapshot={snapshot}",
        ]
        run([*command, f"--file={file}"], url, watched=file, tell=lambda done: tell(done, size))
        connection.rollback()
    file.chmod(0o600)
    with file.open("rb") as opened:
        os.fsync(opened.fileno())
    return {
        "kind": kind,
        "backup": name,
        "takenAt": taken_at.isoformat(),
        "dumper": dumper,
        "bytes": file.stat().st_size,
        "sha256": sha256_of(file),
        **around,
        **said,
    }


def _copy_keys(directory: Path, into: Path) -> None:
    into.mkdir(mode=0o700, parents=True)
    into.parent.chmod(0o700)
    for path in sorted(directory.iterdir()):
        if path.is_file() and not path.name.startswith("."):
            copy = into / path.name
            handle = os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "wb") as file:
                file.write(path.read_bytes())
                file.flush()
                os.fsync(file.fileno())
    _sync(into)


def _finished(partial: Path, manifest: dict[str, Any], kind: Kind) -> Path:
    write_json(partial / f"{kind}.json", manifest)
    return _renamed(partial)


def _renamed(partial: Path) -> Path:
    _sync(partial)
    whole = partial.with_name(partial.name.removeprefix(PARTIAL))
    partial.rename(whole)
    _sync(whole.parent)
    return whole


def _sync(directory: Path) -> None:
    folder = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


@contextmanager
def _alone(place: Path) -> Iterator[None]:
    """Lock a directory against other backups, and delete what an interrupted one has left there."""
    handle = os.open(place / ".hulian-backup.lock", os.O_RDWR | os.O_CREAT, 0o600)
    with os.fdopen(handle, "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BackupRunning(f"另一个备份正在写入 {place}，请等它结束。") from None
        _sweep(place)
        try:
            yield
        finally:
            _sweep(place)


def _sweep(place: Path) -> None:
    for left in place.glob(f"{PARTIAL}*"):
        shutil.rmtree(left, ignore_errors=True)
