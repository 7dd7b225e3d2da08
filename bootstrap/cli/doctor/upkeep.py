"""Operation (日常运转): read models, sealing and its witness, keys, erasures, backups."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
from psycopg import Connection

from bootstrap import installation_state as now
from bootstrap.addresses import Addresses
from bootstrap.cli.doctor.finding import Finding, Limits
from bootstrap.cli.keys.seal_key import seal_unfinished
from bootstrap.settings import Settings, as_role
from domain.catalogue import EVENTS
from eventstore.keys.fingerprints import known
from eventstore.keys.reindexing import entries
from eventstore.sealing.signing import SealKeyFault, SealKeys
from projections.registry import ALL

_AHEAD = timedelta(minutes=1)
_OPEN_ERASURES = """
SELECT subject, owner::text, basis, ground, actor, approvers FROM es_erasure WHERE done_at IS NULL ORDER BY asked_at
"""
_ERASED = "SELECT owner FROM es_erasure WHERE done_at IS NOT NULL"
_BACK = "SELECT count(DISTINCT owner) FROM key_data WHERE owner = ANY (%s) AND wrapped IS NOT NULL"


def upkeep(where: Addresses, settings: Settings, limits: Limits) -> Iterator[Finding]:
    """Checks of what runs by itself, and of what people must do regularly, in a migrated installation."""
    with (
        psycopg.connect(as_role(where.store, "hulian_app"), connect_timeout=5, autocommit=True) as store,
        psycopg.connect(as_role(where.keys, "hulian_keys"), connect_timeout=5, autocommit=True) as keys,
    ):
        events = now.events(store)
        yield from _events(store, events, settings)
        yield from _read_models(where, events, limits.waiting)
        yield from _sealing(store, events, settings, limits.unsealed)
        yield from _keys(store, keys)
        yield from _seal_keys(settings)
        yield from _erasures(store, keys)
        if events.total:
            yield from _backups(keys, limits)


def _events(store: Connection[Any], events: now.Events, settings: Settings) -> Iterator[Finding]:
    unknown = sorted(now.recent_names(store) - set(EVENTS))
    if unknown:
        sentence = f"库中有本程序不认识的事件：{'、'.join(unknown)}"
        yield Finding(
            "事件", sentence, wrong=True, mend="请安装写入这些事件的程序版本", code="events-unknown"
        )
    else:
        yield Finding("事件", f"{events.total} 个；近期的事件本程序全部认识")
    if events.newest is not None and not events.trial and events.newest > events.asked_at + _AHEAD:
        yield Finding(
            "时钟",
            f"有事件记于 {events.newest:%Y-%m-%d %H:%M:%S}，晚于数据库现在的时间：时钟曾经走快。"
            "记录时间不能改；到那时为止，同一户的后续事件沿用该时间",
            warning=True,
            code="clock-was-ahead",
        )
    if events.trial and not settings.embedded:
        yield Finding(
            "事件",
            "这是试验库：记录时间可由脚本指定，不能用于正式办理，也不能改为正式库",
            wrong=True,
            mend="请另建两个空库，改写 HULIAN_DATABASE_URL 与 HULIAN_KEYS_URL，执行 hulian migrate",
            code="trial-in-use",
        )


def _read_models(where: Addresses, events: now.Events, waiting: timedelta) -> Iterator[Finding]:
    models, workers = now.read_models(where.store), now.processes(where.store)["work"]
    if models.parked:
        households = len({each.household for each in models.parked})
        sentence = f"有 {households} 户停放在读模型之外；原因见 hulian projections list，排除后重试"
        yield Finding("读模型", sentence, wrong=True, mend="hulian projections retry", code="parked")
    if models.failures:
        names = "、".join(sorted({each.projection for each in models.failures}))
        yield Finding(
            "读模型",
            f"{names} 停滞，写不进去",
            wrong=True,
            mend="hulian projections list",
            code="stands-still",
        )
    missing = {each.name for each in ALL} - {each.projection for each in models.models if each.live}
    if events.asked_at - events.founded_at <= waiting:
        missing = set()  # founded just now: the first worker is still to come
    longest = timedelta(seconds=max(models.waiting.values(), default=0.0))
    if events.total and not workers and (missing or longest > waiting):
        sentence = f"没有后台进程，事件已等待 {longest.total_seconds():.0f} 秒" if longest else "没有后台进程"
        yield Finding("读模型", sentence, wrong=True, mend="hulian work", code="no-worker")
    elif longest > waiting:
        worst = max(models.waiting, key=lambda name: models.waiting[name])
        sentence = f"{worst} 已落后 {longest.total_seconds():.0f} 秒；后台 {workers} 个，可再启动一个"
        yield Finding("读模型", sentence, wrong=True, mend="hulian work", code="behind")
    elif not models.parked and not models.failures:
        yield Finding("读模型", f"{len(models.models)} 个，后台 {workers} 个")


def _sealing(
    store: Connection[Any], events: now.Events, settings: Settings, unsealed: timedelta
) -> Iterator[Finding]:
    seal = now.seal(store, None)
    if seal.fault is not None:
        yield Finding("封存", seal.fault, wrong=True, mend="hulian audit verify", code="checkpoint-malformed")
        return
    if seal.oldest is not None and events.asked_at - seal.oldest > unsealed:
        minutes = (events.asked_at - seal.oldest).total_seconds() / 60
        sentence = f"有 {seal.after} 个事件没有封存，最早的已 {minutes:.0f} 分钟"
        yield Finding("封存", sentence, wrong=True, mend="hulian audit seal", code="unsealed")
    elif seal.checkpoint is not None:
        yield Finding("封存", f"检查点 {seal.checkpoint}，其后 {seal.after} 个事件")
    folder = settings.witness
    if folder is None:
        yield Finding(
            "见证",
            "没有见证：有数据库和密钥的人重写历史，无从发现",
            warning=True,
            mend="把 HULIAN_WITNESS 设为另一台机器或介质上的目录",
            code="no-witness",
        )
        return
    witnessed = now.seal(store, folder)
    if witnessed.fault is not None:
        mend = f"mount {shlex.quote(str(folder))}"
        yield Finding("见证", witnessed.fault, wrong=True, mend=mend, code="witness-unreachable")
    elif (witnessed.witnessed or 0) > (witnessed.checkpoint or 0):
        sentence = f"见证处已到检查点 {witnessed.witnessed}，库中只到 {witnessed.checkpoint or 0}"
        yield Finding("见证", sentence, wrong=True, mend="hulian audit verify", code="witness-ahead")
    elif (witnessed.witnessed or 0) < (witnessed.checkpoint or 0):
        sentence = f"见证处只到检查点 {witnessed.witnessed}，库中已到 {witnessed.checkpoint}"
        yield Finding("见证", sentence, wrong=True, mend="hulian audit seal", code="witness-behind")
    else:
        yield Finding("见证", f"见证到检查点 {witnessed.witnessed}")


def _keys(store: Connection[Any], keys: Connection[Any]) -> Iterator[Finding]:
    kek = [each.version for each in known(keys, "kek") if each.retired_at is None]
    living = {each.version: each.living for each in now.keks(keys)}
    for version in kek[:-1]:
        if living.get(version):
            sentence = f"有 {living[version]} 个密钥仍由 kek-{version} 加密：更换没有做完"
            yield Finding("密钥", sentence, wrong=True, mend="hulian keys rotate kek", code="kek-pending")
        else:
            sentence = f"kek-{version} 已不再需要，可以退役（先 hulian backup）"
            yield Finding("密钥", sentence, warning=True, mend="hulian keys retire", code="kek-retire")
    index = [each.version for each in known(keys, "index") if each.retired_at is None]
    if len(index) > 1:
        found = entries(store)
        pending = any(found.get(version, 0) > found.get(index[-1], 0) for version in index[:-1])
        if pending:
            sentence = f"盲索引还没有全部改用 index-{index[-1]}"
            yield Finding("密钥", sentence, wrong=True, mend="hulian keys rotate index", code="index-pending")
        else:
            yield Finding(
                "密钥",
                f"index-{index[0]} 已不再需要，可以退役",
                warning=True,
                mend="hulian keys retire",
                code="index-retire",
            )


def _seal_keys(settings: Settings) -> Iterator[Finding]:
    try:
        for each in seal_unfinished(SealKeys(settings.key_directory)):
            yield Finding("密钥", each.sentence, warning=True, mend=each.mend, code=each.code)
    except SealKeyFault as fault:
        path = shlex.quote(str(fault.facts["path"]))
        mend = f"cp 密钥文件备份目录/{Path(path).name} {path}"
        yield Finding("密钥", str(fault), wrong=True, mend=mend, code="seal-key-damaged")


def _erasures(store: Connection[Any], keys: Connection[Any]) -> Iterator[Finding]:
    for subject, owner, basis, ground, actor, approvers in store.execute(_OPEN_ERASURES).fetchall():
        command = ["hulian", "erase", subject, owner, "--basis", basis, "--ground", ground, "--actor", actor]
        for each in approvers:
            command += ["--approved-by", each]
        mend = shlex.join(command)
        yield Finding("抹除", "有一次抹除没有做完", wrong=True, mend=mend, code="erasure-open")
    erased = [owner for (owner,) in store.execute(_ERASED).fetchall()]
    row = keys.execute(_BACK, (erased,)).fetchone() if erased else None
    if row is not None and row[0]:
        yield Finding(
            "抹除",
            f"有 {row[0]} 个已抹除者的密钥又在密钥库中（可能恢复了旧备份）：请再次执行 hulian erase",
            wrong=True,
            mend="hulian keys list",
            code="erased-came-back",
        )


def _backups(keys: Connection[Any], limits: Limits) -> Iterator[Finding]:
    there, moment = now.backups(keys), datetime.now(UTC)
    again = "hulian backup 业务库备份目录 --keys-to 密钥库备份目录 --key-files-to 密钥文件备份目录"
    if not there:
        yield Finding("备份", "没有登记过备份", warning=True, mend=again, code="no-backup")
    elif moment - there[0].taken_at > limits.backup:
        days = (moment - there[0].taken_at) / timedelta(days=1)
        yield Finding("备份", f"最近一次备份已过 {days:.0f} 天", wrong=True, mend=again, code="backup-old")
    else:
        yield Finding("备份", f"最近一次 {there[0].name}")
    for each in there:
        if moment - each.taken_at > limits.kept:
            yield Finding(
                "备份",
                f"密钥库备份 {each.name} 已超过 {limits.kept.days} 天，请连同副本销毁，然后登记",
                warning=True,
                mend=f"hulian keys backup-destroyed {each.name} --actor 经办人",
                code="backup-kept",
            )
