"""`hulian document`: issue documents, list them, write out a page as it was issued; every look leaves a record."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Annotated, get_args
from uuid import UUID, uuid4

import typer

from domain.values.issued import DOCUMENT_WORDS, DocumentKind, IssuedDocument
from domain.values.refusals import Refusal

documents = typer.Typer(help="文书：制发、列出、写出打印页。", no_args_is_help=True)

PURPOSE = "case-handling"

Json = Annotated[bool, typer.Option("--json", help="输出 JSON，供程序读取。")]
Officer = Annotated[str, typer.Option("--officer", help="经办人代号（不是姓名）。")]
Household = Annotated[str, typer.Argument(help="户编号（UUID，或开头几位）。")]


class DocumentKindUnknown(Refusal):
    """没有这种文书；可用：{kinds}。"""


class DocumentErased(Refusal):
    """该户的个人信息已依法抹除，文书不能再显示。"""


@documents.command("list")
def list_documents(household: Household, officer: Officer = "cli", as_json: Json = False) -> None:
    """列出一户的全部文书，连同送达情况；每次查看都留下记录。"""
    from bootstrap.cli.show import found
    from bootstrap.settings import load_settings
    from bootstrap.wiring import database, migrated_installation
    from domain.values.person import HouseholdId
    from eventstore.access_records import Access, access_log

    settings = load_settings()
    with (
        database(settings) as where,
        migrated_installation(where, settings.key_directory) as installation,
    ):
        installation.caught_up()
        known = HouseholdId(found(installation, household))
        access_log(installation.pool)([Access(known, officer, None, PURPOSE, ("documents",))])
        kept = installation.documents.of(known)
    if as_json:
        typer.echo(json.dumps([_plain(each) for each in kept], ensure_ascii=False, indent=2))
    else:
        _table(kept)


@documents.command("issue")
def issue_document(
    household: Household,
    kind: Annotated[str, typer.Argument(help="文书种类，例如 acceptance-notice。")],
    organ: Annotated[str, typer.Option(help="制发机构：区划代码/部门，例如 370786101/township。")],
    officer: Officer = "cli",
    about: Annotated[str | None, typer.Option(help="所涉事项或文书的编号；不填即最近一件。")] = None,
    on: Annotated[str | None, typer.Option(help="制发日期，年-月-日；不填即今天。")] = None,
    replaces: Annotated[str | None, typer.Option(help="被更正文书的编号。")] = None,
    reason: Annotated[str | None, typer.Option(help="更正的原因。")] = None,
    as_json: Json = False,
) -> None:
    """制发一份文书：编号、印制、留存。已经制发的不重复制发。"""
    from application.describing.commands import parse
    from application.handling.request import Request
    from bootstrap.cli.show import found
    from bootstrap.settings import load_settings
    from bootstrap.wiring import database, migrated_installation, today
    from domain.values.person import HouseholdId
    from domain.values.receipt import Actor

    if kind not in get_args(DocumentKind):
        raise DocumentKindUnknown(kinds="、".join(f"{k}（{word}）" for k, word in DOCUMENT_WORDS.items()))
    said: dict[str, object] = {"on": on or today(), "kind": kind}
    said |= {
        name: value
        for name, value in (("about", about), ("replaces", replaces), ("reason", reason))
        if value is not None
    }
    command = parse("issue-document", said)
    settings = load_settings()
    with (
        database(settings) as where,
        migrated_installation(where, settings.key_directory) as installation,
    ):
        installation.caught_up()
        known = HouseholdId(found(installation, household))
        issued = installation.documents.issue(Request(uuid4(), command, Actor(officer, organ), known))
    if as_json:
        typer.echo(
            json.dumps({"document": str(issued.document), "number": issued.number}, ensure_ascii=False)
        )
    else:
        typer.echo(f"{issued.number}　{issued.document}")
        typer.echo(f"写出打印页：hulian document show {issued.document} --out 文书.html")


@documents.command("show")
def show_document(
    document: Annotated[UUID, typer.Argument(help="文书编号（UUID）。")],
    out: Annotated[Path, typer.Option("--out", help="写到哪个文件；用浏览器打开后打印。")],
    officer: Officer = "cli",
) -> None:
    """把一份文书按制发时的原样写出；每次查看都留下记录。"""
    from bootstrap.settings import load_settings
    from bootstrap.wiring import database, migrated_installation

    settings = load_settings()
    with (
        database(settings) as where,
        migrated_installation(where, settings.key_directory) as installation,
    ):
        page = installation.documents.read(document, actor=officer, purpose=PURPOSE)
    if page.data is None:
        raise DocumentErased
    out.write_bytes(page.data)
    typer.echo(f"已写出{page.issued.number}：{out}")


def _plain(document: IssuedDocument) -> dict[str, object]:
    return {
        "id": str(document.id),
        "kind": document.kind,
        "number": document.number,
        "organ": document.organ,
        "subject": str(document.subject),
        "on": _day(document.on),
        "delivered": _day(document.delivered_on),
        "failed": len(document.failures),
        "replaced": document.replaced,
    }


def _table(kept: Sequence[IssuedDocument]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("文书", "文号", "制发", "送达", "编号", title="文书", title_justify="left")
    for each in kept:
        state = "已更正替换" if each.replaced else _day(each.delivered_on) or ""
        table.add_row(DOCUMENT_WORDS[each.kind], each.number, _day(each.on), state, str(each.id))
    Console().print(table)


def _day(day: date | None) -> str | None:
    return None if day is None else day.isoformat()
