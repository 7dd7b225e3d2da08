"""`hulian keys rotate` and `hulian keys retire` (更换、退役): keys are replaced, and those replaced are deleted."""

from __future__ import annotations

import time
from typing import Any
from uuid import UUID

import typer
from psycopg import Connection

from bootstrap.cli.keys.open_keys import OpenKeys, open_keys
from bootstrap.cli.keys.seal_key import retire_seal, rotate_seal
from bootstrap.cli.progress import progress
from bootstrap.settings import Settings
from domain.values.refusals import Refusal
from eventstore.keys import reindexing, rotation

SETTLED = 10.0
"""Seconds that a new index key must exist before an old one is retired: longer than any append lasts."""

_BACKED_UP = (
    "SELECT EXISTS (SELECT 1 FROM key_backup WHERE destroyed_at IS NULL AND kek_versions = %s::integer[])"
)
_DESTROYED = """
UPDATE key_backup SET destroyed_at = clock_timestamp(), destroyed_by = %s WHERE backup = %s AND destroyed_at IS NULL
"""


class NothingToKeepBy(Refusal):
    """密钥库还没有只用新密钥的备份，而旧密钥退役后旧备份不能再用。请先执行 hulian backup，或者加 --without-backup。"""


class RequestKeyStays(Refusal):
    """请求摘要密钥不能更换：更换后，已办理过的请求再次发来时不能认出。"""


class BackupUnknown(Refusal):
    """没有登记名为“{name}”的密钥库备份，或者已经登记销毁。"""


class OwnerNeeded(Refusal):
    """请写明人员或户的编号，例如 hulian keys rotate owner 编号。"""


def rotate(settings: Settings, what: str, owner: UUID | None, *, only_make: bool, quiet: bool) -> None:
    """Replace the key-encryption key, the index key, the seal key, or one owner's; resumes an interrupted replacement.

    Raises `RequestKeyStays`, `OwnerNeeded`, `OwnerErased`, `OwnerUnknown`.
    """
    if what == "request":
        raise RequestKeyStays
    if what not in ("kek", "index", "seal", "owner"):
        raise typer.BadParameter(f"没有“{what}”这类密钥。可选：kek、index、seal、owner。", param_hint="WHAT")
    if what == "owner" and owner is None:
        raise OwnerNeeded
    with open_keys(settings) as access:
        if what == "kek":
            rotate_kek(access, only_make=only_make, quiet=quiet)
        elif what == "index":
            rotate_index(access, only_make=only_make, quiet=quiet)
        elif what == "seal":
            for line in rotate_seal(access.store, access.seal, only_make=only_make):
                _echo(line, quiet)
        else:
            assert owner is not None
            version = rotation.renew(access.keys, access.kek, owner)
            typer.echo(f"{owner} 的密钥已更换为第 {version} 版；此前的内容仍可读。")


def rotate_kek(access: OpenKeys, *, only_make: bool = False, quiet: bool = False) -> int:
    """Wrap every key under a new key-encryption key, or under the newest if that is unfinished; returns its version."""
    version = rotation.next_kek(access.keys, access.kek)
    if only_make:
        _echo(
            f"已生成 kek-{version}.key。请先复制到每一台主机的密钥目录，再执行 hulian keys rotate kek。",
            quiet,
        )
        return version
    with progress(f"改用 kek-{version}", quiet=quiet) as tell:
        done = rotation.rewrap(access.keys, access.kek, tell)
    _echo(f"密钥加密密钥已更换为第 {version} 版，重新加密 {done} 个密钥。", quiet)
    if len(access.kek.versions()) > 1:
        _echo("请做一次密钥库备份（hulian backup），然后 hulian keys retire 使旧密钥退役。", quiet)
    return version


def rotate_index(access: OpenKeys, *, only_make: bool = False, quiet: bool = False) -> None:
    """Write the blind index again under a new key, or under the newest if that is unfinished."""
    version = reindexing.next_index(access.keys, access.index)
    if only_make:
        _echo(
            f"已生成 index-{version}.key。请先复制到每一台主机的密钥目录，再执行 hulian keys rotate index。",
            quiet,
        )
        return
    with progress(f"改用 index-{version}", quiet=quiet) as tell:
        done = reindexing.reindex(access.store, access.keys, access.ring, access.index, tell)
    _echo(f"盲索引已改用第 {version} 版密钥，写入 {done.carried} 项；新旧两版现在都在查找。", quiet)
    if done.left:
        _echo(f"有 {done.left} 项没有对应的密文，仍只在旧版中，旧密钥不能退役。", quiet)
    else:
        _echo("旧版退役：hulian keys retire", quiet)


def retire(settings: Settings, *, without_backup: bool, settled: float = SETTLED) -> None:
    """Retire every replaced key: its file is deleted for ever once nothing needs it.

    Raises `KeyInUse`; `NothingToKeepBy` while no backup of the keys opens with the newest key alone.
    """
    with open_keys(settings) as access:
        newest, *older = access.kek.versions()
        if older and not without_backup and not _backed_up(access.keys, newest):
            raise NothingToKeepBy
        for version in older:
            rotation.retire_kek(access.keys, access.kek, version)
            typer.echo(f"kek-{version} 已退役，文件已删除。它的其他副本请一并销毁。")
        newest, *old_index = access.index.versions()
        if old_index:
            time.sleep(max(0.0, settled - reindexing.age(access.keys, newest)))
            again = reindexing.reindex(access.store, access.keys, access.ring, access.index)
            if again.left:
                typer.echo(f"有 {again.left} 项没有对应的密文。", err=True)
        for version in old_index:
            gone = reindexing.retire_index(access.store, access.keys, access.index, version)
            typer.echo(f"index-{version} 已退役，文件已删除，清除旧索引 {gone} 项。")
        old_seals = retire_seal(access.seal)
        for line in old_seals:
            typer.echo(line)
        if not older and not old_index and not old_seals:
            typer.echo("没有可以退役的密钥。")


def backup_destroyed(settings: Settings, name: str, actor: str) -> None:
    """Note that a backup of the keys, with all its copies, was destroyed; raises `BackupUnknown`."""
    with open_keys(settings) as access:
        if not access.keys.execute(_DESTROYED, (actor, name)).rowcount:
            raise BackupUnknown(name=name)
    typer.echo(f"已登记：密钥库备份 {name} 已销毁。")


def _backed_up(keys: Connection[Any], newest: int) -> bool:
    """Whether there is a backup of the keys that opens with the newest key alone."""
    row = keys.execute(_BACKED_UP, ([newest],)).fetchone()
    return row is not None and bool(row[0])


def _echo(text: str, quiet: bool) -> None:
    if not quiet:
        typer.echo(text)
