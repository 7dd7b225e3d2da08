"""`hulian keys`: which keys there are and what lies under them, replacing them, retiring those replaced."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import typer
from psycopg import Connection
from rich.console import Console
from rich.table import Table

from bootstrap.cli.progress import telling
from bootstrap.seal_key import retire_seal, rotate_seal, seal_lines, seal_unfinished, told_seals
from bootstrap.settings import Settings, as_role
from bootstrap.wiring import database, ready
from domain.values.refusals import Refusal
from eventstore.keys import reindexing, rotation
from eventstore.keys.fingerprints import PURPOSES, known, require_files
from eventstore.keys.key_files import KeyFiles
from eventstore.keys.keys import KeyRing
from eventstore.postgres.pools import open_pool
from eventstore.sealing.signing import SealKeys

KEPT = timedelta(days=30)
"""How long a backup of the keys may stay: an erasure holds against it only when it is gone."""
SETTLED = 10.0
"""Seconds a new index key is there before an old one is retired: longer than any append lasts."""

_BACKUPS = "SELECT backup, taken_at, kek_versions, destroyed_at FROM key_backup ORDER BY taken_at"
_DESTROYED = """
UPDATE key_backup SET destroyed_at = clock_timestamp(), destroyed_by = %s WHERE backup = %s AND destroyed_at IS NULL
"""
_RENEWED = "SELECT count(*) FROM key_data WHERE version > 1"
_ERASURES = "SELECT owner, done_at FROM es_erasure ORDER BY asked_at"
_BACK = "SELECT owner FROM key_data WHERE owner = ANY (%s) AND wrapped IS NOT NULL"


class NothingToKeepBy(Refusal):
    """密钥库还没有只用新密钥的备份，而旧密钥退役后旧备份不能再用。请先执行 hulian backup，或者加 --without-backup。"""


class RequestKeyStays(Refusal):
    """请求摘要密钥不能更换：更换后，已办理过的请求再次发来时不能认出。"""


class BackupUnknown(Refusal):
    """没有登记名为“{name}”的密钥库备份，或者已经登记销毁。"""


class OwnerNeeded(Refusal):
    """请写明人员或户的编号，例如 hulian keys rotate owner 编号。"""


@dataclass(frozen=True, slots=True)
class Keeping:
    """The key files, and connections to both databases as who may replace what lies there."""

    store: Connection[Any]
    keys: Connection[Any]
    kek: KeyFiles
    index: KeyFiles
    seal: SealKeys
    ring: KeyRing


@contextmanager
def keeping(settings: Settings) -> Iterator[Keeping]:
    """What replacing keys needs, on databases brought up to date. Raises `WrongKey`, `KeysMissing`."""
    directory = settings.key_directory
    with ExitStack() as stack:
        where = stack.enter_context(database(settings))
        ready(where, directory)
        pool = stack.enter_context(open_pool(as_role(where.keys, "hulian_keys"), size=2))
        store = stack.enter_context(
            psycopg.connect(as_role(where.store_owner, "hulian_owner"), autocommit=True)
        )
        keys = stack.enter_context(psycopg.connect(as_role(where.keys, "hulian_keys"), autocommit=True))
        require_files(keys, directory)
        ring = KeyRing.in_directory(pool, directory)
        kek, index = KeyFiles(directory / "kek", "kek"), KeyFiles(directory / "index", "index")
        yield Keeping(store, keys, kek, index, SealKeys(directory), ring)


def list_keys(settings: Settings, *, as_json: bool) -> bool:
    """Show every key but the owners', what lies under it, the backups, and what ought to be done; True when nothing."""
    with keeping(settings) as kept:
        told = _told(kept)
    if as_json:
        typer.echo(json.dumps(told, ensure_ascii=False, indent=2, default=str))
    else:
        _show(told)
    return not told["warnings"]


def rotate(settings: Settings, what: str, owner: UUID | None, *, only_make: bool, quiet: bool) -> None:
    """Replace the key-encryption key, the index key, the seal key, or one owner's; goes on where it was interrupted.

    Raises `RequestKeyStays`, `OwnerNeeded`, `OwnerErased`, `OwnerUnknown`.
    """
    if what == "request":
        raise RequestKeyStays
    if what not in ("kek", "index", "seal", "owner"):
        raise typer.BadParameter(f"没有“{what}”这类密钥。可选：kek、index、seal、owner。", param_hint="WHAT")
    if what == "owner" and owner is None:
        raise OwnerNeeded
    with keeping(settings) as kept:
        if what == "kek":
            rotate_kek(kept, only_make=only_make, quiet=quiet)
        elif what == "index":
            rotate_index(kept, only_make=only_make, quiet=quiet)
        elif what == "seal":
            for line in rotate_seal(kept.store, kept.seal, only_make=only_make):
                _echo(line, quiet)
        else:
            assert owner is not None
            version = rotation.renew(kept.keys, kept.kek, owner)
            typer.echo(f"{owner} 的密钥已更换为第 {version} 版；此前的内容仍可读。")


def rotate_kek(kept: Keeping, *, only_make: bool = False, quiet: bool = False) -> int:
    """Wrap every key under a new key-encryption key, or under the newest when that is not done yet; its version."""
    version = rotation.next_kek(kept.keys, kept.kek)
    if only_make:
        _echo(
            f"已生成 kek-{version}.key。请先复制到每一台主机的密钥目录，再执行 hulian keys rotate kek。",
            quiet,
        )
        return version
    with telling(f"改用 kek-{version}", quiet=quiet) as tell:
        done = rotation.rewrap(kept.keys, kept.kek, tell)
    _echo(f"密钥加密密钥已更换为第 {version} 版，重新加密 {done} 个密钥。", quiet)
    if len(kept.kek.versions()) > 1:
        _echo("请做一次密钥库备份（hulian backup），然后 hulian keys retire 使旧密钥退役。", quiet)
    return version


def rotate_index(kept: Keeping, *, only_make: bool = False, quiet: bool = False) -> None:
    """Write the blind index again under a new key, or under the newest when that is not done yet."""
    version = reindexing.next_index(kept.keys, kept.index)
    if only_make:
        _echo(
            f"已生成 index-{version}.key。请先复制到每一台主机的密钥目录，再执行 hulian keys rotate index。",
            quiet,
        )
        return
    with telling(f"改用 index-{version}", quiet=quiet) as tell:
        done = reindexing.reindex(kept.store, kept.keys, kept.ring, kept.index, tell)
    _echo(f"盲索引已改用第 {version} 版密钥，写入 {done.carried} 项；新旧两版现在都在查找。", quiet)
    if done.left:
        _echo(f"有 {done.left} 项没有对应的密文，仍只在旧版中，旧密钥不能退役。", quiet)
    else:
        _echo("旧版退役：hulian keys retire", quiet)


def retire(settings: Settings, *, without_backup: bool, settled: float = SETTLED) -> None:
    """Retire every key that was replaced: its file is deleted, for ever, when nothing needs it.

    Raises `KeyInUse`; `NothingToKeepBy` while no backup of the keys opens with the newest key alone.
    """
    with keeping(settings) as kept:
        newest, *older = kept.kek.versions()
        if older and not without_backup and not _backed_up(kept.keys, newest):
            raise NothingToKeepBy
        for version in older:
            rotation.retire_kek(kept.keys, kept.kek, version)
            typer.echo(f"kek-{version} 已退役，文件已删除。它的其他副本请一并销毁。")
        newest, *old_index = kept.index.versions()
        if old_index:
            time.sleep(max(0.0, settled - reindexing.age(kept.keys, newest)))
            again = reindexing.reindex(kept.store, kept.keys, kept.ring, kept.index)
            if again.left:
                typer.echo(f"有 {again.left} 项没有对应的密文。", err=True)
        for version in old_index:
            gone = reindexing.retire_index(kept.store, kept.keys, kept.index, version)
            typer.echo(f"index-{version} 已退役，文件已删除，清除旧索引 {gone} 项。")
        old_seals = retire_seal(kept.seal)
        for line in old_seals:
            typer.echo(line)
        if not older and not old_index and not old_seals:
            typer.echo("没有可以退役的密钥。")


def backup_destroyed(settings: Settings, name: str, actor: str) -> None:
    """Note that a backup of the keys, with all its copies, was destroyed; raises `BackupUnknown`."""
    with keeping(settings) as kept:
        if not kept.keys.execute(_DESTROYED, (actor, name)).rowcount:
            raise BackupUnknown(name=name)
    typer.echo(f"已登记：密钥库备份 {name} 已销毁。")


def _backed_up(keys: Connection[Any], newest: int) -> bool:
    return any(
        destroyed is None and versions == [newest]
        for _, _, versions, destroyed in keys.execute(_BACKUPS).fetchall()
    )


def _told(kept: Keeping) -> dict[str, Any]:
    counted = {each.version: each for each in rotation.counts(kept.keys)}
    found = reindexing.entries(kept.store)
    outer = []
    for purpose in PURPOSES:
        files = {"kek": kept.kek, "index": kept.index}.get(purpose)
        for each in known(kept.keys, purpose):
            count = counted.get(each.version)
            row = {
                "purpose": purpose,
                "version": each.version,
                "file": files is None or files.get(each.version) is not None,
                "retired": each.retired_at,
            }
            if purpose == "kek":
                row |= {"living": count.living if count else 0, "destroyed": count.destroyed if count else 0}
            if purpose == "index":
                row["entries"] = found.get(each.version, 0)
            outer.append(row)
    backups = [
        {"backup": name, "taken": taken, "kek": versions, "destroyed": destroyed}
        for name, taken, versions, destroyed in kept.keys.execute(_BACKUPS).fetchall()
    ]
    renewed = kept.keys.execute(_RENEWED).fetchone()
    return {
        "keys": outer,
        "seals": told_seals(kept.seal),
        "renewed": renewed[0] if renewed else 0,
        "backups": backups,
        "warnings": list(_warnings(kept, outer, backups)),
    }


def _warnings(kept: Keeping, outer: list[dict[str, Any]], backups: list[dict[str, Any]]) -> Iterator[str]:
    kek = [row for row in outer if row["purpose"] == "kek" and row["retired"] is None]
    newest = max(row["version"] for row in kek)
    for row in kek:
        if row["version"] < newest:
            if row["living"]:
                yield f"有 {row['living']} 个密钥仍由 kek-{row['version']} 加密：hulian keys rotate kek"
            else:
                yield f"kek-{row['version']} 已不再需要：hulian keys retire"
    *older, last_index = [row for row in outer if row["purpose"] == "index" and row["retired"] is None]
    for row in older:
        if row["entries"] > last_index["entries"]:
            yield f"盲索引还没有全部改用 index-{last_index['version']}：hulian keys rotate index"
        else:
            yield f"index-{row['version']} 已不再需要：hulian keys retire"
    for left in seal_unfinished(kept.seal):
        yield f"{left.sentence}：{left.mend}"
    there = [each for each in backups if each["destroyed"] is None]
    if not there:
        yield "没有登记过密钥库备份：密钥库损坏即全部个人信息丧失。hulian backup"
    clock = kept.keys.execute("SELECT clock_timestamp()").fetchone()
    assert clock is not None
    now: datetime = clock[0]
    for each in there:
        if now - each["taken"] > KEPT:
            yield (
                f"密钥库备份 {each['backup']} 已超过 {KEPT.days} 天，应予销毁："
                f"hulian keys backup-destroyed {each['backup']} --actor 经办人"
            )
    erasures = kept.store.execute(_ERASURES).fetchall()
    open_ones = sum(done is None for _, done in erasures)
    if open_ones:
        yield f"有 {open_ones} 次抹除没有做完：请再次执行原来的 hulian erase 命令"
    last = max((done for _, done in erasures if done is not None), default=None)
    before = [each["backup"] for each in there if last is not None and each["taken"] < last]
    if before:
        yield f"有 {len(before)} 份密钥库备份早于最近一次抹除，在其销毁之前抹除对备份不生效：{'、'.join(before)}"
    if erasures:
        back = kept.keys.execute(_BACK, ([owner for owner, _ in erasures],)).fetchall()
        for (owner,) in back:
            yield f"{owner} 已依法抹除，而其密钥又在密钥库中（可能恢复了旧备份）：请再次执行 hulian erase"


def _show(told: dict[str, Any]) -> None:
    console = Console()
    words = {"kek": "密钥加密密钥", "index": "盲索引密钥", "request": "请求摘要密钥"}
    table = Table("密钥", "版本", "文件", "在其下的密钥或索引项", "已销毁", "状态")
    for row in told["keys"]:
        under = row.get("living", row.get("entries", ""))
        state = f"已退役 {row['retired']:%Y-%m-%d}" if row["retired"] else "在用"
        table.add_row(
            words[row["purpose"]],
            str(row["version"]),
            "有" if row["file"] else "无",
            str(under),
            str(row.get("destroyed", "")),
            state,
        )
    console.print(table)
    for line in seal_lines(told["seals"]):
        console.print(line, markup=False, soft_wrap=True)
    if told["renewed"]:
        console.print(f"更换过的个人（户）密钥：{told['renewed']} 个")
    for each in told["backups"]:
        gone = f"，{each['destroyed']:%Y-%m-%d} 已销毁" if each["destroyed"] else ""
        console.print(f"密钥库备份 {each['backup']}（{each['taken']:%Y-%m-%d %H:%M}）{gone}", markup=False)
    for warning in told["warnings"]:
        console.print(f"! {warning}", markup=False, soft_wrap=True)


def _echo(text: str, quiet: bool) -> None:
    if not quiet:
        typer.echo(text)
