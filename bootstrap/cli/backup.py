"""`hulian backup`: the store, the keys database and the key files, each to a place that can be given apart.

The store first and the keys after: a key is made before the append that needs it, so that a later dump of the keys
has all of them. Everything is written under a hidden name and renamed when it is whole, the store last: what has
its final name is a backup, and whatever stops one leaves none.
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
from typing import Any

import psycopg
import typer
from psycopg import Connection

from bootstrap.addresses import Addresses
from bootstrap.cli.backup_manifest import (
    Kind,
    keys_content,
    sha256_of,
    store_content,
    surroundings,
    write_json,
)
from bootstrap.cli.progress import telling
from bootstrap.server.programs import program_for, run, server_major
from bootstrap.settings import Settings, SettingsFault, as_role
from bootstrap.wiring import database
from eventstore.keys.fingerprints import require_files
from migrations.runner import pending

PARTIAL = ".partial-"
WORDS: dict[Kind, str] = {"store": "业务库", "keys": "密钥库"}
_SNAPSHOT = "SELECT pg_export_snapshot(), pg_database_size(current_database())"
_NOTE = "INSERT INTO key_backup (backup, taken_at, kek_versions) VALUES (%s, %s, %s)"


class KeysBesideStore(SettingsFault):
    """Keys would lie where the store lies, or key files where either does: who takes one would have both."""

    code = "keys-beside-store"


class BackupRunning(SettingsFault):
    """Another backup writes into the same directory."""

    code = "backup-running"


@dataclass(frozen=True, slots=True)
class BackupWish:
    """Where to: the store, the keys database, and, only when asked, the key files."""

    store_to: Path
    keys_to: Path
    key_files_to: Path | None = None
    programs: Path | None = None
    as_json: bool = False


def backup(settings: Settings, wish: BackupWish) -> str:
    """Back up everything asked for; the name of the backup.

    Raises `KeysBesideStore`, `BackupRunning`, `ProgramsMissing`, `ProgramFailed`, `KeysMissing`.
    """
    places = [place for place in (wish.store_to, wish.keys_to, wish.key_files_to) if place is not None]
    require_apart(places)
    with ExitStack() as stack:
        for place in places:
            place.mkdir(mode=0o700, parents=True, exist_ok=True)
            stack.enter_context(_alone(place))
        where = stack.enter_context(database(settings))
        made = _made(where, settings, wish)
    if wish.as_json:
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


def _made(where: Addresses, settings: Settings, wish: BackupWish) -> dict[str, Any]:
    name = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"
    # A backup before an upgrade changes nothing, and finds the tables of before.
    noted = not pending(where.keys_owner, "keys")
    if noted:
        with psycopg.connect(as_role(where.keys, "hulian_keys"), autocommit=True) as connection:
            require_files(connection, settings.key_directory)
    store = wish.store_to / f"{PARTIAL}{name}"
    about_store = _dumped(where.store_owner, "store", store, name, wish.programs, store_content)
    keys = wish.keys_to / f"{PARTIAL}{name}"
    about_keys = _dumped(where.keys_owner, "keys", keys, name, wish.programs, keys_content)
    finished = [_finished(keys, {**about_keys, "store": about_store["store"]}, "keys")]
    if wish.key_files_to is not None:
        files = wish.key_files_to / f"{PARTIAL}{name}"
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
        "keyFiles": str(finished[1]) if wish.key_files_to is not None else None,
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
    """Dump one database, and what is to be said of it, both of one snapshot."""
    program, dumper = program_for("pg_dump", server_major(url), programs)
    into.mkdir(mode=0o700)
    file = into / f"{kind}.dump"
    with psycopg.connect(url) as connection, telling(f"备份{WORDS[kind]}（字节）") as tell:
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
    """Be the only backup into a directory; what an interrupted one left there is swept away."""
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
