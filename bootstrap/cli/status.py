"""`hulian status` (运行状况): how this installation is doing, in counts and times; nothing about any person."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

import psycopg
import typer

from bootstrap import installation_state as now
from bootstrap.addresses import Addresses
from bootstrap.cli.exit_status import NOT_IN_ORDER
from bootstrap.cli.options import Json, print_json
from bootstrap.settings import Settings, as_role, load_settings
from bootstrap.wiring import running_addresses, today
from projections.registry import ALL

WAITING_SECONDS = 300.0
"""How long an event may wait for a read model before the installation is not in order."""
UNSEALED_SECONDS = 900.0
"""How long an event may wait to be sealed."""
FREE_BYTES = 1 << 30
"""How much room there must be under the data directory."""

Data = dict[str, Any]


def command(as_json: Json = False) -> None:
    """这套系统运行得如何：版本、数据库、事件、读模型、后台、封存、密钥、备份、磁盘；不正常时退出码为 3。"""
    sys.exit(0 if show_status(load_settings(), as_json=as_json) else NOT_IN_ORDER)


def show_status(settings: Settings, *, as_json: bool) -> bool:
    """Show how the installation is doing; True when it is in order. Nothing is started, nothing changed."""
    data = status(settings)
    if as_json:
        print_json(data)
    else:
        for line in _lines(data):
            typer.echo(line)
    return bool(data["inOrder"])


def status(settings: Settings) -> Data:
    """How the installation is doing: what `--json` prints."""
    free, total = now.disk(settings.home)
    data: Data = {
        "program": {"version": version("hulian"), "python": sys.version.split()[0]},
        "home": str(settings.home),
        "disk": {"free": free, "total": total},
    }
    where = running_addresses(settings)
    if where is None:
        data["databases"] = {"embedded": True, "running": False}
    else:
        data |= _of_databases(settings, where)
    amiss = list(_amiss(data))
    return {**data, "amiss": amiss, "inOrder": not amiss}


def _of_databases(settings: Settings, where: Addresses) -> Data:
    sides = {"store": now.side_of(where.store_owner, "store"), "keys": now.side_of(where.keys_owner, "keys")}
    data: Data = {
        "databases": {
            "embedded": settings.embedded,
            "running": True,
            **{name: _side(side) for name, side in sides.items()},
        }
    }
    try:
        if sides["store"].usable:
            data |= _of_store(settings, where)
        if sides["keys"].usable:
            data |= _of_keys(where)
    except psycopg.OperationalError as refused:
        data["databases"]["refused"] = now.said_of(refused)
    return data


def _side(side: now.Side) -> Data:
    return {
        "reachable": side.reachable,
        "postgres": side.postgres,
        "pending": list(side.pending),
        "fault": side.fault,
    }


def _of_store(settings: Settings, where: Addresses) -> Data:
    with psycopg.connect(
        as_role(where.store, "hulian_app"), connect_timeout=5, autocommit=True
    ) as connection:
        events = now.events(connection)
        overdue = now.overdue(connection, today())
        merged = now.statistics(connection)
        seal = now.seal(connection, settings.witness)
    models = now.read_models(where.store)
    moment = events.asked_at
    return {
        "store": events.store,
        "trial": events.trial,
        "foundedSeconds": _age(moment, events.founded_at),
        "events": {
            "total": events.total,
            "lanes": events.lanes,
            "lastHour": events.last_hour,
            "lastHourOrMore": events.capped,
            "newest": events.newest,
        },
        "readModels": [
            {
                "name": each.projection,
                "version": each.version,
                "live": each.live,
                "lag": models.lag.get(each.key, 0),
                "waitingSeconds": round(models.waiting.get(each.projection, 0.0), 1) if each.live else 0.0,
                "parked": sum(p.projection == each.projection for p in models.parked) if each.live else 0,
                "failures": sum(f.projection == each.projection for f in models.failures) if each.live else 0,
            }
            for each in models.models
        ],
        "processes": now.processes(where.store),
        "overdue": None if overdue is None else {"total": sum(overdue.values()), "bySteps": overdue},
        "statistics": None if merged is None else {"cut": merged[0], "merged": merged[1]},
        "seal": {
            "checkpoint": seal.checkpoint,
            "signedAt": seal.signed_at,
            "ageSeconds": _age(moment, seal.signed_at),
            "after": seal.after,
            "unsealedSeconds": _age(moment, seal.oldest),
            "witness": seal.witness,
            "witnessed": seal.witnessed,
            "fault": seal.fault,
        },
    }


def _of_keys(where: Addresses) -> Data:
    with psycopg.connect(
        as_role(where.keys, "hulian_keys"), connect_timeout=5, autocommit=True
    ) as connection:
        keks, backups = now.keks(connection), now.backups(connection)
    newest = backups[0] if backups else None
    return {
        "keys": [{"kek": each.version, "living": each.living, "destroyed": each.destroyed} for each in keks],
        "backup": None
        if newest is None
        else {
            "name": newest.name,
            "takenAt": newest.taken_at,
            "ageSeconds": _age(datetime.now(UTC), newest.taken_at),
            "kept": len(backups),
        },
    }


def _age(moment: datetime, then: datetime | None) -> float | None:
    return None if then is None else round(max(0.0, (moment - then).total_seconds()), 1)


def _amiss(data: Data) -> Iterator[str]:
    """A sentence for each thing that is not in order; `hulian doctor` says what mends it."""
    if data["disk"]["free"] < FREE_BYTES:
        yield f"数据目录所在磁盘只剩 {_size(data['disk']['free'])}"
    databases = data["databases"]
    if not databases["running"]:
        yield "内置数据库没有运行"
        return
    for name, word in (("store", "业务库"), ("keys", "密钥库")):
        side = databases[name]
        if not side["reachable"]:
            yield f"{word}连接不上：{side['fault']}"
        elif side["fault"]:
            yield f"{word}：{side['fault']}"
        elif side["pending"]:
            yield f"{word}有 {len(side['pending'])} 项结构升级未执行"
    if "refused" in databases:
        yield f"数据库拒绝应用角色：{databases['refused']}"
    if "events" in data:
        yield from _amiss_in_store(data)


def _amiss_in_store(data: Data) -> Iterator[str]:
    models = data["readModels"]
    missing = {each.name for each in ALL} - {each["name"] for each in models if each["live"]}
    if missing and data["foundedSeconds"] > WAITING_SECONDS and not data["processes"]["work"]:
        yield "有读模型尚未建立，也没有后台进程"
    parked = sum(each["parked"] for each in models)
    if parked:
        yield f"有 {parked} 户停放在读模型之外"
    if any(each["failures"] for each in models):
        yield "有读模型停滞"
    waiting = max((each["waitingSeconds"] for each in models), default=0.0)
    if waiting > WAITING_SECONDS:
        worker = "" if data["processes"]["work"] else "，没有后台进程"
        yield f"有事件等待读模型已 {_time(waiting)}{worker}"
    seal = data["seal"]
    if seal["fault"]:
        yield seal["fault"]
    if (seal["unsealedSeconds"] or 0) > UNSEALED_SECONDS:
        yield f"有 {seal['after']} 个事件等待封存，最早的已 {_time(seal['unsealedSeconds'])}"


def _lines(data: Data) -> Iterator[str]:
    yield f"程序　　户链 {data['program']['version']}，Python {data['program']['python']}"
    yield f"磁盘　　{data['home']}：可用 {_size(data['disk']['free'])}，共 {_size(data['disk']['total'])}"
    databases = data["databases"]
    if databases["running"]:
        kind = "内置" if databases["embedded"] else "服务器"
        for name, word in (("store", "业务库"), ("keys", "密钥库")):
            side = databases[name]
            state = f"PostgreSQL {side['postgres']}" if side["reachable"] else "连接不上"
            pending = f"，待升级 {len(side['pending'])} 项" if side["pending"] else ""
            yield f"{word}　{kind}，{state}{pending}"
    if "events" in data:
        yield from _store_lines(data)
    if "keys" in data:
        keks = "，".join(f"kek-{each['kek']} 之下 {each['living']} 个" for each in data["keys"]) or "尚无"
        yield f"密钥　　{keks}"
        backup = data["backup"]
        yield "备份　　" + (
            f"{backup['name']}，{_time(backup['ageSeconds'])}前；登记在册 {backup['kept']} 份"
            if backup
            else "没有登记过"
        )
    if data["inOrder"]:
        yield "✓ 正常"
    for sentence in data["amiss"]:
        yield f"✗ {sentence}"
    if data["amiss"]:
        yield "修复办法：hulian doctor"


def _store_lines(data: Data) -> Iterator[str]:
    events, models = data["events"], data["readModels"]
    more = " 或更多" if events["lastHourOrMore"] else ""
    trial = "（试验库）" if data["trial"] else ""
    yield (
        f"事件　　{events['total']} 个{trial}，分布在 {events['lanes']} 条通道；一小时内 {events['lastHour']} 个{more}"
    )
    behind = [each for each in models if each["lag"] or each["parked"] or each["failures"]]
    yield f"读模型　{len(models)} 个" + ("" if behind else "，均为最新" if models else "，尚未建立")
    for each in behind:
        built = "" if each["live"] else "（重建中）"
        parked = f"，停放 {each['parked']} 户" if each["parked"] else ""
        halted = "，停滞" if each["failures"] else ""
        yield (
            f"　　　　{each['name']}{built} 落后 {each['lag']} 个事件、{_time(each['waitingSeconds'])}{parked}{halted}"
        )
    seen = data["processes"]
    yield f"进程　　后台 {seen['work']} 个，接口 {seen['serve']} 个"
    overdue = data["overdue"]
    yield "期限　　" + ("尚无工作清单" if overdue is None else f"已过期的事项 {overdue['total']} 件")
    merged = data["statistics"]
    yield "统计　　" + ("尚未汇总" if merged is None else f"截至 {merged['cut']:%Y-%m-%d %H:%M}")
    seal = data["seal"]
    newest = (
        "尚无检查点"
        if seal["checkpoint"] is None
        else f"检查点 {seal['checkpoint']}，{_time(seal['ageSeconds'])}前"
    )
    witness = (
        f"见证到 {seal['witnessed']}"
        if seal["witnessed"] is not None
        else "见证不可用"
        if seal["witness"]
        else "未设见证"
    )
    yield f"封存　　{newest}，其后 {seal['after']} 个事件；{witness}"


def _size(count: int) -> str:
    return f"{count / (1 << 30):.1f} GiB"


def _time(seconds: float | None) -> str:
    if seconds is None:
        return "—"
    for size, word in ((86_400, "天"), (3_600, "小时"), (60, "分钟")):
        if seconds >= size:
            return f"{seconds / size:.1f} {word}"
    return f"{seconds:.0f} 秒"
