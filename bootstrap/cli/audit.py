"""`hulian audit` (审计): sealing the lanes, proving that nothing was altered, exporting the proofs."""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import psycopg
import typer
from psycopg import Connection

from application.audit.bundle import Asked, Bundles
from bootstrap.addresses import Addresses
from bootstrap.cli.exit_status import REFUSED
from bootstrap.cli.household_lookup import household_of
from bootstrap.cli.options import Household, Json, print_json
from bootstrap.cli.progress import progress
from bootstrap.settings import Settings, load_settings
from bootstrap.wiring import database, migrated_installation, ready, sealing
from domain.values.person import HouseholdId
from eventstore.access_records import access_log
from eventstore.sealing.faults import Fault
from eventstore.sealing.seals import SealMissing, newest
from eventstore.sealing.signing import PublicKeys
from eventstore.sealing.verification import Verification
from eventstore.sealing.witness import FileWitness

app = typer.Typer(help="审计：封存、核对是否被篡改、导出证明。", no_args_is_help=True)

WitnessFolder = Annotated[
    Path | None, typer.Option("--witness", help="见证目录，默认取自 HULIAN_WITNESS；不设则不与见证比对。")
]
Lane = Annotated[int, typer.Option(min=0, max=255)]


@app.command("seal")
def seal(as_json: Json = False) -> None:
    """封存新的事件，签署检查点并交给见证处；后台（hulian work）每分钟自动做一次。"""
    settings = load_settings()
    with _ready(settings) as where, sealing(where, settings) as sealer:
        done = sealer.run_once()
    number = None if done.checkpoint is None else done.checkpoint.number
    if as_json:
        print_json({"sealed": done.sealed, "checkpoint": number, "witnessed": done.witnessed})
        return
    news = (
        "没有新的事件，不另签检查点" if number is None else f"封存 {done.sealed} 个事件，签署检查点 {number}"
    )
    witnessed = f"，交见证处 {done.witnessed} 个" if settings.witness else "；未设见证目录（HULIAN_WITNESS）"
    typer.echo(f"{news}{witnessed}。")


@app.command("verify")
def verify(
    witness: WitnessFolder = None,
    from_lane: Lane = 0,
    to_lane: Lane = 255,
    as_json: Json = False,
) -> None:
    """逐个事件重新计算，与签名的检查点和见证比对；发现问题逐条列出，退出码为 1。"""
    settings = load_settings()
    folder = witness or settings.witness
    with _ready(settings) as where, _connected(where) as connection, progress("核对", quiet=as_json) as tell:
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
    sys.exit(REFUSED if found else 0)


@app.command("checkpoint")
def checkpoint(as_json: Json = False) -> None:
    """写出最新的检查点（签名文本），可抄送、公布或留存作证。"""
    with _ready(load_settings()) as where, _connected(where) as connection:
        found = newest(connection)
    if found is None:
        raise SealMissing
    if as_json:
        note = found.note
        print_json(
            {"number": note.number, "events": note.total, "at": note.at.isoformat(), "text": note.text}
        )
    else:
        typer.echo(found.text, nl=False)


@app.command("export")
def export_household(
    household: Household,
    purpose: Annotated[str, typer.Option(help="导出的用途，记入查阅记录。")],
    actor: Annotated[str, typer.Option(help="导出人代号（不是姓名），记入查阅记录。")],
    organ: Annotated[str | None, typer.Option(help="导出人所在机构：区划代码/部门。")] = None,
    out: Annotated[
        Path | None, typer.Option(help="写到哪个文件；不填即当前文件夹的 审计包-户-检查点.zip。")
    ] = None,
    checkpoint: Annotated[
        int | None, typer.Option(min=1, help="依据第几号检查点，例如见证人留存的那一号；不填即最新。")
    ] = None,
    as_json: Json = False,
) -> None:
    """导出一户的审计包：事件、格式、政策包、封存证明、可读的页面和独立核验程序。先留查阅记录。

    不含任何明文个人标识信息，不动用密钥；不依赖本系统即可核验。自检不通过时仍然写出，退出码为 1。
    """
    settings = load_settings()
    with (
        database(settings) as where,
        migrated_installation(where, settings.key_directory) as installation,
    ):
        if not _whole(household):
            installation.caught_up()
        known = HouseholdId(household_of(installation, household))
        bundles = Bundles(
            installation.store,
            installation.pool,
            installation.attachments,
            PublicKeys.in_directory(settings.key_directory),
            access_log(installation.pool),
        )
        folder = Path() if out is None else out.parent
        draft = folder / f".hulian-audit-{secrets.token_hex(6)}.partial"
        handle = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(handle, "w+b") as file:
                asked = Asked(actor, purpose, organ)
                told = bundles.export(known, file, asked, datetime.now(UTC), checkpoint)
            written = out or Path(f"审计包-{str(known)[:8]}-{told.checkpoint}.zip")
            draft.replace(written)
        finally:
            draft.unlink(missing_ok=True)
    if as_json:
        said = {
            "household": str(known),
            "file": str(written),
            "checkpoint": told.checkpoint,
            "sealed": told.sealed,
            "unsealed": told.unsealed,
            "faults": told.faults,
        }
        print_json(said)
    else:
        typer.echo(
            f"已写出 {written}：第 {told.checkpoint} 号检查点，已封存 {told.sealed} 步，未封存 {told.unsealed} 步。"
        )
        typer.echo("核验：解开后 python verify.py，或见 docs/audit.md。")
    if told.faults:
        steps = "、".join(map(str, told.faults[:20]))
        typer.echo(
            f"自检不通过：第 {steps} 步与摘要或者封存不符；请执行 hulian audit verify。 [bundle-unsound]",
            err=True,
        )
        raise typer.Exit(REFUSED)


@contextmanager
def _ready(settings: Settings) -> Iterator[Addresses]:
    with database(settings) as where:
        ready(where, settings.key_directory)
        yield where


@contextmanager
def _connected(where: Addresses) -> Iterator[Connection[Any]]:
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
    print_json(
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


def _whole(household: str) -> bool:
    try:
        UUID(household.strip())
    except ValueError:
        return False
    return True
