"""`hulian audit export` (导出审计包): one household's events and proofs in a zip that anybody can check."""

from __future__ import annotations

import os
import secrets
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer


def export_household(
    household: Annotated[str, typer.Argument(help="户编号（UUID，或开头几位）。")],
    purpose: Annotated[str, typer.Option(help="导出的用途，记入查阅记录。")],
    actor: Annotated[str, typer.Option(help="导出人代号（不是姓名），记入查阅记录。")],
    organ: Annotated[str | None, typer.Option(help="导出人所在机构：区划代码/部门。")] = None,
    out: Annotated[
        Path | None, typer.Option(help="写到哪个文件；不填即当前文件夹的 审计包-户-检查点.zip。")
    ] = None,
    checkpoint: Annotated[
        int | None, typer.Option(min=1, help="依据第几号检查点，例如见证人留存的那一号；不填即最新。")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="输出 JSON，供程序读取。")] = False,
) -> None:
    """导出一户的审计包：事件、格式、政策包、封存证明、可读的页面和独立核验程序。先留查阅记录。

    不含任何明文个人标识信息，不动用密钥；不依赖本系统即可核验。自检不通过时仍然写出，退出码为 1。
    """
    import json

    from application.audit.bundle import Asked, Bundles
    from bootstrap.cli.show import found
    from bootstrap.settings import load_settings
    from bootstrap.wiring import database, migrated_installation
    from domain.values.person import HouseholdId
    from eventstore.access_records import access_log
    from eventstore.sealing.signing import PublicKeys

    settings = load_settings()
    with (
        database(settings) as where,
        migrated_installation(where, settings.key_directory) as installation,
    ):
        if not _whole(household):
            installation.caught_up()
        known = HouseholdId(found(installation, household))
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
        typer.echo(json.dumps(said, ensure_ascii=False, indent=2))
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
        raise typer.Exit(1)


def _whole(household: str) -> bool:
    try:
        UUID(household.strip())
    except ValueError:
        return False
    return True
