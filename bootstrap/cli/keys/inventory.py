"""`hulian keys list` (密钥清单): which keys there are, what they protect, and which tasks are open."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from rich.console import Console
from rich.table import Table

from bootstrap.cli.keys.open_keys import OpenKeys, open_keys
from bootstrap.cli.keys.seal_key import seal_lines, seal_unfinished, seals_json
from bootstrap.cli.options import print_json
from bootstrap.settings import Settings
from eventstore.keys import reindexing, rotation
from eventstore.keys.fingerprints import PURPOSES, known

KEPT = timedelta(days=30)
"""How long a backup of the keys may stay: an erasure holds against it only when it is gone."""

_BACKUPS = "SELECT backup, taken_at, kek_versions, destroyed_at FROM key_backup ORDER BY taken_at"
_RENEWED = "SELECT count(*) FROM key_data WHERE version > 1"
_ERASURES = "SELECT owner, done_at FROM es_erasure ORDER BY asked_at"
_BACK = "SELECT owner FROM key_data WHERE owner = ANY (%s) AND wrapped IS NOT NULL"


def list_keys(settings: Settings, *, as_json: bool) -> bool:
    """Show all keys except the owners', what they protect, the backups and open tasks; True when nothing is open."""
    with open_keys(settings) as access:
        data = _json(access)
    if as_json:
        print_json(data)
    else:
        _show(data)
    return not data["warnings"]


def _json(access: OpenKeys) -> dict[str, Any]:
    counted = {each.version: each for each in rotation.counts(access.keys)}
    found = reindexing.entries(access.store)
    outer = []
    for purpose in PURPOSES:
        files = {"kek": access.kek, "index": access.index}.get(purpose)
        for each in known(access.keys, purpose):
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
        for name, taken, versions, destroyed in access.keys.execute(_BACKUPS).fetchall()
    ]
    renewed = access.keys.execute(_RENEWED).fetchone()
    return {
        "keys": outer,
        "seals": seals_json(access.seal),
        "renewed": renewed[0] if renewed else 0,
        "backups": backups,
        "warnings": list(_warnings(access, outer, backups)),
    }


def _warnings(access: OpenKeys, outer: list[dict[str, Any]], backups: list[dict[str, Any]]) -> Iterator[str]:
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
    for left in seal_unfinished(access.seal):
        yield f"{left.sentence}：{left.mend}"
    there = [each for each in backups if each["destroyed"] is None]
    if not there:
        yield "没有登记过密钥库备份：密钥库损坏即全部个人信息丧失。hulian backup"
    clock = access.keys.execute("SELECT clock_timestamp()").fetchone()
    assert clock is not None
    now: datetime = clock[0]
    for each in there:
        if now - each["taken"] > KEPT:
            yield (
                f"密钥库备份 {each['backup']} 已超过 {KEPT.days} 天，应予销毁："
                f"hulian keys backup-destroyed {each['backup']} --actor 经办人"
            )
    erasures = access.store.execute(_ERASURES).fetchall()
    open_ones = sum(done is None for _, done in erasures)
    if open_ones:
        yield f"有 {open_ones} 次抹除没有做完：请再次执行原来的 hulian erase 命令"
    last = max((done for _, done in erasures if done is not None), default=None)
    before = [each["backup"] for each in there if last is not None and each["taken"] < last]
    if before:
        yield f"有 {len(before)} 份密钥库备份早于最近一次抹除，在其销毁之前抹除对备份不生效：{'、'.join(before)}"
    if erasures:
        back = access.keys.execute(_BACK, ([owner for owner, _ in erasures],)).fetchall()
        for (owner,) in back:
            yield f"{owner} 已依法抹除，而其密钥又在密钥库中（可能恢复了旧备份）：请再次执行 hulian erase"


def _show(data: dict[str, Any]) -> None:
    console = Console()
    words = {"kek": "密钥加密密钥", "index": "盲索引密钥", "request": "请求摘要密钥"}
    table = Table("密钥", "版本", "文件", "在其下的密钥或索引项", "已销毁", "状态")
    for row in data["keys"]:
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
    for line in seal_lines(data["seals"]):
        console.print(line, markup=False, soft_wrap=True)
    if data["renewed"]:
        console.print(f"更换过的个人（户）密钥：{data['renewed']} 个")
    for each in data["backups"]:
        gone = f"，{each['destroyed']:%Y-%m-%d} 已销毁" if each["destroyed"] else ""
        console.print(f"密钥库备份 {each['backup']}（{each['taken']:%Y-%m-%d %H:%M}）{gone}", markup=False)
    for warning in data["warnings"]:
        console.print(f"! {warning}", markup=False, soft_wrap=True)
