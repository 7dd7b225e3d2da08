"""`hulian audit` (审计): sealing the lanes, proving that nothing was altered, handing the proofs out."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bootstrap.cli.audit_export import export_household

if TYPE_CHECKING:
    from psycopg import Connection

    from bootstrap.addresses import Addresses
    from bootstrap.settings import Settings
    from eventstore.sealing.faults import Fault
    from eventstore.sealing.verification import Verification

audit = typer.Typer(help="审计：封存、核对是否被篡改、导出证明。", no_args_is_help=True)
audit.command("export")(export_household)

FOUND = 1
Json = Annotated[bool, typer.Option("--json", help="输出 JSON，供程序读取。")]
WitnessFolder = Annotated[
    Path | None, typer.Option("--witness", help="见证目录，默认取自 HULIAN_WITNESS；不设则不与见证比对。")
]
Lane = Annotated[int, typer.Option(min=0, max=255)]


@audit.command("seal")
def seal(as_json: Json = False) -> None:
    """封存新的事件，签署检查点并交给见证处；后台（hulian work）每分钟自动做一次。"""
    from bootstrap.settings import load_settings
    from bootstrap.wiring import sealing

    settings = load_settings()
    with _ready(settings) as where, sealing(where, settings) as sealer:
        done = sealer.run_once()
    number = None if done.checkpoint is None else done.checkpoint.number
    if as_json:
        _print({"sealed": done.sealed, "checkpoint": number, "witnessed": done.witnessed})
        return
    news = (
        "没有新的事件，不另签检查点" if number is None else f"封存 {done.sealed} 个事件，签署检查点 {number}"
    )
    witnessed = f"，交见证处 {done.witnessed} 个" if settings.witness else "；未设见证目录（HULIAN_WITNESS）"
    typer.echo(f"{news}{witnessed}。")


@audit.command("verify")
def verify(
    witness: WitnessFolder = None,
    from_lane: Lane = 0,
    to_lane: Lane = 255,
    as_json: Json = False,
) -> None:
    """逐个事件重新计算，与签名的检查点和见证比对；发现问题逐条列出，退出码为 1。"""
    from bootstrap.cli.progress import telling
    from bootstrap.settings import load_settings
    from eventstore.sealing.signing import PublicKeys
    from eventstore.sealing.verification import Verification
    from eventstore.sealing.witness import FileWitness

    settings = load_settings()
    folder = witness or settings.witness
    with _ready(settings) as where, _connected(where) as connection, telling("核对", quiet=as_json) as tell:
        total, done = _count(connection, from_lane, to_lane), 0

        def told(_: int, events: int) -> None:
            nonlocal done
            done += events
            tell(done, total)

        check = Verification(
            connection,
            PublicKeys.in_directory(settings.key_directory),
            None if folder is None else FileWitness(folder),
            lanes=range(from_lane, to_lane + 1),
            told=told,
        )
        found = _say_json(check) if as_json else _say(check)
    sys.exit(FOUND if found else 0)


@audit.command("checkpoint")
def checkpoint(as_json: Json = False) -> None:
    """写出最新的检查点（签名文本），可抄送、公布或留存作证。"""
    from bootstrap.settings import load_settings
    from eventstore.sealing.seals import SealMissing, newest

    with _ready(load_settings()) as where, _connected(where) as connection:
        found = newest(connection)
    if found is None:
        raise SealMissing
    if as_json:
        note = found.note
        _print({"number": note.number, "events": note.total, "at": note.at.isoformat(), "text": note.text})
    else:
        typer.echo(found.text, nl=False)


@contextmanager
def _ready(settings: Settings) -> Iterator[Addresses]:
    from bootstrap.wiring import database, ready

    with database(settings) as where:
        ready(where, settings.key_directory)
        yield where


@contextmanager
def _connected(where: Addresses) -> Iterator[Connection[Any]]:
    import psycopg

    with psycopg.connect(where.sealer, autocommit=True) as connection:
        yield connection


def _count(connection: Connection[Any], first: int, last: int) -> int:
    row = connection.execute(
        "SELECT coalesce(sum(position), 0) FROM es_lane WHERE lane BETWEEN %s AND %s", [first, last]
    ).fetchone()
    return 0 if row is None else int(row[0])


def _say(check: Verification) -> int:
    """A line for every fault as it is found, and what was looked at; how many faults."""
    found = 0
    for fault in check.faults():
        found += 1
        typer.echo(_line(fault))
    checked = f"核对 {check.events} 个事件、{check.checkpoints} 个检查点、{check.witnessed} 份见证"
    rest = check.events - check.sealed
    under = f"其中 {check.sealed} 个由检查点 {check.newest} 封存" if check.newest else "尚无可信的检查点"
    left = f"，之后的 {rest} 个只凭权限保护" if rest else ""
    verdict = f"发现 {found} 处问题。" if found else "没有发现问题。"
    typer.echo(f"{checked}；{under}{left}。{verdict}")
    return found


def _say_json(check: Verification) -> int:
    faults = [fault.to_json() for fault in check.faults()]
    _print(
        {
            "events": check.events,
            "sealed": check.sealed,
            "checkpoint": check.newest or None,
            "checkpoints": check.checkpoints,
            "witnessed": check.witnessed,
            "faults": faults,
        }
    )
    return len(faults)


def _line(fault: Fault) -> str:
    return f"✗ {fault.sentence} [{fault.code}]"


def _print(data: Any) -> None:
    typer.echo(json.dumps(data, ensure_ascii=False, indent=2))
